/**
 * One partition of a topic: its log, and what its readers and the room of the topic need to know of it.
 *
 *     append --> [ PartitionLog ] --> desks of all groups (as PartitionReader)
 *                      |         \--> fetches, which wait here at the high watermark
 *                      +-- HeldBytes, PriorityIndex: kept in memory and in each snapshot of the topic; after a crash what
 *                          came behind the last snapshot is read once more
 *
 * Always true:
 *   - readers see records from `logStartOffset` up to the high watermark only (what is decided: up to the last stable
 *     offset)
 *   - what is released is so at once for readers, and soon on the disk, many releases at a time, as far as a snapshot has what
 *     the rules know of it; after a crash some of it may be back, finished or dropped as it was
 *   - HeldBytes and PriorityIndex know every batch of the log
 *   - a snapshot does not know of a moved record before it is noted where that came from: a start comes upon it again
 * Only the topic and its parts use it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { FetchResult } from '../../shared/contract/broker.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { RawFetchResult } from '../../shared/contract/raw-batches.ts';
import { outOfRangeError } from '../2-ring-buffer/refusals.ts';
import { readU16, readU32 } from './bytes/big-endian.ts';
import type { LogRecord } from './bytes/record.ts';
import { AT, isUndecided, SUMMARY } from './bytes/record-batch.ts';
import { StoredBatch } from './bytes/stored-batch.ts';
import type { PartitionReader, WaitForRecords } from './delivery/desk-surroundings.ts';
import type { OffsetSpan } from './delivery/offset-spans.ts';
import type { GroupJournal } from './group-journal.ts';
import { HeldBytes, type HeldBytesState } from './held-bytes.ts';
import type { AppendReceipt, PartitionLog } from './log/log.ts';
import { batchFrom, type FetchWant, type Isolation } from './log-reading.ts';
import type { StoredRun } from './observer.ts';
import { PartitionFetches } from './partition-fetches.ts';
import { PriorityIndex, type PriorityIndexState } from './policies/priority-index.ts';
import type { RecordRules } from './record-rules.ts';

/** What a snapshot of the topic keeps of a partition. */
export interface PartitionState {
  /** The log may still have what was released, and have lost what came last. */
  readonly logStartOffset?: number;
  readonly logEndOffset?: number;
  readonly held: HeldBytesState;
  readonly priorities: PriorityIndexState;
  readonly rules?: unknown;
}

export interface PartitionOptions {
  readonly topic: string;
  readonly log: PartitionLog;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
  /** True for a record that is there no more though its log still has it. */
  readonly isGone: (offset: number) => boolean;
  /** False when none of them is. */
  readonly hasGoneIn: (span: OffsetSpan) => boolean;
  readonly rules: RecordRules;
  /** Throws `MQ_LIMIT_EXCEEDED` when no further call of the topic may wait. */
  readonly checkMayWait: () => void;
  /** Records of the partition are there no more. */
  readonly onReleased: (partition: number) => void;
  /** A batch is in it. */
  readonly onStored: (run: StoredRun) => void;
  /** What was to be stored was not, and its room is free again. */
  readonly onRoom: () => void;
  /** Whose snapshots have the state of the partition. */
  readonly journal: Pick<GroupJournal, 'noteGrowth'>;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class Partition implements PartitionReader {
  readonly partition: number;
  readonly log: PartitionLog;
  readonly priorities: PriorityIndex;
  readonly held: HeldBytes;
  readonly rules: RecordRules;
  readonly #options: PartitionOptions;
  readonly #fetching: PartitionFetches;
  #logStartOffset: number;
  #releasing: Promise<void> | undefined;
  #isClosed = false;
  /** First offsets of batches that were moved here, which is not noted yet. */
  readonly moves = new Set<number>();

  constructor(options: PartitionOptions, state?: PartitionState) {
    const { log, clock, limits, rules } = options;
    this.#options = options;
    this.log = log;
    this.rules = rules;
    this.partition = log.partition;
    this.#logStartOffset = Math.max(log.logStartOffset, Math.min(state?.logStartOffset ?? 0, log.highWatermark));
    this.#fetching = new PartitionFetches({
      ...{ from: this, topic: options.topic, ttlMs: options.ttlMs, clock, limits },
      checkInRange: (offset) => this.checkInRange(offset),
      checkMayWait: options.checkMayWait,
    });
    const isUsable = state !== undefined && (state.held.offsets.at(-1) ?? 0) >= log.logStartOffset;
    this.held = new HeldBytes(log.logStartOffset, isUsable ? state.held : undefined);
    this.priorities = new PriorityIndex(isUsable ? state.priorities : undefined);
    this.held.dropFrom(log.logEndOffset);
    this.priorities.dropFrom(log.logEndOffset);
  }

  get fetches(): PartitionFetches['line'] {
    return this.#fetching.line;
  }

  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  get logEndOffset(): number {
    return this.log.logEndOffset;
  }

  get highWatermark(): number {
    return this.log.highWatermark;
  }

  /** Readers that want nothing undecided get what is below. */
  get lastStableOffset(): number {
    return this.rules.lastStableOffset(this.log.highWatermark);
  }

  /** Records from the first that is held to the next one to come. */
  get heldCount(): number {
    return this.log.logEndOffset - this.#logStartOffset;
  }

  get heldBytes(): number {
    return this.held.from(this.#logStartOffset);
  }

  /** Reads what the last snapshot does not know; `onMoved` gets the records that were moved here meanwhile. */
  async catchUp(onMoved: (record: LogRecord) => void): Promise<void> {
    const knownEnd = this.held.endOffset;
    for (let next = Math.min(knownEnd, this.rules.resumeAt(this.log)); next < this.log.logEndOffset; ) {
      const batch = await batchFrom(this.log, next);
      if (batch === undefined) return;
      next = batch.nextOffset;
      this.rules.noteStored(batch.bytes);
      if (next <= knownEnd) continue;
      this.#note(batch.bytes, batch.baseOffset);
      if ((batch.flags & SUMMARY.movedFrom) !== 0) forEachRecord(batch, onMoved);
    }
  }

  /**
   * The offset is taken at once. Resolves when the batch is as safe as the flush policy says; one of a transaction is made so
   * by the end of that, and until then it is only written.
   */
  async append(bytes: Uint8Array, at: number): Promise<AppendReceipt> {
    const baseOffset = this.log.logEndOffset;
    const flags = readU16(bytes, AT.flags);
    this.#note(bytes, baseOffset);
    if ((flags & SUMMARY.movedFrom) !== 0) this.moves.add(baseOffset);
    try {
      const appended = this.log.append(bytes, isUndecided(flags) ? { isSynced: false, at } : { at });
      this.rules.noteAppended({ batch: bytes, baseOffset, at }, appended);
      const receipt = await appended;
      if (isUndecided(flags)) this.#fetching.noteUndecided();
      this.#options.onStored({ ...receipt, partition: this.partition, bytes: bytes.length });
      return receipt;
    } catch (error) {
      this.held.dropFrom(this.log.logEndOffset);
      this.priorities.dropFrom(this.log.logEndOffset);
      this.rules.dropFrom(this.log.logEndOffset);
      this.moves.delete(baseOffset);
      this.#options.onRoom();
      throw error;
    }
  }

  /** Where the records of this batch were before, they are known to be no more. */
  noteMove(baseOffset: number): void {
    this.moves.delete(baseOffset);
    this.#releaseSoon();
  }

  cachedAt(offset: number): StoredBatch | undefined {
    return this.log.cachedAt(offset);
  }

  /** Of records that are missing it answers where the next one is. */
  async load(offset: number): Promise<number> {
    const [first] = await this.log.load(offset);
    return Math.max(first?.baseOffset ?? this.highWatermark, offset);
  }

  isGone(offset: number, isolation: Isolation = 'read-committed'): boolean {
    return this.#options.isGone(offset) || (isolation === 'read-committed' && this.rules.isHidden(offset));
  }

  hasGoneIn(span: OffsetSpan, isolation: Isolation = 'read-committed'): boolean {
    return this.#options.hasGoneIn(span) || (isolation === 'read-committed' && this.rules.hasHiddenIn(span));
  }

  hiddenCountIn(span: OffsetSpan): number {
    return this.rules.hiddenCountIn(span);
  }

  fetch(want: FetchWant, wait: WaitForRecords): Promise<FetchResult> {
    return this.#fetching.fetch(want, wait);
  }

  fetchBatches(want: FetchWant, wait: WaitForRecords): Promise<RawFetchResult> {
    return this.#fetching.fetchBatches(want, wait);
  }

  /** The high watermark has moved. */
  wakeFetches(): void {
    this.#fetching.wake();
  }

  /** Waiting fetches reject with `error`, or are answered empty without one. */
  endFetches(error: MqError | undefined): void {
    this.#fetching.end(error);
  }

  checkInRange(offset: number): void {
    const { logStartOffset, highWatermark } = this;
    if (offset >= logStartOffset && offset <= highWatermark) return;
    throw outOfRangeError(offset, { logStartOffset, logEndOffset: highWatermark });
  }

  /** Everything below may go. */
  releaseBelow(offset: number): void {
    const start = Math.min(offset, this.highWatermark);
    if (start <= this.#logStartOffset) return;
    const heldBytes = this.heldBytes;
    this.#logStartOffset = start;
    this.held.forgetBelow(start);
    this.priorities.forgetBelow(start);
    this.rules.forgetBelow(start);
    this.#options.onReleased(this.partition);
    if (this.rules.unkeptFrom() < start) this.#options.journal.noteGrowth(heldBytes - this.heldBytes);
    this.#releaseSoon();
  }

  /** A snapshot with this state of it is on the disk. */
  noteKept({ rules }: PartitionState): void {
    this.rules.noteKept(rules);
    this.#releaseSoon();
  }

  /** Resolves when everything is on the disk and closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#releasing;
    await this.log.close();
  }

  state(): PartitionState {
    const held = this.held.state(Math.min(...this.moves));
    const rules = this.rules.state();
    const ends = { logStartOffset: this.#logStartOffset, logEndOffset: this.logEndOffset };
    return { ...ends, held, priorities: this.priorities.state(), ...(rules === undefined ? {} : { rules }) };
  }

  #releaseSoon(): void {
    if (this.#isClosed || this.log.logStartOffset >= this.#releasedBelow) return;
    this.#releasing ??= this.#release().finally(() => {
      this.#releasing = undefined;
    });
  }

  /** Up to here it may go from the disk: a start learns of moves from the records. */
  get #releasedBelow(): number {
    const [unnoted = Number.POSITIVE_INFINITY] = this.moves;
    return Math.min(this.#logStartOffset, this.rules.keepFrom(), this.rules.unkeptFrom(), unnoted);
  }

  /** As far as it is by the time the disk has taken what was said before. A disk that fails is asked with the next release. */
  async #release(): Promise<void> {
    try {
      while (this.log.logStartOffset < this.#releasedBelow) await this.log.releaseBelow(this.#releasedBelow);
    } catch (error) {
      this.#options.onNotice(`released records are still on the disk: ${String(error)}`);
    }
  }

  /** A batch is there, or will be, from `baseOffset` on; on its way in it does not know that itself. */
  #note(batch: Uint8Array, baseOffset: number): void {
    const nextOffset = baseOffset + readU32(batch, AT.recordCount);
    this.held.add({ baseOffset, nextOffset, bytes: batch.length });
    this.priorities.dropFrom(baseOffset);
    if ((readU16(batch, AT.flags) & SUMMARY.priority) === 0) return;
    const stored = new StoredBatch(batch);
    for (const [index, priority] of stored.priorities().entries()) this.priorities.add(baseOffset + index, priority);
  }
}

function forEachRecord(batch: StoredBatch, visit: (record: LogRecord) => void): void {
  for (let offset = batch.baseOffset; offset < batch.nextOffset; offset += 1) visit(batch.recordAt(offset));
}
