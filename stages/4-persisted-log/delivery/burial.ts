/**
 * What becomes of messages that die (I20): each is kept as a dead letter first, and finished in its group after that, so
 * that a crash in between keeps it (it is buried again, and whoever buries it notices).
 *
 *     dying --> read --> bury (stored safely) --> finished
 *                 \----------\---> failed: again in 1 s, 2 s, 4 s ... 60 s
 *
 * Always true: a bounded number is on its way at once, oldest first; a message whose group was moved elsewhere meanwhile
 * is left alone; what cannot be buried stays, and is tried again.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { LogRecord } from '../bytes/record.ts';
import type { DyingRecord, PartitionReader } from './desk-surroundings.ts';
import type { GivenBack } from './given-back.ts';
import type { GroupState } from './group-state.ts';

/** On their way at once. */
const BUSY_COUNT_MAX = 64;
const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 60_000;
/** A batch that was loaded and is gone again before it could be looked at. */
const LOADS_MAX = 10;

export interface BurialOptions {
  readonly state: GroupState;
  readonly clock: Clock;
  readonly partitions: readonly PartitionReader[];
  /** Undefined: there is no place for them; they are finished at once. */
  readonly bury: ((dying: DyingRecord) => Promise<void>) | undefined;
  /** It is buried, or is not to be. */
  readonly finish: (partition: number, offset: number) => void;
}

export class Burial {
  readonly #options: BurialOptions;
  readonly #busy = new Set<GivenBack>();
  #againMs = AGAIN_MS;
  /** True between a failure and the next try. */
  #isResting = false;
  #isClosed = false;
  /** Made for the first who waits for the end of what is under way; */
  #settled: PromiseWithResolvers<void> | undefined;
  /** and for those who wait for one. */
  readonly #waitedFor = new Map<GivenBack, PromiseWithResolvers<void>>();

  constructor(options: BurialOptions) {
    this.#options = options;
  }

  /** Takes up what is dying. */
  wake(): void {
    const { state, bury, finish } = this.#options;
    if (this.#isResting || this.#isClosed) return;
    for (const [partition, cursor] of state.cursors.entries()) {
      if (cursor.givenBack.dyingCount === 0) continue;
      for (const given of cursor.givenBack.dying) {
        if (bury === undefined) finish(partition, given.offset);
        else if (this.#busy.size >= BUSY_COUNT_MAX) return;
        else if (!this.#busy.has(given)) void this.#lay(partition, given, bury);
      }
    }
  }

  /** Resolves when everything that is dying now is buried, or has to wait until it can be. */
  async settled(): Promise<void> {
    if (this.#busy.size === 0) return;
    this.#settled ??= Promise.withResolvers<void>();
    await this.#settled.promise;
  }

  /** The same of one message, whatever else dies meanwhile. */
  async settledAt(partition: number, offset: number): Promise<void> {
    const given = this.#options.state.cursors[partition]?.givenBack.at(offset);
    if (given?.why === undefined || this.#busy.size === 0) return;
    const waitedFor = this.#waitedFor.get(given) ?? Promise.withResolvers<void>();
    this.#waitedFor.set(given, waitedFor);
    await waitedFor.promise;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #lay(partition: number, given: GivenBack, bury: (dying: DyingRecord) => Promise<void>): Promise<void> {
    this.#busy.add(given);
    try {
      const record = await this.#read(partition, given);
      if (record !== undefined) await bury(dyingRecord(partition, { given, record }));
      this.#againMs = AGAIN_MS;
      if (this.#isDying(partition, given)) this.#options.finish(partition, given.offset);
    } catch {
      this.#rest();
    } finally {
      this.#busy.delete(given);
      this.wake();
      this.#tellSettled(given);
    }
  }

  #tellSettled(given: GivenBack): void {
    this.#waitedFor.get(given)?.resolve();
    this.#waitedFor.delete(given);
    if (this.#busy.size > 0) return;
    this.#settled?.resolve();
    this.#settled = undefined;
    for (const { resolve } of this.#waitedFor.values()) resolve();
    this.#waitedFor.clear();
  }

  /** Undefined when there is nothing to bury: it is not dying any more, or not held. */
  async #read(partition: number, given: GivenBack): Promise<LogRecord | undefined> {
    const { offset } = given;
    const reader = this.#options.partitions[partition];
    for (let loads = 0; reader !== undefined && loads < LOADS_MAX; loads += 1) {
      if (!this.#isDying(partition, given)) return undefined;
      const batch = reader.cachedAt(offset);
      if (batch !== undefined) return batch.recordAt(offset);
      if ((await reader.load(offset)) > offset) return undefined;
    }
    throw new Error(`offset ${offset} was loaded ${LOADS_MAX} times and never there`);
  }

  #isDying(partition: number, given: GivenBack): boolean {
    return !this.#isClosed && this.#options.state.cursors[partition]?.givenBack.at(given.offset) === given;
  }

  #rest(): void {
    if (this.#isResting || this.#isClosed) return;
    this.#isResting = true;
    const wake = (): void => {
      this.#isResting = false;
      this.wake();
    };
    this.#options.clock.setTimer(wake, this.#againMs, { isBackground: true });
    this.#againMs = Math.min(this.#againMs * 2, AGAIN_MS_MAX);
  }
}

function dyingRecord(
  partition: number,
  { given, record }: { readonly given: GivenBack; readonly record: LogRecord },
): DyingRecord {
  const { deliveryCount, firstAt, error } = given.history;
  return { partition, record, why: given.why ?? 'rejected', deliveryCount, firstAt, lastAt: given.diedAt, error };
}
