/**
 * What one topic does against messages that come twice: numbers, in each partition by itself, and ids, in all of it.
 *
 *     a batch for p1 --> numbered? NumberedSends of p1 --> window of ids? TopicDedup --> not there yet
 *                              | there                          | there
 *                              +--------- receipt of the first -+      counted, when it is answered
 *
 * Always true: only one of the two has to know a batch; `duplicateCount` is kept in the snapshots of partition 0, so a crash
 * may forget the last few. The rules of a topic are made of this and of its transactions.
 */
import type { ProducerIdentity } from '../../../shared/contract/producer.ts';
import type { AppendReceipt, PartitionLog } from '../../4-persisted-log/log/log.ts';
import type {
  AdmissionRules,
  DelayedRules,
  IncomingRecords,
  StoredReceipt,
  TopicRules,
} from '../../4-persisted-log/record-rules.ts';
import { NumberedSends, type NumberedSendsState } from './numbered-sends.ts';
import { TopicDedup } from './topic-dedup.ts';

export interface DuplicateRulesOptions {
  readonly partitionCount: number;
  /** Of the topic; undefined: ids are not compared. */
  readonly dedupWindowMs: number | undefined;
  readonly dedupIdsMax: number;
  readonly producersMax: number;
  /** A producer that was silent for so long is forgotten. */
  readonly producerTimeoutMs: number;
  /** Epoch ms. */
  readonly now: () => number;
  /** Of what is stored. */
  readonly durability: StoredReceipt['durability'];
  /** Throws for a producer that may not send (any more). */
  readonly checkProducer: (identity: ProducerIdentity) => void;
  readonly isInTransaction: (producerId: number) => boolean;
  /** What the last snapshot has, by partition. */
  readonly states: readonly (PartitionDuplicatesState | undefined)[];
}

/** As snapshots keep it. */
export interface PartitionDuplicatesState {
  readonly sends: NumberedSendsState;
  /** Of the topic, in partition 0. */
  readonly duplicateCount?: number;
}

export class DuplicateRules {
  readonly partitions: readonly PartitionDuplicates[];
  readonly delayed: DelayedRules;
  readonly #dedup: TopicDedup | undefined;
  /** Sends that were answered with the receipt of an earlier one. */
  #duplicateCount: number;
  #logs: readonly PartitionLog[] = [];

  constructor(options: DuplicateRulesOptions) {
    const { partitionCount, dedupWindowMs: windowMs, dedupIdsMax: idsMax, now, durability, states } = options;
    this.#duplicateCount = states[0]?.duplicateCount ?? 0;
    if (windowMs !== undefined) this.#dedup = new TopicDedup({ windowMs, idsMax, now, durability });
    const dedup = this.#dedup;
    const onDuplicate = (): void => {
      this.#duplicateCount += 1;
    };
    this.partitions = Array.from({ length: partitionCount }, (_, partition) => {
      const sends = new NumberedSends({
        ...{ ...options, partition, timeoutMs: options.producerTimeoutMs },
        highWatermark: () => this.#logs[partition]?.highWatermark ?? 0,
        syncedOffset: () => this.#logs[partition]?.syncedOffset ?? 0,
      });
      const countOf = (): number | undefined => (partition === 0 ? this.#duplicateCount : undefined);
      return new PartitionDuplicates({ partition, sends, dedup, onDuplicate, countOf }, states[partition]);
    });
    this.delayed = {
      earlier: (batch) => counted(dedup?.earlier(batch), onDuplicate),
      check: () => undefined,
      noteAppended: (records, receipt) => dedup?.noteAppended({ ...records, partition: undefined }, receipt),
      keepFrom: () => dedup?.keepDelayedFrom() ?? Number.POSITIVE_INFINITY,
    };
  }

  get duplicateCount(): number {
    return this.#duplicateCount;
  }

  async readBack({ partitions, delayed }: Parameters<TopicRules['readBack']>[0]): Promise<void> {
    this.#logs = partitions;
    const logs = partitions.map((log, partition) => ({ log, partition }));
    const all = delayed === undefined ? logs : [...logs, { log: delayed, partition: undefined }];
    await this.#dedup?.readBack(all);
  }
}

interface PartitionDuplicatesOptions {
  readonly partition: number;
  readonly sends: NumberedSends;
  readonly dedup: TopicDedup | undefined;
  readonly onDuplicate: () => void;
  /** What this partition's state has of the topic. */
  readonly countOf: () => number | undefined;
}

/** The same for one partition. */
export class PartitionDuplicates implements AdmissionRules {
  readonly #options: PartitionDuplicatesOptions;
  readonly #state: PartitionDuplicatesState | undefined;

  constructor(options: PartitionDuplicatesOptions, state: PartitionDuplicatesState | undefined) {
    this.#options = options;
    this.#state = state;
  }

  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined {
    const { sends, dedup, onDuplicate } = this.#options;
    const earlier = sends.earlier(batch) ?? dedup?.earlier(batch);
    return earlier === undefined ? undefined : counted(earlier, onDuplicate);
  }

  check(batch: Uint8Array, at: number): void {
    this.#options.sends.check(batch, at);
  }

  noteAppended(records: IncomingRecords, receipt: Promise<AppendReceipt>): void {
    const { partition, sends, dedup } = this.#options;
    sends.noteAppended(records, receipt);
    dedup?.noteAppended({ ...records, partition }, receipt);
  }

  resumeAt(log: { readonly logStartOffset: number; readonly logEndOffset: number }): number {
    return this.#options.sends.resume(this.#state?.sends, log);
  }

  noteStored(batch: Uint8Array): void {
    this.#options.sends.noteStored(batch);
  }

  dropFrom(offset: number): void {
    this.#options.sends.dropFrom(offset);
  }

  /** A start reads the ids of the window in the records. */
  keepFrom(): number {
    const { partition, dedup } = this.#options;
    return dedup?.keepFrom(partition) ?? Number.POSITIVE_INFINITY;
  }

  state(): PartitionDuplicatesState {
    const { sends, countOf } = this.#options;
    const duplicateCount = countOf();
    const state = { sends: sends.state() };
    return duplicateCount === undefined ? state : { ...state, duplicateCount };
  }
}

function counted(
  earlier: Promise<StoredReceipt> | undefined,
  onDuplicate: () => void,
): Promise<StoredReceipt> | undefined {
  return earlier?.then((receipt) => {
    onDuplicate();
    return receipt;
  });
}
