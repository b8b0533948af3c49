/**
 * The words for one message on its way through a broker:
 *
 *     Message (sent) --> StoredRecord (kept, has an offset) --> Delivery (handed out, has a lease)
 *
 * Ownership of bytes: a body belongs to the broker after `send`, and what a broker hands out is read-only by agreement
 * (an in-process broker hands out the very bytes it keeps, so changing them changes what the next reader sees).
 */

/** Header name -> value, in a plain object (a Map is refused). Handed out without a prototype, so `headers.__proto__` is an ordinary name. */
export type Headers = Readonly<Record<string, string>>;

/** What a producer sends. */
export interface Message {
  /** The content; a string is stored as UTF-8. At most `limits.bodyBytesMax` bytes; empty is legal. */
  readonly body: Uint8Array | string;
  /** Messages with equal keys go to the same partition, in order: `crc32c(utf8(key)) % partitionCount`. */
  readonly key?: string;
  readonly headers?: Headers;
  /** The caller's own id; without one the broker (or a client, before its first attempt) makes one. */
  readonly id?: string;
  /** Capability `delay`: not before so many ms from acceptance. Excludes `deliverAt`. */
  readonly delayMs?: number;
  /** Capability `delay`: not before this time, in epoch ms. Excludes `delayMs`. */
  readonly deliverAt?: number;
  /** Capability `ttl`: not delivered later than so many ms after acceptance. */
  readonly ttlMs?: number;
  /** Capability `priority`: 0 (default) to 9, higher first. */
  readonly priority?: number;
}

/** How safe an accepted message is: only in memory, handed to the operating system, or on the disk. */
export type Durability = 'memory' | 'written' | 'synced';

/** The broker's word that it has taken responsibility for one message. */
export interface Receipt {
  readonly topic: string;
  readonly partition: number;
  /** null for a delayed message (it gets its offset when due) and on engines that have no offsets. */
  readonly offset: number | null;
  readonly id: string;
  readonly durability: Durability;
  /** Epoch ms; only on the receipt of a delayed message. */
  readonly deliverAt?: number;
  /** Capabilities `idempotence` and `dedup`: true when nothing was stored, since it was there already. */
  readonly isDuplicate?: true;
}

/** The broker's word for a whole batch: its messages have the offsets `baseOffset` to `baseOffset + count - 1`. */
export interface BatchReceipt {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number | null;
  readonly count: number;
  /** Ids in the order of the messages. */
  readonly ids: readonly string[];
  readonly durability: Durability;
  /** Capabilities `idempotence` and `dedup`: true when nothing was stored, since it was there already. */
  readonly isDuplicate?: true;
}

/** A message as a broker keeps it and as `fetch` returns it. */
export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  /** Logical number in its partition: 0, 1, 2, ... for ever; null only on engines that have none. */
  readonly offset: number | null;
  readonly id: string;
  readonly key?: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** The broker's clock at acceptance, epoch ms; never decreases within a partition. */
  readonly timestamp: number;
  /** Capability `priority`; left out when 0. */
  readonly priority?: number;
  /** Capability `ttl`: when it expires, epoch ms; left out when never. */
  readonly expiresAt?: number;
}

/** Why a delivery is not the first one of its message. */
export type RedeliveryReason = 'lease-expired' | 'retry' | 'return' | 'member-left' | 'seek' | 'redrive';

/** One handing-out of a message to one member. */
export interface Delivery extends StoredRecord {
  readonly group: string;
  readonly memberId: string;
  /** From 1; counts failures, so a return or a member's leave does not raise it. */
  readonly deliveryCount: number;
  /** The right to ack this delivery; null on a broker without `lease`, where receiving finishes the message. */
  readonly leaseToken: string | null;
  /** Epoch ms at which the lease ends; null without a lease. */
  readonly leaseExpiresAt: number | null;
  /** Present when this is not the first delivery. */
  readonly redeliveryReason?: RedeliveryReason;
}

/** The part of a delivery that `ack`, `nack` and `extendLease` need; a whole `Delivery` is one. */
export type DeliveryRef = Pick<Delivery, 'topic' | 'partition' | 'offset' | 'group' | 'memberId' | 'leaseToken'>;

/**
 * Headers of a dead letter, besides those its message had. Its body, key and id are those of the message; it is kept in
 * the topic `deadLetterTopicOf(topic, group)`.
 */
export const DEAD_LETTER_HEADERS = Object.freeze({
  topic: '$dead-topic',
  group: '$dead-group',
  partition: '$dead-partition',
  offset: '$dead-offset',
  /** `rejected`, `deliveries` (as many failed as `deliveriesMax` allows) or `expired`. */
  reason: '$dead-reason',
  deliveryCount: '$dead-delivery-count',
  /** When it was first handed out, and when it died; epoch ms. */
  firstAt: '$dead-first-at',
  lastAt: '$dead-last-at',
  /** The last `reason` a `nack` gave. */
  error: '$dead-error',
});

/** The topic that keeps the dead letters of one group of one topic: it can be fetched and browsed, not sent to. */
export function deadLetterTopicOf(topic: string, group: string): string {
  const encode = (name: string): string => name.replaceAll('%', '%25').replaceAll('/', '%2F');
  return `$dead/${encode(topic)}/${encode(group)}`;
}

/** What `browse` lists: a record the group has not finished, and where it stands. */
export interface BrowsedRecord extends StoredRecord {
  readonly state: 'available' | 'in-flight' | 'delayed';
  /** How often it was handed out so far; 0 when never. */
  readonly deliveryCount: number;
}
