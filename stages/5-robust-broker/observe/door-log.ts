/**
 * The log and the numbers of a process that serves a broker: what the doors tell, put into words once for all of them.
 *
 *     HTTP door --onConnection, onRefused, onDefect--> DoorLog --> EventLog
 *     TCP door  --/                                        \--> moreMetrics: refusals per door, the process
 *
 * Always true: what a stranger can cause a thousand times is told ten times and counted; a refusal that is part of everyday
 * work (an unknown topic, a full queue) is told at `debug` only. Whoever serves a broker makes one.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { MqError } from '../../../shared/contract/errors.ts';
import type { Metric, MetricSeries } from '../../../shared/contract/metrics.ts';
import type { ConnectionListener } from '../../3-http-server/connections.ts';
import type { EventLog } from './event-log.ts';
import { ProcessMeters } from './process-meters.ts';

/** Those who are refused like this may be up to something, or set up wrong. */
const SUSPICIOUS: ReadonlySet<string> = new Set([
  ...['MQ_UNAUTHORIZED', 'MQ_FORBIDDEN', 'MQ_PROTOCOL', 'MQ_RATE_LIMITED', 'MQ_PRODUCER_FENCED'],
]);
/** The broker cannot do what it is there for. */
const FAILURES: ReadonlySet<string> = new Set(['MQ_STORAGE_FAILED', 'MQ_STORAGE_FULL', 'MQ_CORRUPT', 'MQ_INTERNAL']);

/** What a door is given. */
export interface DoorListeners {
  readonly onConnection: ConnectionListener;
  readonly onRefused: (reason: MqError, from?: string) => void;
  readonly onDefect: (error: unknown) => void;
}

export class DoorLog {
  readonly #log: EventLog;
  readonly #process: ProcessMeters;
  /** By door, then by code. */
  readonly #refusals = new Map<string, Map<string, number>>();
  #defectCount = 0;

  constructor(log: EventLog, clock: Clock) {
    this.#log = log;
    this.#process = new ProcessMeters(clock);
  }

  /** Of the broker: what people should know and no call can tell. */
  readonly onNotice = (text: string): void => this.#log.write('warn', 'notice', { text });

  listenersOf(door: string): DoorListeners {
    this.#refusals.set(door, new Map());
    return {
      onConnection: ({ isOpen, from, connectionCount }) => {
        this.#log.write('info', isOpen ? 'connected' : 'disconnected', { door, from, connectionCount });
      },
      onRefused: ({ code, message: text }, from) => {
        const refusals = this.#refusals.get(door);
        refusals?.set(code, (refusals.get(code) ?? 0) + 1);
        const level = FAILURES.has(code) ? 'error' : SUSPICIOUS.has(code) ? 'warn' : 'debug';
        this.#log.write(level, 'refused', { code, door, ...(from === undefined ? {} : { from }), text });
      },
      onDefect: (error) => {
        this.#defectCount += 1;
        const stack = error instanceof Error ? error.stack : undefined;
        this.#log.write('error', 'defect', { door, error, stack });
      },
    };
  }

  /** What `/metrics` tells besides the broker's numbers. */
  readonly moreMetrics = (): readonly Metric[] => {
    const refusals: MetricSeries[] = [...this.#refusals].flatMap(([door, counts]) =>
      [...counts].map(([code, value]) => ({ labels: { door, code }, value })),
    );
    return [
      { name: 'mq_door_refusals_count', kind: 'counter', help: 'calls refused, by code', series: refusals },
      {
        name: 'mq_defects_count',
        kind: 'counter',
        help: 'errors that are ours',
        series: [{ labels: {}, value: this.#defectCount }],
      },
      ...this.#process.metrics(),
      ...this.#log.metrics(),
    ];
  };

  close(): void {
    this.#process.close();
    this.#log.close();
  }
}
