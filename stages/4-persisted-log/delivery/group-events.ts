/**
 * What happens to a group, one event each: what the group journal keeps, and what is replayed after a restart.
 *
 * Always true: an event says what became of which offsets, not what somebody asked for, so replaying it needs no clock, no
 * randomness and no record. event-bytes.ts has the bytes. Times are epoch ms, whole numbers.
 */
import type { GroupOptions } from '../../../shared/contract/description.ts';

/** Offsets of one partition, for one group. `group` is its number in the topic, given once and never again. */
interface OfRun {
  readonly group: number;
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
}

interface OfPlace {
  readonly group: number;
  readonly partition: number;
  readonly offset: number;
}

/** Why what was handed out came back. `seek` and `redrive` begin anew, so they are none of these. */
export type GiveBackReason = 'lease-expired' | 'retry' | 'return' | 'member-left';

/** Why a message is a dead letter, or about to become one. */
export type DeathReason = 'rejected' | 'deliveries' | 'expired';

/** How a record is finished for a group without an ack. */
export type FinishedHow = 'expired' | 'dead' | 'not-for-group' | 'gone' | 'filtered' | 'committed';

/** A group begins. `starts` has the first offset of each partition. */
export type CreatedEvent = {
  readonly kind: 'created';
  readonly group: number;
  readonly name: string;
  readonly options: Required<GroupOptions>;
  readonly starts: readonly number[];
};

/** A run of fresh or given-back offsets goes to a member under one lease: its token is `<prefix>-<place>-<serial>`. */
export type LeasedEvent = OfRun & {
  readonly kind: 'leased';
  /** Where the lease is kept, from 1; taken by one lease at a time. */
  readonly place: number;
  /** Makes the token unique. */
  readonly serial: number;
  readonly memberId: string;
  readonly at: number;
  readonly deadlineAt: number;
  /** True: it was a dead letter before, which nobody had got from here yet. */
  readonly isRedrive: boolean;
  /** Of the only record of the run; in a key-ordered group. */
  readonly key?: string | undefined;
};

/** All that happens to one group. */
export type GroupEvent =
  | CreatedEvent
  | { readonly kind: 'deleted'; readonly group: number }
  /** It became what it was first used as. */
  | { readonly kind: 'used'; readonly group: number; readonly as: 'queue' | 'log' }
  /** Tokens begin with it from now on. */
  | { readonly kind: 'prefix'; readonly group: number; readonly prefix: string }
  | LeasedEvent
  /** Accepted, and finished. `place` is that of the lease, here and below; 0 where there is none. */
  | (OfRun & { readonly kind: 'acked'; readonly place: number; readonly isCumulative: boolean })
  /** An ack that is remembered was said again, as a cumulative one. */
  | (OfPlace & { readonly kind: 'ack-repeated'; readonly memberId: string; readonly token: string })
  /** `availableAt` 0 is: at once. `error` is what the member said. */
  | (OfRun & {
      readonly kind: 'given-back';
      readonly place: number;
      readonly reason: GiveBackReason;
      readonly availableAt: number;
      readonly error?: string | undefined;
    })
  /** To be kept as a dead letter; nobody gets it any more. */
  | (OfRun & {
      readonly kind: 'dying';
      readonly place: number;
      readonly why: DeathReason;
      readonly at: number;
      readonly error?: string | undefined;
    })
  /** Without an ack: expired, dead, for another group, not there any more, or not what the group's filter asks for. */
  | (OfRun & { readonly kind: 'finished'; readonly how: FinishedHow })
  /** The lease on one offset, and on that one only, ends at `deadlineAt`. */
  | (OfPlace & { readonly kind: 'extended'; readonly place: number; readonly deadlineAt: number })
  | (OfPlace & { readonly kind: 'committed' })
  | (OfPlace & { readonly kind: 'sought'; readonly logStartOffset: number })
  /** Records were deleted that the group had perhaps not finished. */
  | {
      readonly kind: 'fell-behind';
      readonly group: number;
      readonly partition: number;
      readonly logStartOffset: number;
      readonly logEndOffset: number;
    }
  /** The log has lost its end, which was not synced: what was from here on was never there. */
  | { readonly kind: 'cut-back'; readonly group: number; readonly partition: number; readonly logEndOffset: number }
  | { readonly kind: 'paused'; readonly group: number; readonly isPaused: boolean };

/** What happens to a topic and is kept in the same journal. */
export type TopicEvent =
  | { readonly kind: 'topic-paused'; readonly isPaused: boolean }
  /** The first record of a partition that is still held. */
  | { readonly kind: 'log-start'; readonly partition: number; readonly offset: number }
  /** Records of the log of delayed messages that were stored where they belong. */
  | { readonly kind: 'delayed-moved'; readonly fromOffset: number; readonly count: number }
  /** The dead letter of a record was stored. */
  | (OfPlace & { readonly kind: 'dead-kept'; readonly deadOffset: number })
  /** In the journal of a dead-letter topic: they went back to their group, or were dropped. */
  | { readonly kind: 'dead-gone'; readonly fromOffset: number; readonly count: number }
  /** What a transaction did to groups of the topic: the events before it. */
  | { readonly kind: 'transaction-applied'; readonly producerId: number; readonly epoch: number }
  /** So many records below `offset` were let go before every group had finished them. */
  | { readonly kind: 'dropped'; readonly partition: number; readonly offset: number; readonly count: number };

/** All that a journal keeps. */
export type JournalEvent = GroupEvent | TopicEvent;
