/**
 * A load with so many messages unanswered at a time, whatever the protocol: the next ones leave as answers come.
 *
 *     | window full ... answers come, more leave ... time is over | the last answers, and deliveries | untimed: what is left is read |
 *
 * Always true: every message has its number; the rate counts what was answered (and, where somebody reads meanwhile,
 * delivered) until the last of it was there, so that nothing is left over unpaid; what is left behind is then forgotten.
 */
import type { Run } from '../race.ts';
import { ANSWER_MS_MAX, settled } from '../servers/deadline.ts';
import type { Door } from '../servers/server-process.ts';
import { Tally } from '../tally.ts';
import { timed } from '../tcp-door/door-run.ts';

/** What a client tells. */
export interface LoadEvents {
  /** The broker took responsibility for it. */
  sent(number: number): void;
  /** It was handed out. */
  received(number: number): void;
  /** All that came with one piece of bytes was told. */
  pieceRead(): void;
}

/** One client under load, connected and logged in. */
export interface LoadClient {
  /** Messages `from`, `from + 1`, ... leave, with one write where the client decides that itself. */
  send(from: number, count: number): void;
  /** Reads what is left; resolves when there is nothing more, or all of it came. */
  drain?(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface WindowLoadOptions {
  readonly door: Door;
  readonly windowCount: number;
  readonly durationMs: number;
  /** True: somebody reads while it is sent. */
  readonly isReadMeanwhile: boolean;
  readonly open: (events: LoadEvents) => Promise<LoadClient>;
}

export async function runWindowLoad(options: WindowLoadOptions): Promise<Run> {
  const load = new WindowLoad(options);
  const client = await options.open(load);
  try {
    const [work, after] = [() => load.run(client), () => client.drain?.(load.sentCount)];
    const run = await timed(options.door, { count: 1, counts: () => load.tally.counts, work, after });
    const { serverCpuUsPerMessage: cpuUs } = run;
    return cpuUs === undefined ? run : { ...run, serverCpuUsPerMessage: cpuUs / Math.max(load.sentCount, 1) };
  } finally {
    await client.close();
    await options.door.forget?.();
  }
}

class WindowLoad implements LoadEvents {
  readonly tally = new Tally(1 << 20);
  readonly #options: WindowLoadOptions;
  readonly #over = Promise.withResolvers<void>();
  #client: LoadClient | undefined;
  #endsAtMs = 0;
  #nextNumber = 0;
  #receivedCount = 0;
  sentCount = 0;

  constructor(options: WindowLoadOptions) {
    this.#options = options;
  }

  async run(client: LoadClient): Promise<{ messagesPerSecond: number }> {
    const { durationMs } = this.#options;
    const beganMs = performance.now();
    this.#endsAtMs = beganMs + durationMs;
    this.#client = client;
    this.pieceRead();
    const msMax = durationMs + ANSWER_MS_MAX;
    await settled(this.#over.promise, { msMax, otherwise: 'some messages were not answered' });
    return { messagesPerSecond: (this.#nextNumber / (performance.now() - beganMs)) * 1000 };
  }

  sent(number: number): void {
    this.tally.sent(number);
    this.sentCount += 1;
  }

  received(number: number): void {
    this.tally.received(number);
    this.#receivedCount += 1;
  }

  pieceRead(): void {
    if (this.#client === undefined) return;
    if (performance.now() < this.#endsAtMs) this.#fill(this.#client);
    else if (this.#isOver) this.#over.resolve();
  }

  #fill(client: LoadClient): void {
    const { windowCount } = this.#options;
    const from = this.#nextNumber;
    const freeCount = windowCount - (from - this.sentCount);
    if (freeCount * 2 < windowCount) return; // a few answers at a time are not worth a write
    for (let number = from; number < from + freeCount; number += 1) this.tally.attempt(number);
    this.#nextNumber += freeCount;
    client.send(from, freeCount);
  }

  get #isOver(): boolean {
    const isRead = !this.#options.isReadMeanwhile || this.#receivedCount >= this.#nextNumber;
    return this.sentCount === this.#nextNumber && isRead;
  }
}
