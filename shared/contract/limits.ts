/**
 * Every limit of the contract, by name. Nothing in StageMQ is unbounded: what is not limited by an option is limited
 * here. A broker answers its own numbers as `broker.limits` (over HTTP in `GET /broker`), and the conformance suite
 * tests the limit and the limit plus one from that answer alone, so an engine with other numbers stays testable.
 */

/** The limits one broker enforces. Units are in the names; every number is inclusive (`limit` is accepted). */
export interface Limits {
  /** Topic, group and member names, in UTF-8 bytes after NFC. */
  readonly nameBytesMax: number;
  /** One message body, in bytes. */
  readonly bodyBytesMax: number;
  /** One message key, in UTF-8 bytes. */
  readonly keyBytesMax: number;
  /** One caller-chosen message id, in UTF-8 bytes. */
  readonly idBytesMax: number;
  /** Headers of one message. */
  readonly headersCountMax: number;
  /** Names and values of all headers of one message together, in UTF-8 bytes. */
  readonly headersBytesMax: number;
  /** Messages in one `sendBatch`. */
  readonly batchCountMax: number;
  /** Bodies, keys, ids and headers of one `sendBatch` together, in bytes. */
  readonly batchBytesMax: number;
  /** `max` of one `receive`, `fetch` or `browse`; also the deliveries in one `ack`. */
  readonly receiveCountMax: number;
  /** `bytesMax` of one `receive` or `fetch`. */
  readonly receiveBytesMax: number;
  /** `waitMs` of one `receive` or `fetch`. */
  readonly waitMsMax: number;
  /** `leaseMs` of one `receive` or `extendLease`. */
  readonly leaseMsMax: number;
  /** Deliveries one group of one topic may hold in flight. */
  readonly inFlightCountMax: number;
  /** Waiting sends, and likewise waiting receives and fetches, of one topic. */
  readonly waitersCountMax: number;
  /** All waiting sends of one topic together, in bytes with `OVERHEAD`; the first of the line may always wait. */
  readonly waitingBytesMax: number;
  /** Topics of one broker. */
  readonly topicsCountMax: number;
  /** Groups of one topic. */
  readonly groupsCountMax: number;
  /** Members of one group. */
  readonly membersCountMax: number;
  /** `timeoutMs` of `begin`, and `checkAfterMs` of `sendHalf`. */
  readonly transactionMsMax: number;
  /** Open transactions of one broker. */
  readonly transactionsCountMax: number;
  /** Batches, acks and positions of one transaction together. */
  readonly transactionOperationsMax: number;
  /** Producers that one partition remembers; the one that was silent for longest goes first, never one that is in a transaction. */
  readonly producersCountMax: number;
  /** Ids that one topic remembers for `dedupWindowMs`; with more, the window is shorter. */
  readonly dedupIdsMax: number;
  /** Half messages of one broker that are not decided yet. */
  readonly halfMessagesCountMax: number;
  /** A selector, in UTF-8 bytes. */
  readonly selectorBytesMax: number;
}

/** What StageMQ's own brokers enforce. */
export const LIMITS: Limits = Object.freeze({
  nameBytesMax: 249,
  bodyBytesMax: 1024 * 1024,
  keyBytesMax: 1024,
  idBytesMax: 249,
  headersCountMax: 100,
  headersBytesMax: 16 * 1024,
  batchCountMax: 10_000,
  batchBytesMax: 8 * 1024 * 1024,
  receiveCountMax: 1024,
  receiveBytesMax: 8 * 1024 * 1024,
  waitMsMax: 60_000,
  leaseMsMax: 12 * 60 * 60 * 1000,
  inFlightCountMax: 65_536,
  waitersCountMax: 65_536,
  waitingBytesMax: 64 * 1024 * 1024,
  topicsCountMax: 10_000,
  groupsCountMax: 1000,
  membersCountMax: 10_000,
  transactionMsMax: 15 * 60 * 1000,
  transactionsCountMax: 10_000,
  transactionOperationsMax: 262_144,
  producersCountMax: 10_000,
  dedupIdsMax: 1_000_000,
  halfMessagesCountMax: 65_536,
  selectorBytesMax: 4096,
});

/**
 * What a held message takes besides its content, as measured on V8 with small ones: so what a broker bounds (`bytesMax`
 * of a topic, `waitingBytesMax`) is about the memory it really takes.
 */
export const OVERHEAD = Object.freeze({
  /** The record, its id, its slot and the head of its body. */
  recordBytes: 384,
  /** The object of the headers, if there are any, */
  headersBytes: 192,
  /** and each of them. */
  headerBytes: 64,
});

/** What an operation means when its caller says nothing. */
export const DEFAULTS = Object.freeze({
  group: 'default',
  max: 1,
  waitMs: 0,
  leaseMs: 30_000,
  /** `bytesMax` of a receive or fetch: at least one record is always returned. */
  bytesMax: 1024 * 1024,
  /** A member that neither held a lease nor had a call open for so long is forgotten. */
  memberTimeoutMs: 30_000,
  /** Deliveries that may fail before a message is dead (capability `dead-letter`). */
  deliveriesMax: 16,
  /** How long a transaction may stay open, and how long a half message is left alone. */
  transactionMs: 60_000,
  halfCheckAfterMs: 6000,
  /** How many of a group's accepted lease tokens are remembered, so that repeating an ack succeeds. */
  tokensRememberedCount: 1024,
});
