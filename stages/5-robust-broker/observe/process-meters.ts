/**
 * What a process that runs a broker can say of itself: memory, how late its event loop is, open files.
 *
 *     every 100 ms, by the clock: how much later than that?  -->  histogram
 *
 * Always true: it costs a timer that does nothing else; a turn that lasts a second is one second late once. Whoever runs a
 * broker as a process makes one; a broker inside another program does not need it.
 */
import { readdirSync } from 'node:fs';
import process from 'node:process';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { Histogram, SECONDS } from './histogram.ts';

const LOOK_MS = 100;
const FILES_FOLDER = '/proc/self/fd';

export class ProcessMeters {
  readonly #clock: Clock;
  readonly #delay = new Histogram(SECONDS);
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#arm();
  }

  metrics(): readonly Metric[] {
    const { rss, heapUsed, external } = process.memoryUsage();
    const gauge = (name: string, help: string, value: number): Metric => {
      return { name, kind: 'gauge', help, series: [{ labels: {}, value }] };
    };
    const openFiles = openFilesCount();
    return [
      {
        name: 'mq_event_loop_delay_seconds',
        kind: 'histogram',
        help: 'how late a timer of 100 ms was',
        series: [{ labels: {}, value: this.#delay.value() }],
      },
      gauge('mq_process_resident_bytes', 'memory of the process (RSS)', rss),
      gauge('mq_process_heap_used_bytes', 'memory of JavaScript objects', heapUsed),
      gauge('mq_process_external_bytes', 'memory of buffers', external),
      gauge('mq_process_uptime_seconds', 'since the start', Math.round(process.uptime())),
      ...(openFiles === undefined ? [] : [gauge('mq_process_open_files', 'files and sockets', openFiles)]),
    ];
  }

  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const dueMs = this.#clock.monotonicMs() + LOOK_MS;
    const look = (): void => {
      this.#delay.add(Math.max(this.#clock.monotonicMs() - dueMs, 0) / 1000);
      this.#arm();
    };
    this.#timer = this.#clock.setTimer(look, LOOK_MS, { isBackground: true });
  }
}

/** Undefined where the system does not tell. */
export function openFilesCount(): number | undefined {
  try {
    // One of them is the folder itself, which is open while it is read.
    return readdirSync(FILES_FOLDER).length - 1;
  } catch {
    return undefined;
  }
}
