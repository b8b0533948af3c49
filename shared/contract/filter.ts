/**
 * Capability `filters`: who gets which messages of a topic, and how one is found again.
 *
 *     filter of a group                   what does not match is finished for the group, as if it had been acked
 *     filter of a receive or subscribe    what does not match stays available to the other members
 *
 * A tag is the header `tag` of a message. A selector is a condition of SQL-92 over its headers and the fields that JMS
 * names (`JMSPriority`, `JMSMessageID`, `JMSTimestamp`, `JMSCorrelationID`, `JMSType`, `JMSDeliveryMode`,
 * `JMSXDeliveryCount`, `JMSXGroupID`); docs/selectors.md has the grammar. Headers are strings, unless `TYPES_HEADER` says
 * otherwise.
 */
import type { StoredRecord } from './message.ts';

/** Both have to match where both are given. */
export interface Filter {
  /** Any of these. */
  readonly tags?: readonly string[];
  /** At most `limits.selectorBytesMax` bytes; `MQ_INVALID_SELECTOR` says where it is wrong. */
  readonly selector?: string;
}

/** The header that `tags` of a filter looks at. */
export const TAG_HEADER = 'tag';
/**
 * The header in which a door keeps the types of properties that were no strings on its wire, form-urlencoded:
 * `price=double&count=int`. Types: boolean, byte, short, int, long, float, double; the headers hold them as text.
 */
export const TYPES_HEADER = '$types';
/** The header of a request that names the topic to answer to. */
export const REPLY_TO_HEADER = 'reply-to';
/** The header by which an answer finds its request: both have the same text in it. */
export const CORRELATION_ID_HEADER = 'correlation-id';

/**
 * How `subscribe` reads its topic as a pattern over names; it covers topics made later too.
 *
 *     dotted     orders.*.paid   one word       orders.>   everything below
 *     slashed    orders/+/paid   one word       orders/#   orders and everything below
 */
export type PatternForm = 'dotted' | 'slashed';

/** Of `lookup`. */
export interface LookupOptions {
  readonly key: string;
  /** Default: the partition of the key. */
  readonly partition?: number;
  /** Default: the first offset held. */
  readonly offset?: number;
  /** Records wanted at most, 1 to `limits.receiveCountMax`. Default 1. */
  readonly max?: number;
}

/** Records with the key, ascending; what was sent in a transaction only when it is committed. */
export interface LookupResult {
  readonly records: readonly StoredRecord[];
  readonly partition: number;
  /** Where to go on; a call looks at a bounded number of bytes, so it may have found none yet. null: that was all. */
  readonly nextOffset: number | null;
}
