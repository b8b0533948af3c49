/**
 * The Broker contract: what every stage, every client over a wire and every engine adapter keeps, and all that the
 * conformance suite, the command, the screen and the bench rely on.
 *
 * Two families of reading, never mixed in one group:
 *
 *     log        fetch(offset) ... commit(offset)          the reader remembers where it is
 *     delivery   receive() under a lease ... ack / nack    the broker remembers what is unfinished
 *
 * Always true, for every operation: a caller's mistake rejects with an `MqError` (nothing is thrown synchronously); an
 * operation or option whose capability is absent rejects with `MQ_NOT_SUPPORTED`; after `close` it rejects with
 * `MQ_CLOSED`; an aborted `signal` rejects with `MQ_ABORTED`, and nothing claimed by the call stays claimed.
 *
 * What is refused has changed nothing: no message is stored, no topic and no group made (of an `ack` the valid entries
 * apply). Where several refusals are due any of them may come, with one exception: an operation the broker does not have
 * it refuses alike open and closed, with `MQ_NOT_SUPPORTED`, since that is a fact of the broker and not of its state.
 */
import type { Capability } from './capabilities.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from './description.ts';
import type { Explanation } from './explanation.ts';
import type { Filter, LookupOptions, LookupResult, PatternForm } from './filter.ts';
import type { EndHalfOptions, HalfCheck, HalfCheckOptions, HalfMessageOptions, HalfReceipt } from './half-message.ts';
import type { Health } from './health.ts';
import type { Inside } from './inside.ts';
import type { Limits } from './limits.ts';
import type { BatchReceipt, BrowsedRecord, Delivery, DeliveryRef, Message, Receipt, StoredRecord } from './message.ts';
import type { Metric } from './metrics.ts';
import type { ProducerIdentity, ProducerOptions, ProducerStamp } from './producer.ts';
import type { RawBatchReceipt, RawDeliveries, RawFetchResult } from './raw-batches.ts';
import type { BeginOptions, Transaction } from './transaction.ts';

/** Of `send` and `sendBatch`: how long to wait for room, and in which partition to store. */
export interface SendOptions {
  /** Capability `partitions` for anything but 0. */
  readonly partition?: number;
  readonly signal?: AbortSignal;
  /** How long to wait for room before `MQ_QUEUE_FULL`; in process the default is to wait without end. */
  readonly timeoutMs?: number;
  /** Capability `idempotence`: sending the same again stores nothing twice. */
  readonly producer?: ProducerStamp;
}

/** Of `appendBatch`. */
export interface AppendOptions extends SendOptions {
  /** True: the bytes are the broker's from now on, and nobody changes them any more. Default false: it makes a copy. */
  readonly isGiven?: boolean;
}

/** Of `receive`: for which member of which group, how much at most, and how long to wait for it. */
export interface ReceiveOptions {
  /** Default `default`; any other name needs the capability `groups`. */
  readonly group?: string;
  /** Default: one name per broker or client instance. */
  readonly memberId?: string;
  /** Deliveries wanted at most, 1 to `limits.receiveCountMax`. Default 1. */
  readonly max?: number;
  /** Body, key, id and header bytes wanted at most; at least one delivery is returned all the same. Default 1 MiB. */
  readonly bytesMax?: number;
  /** How long to wait for the first message, 0 to `limits.waitMsMax`. Default 0: answer at once. */
  readonly waitMs?: number;
  /** Capability `lease`: how long the caller may work on each delivery. Default 30 s. */
  readonly leaseMs?: number;
  /** Capability `filters`: what does not match stays for others. */
  readonly filter?: Filter;
  readonly signal?: AbortSignal;
}

/** What becomes of a delivery that is given back; `NackOptions` says what each word means. */
export type NackOutcome = 'retry' | 'return' | 'reject';

/** Of `nack`: whether and when the message comes again. */
export interface NackOptions {
  /**
   * `retry` (default): it failed, deliver it again. `return`: not processed, does not count as a failure.
   * `reject`: never again (capability `dead-letter`).
   */
  readonly outcome?: NackOutcome;
  /** Capability `delay`: not again before so many ms. */
  readonly delayMs?: number;
  readonly reason?: string;
}

/** Of `fetch` (capability `offsets`): from which offset on, how much at most, and how long to wait at the end. */
export interface FetchOptions {
  /** Default 0. */
  readonly partition?: number;
  /** First offset wanted; the end of the log is legal and waits. Default 0. */
  readonly offset?: number;
  /** Records wanted at most, 1 to `limits.receiveCountMax`. Default 1. */
  readonly max?: number;
  /** Body, key, id and header bytes wanted at most; at least one record is returned all the same. Default 1 MiB. */
  readonly bytesMax?: number;
  /** How long to wait at the end of the log, 0 to `limits.waitMsMax`. Default 0: answer at once. */
  readonly waitMs?: number;
  /**
   * Capability `transactions`: `read-committed` (default) stops before the first record of an open transaction and leaves
   * out what was aborted. Brokers without it read everything.
   */
  readonly isolation?: 'read-uncommitted' | 'read-committed';
  /** Ends the wait with `MQ_ABORTED`. */
  readonly signal?: AbortSignal;
}

/** The answer to a `fetch`: some records, where to go on, and what the partition holds. */
export interface FetchResult {
  /** Ascending offsets; gaps are legal, so always continue at `nextOffset`. */
  readonly records: readonly StoredRecord[];
  readonly nextOffset: number;
  readonly logStartOffset: number;
  /** Records below it may be shown to readers. */
  readonly highWatermark: number;
  /** Capability `transactions`: `read-committed` ends here, before the first record of the first open transaction. */
  readonly lastStableOffset?: number;
}

/** Which position of which group. */
export interface OffsetOptions {
  readonly group: string;
  /** Default 0. */
  readonly partition?: number;
}

/** Of `browse` (capability `browse`): whose unfinished records, and which page of them. */
export interface BrowseOptions {
  /** Default `default`. */
  readonly group?: string;
  /** Default 0. */
  readonly partition?: number;
  /** Records wanted at most, 1 to `limits.receiveCountMax`. Default 1. */
  readonly max?: number;
  /** Continue after this offset. */
  readonly after?: number;
}

/** Of `subscribe` (capability `push`): for which member, and how much it takes on at once. */
export interface SubscribeOptions {
  readonly group?: string;
  readonly memberId?: string;
  /** Unfinished deliveries the subscriber accepts at once. */
  readonly creditMax: number;
  readonly leaseMs?: number;
  /** Capability `filters`: what does not match stays for others. */
  readonly filter?: Filter;
  /** Capability `filters`: the topic is a pattern; the group is that of each topic it covers, the credit is shared. */
  readonly pattern?: PatternForm;
}

/** What `subscribe` resolves to; deliveries arrive until `close` (capability `push`). */
export interface Subscription {
  close(): Promise<void>;
}

/** Of `redrive` and `dropDeadLetters` (capability `dead-letter`): which dead letters of which group. */
export interface DeadLetterOptions {
  /** Default `default`. */
  readonly group?: string;
  /** Oldest first, at most so many, 1 to `limits.receiveCountMax`. Default: as many as that. */
  readonly max?: number;
  /** Only those whose message id is one of these. */
  readonly ids?: readonly string[];
}

/** Of `close`, here and on every server and client. */
export interface CloseOptions {
  /** How long to let accepted work finish. */
  readonly timeoutMs?: number;
}

/**
 * A message broker, in this process or behind a wire. `capabilities` says which operations it has; the others reject
 * with `MQ_NOT_SUPPORTED`. Closes itself at the end of an `await using`.
 */
export interface Broker extends AsyncDisposable {
  /** What it is, for people: `blocking-queue`, `ring-buffer`, `http-client`. */
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;

  /** Idempotent for equal options, else `MQ_TOPIC_EXISTS`. */
  createTopic(topic: string, options?: TopicOptions): Promise<void>;
  /** Its messages and groups are gone; calls that wait on it reject with `MQ_UNKNOWN_TOPIC`. */
  deleteTopic(topic: string): Promise<void>;
  /** All topics by name in code unit order, or only `options.topic` (`MQ_UNKNOWN_TOPIC` when there is none). */
  describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]>;

  /** Capability `groups`. Idempotent for equal options, else `MQ_GROUP_EXISTS`. */
  createGroup(topic: string, group: string, options?: GroupOptions): Promise<void>;
  /** Capability `groups`. Its position is forgotten, its leases are void; calls that wait in it: `MQ_UNKNOWN_GROUP`. */
  deleteGroup(topic: string, group: string): Promise<void>;

  /** Resolves when the broker has taken responsibility: awaiting it is the back-pressure. */
  send(topic: string, message: Message, options?: SendOptions): Promise<Receipt>;
  /** One partition, all or nothing, also for room: waits until all fit; `MQ_BATCH_TOO_LARGE` when they never can. */
  sendBatch(topic: string, messages: readonly Message[], options?: SendOptions): Promise<BatchReceipt>;

  /** 0 to `max` deliveries; an empty answer is normal. Wakes as soon as a message exists. */
  receive(topic: string, options?: ReceiveOptions): Promise<readonly Delivery[]>;
  /**
   * Capability `lease`. Finishes deliveries; repeating a recent ack succeeds. Valid entries apply even when others do
   * not: those are listed in `details.failed` of `MQ_LEASE_EXPIRED`. `cumulative`: also finishes this member's other
   * in-flight deliveries up to the highest offset named.
   */
  ack(deliveries: readonly DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void>;
  /** Capability `lease`. Gives a delivery back. */
  nack(delivery: DeliveryRef, options?: NackOptions): Promise<void>;
  /** Capability `lease`. The lease ends `leaseMs` from now; resolves to that time, epoch ms. */
  extendLease(delivery: DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number>;
  /** Capability `lease`. The member's deliveries go back to the group and keep their deliveryCount. */
  leave(topic: string, options: { readonly group?: string; readonly memberId?: string }): Promise<void>;
  /** Capability `browse`. What the group has not finished, ascending, without lease. */
  browse(topic: string, options?: BrowseOptions): Promise<readonly BrowsedRecord[]>;

  /** Capability `offsets`. Out of range is `MQ_OFFSET_OUT_OF_RANGE`; at the end of the log it waits `waitMs`. */
  fetch(topic: string, options?: FetchOptions): Promise<FetchResult>;
  /** Capability `offsets`. Sets the next offset a log group reads; never moves back. Resolves to the one in force. */
  commit(topic: string, options: OffsetOptions & { readonly offset: number }): Promise<number>;
  /** Capability `offsets`. Next offset to read; of a queue group its ack floor. */
  committed(topic: string, options: OffsetOptions): Promise<number>;
  /** Capability `offsets`. Moves either kind of group, also back; voids leases, and acks at or above the target. */
  seek(topic: string, options: OffsetOptions & { readonly to: SeekTarget }): Promise<number>;

  /**
   * Capability `group-modes`. Nothing of the topic, or of one group of it, is handed out until `resume`: receives wait as
   * if there were nothing. Sends, acks and fetches go on. Idempotent.
   */
  pause(topic: string, options?: { readonly group?: string }): Promise<void>;
  /** Capability `group-modes`. Ends a `pause` of the same topic, or of the same group. Idempotent. */
  resume(topic: string, options?: { readonly group?: string }): Promise<void>;

  /**
   * Capability `dead-letter`. Dead letters go back to the group they died for, and to no other; they are counted from 1
   * again, and keep their history as headers. Resolves to how many went.
   */
  redrive(topic: string, options?: DeadLetterOptions): Promise<number>;
  /** Capability `dead-letter`. Deletes dead letters. Resolves to how many. */
  dropDeadLetters(topic: string, options?: DeadLetterOptions): Promise<number>;

  /** Capability `idempotence`. Who sends, for `producer` of a send; never the same twice. */
  openProducer(options?: ProducerOptions): Promise<ProducerIdentity>;
  /** Capability `transactions`. Resolves to an open transaction, to be ended by its `commit` or `abort`. */
  begin(options?: BeginOptions): Promise<Transaction>;
  /**
   * Capability `transactions`. The transaction with this id, begun by anybody: for who lost its connection, or the answer to
   * its `commit`. `MQ_TRANSACTION_ENDED` says how one of the last ones ended; `MQ_UNKNOWN_TRANSACTION` otherwise.
   */
  findTransaction(id: string): Promise<Transaction>;

  /** Capability `half-message`. Kept, seen by nobody, until `endHalf`. */
  sendHalf(topic: string, message: Message, options: HalfMessageOptions): Promise<HalfReceipt>;
  /** Capability `half-message`. Resolves to the receipt of the message when it was committed, else to null. */
  endHalf(topic: string, options: EndHalfOptions): Promise<Receipt | null>;
  /** Capability `half-message`. Questions to this producer group; whoever asks is a live member of it. */
  receiveHalfChecks(producerGroup: string, options?: HalfCheckOptions): Promise<readonly HalfCheck[]>;

  /** Capability `filters`. Held records with a key, whoever has finished them. */
  lookup(topic: string, options: LookupOptions): Promise<LookupResult>;
  /**
   * Capability `filters`. Makes a topic `$temp/...` for replies, resolves to its name. Anybody may send to it; it is kept in
   * memory or less, and gone when the connection that made it ends, when nobody used it for `memberTimeoutMs`, and at a
   * restart.
   */
  createTemporaryTopic(): Promise<string>;

  /** Capability `push`. Calls `onDelivery` for each message as it comes, with at most `creditMax` unfinished. */
  subscribe(topic: string, options: SubscribeOptions, onDelivery: (delivery: Delivery) => void): Promise<Subscription>;

  /** Capability `raw-batches`; optional: one encoded batch (docs/format-log.md), checked, and stored as it is. */
  appendBatch?(topic: string, batch: Uint8Array, options?: AppendOptions): Promise<RawBatchReceipt>;
  /** Capability `raw-batches`; optional: `fetch`, with the bytes as they are stored. */
  fetchBatches?(topic: string, options?: FetchOptions): Promise<RawFetchResult>;
  /** Capability `raw-batches`; optional: `receive`, with the bytes as they are stored. */
  receiveBatches?(topic: string, options?: ReceiveOptions): Promise<readonly RawDeliveries[]>;

  /** Where the message with this id is and why; optional. `null` when the topic has none, or not any more. */
  explain?(topic: string, options: { readonly id: string }): Promise<Explanation | null>;

  /** The inside of a topic for the screen, at most `max` cells; optional. */
  inspect?(topic: string, options?: { readonly max?: number }): Promise<Inside>;

  /** How it is; optional. Answers at once, whatever its disk does. */
  health?(): Health;

  /** Numbers beyond those of `describeTopics`, as they are now; optional. */
  metrics?(): readonly Metric[];

  /**
   * Always settles, also when called twice. New calls reject with `MQ_CLOSED`, waiting sends too (never accepted);
   * waiting receives and fetches resolve empty. A client closes only its connection, and cannot know more than it was
   * told: a call whose request has left and whose answer does not come in time rejects with `MQ_CONNECTION_LOST` (it may
   * have taken effect), and with `MQ_CLOSED` only one that was never sent, or of which the server says so.
   */
  close(options?: CloseOptions): Promise<void>;
}
