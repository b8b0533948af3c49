/** What `explain` answers: where one message is, and how it came there. Plain JSON. */

/** One thing that happened to a message. */
export interface MessageEvent {
  /** Epoch ms. */
  readonly at: number;
  readonly what:
    | 'accepted'
    /** Capability `half-message`: it is kept until its producer decides. */
    | 'half'
    /** The transaction it was sent in, or its producer, decided. */
    | 'committed'
    | 'aborted'
    | 'delayed'
    | 'due'
    | 'delivered'
    | 'extended'
    | 'given-back'
    | 'acked'
    | 'expired'
    /** Capability `filters`: it is not what the group asks for. */
    | 'filtered'
    | 'dead'
    | 'redriven'
    | 'dropped';
  readonly group?: string;
  readonly memberId?: string;
  readonly deliveryCount?: number;
  /** Why: of what was given back or died, the reason for it; of a delay, until when. */
  readonly reason?: string;
}

/** Where a message is and how it came there, for `explain`. */
export interface Explanation {
  readonly topic: string;
  readonly id: string;
  readonly partition: number;
  /** null while the message is delayed, or half. */
  readonly offset: number | null;
  readonly timestamp: number;
  /** Epoch ms; only of a message that is delayed. */
  readonly deliverAt?: number;
  readonly expiresAt?: number;
  /** Where it stands for each group. */
  readonly groups: readonly {
    readonly group: string;
    readonly state: 'available' | 'in-flight' | 'delayed' | 'finished' | 'expired' | 'dead';
    readonly deliveryCount: number;
    readonly memberId?: string;
    /** When it comes again; only while it is delayed. */
    readonly availableAt?: number;
  }[];
  /** Oldest first. */
  readonly events: readonly MessageEvent[];
  /** False when events may be missing: the broker remembers so many and no more, and forgets them at a restart. */
  readonly isComplete: boolean;
}
