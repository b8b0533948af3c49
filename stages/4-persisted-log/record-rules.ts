/**
 * What a broker knows of the records of a topic beyond where they lie: which of them were there before, which do not count
 * yet, and which never will. Stage 4 knows nothing of the kind: every record counts, for everybody, as soon as it is safe.
 *
 *     a batch --> earlier? --> check --> [ takes its offset ] --> noteAppended ... failed: dropFrom
 *                    |           |
 *          receipt of the first  refused                  logStartOffset   lastStableOffset  highWatermark
 *                                                              | counts, or hidden | undecided yet |
 *
 * Always true: `earlier`, `check` and `noteAppended` are called one after the other, with nothing in between, so what one of
 * them saw is so for the next; nothing here waits. Only partitions and delayed messages ask; whoever opens a broker says who
 * answers.
 */
import type { TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type { LogView, PartitionView } from '../../shared/contract/inside.ts';
import type { Durability } from '../../shared/contract/message.ts';
import type { OffsetSpan } from './delivery/offset-spans.ts';
import type { AppendReceipt, PartitionLog } from './log/log.ts';

/** What is answered for a batch: where it is, or where it was already. */
export interface StoredReceipt {
  readonly partition: number;
  /** null for messages that are not due yet. */
  readonly baseOffset: number | null;
  readonly count: number;
  readonly durability: Durability;
  /** Of the first message, epoch ms; only when it is not due yet. */
  readonly deliverAt?: number | undefined;
  /** Nothing was stored: it is the receipt of what was. */
  readonly isDuplicate?: true;
}

/** A batch that is about to be stored; its placement is empty. */
export interface IncomingRecords {
  readonly batch: Uint8Array;
  /** The offset it would get. */
  readonly baseOffset: number;
  /** Epoch ms: now. */
  readonly at: number;
}

/** What is asked before something is stored. */
export interface AdmissionRules {
  /** The receipt of the same batch, when it is there or on its way; may throw what `check` throws. Changes nothing. */
  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined;
  /** Throws when it may not be stored now, which is `at`. Asked when `earlier` knows of none. */
  check(batch: Uint8Array, at: number): void;
  /** It has its offset; `receipt` settles when it is stored, or failed. */
  noteAppended(records: IncomingRecords, receipt: Promise<AppendReceipt>): void;
}

/** Messages that are not due yet. */
export interface DelayedRules extends AdmissionRules {
  /** What lies below it in the delayed log may go once it was moved; `Infinity`: all of that may. */
  keepFrom(): number;
}

/** The records of one partition. */
export interface RecordRules extends AdmissionRules {
  /**
   * After a start: from which offset on batches are to be noted. What is known and the log has lost is forgotten; all of it,
   * when that cannot be told apart.
   */
  resumeAt(log: { readonly logStartOffset: number; readonly logEndOffset: number }): number;
  /** After a start: a stored batch, in the order of the offsets; also one that is known. */
  noteStored(batch: Uint8Array): void;
  /** The log has nothing from `offset` on, also if it had. */
  dropFrom(offset: number): void;
  forgetBelow(offset: number): void;
  /** What lies below may go from the disk; a start reads the rest once more. `Infinity`: all of it may. */
  keepFrom(): number;
  /** The same until the next snapshot, which has then what a start needs to know of it. */
  unkeptFrom(): number;
  /** A snapshot with this, which `state` answered, is on the disk. */
  noteKept(state: unknown): void;
  /** True where records may be undecided: answers then say up to where they are not. */
  readonly isTransactional: boolean;
  /** Readers get what is below, as far as it is not hidden. */
  lastStableOffset(highWatermark: number): number;
  /** True for a record that no reader gets, of those below `lastStableOffset`. Markers hide themselves. */
  isHidden(offset: number): boolean;
  /** False when none of them is. */
  hasHiddenIn(span: OffsetSpan): boolean;
  /** How many of them are, markers included. */
  hiddenCountIn(span: OffsetSpan): number;
  /** For the snapshot of the topic, as plain JSON; undefined when there is nothing to keep. */
  state(): unknown;
  /** For the screen, at most `max` of what may be many. */
  view(max: number): Pick<PartitionView, 'markers'>;
}

/** The records of one topic. */
export interface TopicRules {
  /** By partition. */
  readonly partitions: readonly RecordRules[];
  readonly delayed: DelayedRules;
  /** What a transaction did to the groups of the topic is done. */
  noteApplied(transaction: { readonly producerId: number; readonly epoch: number }): void;
  /** For the snapshot of the topic, besides those of the partitions. */
  state(): unknown;
  /** For `describeTopics`. */
  describe(): Pick<TopicDescription, 'openTransactionCount' | 'halfCount' | 'duplicateCount'>;
  /** For the screen, at most `max` of what may be many. */
  view(max: number): Promise<Pick<LogView, 'transactions' | 'halves'>>;
  /** After a start, when all of the above have noted what they had to: reads what nobody noted. */
  readBack(logs: {
    readonly partitions: readonly PartitionLog[];
    readonly delayed: PartitionLog | undefined;
  }): Promise<void>;
}

/** The topic that rules are for, and what its last snapshot has of it and of each partition. */
export interface RuledTopic {
  readonly topicId: string;
  readonly name: string;
  readonly options: TopicOptions;
  readonly partitionCount: number;
  readonly state: unknown;
  readonly states: readonly unknown[];
}

export type NewTopicRules = (topic: RuledTopic) => TopicRules;

const ANYTHING_GOES: RecordRules = Object.freeze({
  earlier: () => undefined,
  check: () => undefined,
  noteAppended: () => undefined,
  resumeAt: ({ logEndOffset }: { readonly logEndOffset: number }) => logEndOffset,
  noteStored: () => undefined,
  isTransactional: false,
  dropFrom: () => undefined,
  forgetBelow: () => undefined,
  keepFrom: () => Number.POSITIVE_INFINITY,
  unkeptFrom: () => Number.POSITIVE_INFINITY,
  noteKept: () => undefined,
  lastStableOffset: (highWatermark: number) => highWatermark,
  isHidden: () => false,
  hasHiddenIn: () => false,
  hiddenCountIn: () => 0,
  state: () => undefined,
  view: () => ({}),
});

/** Every record counts, for everybody. */
export const noRules: NewTopicRules = ({ partitionCount }) => ({
  partitions: Array.from({ length: partitionCount }, () => ANYTHING_GOES),
  delayed: ANYTHING_GOES,
  noteApplied: () => undefined,
  state: () => undefined,
  describe: () => ({}),
  view: async () => ({}),
  readBack: async () => undefined,
});
