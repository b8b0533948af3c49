/**
 * What this stage knows of the records of a topic beyond where they lie: who sent them, and whether they were there before.
 *
 *     a batch --> was it there before? --> may it come now? --> its offset --> noted
 *                 DuplicateRules           DuplicateRules
 *
 * Always true: a partition's rules are those of its parts, asked one after the other; its state is theirs side by side. The
 * composition of the broker hands them to the topics.
 */
import type { Clock } from '../../shared/clock.ts';
import type { TopicDescription } from '../../shared/contract/description.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { ProducerIdentity } from '../../shared/contract/producer.ts';
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
import {
  DuplicateRules,
  type PartitionDuplicates,
  type PartitionDuplicatesState,
} from './producers/duplicate-rules.ts';

export interface TopicRulesOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly flushPolicy: FlushPolicy;
  readonly producerTimeoutMs: number;
  /** Throws for a producer that may not send (any more). */
  readonly checkProducer: (identity: ProducerIdentity) => void;
}

/** As snapshots keep it. */
interface PartitionRulesState {
  readonly duplicates?: PartitionDuplicatesState;
}

export class RobustTopicRules implements TopicRules {
  readonly partitions: readonly RecordRules[];
  readonly delayed: DelayedRules;
  readonly #duplicates: DuplicateRules;

  constructor({ options, partitionCount, states: kept }: RuledTopic, own: TopicRulesOptions) {
    const { clock, limits, flushPolicy, producerTimeoutMs, checkProducer } = own;
    const states = kept.map((state) => state as PartitionRulesState | undefined);
    this.#duplicates = new DuplicateRules({
      ...{ partitionCount, producerTimeoutMs, checkProducer },
      states: states.map((state) => state?.duplicates),
      dedupWindowMs: options.dedupWindowMs,
      dedupIdsMax: limits.dedupIdsMax,
      producersMax: limits.producersCountMax,
      now: () => clock.now(),
      durability: flushPolicy === 'always' ? 'synced' : 'written',
      isInTransaction: () => false,
    });
    this.delayed = this.#duplicates.delayed;
    this.partitions = this.#duplicates.partitions.map((duplicates) => new RobustRecordRules(duplicates));
  }

  noteApplied(): void {}

  state(): undefined {
    return undefined;
  }

  describe(): Pick<TopicDescription, 'duplicateCount'> {
    return { duplicateCount: this.#duplicates.duplicateCount };
  }

  async view(): Promise<object> {
    return {};
  }

  async readBack(logs: Parameters<TopicRules['readBack']>[0]): Promise<void> {
    await this.#duplicates.readBack(logs);
  }
}

class RobustRecordRules implements RecordRules {
  readonly isTransactional = false;
  readonly #duplicates: PartitionDuplicates;

  constructor(duplicates: PartitionDuplicates) {
    this.#duplicates = duplicates;
  }

  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined {
    return this.#duplicates.earlier(batch);
  }

  check(batch: Uint8Array): void {
    this.#duplicates.check(batch);
  }

  noteAppended(records: IncomingRecords, receipt: Promise<AppendReceipt>): void {
    this.#duplicates.noteAppended(records, receipt);
  }

  resumeAt(log: { readonly logStartOffset: number; readonly logEndOffset: number }): number {
    return this.#duplicates.resumeAt(log);
  }

  noteStored(batch: Uint8Array): void {
    this.#duplicates.noteStored(batch);
  }

  dropFrom(offset: number): void {
    this.#duplicates.dropFrom(offset);
  }

  forgetBelow(_offset: number): void {}

  lastStableOffset(highWatermark: number): number {
    return highWatermark;
  }

  isHidden(_offset: number): boolean {
    return false;
  }

  hasHiddenIn(_span: OffsetSpan): boolean {
    return false;
  }

  hiddenCountIn(_span: OffsetSpan): number {
    return 0;
  }

  view(): object {
    return {};
  }

  state(): PartitionRulesState {
    return { duplicates: this.#duplicates.state() };
  }
}
