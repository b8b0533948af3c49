/**
 * Capability `half-message`: a message that is safe with the broker and that nobody sees, until its producer says how the
 * work went that it is about. A producer that stays silent is asked.
 *
 *     sendHalf --> half --endHalf commit--> an ordinary message of its topic, once
 *                   |  \--endHalf abort---> gone, never delivered
 *                   |
 *                   +-- silent for checkAfterMs: receiveHalfChecks hands the question to any live member of the producer
 *                       group, again every interval; asked `checksMax` times in vain: kept in `unresolvedTopicOf(topic)`,
 *                       never delivered
 *
 * Its `ttlMs` counts from the commit; it cannot be delayed (`MQ_INVALID_ARGUMENT`). `limits.halfMessagesCountMax` of them may
 * be open, and each has its room in its topic from the start, so that no commit fails for room.
 * The first answer that says commit or abort holds. Repeating it succeeds; the other one is `MQ_TRANSACTION_ENDED`.
 */
import type { Durability, StoredRecord } from './message.ts';

/** Of `sendHalf`. */
export interface HalfMessageOptions {
  /** Whose members can answer for it. */
  readonly producerGroup: string;
  /** Where it is stored when committed; like that of `send`. */
  readonly partition?: number;
  /** How long its producer may be silent before it is asked, 1 to `limits.transactionMsMax`. Default 6 s. */
  readonly checkAfterMs?: number;
  readonly signal?: AbortSignal;
  /** How long to wait for room before `MQ_QUEUE_FULL`. */
  readonly timeoutMs?: number;
}

/** The broker's word that it keeps a half message. */
export interface HalfReceipt {
  readonly topic: string;
  /** Names it in `endHalf`. */
  readonly halfId: string;
  /** Of the message. */
  readonly id: string;
  readonly durability: Durability;
}

/** `unknown`: not decided yet, ask again later. It never contradicts another answer. */
export type HalfOutcome = 'commit' | 'abort' | 'unknown';

/** Of `endHalf`. */
export interface EndHalfOptions {
  readonly halfId: string;
  readonly outcome: HalfOutcome;
}

/** Of `receiveHalfChecks`. */
export interface HalfCheckOptions {
  /** Questions wanted at most, 1 to `limits.receiveCountMax`. Default 1. */
  readonly max?: number;
  /** How long to wait for the first, 0 to `limits.waitMsMax`. Default 0: answer at once. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** The question: what became of this? Answer it with `endHalf`. */
export interface HalfCheck extends Pick<StoredRecord, 'topic' | 'id' | 'key' | 'headers' | 'body' | 'timestamp'> {
  readonly halfId: string;
  readonly producerGroup: string;
  /** From 1. */
  readonly checkCount: number;
  readonly checksMax: number;
}

/** Headers of a message in `unresolvedTopicOf(topic)`, besides those it had; its body, key and id are its own. */
export const UNRESOLVED_HEADERS = Object.freeze({
  topic: '$half-topic',
  /** Where it would have been stored. */
  partition: '$half-partition',
  halfId: '$half-id',
  producerGroup: '$half-producer-group',
  /** So often somebody was asked. */
  checkCount: '$half-check-count',
  /** When it was accepted, epoch ms. */
  acceptedAt: '$half-accepted-at',
});

/** The topic that keeps half messages nobody could answer for: it can be fetched and browsed, not sent to. */
export function unresolvedTopicOf(topic: string): string {
  return `$unresolved/${topic.replaceAll('%', '%25').replaceAll('/', '%2F')}`;
}
