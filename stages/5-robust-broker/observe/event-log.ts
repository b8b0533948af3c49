/**
 * The log of a broker and its doors: one line for each thing that people who run it may want to know.
 *
 *     notice, connection, refusal, dead letter, slow consumer, ... --> Repeats --> pino --> BoundedOutput --> stderr
 *
 * Always true: to write a line never waits; a line is one line and tells no secret (log-line.ts); what repeats is told a few
 * times and then counted; messages have no line each, that is what metrics are for. Whoever runs a broker opens it.
 */
import { createWriteStream, fstatSync } from 'node:fs';
import process from 'node:process';
import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import type { Clock } from '../../../shared/clock.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { BoundedOutput } from './bounded-output.ts';
import { CHANNELS, type LifeChannel, type LifeEvent, type Source } from './channels.ts';
import { type LogFields, safeLine, tellable, textLineOf } from './log-line.ts';
import { Repeats } from './repeats.ts';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
/** Each has those after it too. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
type ToldLevel = Exclude<LogLevel, 'silent'>;

/** What the reader has not taken yet. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Lines of one kind in a window. */
const TOLD_COUNT_MAX = 10;
const WINDOW_MS = 10_000;

export interface EventLogOptions {
  readonly clock: Clock;
  /** Default `text`. */
  readonly format?: LogFormat | undefined;
  /** Default `info`. */
  readonly level?: LogLevel | undefined;
  /** Where to; `openLogOutput` has one for a file descriptor. It is left open. */
  readonly stream: Writable;
  /** Default 1 MiB. */
  readonly unreadBytesMax?: number;
}

export class EventLog {
  readonly #logger: Logger;
  readonly #output: BoundedOutput;
  readonly #repeats: Repeats;
  readonly #levels = new Map<string, ToldLevel>();
  readonly #ends: (() => void)[] = [];

  constructor({ clock, format = 'text', level = 'info', stream, unreadBytesMax = UNREAD_BYTES_MAX }: EventLogOptions) {
    const lineOf = format === 'text' ? textLineOf : safeLine;
    const timeOf = (): string => new Date(clock.now()).toISOString();
    this.#output = new BoundedOutput({
      stream,
      bytesMax: unreadBytesMax,
      lineOfDropped: (droppedCount) =>
        lineOf(`${JSON.stringify({ level: 'warn', time: timeOf(), event: 'log-lines-dropped', droppedCount })}\n`),
    });
    this.#logger = pino(
      {
        level,
        base: undefined,
        messageKey: 'event',
        timestamp: () => `,"time":"${timeOf()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line: string) => this.#output.write(lineOf(line)) },
    );
    this.#repeats = new Repeats({
      clock,
      toldCountMax: TOLD_COUNT_MAX,
      windowMs: WINDOW_MS,
      onRepeated: (kind, repeatedCount) => this.#repeated(kind, repeatedCount),
    });
  }

  /** `event` is a word of ours, in kebab case, and so is `fields.code`; the rest may come from anybody. */
  write(level: ToldLevel, event: string, fields: LogFields = {}): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const kind = fields.code === undefined ? event : `${event} ${fields.code}`;
    this.#levels.set(kind, level);
    if (this.#repeats.admits(kind)) this.#logger[level](tellable(fields), event);
  }

  /** Tells what becomes of the messages of a broker, or of all in the process, where people should look at it. */
  watch(source?: Source): void {
    const on = <Event extends LifeEvent>(
      channel: LifeChannel<Event>,
      level: ToldLevel,
      event: string | ((event: Event) => string),
    ): void => {
      if (!this.#logger.isLevelEnabled(level)) return; // what is not told need not be said
      const nameOf = typeof event === 'string' ? () => event : event;
      const take = ({ source: _source, at: _at, ...fields }: Event): void => {
        // What a broker makes to tell of itself is nothing to tell.
        if ('topic' in fields && String(fields.topic).startsWith('$sys/')) return;
        this.write(level, nameOf({ source: _source, at: _at, ...fields } as Event), fields);
      };
      this.#ends.push(channel.watch(source, take));
    };
    on(CHANNELS.dead, 'warn', 'dead-letter');
    on(CHANNELS.slowConsumer, 'warn', 'slow-consumer');
    on(CHANNELS.flowControl, 'warn', ({ isOn }) => (isOn ? 'flow-control-on' : 'flow-control-off'));
    on(CHANNELS.topicChanged, 'info', ({ change }) => `topic-${change}`);
    on(CHANNELS.groupChanged, 'info', ({ change }) => `group-${change}`);
    on(CHANNELS.letters, 'info', ({ what }) => `dead-letters-${what}`);
    on(CHANNELS.expired, 'debug', 'expired');
    on(CHANNELS.givenBack, 'debug', 'given-back');
    on(CHANNELS.transactionEnded, 'debug', 'transaction-ended');
  }

  metrics(): readonly Metric[] {
    const value = this.#output.droppedCount;
    const help = 'log lines that the reader was too slow for';
    return [{ name: 'mq_log_lines_dropped_count', kind: 'counter', help, series: [{ labels: {}, value }] }];
  }

  /** Tells what was only counted. */
  close(): void {
    for (const end of this.#ends) end();
    this.#repeats.flush();
    this.#output.close();
  }

  #repeated(kind: string, repeatedCount: number): void {
    const [event = kind, code] = kind.split(' ');
    const fields = code === undefined ? { repeatedCount } : { code, repeatedCount };
    this.#logger[this.#levels.get(kind) ?? 'info'](fields, event);
  }
}

/**
 * A stream for a file descriptor of the process, which never blocks it: what goes into a file is written by a thread, since
 * a disk may hang; a pipe takes what it can and the rest waits in memory.
 */
export function openLogOutput(fd: 1 | 2): Writable {
  if (fstatSync(fd).isFile()) return createWriteStream('', { fd, autoClose: false });
  return fd === 1 ? process.stdout : process.stderr;
}
