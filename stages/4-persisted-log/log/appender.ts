/**
 * The writing end of a log. Whoever appends gets an offset at once and then waits; while one write and its fdatasync are
 * under way, all that comes meanwhile gathers and shares the next ones (group commit).
 *
 *     append  append append append   append append
 *       |        |      |      |        |      |
 *     [write+sync] [  write+sync     ] [ write+sync ]        one under way at any time
 *
 * Always true:
 *   I2  offsets are given in the order of the calls, answers come in that order, timestamps never decrease
 *   I5  a failed write or sync answers everything that waits with an error, since nobody knows what is on the disk; the
 *       segment is opened again at the last accepted batch before anything else is written
 *   I1  what was accepted keeps its offset for ever, also when the disk loses it: the next batch comes behind
 * Only the log uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Durability } from '../../../shared/contract/message.ts';
import { readU32 } from '../bytes/big-endian.ts';
import { AT, placeBatch } from '../bytes/record-batch.ts';
import { StoredBatch } from '../bytes/stored-batch.ts';
import { joinSmall } from './join-small.ts';
import type { Segment } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { storageError, uncertainError } from './storage-error.ts';

/** `always`: an append is answered when it is on the disk; `interval`: synced every `flushIntervalMs`; `never`: by the system. */
export type FlushPolicy = 'always' | 'interval' | 'never';

/** Written at once, at most; bounds how long the first of a group waits for the last. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
/** So few bytes are written at once, without a thread: copying them to the system takes less than to wake one. */
const WRITTEN_NOW_BYTES_MAX = 64 * 1024;

export interface AppendReceipt {
  readonly baseOffset: number;
  readonly count: number;
  /** Epoch ms, of every record of the batch. */
  readonly timestamp: number;
  readonly durability: Durability;
}

export interface AppenderOptions {
  readonly clock: Clock;
  readonly segments: SegmentList;
  readonly logId: number;
  readonly nextOffset: number;
  readonly flushPolicy: FlushPolicy;
  readonly flushIntervalMs: number;
  readonly segmentBytesMax: number;
  /** Batches were accepted, in order; called before their appends are answered. */
  readonly onAccepted: (batches: readonly StoredBatch[]) => void;
  /** Something is on the disk, or everything is open again, and `syncedOffset` may have moved. */
  readonly onSynced: () => void;
  /** Accepted records that the disk lost. */
  readonly onLost: (lost: { readonly fromOffset: number; readonly toOffset: number }) => void;
  /** After a failure the log could not be opened again; false: now it could. */
  readonly onBroken: (isBroken: boolean) => void;
}

interface WaitingAppend {
  readonly batch: Uint8Array;
  readonly baseOffset: number;
  readonly count: number;
  readonly timestamp: number;
  readonly isSynced: boolean;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (error: MqError) => void;
}

/** Waits until all below an offset is on the disk. */
interface SyncWaiter extends PromiseWithResolvers<void> {
  readonly untilOffset: number;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #segments: SegmentList;
  #waiting: WaitingAppend[] = [];
  #syncWaiters: SyncWaiter[] = [];
  /** The next offset to give, */
  #nextOffset: number;
  /** and the one behind all that was accepted. */
  #acceptedOffset: number;
  #lastTimestamp: number;
  #isRunning = false;
  /** After a failure, until the segment is open again. */
  #isBroken = false;
  /** The segment after which another was begun, or tried to: nothing goes into it any more. */
  #ended: Segment | undefined;
  #isClosed = false;
  #flushTimer: Timer | undefined;
  #syncCount = 0;
  #appendCount = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#segments = options.segments;
    this.#nextOffset = options.nextOffset;
    this.#acceptedOffset = options.nextOffset;
    this.#lastTimestamp = options.segments.lastTimestamp;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get acceptedOffset(): number {
    return this.#acceptedOffset;
  }

  /** Below it all is on the disk. */
  get syncedOffset(): number {
    const { synced, end } = this.#segments.active;
    return synced.position === end.position ? this.#acceptedOffset : synced.nextOffset;
  }

  /** False after a failure, until the segment is open again. */
  get isWell(): boolean {
    return !this.#isBroken;
  }

  get counts(): { readonly syncCount: number; readonly appendCount: number } {
    return { syncCount: this.#syncCount, appendCount: this.#appendCount };
  }

  append(batch: Uint8Array, isSynced: boolean, at = this.#options.clock.now()): Promise<AppendReceipt> {
    if (this.#isClosed) return Promise.reject(new MqError('MQ_CLOSED', 'the log is closed'));
    const count = readU32(batch, AT.recordCount);
    const baseOffset = this.#nextOffset;
    const timestamp = Math.max(at, this.#lastTimestamp);
    this.#nextOffset += count;
    this.#lastTimestamp = timestamp;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, baseOffset, count, timestamp, isSynced, resolve, reject });
      this.#start();
    });
  }

  /** Resolves when all that was appended before is on the disk. */
  sync(): Promise<void> {
    const waiter = { ...Promise.withResolvers<void>(), untilOffset: this.#nextOffset };
    this.#syncWaiters.push(waiter);
    this.#start();
    return waiter.promise;
  }

  /** No append is taken any more; resolves when the rest is on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flushTimer?.cancel();
    await this.sync();
  }

  /** What else is called in this turn goes into the same group. */
  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#syncWaiters.length > 0) {
      let group: readonly WaitingAppend[] = [];
      try {
        if (this.#isBroken) await this.#reopen();
        const [first] = this.#waiting;
        if (first !== undefined && !this.#hasRoomFor(first)) await this.#roll(first.baseOffset);
        group = this.#takeGroup();
        await this.#commit(group);
      } catch (error) {
        await this.#fail(error, group);
      }
    }
    this.#isRunning = false;
  }

  #hasRoomFor({ batch }: WaitingAppend): boolean {
    const { active } = this.#segments;
    if (active === this.#ended) return false;
    return active.end.batchCount === 0 || active.bytes + batch.length <= this.#options.segmentBytesMax;
  }

  /** What is in the segment so far is made safe before anything lies in the next one. */
  async #roll(baseOffset: number): Promise<void> {
    const { active } = this.#segments;
    if (active.synced.position < active.end.position) {
      await active.syncFile();
      this.#syncCount += 1;
      active.markSynced();
    }
    // Also when it fails: the state on the disk may say already that this segment ends here.
    this.#ended = active;
    await this.#segments.roll(baseOffset);
    this.#options.onSynced();
  }

  /** All that waits, as far as it fits into the segment and is no more than one write should be. */
  #takeGroup(): readonly WaitingAppend[] {
    const roomBytes = Math.min(this.#options.segmentBytesMax - this.#segments.active.bytes, GROUP_BYTES_MAX);
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      bytes += batch.length;
      if (bytes > roomBytes && count > 0) break;
      count += 1;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  /** Writes a group, syncs when somebody waits for that, and answers. */
  async #commit(group: readonly WaitingAppend[]): Promise<void> {
    const { active } = this.#segments;
    const last = group.at(-1);
    const endOffset = last === undefined ? this.#acceptedOffset : last.baseOffset + last.count;
    // Those who began to wait while this group is written are not meant by its sync.
    const waiters = this.#syncWaiters.filter(({ untilOffset }) => untilOffset <= endOffset);
    const batches = last === undefined ? [] : await this.#write(group);
    const isSynced = waiters.length > 0 || group.some((append) => append.isSynced);
    if (isSynced && (batches.length > 0 || active.synced.position < active.end.position)) {
      await active.syncFile();
      this.#syncCount += 1;
    }
    active.accept(batches);
    if (isSynced) active.markSynced();
    else this.#flushLater();
    this.#acceptedOffset = endOffset;
    this.#appendCount += group.length;
    this.#options.onAccepted(batches);
    if (isSynced) this.#options.onSynced();
    answer(group, isSynced ? 'synced' : 'written');
    this.#syncWaiters = this.#syncWaiters.filter((waiter) => !waiters.includes(waiter));
    for (const waiter of waiters) waiter.resolve();
  }

  async #write(group: readonly WaitingAppend[]): Promise<readonly StoredBatch[]> {
    const { active } = this.#segments;
    const { logId } = this.#options;
    const { bytes: groupBytes, pieces, copies } = joinSmall(group.map(({ batch }) => batch));
    const batches = group.map(({ batch, baseOffset, timestamp }, index) => {
      const bytes = copies?.[index] ?? batch;
      placeBatch(bytes, { baseOffset, appendedAt: timestamp, logId, syncedPosition: active.synced.position });
      return new StoredBatch(bytes);
    });
    const isWritten = groupBytes <= WRITTEN_NOW_BYTES_MAX && active.writeNow(pieces);
    if (!isWritten) await active.write(pieces);
    return batches;
  }

  /** I5: forgets the offsets of everybody who waits, opens the segment again, and answers them. */
  async #fail(reason: unknown, group: readonly WaitingAppend[]): Promise<void> {
    const error = storageError(reason, `${this.#segments.active.path} could not be written`);
    const wasBroken = this.#isBroken;
    this.#isBroken = true;
    const others = [...this.#waiting, ...this.#syncWaiters];
    this.#waiting = [];
    this.#syncWaiters = [];
    this.#nextOffset = this.#acceptedOffset;
    this.#lastTimestamp = this.#segments.lastTimestamp;
    // Tried at once, so that no rest of it lies about; when that fails too, whoever appends next tries again.
    const isCut = !wasBroken && (await this.#isReopened());
    for (const { reject } of group) reject(isCut ? error : uncertainError(error));
    for (const { reject } of others) reject(error);
  }

  async #isReopened(): Promise<boolean> {
    try {
      await this.#reopen();
      return true;
    } catch {
      this.#options.onBroken(true);
      return false;
    }
  }

  async #reopen(): Promise<void> {
    const lost = await this.#segments.active.reopen();
    this.#isBroken = false;
    this.#options.onBroken(false);
    if (lost !== undefined) this.#options.onLost(lost);
    this.#options.onSynced();
  }

  #flushLater(): void {
    const { clock, flushPolicy, flushIntervalMs } = this.#options;
    if (flushPolicy !== 'interval' || this.#flushTimer !== undefined || this.#isClosed) return;
    const flush = (): void => {
      this.#flushTimer = undefined;
      this.sync().catch(() => undefined); // nobody was promised anything; the failure opens the segment again
    };
    this.#flushTimer = clock.setTimer(flush, flushIntervalMs, { isBackground: true });
  }
}

function answer(group: readonly WaitingAppend[], durability: Durability): void {
  for (const { baseOffset, count, timestamp, resolve } of group) resolve({ baseOffset, count, timestamp, durability });
}
