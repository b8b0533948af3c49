/**
 * What a group desk needs from outside, and what its callers hand it: the records of each partition, the journal, the
 * place for dead letters. Types only.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Counts, GroupOptions } from '../../../shared/contract/description.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import type { RedeliveryReason } from '../../../shared/contract/message.ts';
import type { Random } from '../../../shared/random.ts';
import type { CheckedReceiveOptions } from '../../1-blocking-queue/checked-options.ts';
import type { LogRecord } from '../bytes/record.ts';
import type { StoredBatch } from '../bytes/stored-batch.ts';
import type { PriorityIndex } from '../policies/priority-index.ts';
import type { DeathReason, GroupEvent } from './group-events.ts';
import type { OffsetSpan } from './offset-spans.ts';
import type { MatcherOf, RecordMatcher } from './record-matcher.ts';

/** As much of a stored batch as handing out needs. */
export type ReadableBatch = Pick<
  StoredBatch,
  'baseOffset' | 'nextOffset' | 'timestamp' | 'bytes' | 'isPlain' | 'isMarker' | 'recordAt' | 'contentBytesAt'
>;

/** One partition, as its readers see it. */
export interface PartitionReader {
  readonly partition: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** Records below it may be handed out; at most `highWatermark`. */
  readonly lastStableOffset: number;
  /** Of the records that are not of priority 0. */
  readonly priorities: PriorityIndex;
  /** The batch with the record, when it is in memory. */
  cachedAt(offset: number): ReadableBatch | undefined;
  /**
   * Brings the batch with the record into memory, and resolves to `offset`, when `cachedAt` has it; to a later offset, and
   * then nothing in between is held (it was repaired away); rejects when it cannot be read.
   */
  load(offset: number): Promise<number>;
  /** True for a record that is there no more though its log still has it. */
  isGone(offset: number): boolean;
  /** False when none of them is: batches are handed out whole then, without a look at their records. */
  hasGoneIn(span: OffsetSpan): boolean;
  /** How many of them no reader gets. */
  hiddenCountIn(span: OffsetSpan): number;
}

/** Where every change of a group goes, in the order in which they are made. */
export interface GroupEvents {
  record(event: GroupEvent): void;
}

/** A message that is to become a dead letter. */
export interface DyingRecord {
  readonly partition: number;
  readonly record: LogRecord;
  readonly why: DeathReason;
  readonly deliveryCount: number;
  /** When it was first handed out, epoch ms; undefined for one that never was. */
  readonly firstAt: number | undefined;
  /** When it died, epoch ms. */
  readonly lastAt: number;
  /** The last `reason` a `nack` gave. */
  readonly error: string | undefined;
}

/** What all groups of all topics share. */
export interface DeskSettings {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly random: Random;
  readonly memberTimeoutMs: number;
  /** Random, the first part of lease tokens. */
  readonly nextTokenPrefix: () => string;
  /** Default: whatever a group's filter says, every record matches. */
  readonly matcherOf?: MatcherOf;
}

/** Everything around one desk. */
export interface GroupDeskOptions extends DeskSettings {
  readonly topic: string;
  readonly name: string;
  /** Its number in the topic; never given twice. */
  readonly groupId: number;
  readonly options: Required<GroupOptions>;
  /** By partition number. */
  readonly partitions: readonly PartitionReader[];
  readonly events: GroupEvents;
  /** Expiry of records that say nothing themselves, ms after acceptance; undefined: never. */
  readonly ttlMs: number | undefined;
  /** True while the whole topic is paused. */
  readonly isTopicPaused: () => boolean;
  /** Throws `MQ_LIMIT_EXCEEDED` when no further call of the topic may wait. */
  readonly checkMayWait: () => void;
  /**
   * Resolves when the dead letter is stored safely; the desk finishes the record then. After a rejection it is asked again,
   * later. Undefined for a group that has no dead letters (it reads some itself): they are finished at once, and counted.
   */
  readonly bury: ((dying: DyingRecord) => Promise<void>) | undefined;
  /** The floor of a partition may have moved: records may have become free to go. */
  readonly onProgress: () => void;
  /** The last member of the group is gone. */
  readonly onEmpty: () => void;
}

/** What one receive wants. */
export type ReceiveWant = Pick<CheckedReceiveOptions, 'max' | 'bytesMax' | 'leaseMs'> & {
  readonly memberId: string;
  /** What does not match stays available to others; undefined: everything matches. */
  readonly matcher?: RecordMatcher | undefined;
  /** Counted when records are handed out; undefined: it has only its `max`. */
  readonly credit?: SharedCredit | undefined;
};

/** What tells how much a member has in flight. */
export interface MemberCounts {
  openCountOf(memberId: string): number;
}

/** How much somebody may still take on, from several groups together. */
export interface SharedCredit {
  /** Equal only for itself. */
  readonly key: string;
  /** Deliveries that the group with these leases may hand to it now. */
  freeFor(leases: MemberCounts): number;
}

/** How long a reader waits when there is nothing for it. */
export type WaitForRecords = Pick<CheckedReceiveOptions, 'waitMs' | 'signal'>;

/** What a caller shows to prove that it holds, or held, a lease. */
export interface LeaseClaim {
  readonly partition: number;
  readonly offset: number;
  readonly memberId: string;
  readonly token: string;
}

/** Neighbours handed out under one lease. */
export interface HandedRun {
  readonly partition: number;
  /** The stored batches they are in, ascending: the first may begin before the run, the last may end behind it. */
  readonly batches: readonly ReadableBatch[];
  readonly fromOffset: number;
  readonly count: number;
  readonly token: string;
  /** Epoch ms. */
  readonly leaseExpiresAt: number;
  readonly deliveryCount: number;
  readonly reason: RedeliveryReason | undefined;
}

/** How a delivery comes back. */
export interface GiveBack {
  readonly outcome: 'retry' | 'return' | 'reject';
  /** Wins over the delays of the group; undefined: those. */
  readonly delayMs: number | undefined;
  /** What went wrong, in the member's words. */
  readonly error: string | undefined;
}

/** Where one record stands for a group. */
export interface Standing {
  readonly state: 'available' | 'in-flight' | 'delayed' | 'dying' | 'finished';
  readonly deliveryCount: number;
  readonly memberId?: string;
  /** When it comes again, epoch ms; only while it is delayed. */
  readonly availableAt?: number;
}

/** The numbers of one group, but for the ends of the log, which its topic knows. */
export type GroupCounts = Omit<Counts, 'logStartOffset' | 'logEndOffset'>;
