/**
 * What a broker says about its topics and groups. The screen, the metrics and the conformance suite all read these
 * numbers, so they can never disagree. Everything here is plain JSON.
 */
import type { Filter } from './filter.ts';

/** What a send does when the topic is full. In a ring, `drop-oldest` overwrites the oldest slot. */
export type Overflow = 'wait' | 'reject' | 'drop-oldest';

/** Chosen at `createTopic`; what is left out takes the broker's default. */
export interface TopicOptions {
  /** Records the topic holds at most; in a ring the number of slots. */
  readonly messagesMax?: number;
  /** Capability `offsets`: bytes the topic holds at most: bodies, keys, ids, headers, and the `OVERHEAD` of each. */
  readonly bytesMax?: number;
  readonly overflow?: Overflow;
  /** Capability `partitions`; default 1. */
  readonly partitionCount?: number;
  /** Capability `ttl`: when a message that says nothing itself expires, ms after acceptance. Default: never. */
  readonly ttlMs?: number;
  /** Capability `durable`: records older than this are deleted, finished or not. Default: none is. */
  readonly retentionMs?: number;
  /** Capability `durable`: records that every group has finished go at once, not only when room is needed. */
  readonly deleteFinished?: boolean;
  /**
   * Capability `dedup`: a message with the id of one that was accepted less than so many ms ago is not stored again; its
   * receipt is that of the first, with `isDuplicate`. A batch of which some ids are known, or all but not as one batch, is
   * `MQ_DUPLICATE_ID`. Ids are compared as they are, byte by byte. Default: nothing is compared.
   */
  readonly dedupWindowMs?: number;
}

/** A place in a partition: an end, an offset, or (capability `time-index`) the first record at or after epoch ms. */
export type SeekTarget = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestamp: number };

/** How a reader that fell behind the first held record goes on. */
export type OutOfRangeReset = 'earliest' | 'latest' | 'error';

/** How members share a queue group; all but `shared` need the capability `group-modes`. */
export type GroupMode = 'shared' | 'exclusive' | 'failover' | 'key-ordered';

/**
 * How long a message that failed waits before it comes again (capability `delay`). After failure n (from 1):
 *
 *     [1000, 5000]                          element n, then the last one for ever; [] is: at once
 *     { firstMs, factor, delayMsMax }       firstMs x factor^(n - 1), at most delayMsMax; `jitter` 0 to 1 takes up to that
 *                                           share away at random
 *     'classic'                             the sixteen steps of RocketMQ, from 10 s to 2 h
 */
export type RetryDelays =
  | readonly number[]
  | 'classic'
  | {
      readonly firstMs: number;
      /** Default 2. */
      readonly factor?: number;
      readonly delayMsMax: number;
      /** Default 0. */
      readonly jitter?: number;
    };

/** Chosen at `createGroup`. */
export interface GroupOptions {
  /** Where a new group begins. Default `earliest`, for an ephemeral group `latest`. */
  readonly start?: SeekTarget;
  /** True: the group dies with its last member. Default false. */
  readonly isEphemeral?: boolean;
  /** Default `earliest`. */
  readonly onOutOfRange?: OutOfRangeReset;
  /** Default `shared`. */
  readonly mode?: GroupMode;
  /** Capability `dead-letter`: a message that failed so often becomes a dead letter. Default 16; 0: never. */
  readonly deliveriesMax?: number;
  /** Capability `delay`. Default `[]`: what failed comes again at once. */
  readonly retryDelays?: RetryDelays;
  /** Capability `dead-letter`: what expires becomes a dead letter too, instead of being dropped. Default false. */
  readonly deadLetterExpired?: boolean;
  /** Capability `filters`: what does not match is finished for this group. Default: everything matches. */
  readonly filter?: Filter;
}

/**
 * The numbers a topic and a group share. For a group they count what that group sees. For a topic the message counts
 * are the sums over its groups, or, while it has no group, every held record is available; `lag` is that of the
 * slowest group; offsets are summed over partitions.
 */
export interface Counts {
  readonly availableCount: number;
  readonly inFlightCount: number;
  readonly delayedCount: number;
  /** Deliveries ever made that were not the first of their message. */
  readonly redeliveredCount: number;
  readonly expiredCount: number;
  readonly deadCount: number;
  /** Records overwritten or reclaimed before the group (topic: before any group, or dropped from a queue) finished them. */
  readonly droppedCount: number;
  /** Calls waiting now. Topic: waiting sends, receives and fetches. Group: waiting receives. */
  readonly waiterCount: number;
  /** `logEndOffset` minus the group's committed offset; gaps that are finished already count too. */
  readonly lag: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
}

/** One member of a queue group, and how many deliveries it holds. */
export interface MemberDescription {
  readonly memberId: string;
  readonly inFlightCount: number;
}

/** One group of a topic as `describeTopics` lists it: its numbers, its options, where it stands and who is in it. */
export interface GroupDescription extends Counts {
  readonly group: string;
  /** Becomes `queue` by the first receive, `log` by the first commit, and then stays. */
  readonly kind: 'undecided' | 'queue' | 'log';
  readonly isEphemeral: boolean;
  readonly onOutOfRange: OutOfRangeReset;
  readonly mode: GroupMode;
  /** Next offset to read; for a queue group its ack floor: everything below is finished. Of partition 0. */
  readonly committedOffset: number;
  readonly members: readonly MemberDescription[];
  /** Capability `dead-letter`. */
  readonly deliveriesMax?: number;
  /** Capability `group-modes`: true while nothing is handed out. */
  readonly isPaused?: boolean;
  /** Capability `filters`: present when it has one. */
  readonly filter?: Filter;
}

/** One topic as `describeTopics` lists it: its numbers, its options and its groups. */
export interface TopicDescription extends Counts {
  readonly topic: string;
  readonly partitionCount: number;
  /** The options in force, defaults filled in. */
  readonly options: TopicOptions;
  /** Bytes held now, as `bytesMax` counts them; 0 where the broker does not bound bytes. */
  readonly bytes: number;
  /** Capability `group-modes`: true while none of its groups is handed anything. */
  readonly isPaused?: boolean;
  /** Capability `transactions`: open ones that have written to the topic. */
  readonly openTransactionCount?: number;
  /** Capability `transactions`: summed over partitions, like the other ends. */
  readonly lastStableOffset?: number;
  /** Capability `half-message`: not decided yet. */
  readonly halfCount?: number;
  /** Capabilities `idempotence` and `dedup`: sends that were answered with the receipt of an earlier one, ever. */
  readonly duplicateCount?: number;
  readonly groups: readonly GroupDescription[];
}
