/**
 * Messages that are accepted and not due yet: a log of their own, and a heap that says which is due next.
 *
 *     send, delayMs --> [ delayed log ] --- due ---> [ log of the partition it was sent to ]
 *                           |    heap by deliverAt              a record says where it was moved from
 *                           +--- moved: offsets that are there already; what is below the first gap is released
 *
 * Always true:
 *   - a message is due by the wall clock, however that jumps, and is never moved before (I19)
 *   - I19: each is moved once: it counts as moved only when its new record is safe, and that record says which one it was,
 *     so a crash between the two is seen when the partition is read again
 *   - `count` and `heldBytes` include what is being written, so its room is taken from the start
 * Only the topic uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { Heap } from '../../2-ring-buffer/heap.ts';
import type { EncodableMessage, LogRecord } from '../bytes/record.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { type OffsetSpan, OffsetSpans } from '../delivery/offset-spans.ts';
import type { IncomingBatch } from '../incoming-batch.ts';
import type { AppendReceipt, PartitionLog } from '../log/log.ts';
import { batchFrom } from '../log-reading.ts';
import type { DelayedRules } from '../record-rules.ts';
import { WallTimer } from '../wall-timer.ts';

/** What one topic may have waiting. */
const DELAYED_COUNT_MAX = 1_000_000;
/** Moved together at most. */
const MOVE_COUNT_MAX = 1000;
/** No number of a partition. */
const NOWHERE = -1;
/** After a move that failed. */
const RETRY_MS = 1000;

/** A message that waits, as the heap knows it. */
export interface DelayedMessage {
  /** Epoch ms. */
  readonly deliverAt: number;
  /** In the delayed log. */
  readonly offset: number;
  readonly heldBytes: number;
}

export interface DelayedMessagesOptions {
  readonly clock: Clock;
  readonly log: PartitionLog;
  readonly rules: DelayedRules;
  /** Stores a batch in a partition; the room for it is there. */
  readonly store: (partition: number, batch: Uint8Array) => Promise<AppendReceipt>;
  /** That what was stored there was moved is noted. */
  readonly onNoted: (partition: number, baseOffset: number) => void;
  /** They are where they belong. */
  readonly onMoved: (moved: { readonly fromOffset: number; readonly count: number }) => void;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class DelayedMessages {
  readonly log: PartitionLog;
  /** Whoever adds messages asks them first. */
  readonly rules: DelayedRules;
  readonly moved: OffsetSpans;
  readonly #options: DelayedMessagesOptions;
  readonly #heap = new Heap<DelayedMessage>(isBefore);
  readonly #timer: WallTimer;
  /** Of messages that are being written, or moved. */
  #count = 0;
  #heldBytes = 0;
  #isMoving = false;
  #isClosed = false;

  constructor(options: DelayedMessagesOptions, moved: Iterable<OffsetSpan> = []) {
    this.#options = options;
    this.log = options.log;
    this.rules = options.rules;
    this.moved = OffsetSpans.of(moved);
    this.#timer = new WallTimer(options.clock, () => void this.#move());
  }

  get count(): number {
    return this.#count;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** After a start, and before `start`: reads what waits. */
  async readLog(): Promise<void> {
    for (let next = this.log.logStartOffset; next < this.log.logEndOffset; ) {
      const batch = await batchFrom(this.log, next);
      if (batch === undefined) return;
      const heldBytes = Math.ceil(batch.bytes.length / batch.count);
      for (next = Math.max(next, batch.baseOffset); next < batch.nextOffset; next += 1) {
        if (this.moved.has(next)) continue;
        const { deliverAt = 0 } = batch.recordAt(next);
        this.#reserve(1, heldBytes);
        this.#heap.push({ deliverAt, offset: next, heldBytes });
      }
    }
  }

  /** A record in a partition says that it is this one. */
  noteMoved({ fromOffset, count }: { readonly fromOffset: number; readonly count: number }): void {
    this.moved.add({ from: fromOffset, below: fromOffset + count });
  }

  start(): void {
    this.#release();
    this.#arm();
  }

  /** There is room for them, and it is `at`. Resolves when they are as safe as the flush policy says. */
  async add(batch: IncomingBatch, deliverAts: readonly number[], at: number): Promise<AppendReceipt> {
    if (this.#count + batch.count > DELAYED_COUNT_MAX) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `the topic has ${DELAYED_COUNT_MAX} delayed messages, which is the limit`);
    }
    const heldBytes = Math.ceil(batch.heldBytes / batch.count);
    this.#reserve(batch.count, heldBytes * batch.count);
    try {
      const incoming = { batch: batch.bytes, baseOffset: this.log.logEndOffset, at };
      const appended = this.log.append(batch.bytes, { at });
      this.rules.noteAppended(incoming, appended);
      const receipt = await appended;
      for (const [index, deliverAt] of deliverAts.entries()) {
        this.#heap.push({ deliverAt, offset: receipt.baseOffset + index, heldBytes });
      }
      this.#arm();
      return receipt;
    } catch (error) {
      this.#reserve(-batch.count, -heldBytes * batch.count);
      throw error;
    }
  }

  /** Soonest first, at most `max`. */
  soonest(max: number): DelayedMessage[] {
    const soonest: DelayedMessage[] = [];
    for (let first = this.#heap.first; first !== undefined && soonest.length < max; first = this.#heap.first) {
      this.#heap.shift();
      soonest.push(first);
    }
    for (const message of soonest) this.#heap.push(message);
    return soonest;
  }

  /** The record of one that waits. */
  async recordOf({ offset }: DelayedMessage): Promise<LogRecord> {
    const batch = await batchFrom(this.log, offset);
    if (batch !== undefined && batch.baseOffset <= offset) return batch.recordAt(offset);
    throw new MqError('MQ_CORRUPT', `the delayed message at offset ${offset} of its log is missing`);
  }

  /** Ends what it does; the log is its owner's to close. */
  close(): void {
    this.#isClosed = true;
    this.#timer.set(undefined);
  }

  #arm(): void {
    if (!this.#isClosed && !this.#isMoving) this.#timer.set(this.#heap.first?.deliverAt);
  }

  async #move(): Promise<void> {
    if (this.#isMoving || this.#isClosed) return;
    this.#isMoving = true;
    try {
      for (let due = this.#takeDue(); due.length > 0 && !this.#isClosed; due = this.#takeDue())
        await this.#moveAll(due);
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.onNotice(`delayed messages wait until they can be stored: ${String(error)}`);
      this.#retryLater();
      return;
    }
    this.#isMoving = false;
    this.#arm();
  }

  #takeDue(): DelayedMessage[] {
    const now = this.#options.clock.now();
    const due: DelayedMessage[] = [];
    for (let first = this.#heap.first; first !== undefined && due.length < MOVE_COUNT_MAX; first = this.#heap.first) {
      if (first.deliverAt > now) break;
      this.#heap.shift();
      due.push(first);
    }
    return due;
  }

  /** By partition, in the order in which they are due. What cannot be moved goes back into the heap. */
  async #moveAll(due: readonly DelayedMessage[]): Promise<void> {
    const left = new Set(due);
    try {
      const read = await Promise.allSettled(due.map((message) => this.recordOf(message)));
      const records = read.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
      const readable = [...due.keys()].filter((index) => records[index] !== undefined);
      const places = Map.groupBy(readable, (index) => this.#placeOf(records[index] as LogRecord));
      for (const [partition, indexes] of places) {
        const batch = indexes.map((index) => this.#movable(records[index] as LogRecord));
        const bytes = encodeBatch(batch, { idPrefix: '', firstIdNumber: 0 });
        const receipt = partition === NOWHERE ? undefined : await this.#options.store(partition, bytes);
        const moved = indexes.map((index) => due[index] as DelayedMessage);
        for (const message of moved) left.delete(message);
        this.#noteAllMoved(moved);
        if (receipt !== undefined) this.#options.onNoted(partition, receipt.baseOffset);
      }
      // What cannot be read keeps nobody else back.
      for (const result of read) if (result.status === 'rejected') throw result.reason;
    } finally {
      for (const message of left) this.#heap.push(message);
    }
  }

  #noteAllMoved(moved: readonly DelayedMessage[]): void {
    const spans = OffsetSpans.of(moved.map(({ offset }) => ({ from: offset, below: offset + 1 }))).spans;
    for (const { from, below } of spans) {
      this.moved.add({ from, below });
      this.#options.onMoved({ fromOffset: from, count: below - from });
    }
    for (const { heldBytes } of moved) this.#reserve(-1, -heldBytes);
    this.#release();
  }

  /** Its partition; one whose life was over before it was due goes nowhere, as nobody may get it any more. */
  #placeOf({ expiresAt, targetPartition }: LogRecord): number {
    const isExpired = expiresAt !== undefined && expiresAt < this.#options.clock.now();
    return isExpired ? NOWHERE : (targetPartition ?? 0);
  }

  /** What is left of its life counts from when it was accepted. */
  #movable(record: LogRecord): EncodableMessage {
    const { body, key, headers, id, priority, expiresAt, offset } = record;
    const leftMs = expiresAt === undefined ? undefined : Math.max(expiresAt - this.#options.clock.now(), 0);
    return { body, key, headers, id, priority, ttlMs: leftMs, movedFrom: { log: 'delayed', offset } };
  }

  #retryLater(): void {
    const again = (): void => {
      this.#isMoving = false;
      void this.#move();
    };
    this.#options.clock.setTimer(again, RETRY_MS, { isBackground: true });
  }

  /** What was moved is remembered until the disk has forgotten it: a start that found it again would move it again. */
  #release(): void {
    const floor = Math.min(this.moved.firstGapFrom(this.log.logStartOffset), this.rules.keepFrom());
    if (floor <= this.log.logStartOffset) return;
    this.log.releaseBelow(floor).then(
      () => this.moved.forgetBelow(floor),
      (error: unknown) => this.#options.onNotice(String(error)),
    );
  }

  #reserve(count: number, heldBytes: number): void {
    this.#count += count;
    this.#heldBytes += heldBytes;
  }
}

function isBefore(one: DelayedMessage, other: DelayedMessage): boolean {
  return one.deliverAt < other.deliverAt || (one.deliverAt === other.deliverAt && one.offset < other.offset);
}
