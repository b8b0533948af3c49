/** What is known of a half message, apart from the message. Types only. */

/** How often, and how many times, somebody is asked. */
export interface CheckSchedule {
  readonly intervalMs: number;
  readonly checksMax: number;
}

/** What is known of a half message. Times are epoch ms. */
export interface HalfFacts {
  readonly halfId: string;
  readonly topic: string;
  readonly topicId: string;
  readonly producerGroup: string;
  /** Where it goes when it is committed. */
  readonly partition: number;
  readonly acceptedAt: number;
  /** What it takes there at most. */
  readonly heldBytes: number;
  /** So often it was asked about. */
  readonly checkCount: number;
  readonly nextCheckAt: number;
}

/** What a topic has reserved. */
export interface TopicShare {
  readonly topic: string;
  readonly topicId: string;
  count: number;
  heldBytes: number;
}

/** Where a half is in the log, and what it takes there. */
export interface LogPlace {
  readonly offset: number;
  readonly logBytes: number;
}

/** A half that is not decided. What has the same text in many of them is kept once. */
export interface OpenHalf {
  readonly halfId: string;
  readonly share: TopicShare;
  readonly group: { readonly name: string };
  readonly partition: number;
  readonly acceptedAt: number;
  readonly heldBytes: number;
  /** In the log, and what it takes there. */
  readonly offset: number;
  readonly logBytes: number;
  /** So often it was asked about. */
  readonly checkCount: number;
  readonly nextCheckAt: number;
  /** Settles when whoever has taken it out is done with it. */
  readonly busy: Promise<unknown> | undefined;
}
