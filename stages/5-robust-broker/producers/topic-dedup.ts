/**
 * The rules of one topic for ids: a message with an id that was accepted lately is answered with the receipt of the first.
 *
 *     batch --> its ids --> all new --> passes, and is known from then on
 *                      \--> known, as this very batch --> the receipt of the first, when that is safe
 *                       \-> known in part --> MQ_DUPLICATE_ID
 *
 * Always true:
 *   - I4: a message is known from its offset on, and no more when its write fails, or its transaction is aborted
 *   - what the broker itself moves (delayed messages that are due, redriven ones) was accepted before, and is no news; a half
 *     message is accepted when it is committed
 *   - nothing of it is kept on the disk: a start reads the records of the window again, in the order of their times
 * The rules of a topic with a window use it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import { quote } from '../../../shared/contract/validation.ts';
import { readU16, readU64 } from '../../4-persisted-log/bytes/big-endian.ts';
import { AT, SUMMARY, senderOf } from '../../4-persisted-log/bytes/record-batch.ts';
import { StoredBatch } from '../../4-persisted-log/bytes/stored-batch.ts';
import type { AppendReceipt, PartitionLog } from '../../4-persisted-log/log/log.ts';
import { batchFrom } from '../../4-persisted-log/log-reading.ts';
import type { StoredReceipt } from '../../4-persisted-log/record-rules.ts';
import { nameOf, outcomeIn } from '../transactions/marker.ts';
import { BatchIds } from './batch-ids.ts';
import { DedupWindow, type KnownMessages } from './dedup-window.ts';

export interface TopicDedupOptions {
  readonly windowMs: number;
  readonly idsMax: number;
  /** Epoch ms. */
  readonly now: () => number;
  /** Of what is stored. */
  readonly durability: StoredReceipt['durability'];
}

/** A batch and where it is: in a partition, or in the delayed log, which has no number. */
export interface PlacedBatch {
  readonly batch: Uint8Array;
  readonly baseOffset: number;
  readonly partition: number | undefined;
}

/** Messages of an open transaction, in one partition. */
interface Undecided {
  readonly number: number;
  readonly count: number;
}

export class TopicDedup {
  readonly #options: TopicDedupOptions;
  readonly #window: DedupWindow;
  readonly #ids = new BatchIds();
  /** Number of its first message -> the receipt, of batches that are on their way to the disk. */
  readonly #underWay = new Map<number, Promise<AppendReceipt>>();
  /** Partition and transaction -> what it sent there. */
  readonly #undecided = new Map<string, Undecided[]>();
  /** Number of the first message of a batch -> its transaction. */
  readonly #transactions = new Map<number, string>();

  constructor(options: TopicDedupOptions) {
    this.#options = options;
    this.#window = new DedupWindow(options);
  }

  /** The receipt of these messages when they were accepted before; `MQ_DUPLICATE_ID` when some of them were. */
  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined {
    const ids = this.#ids.of(batch);
    const found = this.#window.find(ids, this.#options.now());
    if (found === 'new') return undefined;
    if (found === 'partly') throw partlyError(ids);
    const owner = this.#transactions.get(found.batchNumber);
    if (owner !== undefined && owner !== transactionOf(batch)) throw undecidedError(ids);
    const receipt = this.#receiptOf(found, ids.length);
    return this.#underWay.get(found.batchNumber)?.then(() => receipt) ?? Promise.resolve(receipt);
  }

  /** It has its offset; `receipt` settles when it is stored, or failed. */
  noteAppended(placed: PlacedBatch & { readonly at: number }, receipt: Promise<AppendReceipt>): void {
    const ending = this.#endingIn(placed);
    if (ending !== undefined) {
      if (ending.outcome === 'aborted') this.#takeBack(ending.key);
      receipt.then(
        () => this.#decide(ending.key),
        () => undefined, // it is said once more
      );
      return;
    }
    const added = this.#note(placed, placed.at);
    this.#ids.forget(placed.batch);
    if (added === undefined) return;
    const { number, count } = added;
    this.#underWay.set(number, receipt);
    receipt.then(
      () => this.#underWay.delete(number),
      () => {
        this.#underWay.delete(number);
        this.#window.takeBack(number, count);
      },
    );
  }

  /** What lies below in the partition is not needed to build the window again. */
  keepFrom(partition: number): number {
    return this.#window.firstOffsetIn(partition, this.#options.now());
  }

  /** What lies below in the delayed log is not needed to build the window again. */
  keepDelayedFrom(): number {
    return this.#window.firstDelayedOffset(this.#options.now());
  }

  /** After a start: everything accepted within the window, of all logs, oldest first. */
  async readBack(
    logs: readonly { readonly log: PartitionLog; readonly partition: number | undefined }[],
  ): Promise<void> {
    const since = this.#options.now() - this.#options.windowMs + 1;
    const readers = await Promise.all(logs.map((of) => LogTail.open(of, since)));
    for (;;) {
      let oldest: LogTail | undefined;
      for (const reader of readers) if (reader.at < (oldest?.at ?? Number.POSITIVE_INFINITY)) oldest = reader;
      if (oldest?.batch === undefined) return;
      this.#noteStored({ batch: oldest.batch.bytes, baseOffset: oldest.batch.baseOffset, partition: oldest.partition });
      await oldest.advance();
    }
  }

  #noteStored(placed: PlacedBatch): void {
    const ending = this.#endingIn(placed);
    if (ending === undefined) this.#note(placed, readU64(placed.batch, AT.appendedAt));
    else if (ending.outcome === 'aborted') this.#takeBack(ending.key);
    if (ending !== undefined) this.#decide(ending.key);
  }

  /** Undefined for messages that are no news. */
  #note(placed: PlacedBatch, at: number): Undecided | undefined {
    const { batch, baseOffset, partition } = placed;
    const flags = readU16(batch, AT.flags);
    if ((flags & SUMMARY.movedFrom) !== 0) {
      this.#noteMoved(placed, at);
      return undefined;
    }
    const ids = this.#ids.of(batch);
    if (this.#window.find(ids, at) !== 'new') return undefined; // as it was before the topic had its window
    const due = partition === undefined ? dueOf(batch) : { partition };
    const number = this.#window.add({ ids, at, baseOffset, ...due });
    const added = { number, count: ids.length };
    const transaction = transactionOf(batch);
    if (transaction === undefined) return added;
    const key = keyOf(partition, transaction);
    const sent = this.#undecided.get(key);
    if (sent === undefined) this.#undecided.set(key, [added]);
    else sent.push(added);
    this.#transactions.set(number, transaction);
    return added;
  }

  #noteMoved({ batch: bytes, baseOffset, partition = 0 }: PlacedBatch, at: number): void {
    const batch = new StoredBatch(bytes);
    for (const [index, id] of this.#ids.of(bytes).entries()) {
      const { movedFrom } = batch.recordAt(batch.baseOffset + index);
      if (movedFrom?.log !== 'half' || this.#window.find([id], at) !== 'new') continue;
      this.#window.add({ ids: [id], at, partition, baseOffset: baseOffset + index });
    }
  }

  /** How a transaction ended in a partition, when the batch says so. */
  #endingIn({ batch, partition }: PlacedBatch): { readonly key: string; readonly outcome: string } | undefined {
    if ((readU16(batch, AT.flags) & SUMMARY.marker) === 0) return undefined;
    return { key: keyOf(partition, transactionOf(batch) ?? ''), outcome: outcomeIn(batch) };
  }

  #takeBack(key: string): void {
    for (const { number, count } of this.#undecided.get(key) ?? []) this.#window.takeBack(number, count);
  }

  #decide(key: string): void {
    for (const { number } of this.#undecided.get(key) ?? []) this.#transactions.delete(number);
    this.#undecided.delete(key);
  }

  #receiptOf({ partition, baseOffset, deliverAt, batchNumber }: KnownMessages, count: number): StoredReceipt {
    const durability = this.#transactions.has(batchNumber) ? 'written' : this.#options.durability;
    const receipt = { partition, count, durability, isDuplicate: true } as const;
    return deliverAt === undefined ? { ...receipt, baseOffset } : { ...receipt, baseOffset: null, deliverAt };
  }
}

/** Reads a log from a time on, batch by batch. */
class LogTail {
  readonly partition: number | undefined;
  batch: StoredBatch | undefined;
  readonly #log: PartitionLog;

  private constructor(log: PartitionLog, partition: number | undefined) {
    this.#log = log;
    this.partition = partition;
  }

  static async open(
    { log, partition }: { readonly log: PartitionLog; readonly partition: number | undefined },
    since: number,
  ): Promise<LogTail> {
    const tail = new LogTail(log, partition);
    await tail.#read(await log.offsetOfTimestamp(since));
    return tail;
  }

  /** Epoch ms of the batch; `Infinity` at the end. */
  get at(): number {
    return this.batch?.timestamp ?? Number.POSITIVE_INFINITY;
  }

  async advance(): Promise<void> {
    await this.#read(this.batch?.nextOffset ?? this.#log.logEndOffset);
  }

  async #read(offset: number): Promise<void> {
    this.batch = offset < this.#log.highWatermark ? await batchFrom(this.#log, offset) : undefined;
  }
}

/** Where the messages of a delayed batch go, and when. */
function dueOf(bytes: Uint8Array): { readonly partition: number; readonly deliverAts: readonly number[] } {
  const batch = new StoredBatch(bytes);
  const records = Array.from({ length: batch.count }, (_, index) => batch.recordAt(batch.baseOffset + index));
  return { partition: records[0]?.targetPartition ?? 0, deliverAts: records.map(({ deliverAt = 0 }) => deliverAt) };
}

function transactionOf(batch: Uint8Array): string | undefined {
  const sender = senderOf(batch);
  if (sender === undefined || ((sender.flags ?? 0) & SUMMARY.transactional) === 0) return undefined;
  return nameOf(sender);
}

function keyOf(partition: number | undefined, transaction: string): string {
  return `${partition}/${transaction}`;
}

function partlyError(ids: readonly string[]): MqError {
  const text = `some of the ${ids.length} ids from ${quote(ids[0] ?? '')} on are known, or come twice, or were in another batch`;
  return new MqError('MQ_DUPLICATE_ID', `${text}; nothing was stored`);
}

function undecidedError(ids: readonly string[]): MqError {
  const text = `a message with the id ${quote(ids[0] ?? '')} is in a transaction that is still open`;
  return new MqError('MQ_DUPLICATE_ID', `${text}; nothing was stored`);
}
