/**
 * What this stage knows of the records of a topic beyond where they lie: which came twice, which are undecided, which were
 * aborted.
 *
 *     a batch --> DuplicateRules: there already? may it come now? --> TransactionTable: is its transaction open? --> its offset
 *     readers <-- TransactionIndex of each partition: up to where, and without which
 *
 * Always true: a partition is among the places of a transaction before the first batch of that has its offset there. Made for
 * each topic when it is opened.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MarkerView } from '../../shared/contract/inside.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { ProducerIdentity } from '../../shared/contract/producer.ts';
import { readU16, readU64 } from '../4-persisted-log/bytes/big-endian.ts';
import { AT, NO_EPOCH, SUMMARY, senderOf } from '../4-persisted-log/bytes/record-batch.ts';
import type { OffsetSpan } from '../4-persisted-log/delivery/offset-spans.ts';
import type { AppendReceipt, FlushPolicy } from '../4-persisted-log/log/log.ts';
import type {
  DelayedRules,
  IncomingRecords,
  RecordRules,
  RuledTopic,
  StoredReceipt,
  TopicRules,
} from '../4-persisted-log/record-rules.ts';
import type { Topic } from '../4-persisted-log/topic.ts';
import {
  DuplicateRules,
  type PartitionDuplicates,
  type PartitionDuplicatesState,
} from './producers/duplicate-rules.ts';
import { nameOf, type TransactionEpoch } from './transactions/marker.ts';
import type { TransactionPlace } from './transactions/open-transaction.ts';
import { TransactionIndex, type TransactionIndexState } from './transactions/transaction-index.ts';
import type { TransactionTable } from './transactions/transaction-table.ts';

/** As snapshots keep it. */
interface PartitionRulesState {
  readonly transactions?: TransactionIndexState;
  readonly duplicates?: PartitionDuplicatesState;
}

interface TopicRulesState {
  readonly applied: readonly TransactionEpoch[];
}

export interface TopicRulesOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly flushPolicy: FlushPolicy;
  readonly producerTimeoutMs: number;
  /** Throws for a producer that may not send (any more). */
  readonly checkProducer: (identity: ProducerIdentity) => void;
  /** Of the broker. */
  readonly transactions: TransactionTable;
}

export class RobustTopicRules implements TopicRules {
  readonly partitions: readonly PartitionRules[];
  readonly delayed: DelayedRules;
  readonly #topicId: string;
  readonly #transactions: TransactionTable;
  readonly #duplicates: DuplicateRules;
  /** Whose acks and positions hold here, and whose decisions a start may carry out once more. */
  readonly #applied = new Map<string, TransactionEpoch>();

  constructor(topic: RuledTopic, own: TopicRulesOptions) {
    const { topicId, name, options, partitionCount } = topic;
    const { clock, limits, flushPolicy, producerTimeoutMs, checkProducer, transactions } = own;
    const states = topic.states.map((state) => state as PartitionRulesState | undefined);
    this.#topicId = topicId;
    this.#transactions = transactions;
    this.#duplicates = new DuplicateRules({
      ...{ partitionCount, producerTimeoutMs, checkProducer },
      states: states.map((state) => state?.duplicates),
      dedupWindowMs: options.dedupWindowMs,
      dedupIdsMax: limits.dedupIdsMax,
      producersMax: limits.producersCountMax,
      now: () => clock.now(),
      durability: flushPolicy === 'always' ? 'synced' : 'written',
      isInTransaction: () => false, // a transaction has a producer of its own, which numbers nothing
    });
    this.delayed = this.#duplicates.delayed;
    this.partitions = this.#duplicates.partitions.map((duplicates, partition) => {
      const index = new TransactionIndex(states[partition]?.transactions);
      return new PartitionRules({ place: { topic: name, topicId, partition, index }, duplicates, transactions });
    });
    const { applied = [] } = (topic.state as TopicRulesState | undefined) ?? {};
    for (const transaction of applied) this.noteApplied(transaction);
  }

  /** Where transactions can write, by partition. */
  get places(): readonly TransactionPlace[] {
    return this.partitions.map(({ place }) => place);
  }

  noteApplied({ producerId, epoch }: TransactionEpoch): void {
    this.#applied.set(nameOf({ producerId, epoch }), { producerId, epoch });
  }

  hasApplied(transaction: TransactionEpoch): boolean {
    return this.#applied.has(nameOf(transaction));
  }

  /** No start will ask for it again. */
  forgetApplied(transaction: TransactionEpoch): void {
    this.#applied.delete(nameOf(transaction));
  }

  /** After a start: those that `isNeeded` are all that matter. */
  keepApplied(isNeeded: (transaction: TransactionEpoch) => boolean): void {
    for (const transaction of [...this.#applied.values()]) if (!isNeeded(transaction)) this.forgetApplied(transaction);
  }

  state(): TopicRulesState {
    return { applied: [...this.#applied.values()] };
  }

  describe(): ReturnType<TopicRules['describe']> {
    const openTransactionCount = this.#transactions.countWritingTo(this.#topicId);
    return { openTransactionCount, duplicateCount: this.#duplicates.duplicateCount };
  }

  async view(max: number): ReturnType<TopicRules['view']> {
    return { transactions: this.#transactions.viewOf(this.#topicId, max) };
  }

  async readBack(logs: Parameters<TopicRules['readBack']>[0]): Promise<void> {
    await this.#duplicates.readBack(logs);
  }
}

interface PartitionRulesOptions {
  readonly place: TransactionPlace;
  readonly duplicates: PartitionDuplicates;
  readonly transactions: TransactionTable;
}

class PartitionRules implements RecordRules {
  readonly isTransactional = true;
  readonly place: TransactionPlace;
  readonly #index: TransactionIndex;
  readonly #duplicates: PartitionDuplicates;
  readonly #transactions: TransactionTable;
  /** The first and the last batch with a sender that no snapshot knows of. */
  #unkept = { from: Number.POSITIVE_INFINITY, last: -1 };

  constructor({ place, duplicates, transactions }: PartitionRulesOptions) {
    this.place = place;
    this.#index = place.index;
    this.#duplicates = duplicates;
    this.#transactions = transactions;
  }

  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined {
    return this.#duplicates.earlier(batch);
  }

  check(batch: Uint8Array, at: number): void {
    this.#duplicates.check(batch, at);
    if (((batch[AT.flags + 1] ?? 0) & SUMMARY.transactional) === 0) return;
    const sender = senderOf(batch);
    if (sender !== undefined) this.#transactions.enter(sender, this.place);
  }

  noteAppended(records: IncomingRecords, receipt: Promise<AppendReceipt>): void {
    this.#noteSender(records.batch, records.baseOffset);
    this.#index.note(records.batch, records.baseOffset);
    this.#duplicates.noteAppended(records, receipt);
  }

  resumeAt(log: { readonly logStartOffset: number; readonly logEndOffset: number }): number {
    return Math.min(this.#index.resumeAt(log), this.#duplicates.resumeAt(log));
  }

  noteStored(batch: Uint8Array): void {
    this.#noteSender(batch, readU64(batch, AT.baseOffset));
    this.#index.noteStored(batch);
    this.#duplicates.noteStored(batch);
  }

  dropFrom(offset: number): void {
    this.#index.dropFrom(offset);
    this.#duplicates.dropFrom(offset);
  }

  forgetBelow(offset: number): void {
    this.#index.forgetBelow(offset);
  }

  keepFrom(): number {
    return this.#duplicates.keepFrom();
  }

  unkeptFrom(): number {
    return this.#unkept.from;
  }

  noteKept(state: PartitionRulesState): void {
    const known = Math.min(state.transactions?.endOffset ?? 0, state.duplicates?.sends.nextOffset ?? 0);
    const { from, last } = this.#unkept;
    this.#unkept = { from: last < known ? Number.POSITIVE_INFINITY : Math.max(from, known), last };
  }

  lastStableOffset(highWatermark: number): number {
    return this.#index.lastStableOffset(highWatermark);
  }

  isHidden(offset: number): boolean {
    return this.#index.isHidden(offset);
  }

  hasHiddenIn(span: OffsetSpan): boolean {
    return this.#index.hasHiddenIn(span);
  }

  hiddenCountIn(span: OffsetSpan): number {
    return this.#index.hiddenCountIn(span);
  }

  state(): PartitionRulesState {
    return { transactions: this.#index.state(), duplicates: this.#duplicates.state() };
  }

  #noteSender(batch: Uint8Array, baseOffset: number): void {
    if (readU16(batch, AT.producerEpoch) === NO_EPOCH) return;
    this.#unkept.from = Math.min(this.#unkept.from, baseOffset);
    this.#unkept.last = baseOffset;
  }

  view(max: number): { readonly markers: readonly MarkerView[] } {
    return { markers: this.#index.markers.slice(-max) };
  }
}

/** The rules of a topic of this stage. */
export function rulesOf({ rules }: Topic): RobustTopicRules {
  if (rules instanceof RobustTopicRules) return rules;
  throw new TypeError('a topic of this stage has the rules of this stage');
}
