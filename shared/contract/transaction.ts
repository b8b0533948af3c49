/**
 * Capability `transactions`: several sends, acks and commits that take effect together or not at all, also across topics.
 *
 *     begin --> open --commit--> committed        read-committed readers see its records, its acks and commits hold
 *                 |
 *                 +--abort, time-out, fenced, connection gone--> aborted      nobody sees its records; what it acked comes
 *                                                                             back with deliveryCount + 1
 *
 * Always true: a transaction ends once. A call that carries its id after that is refused with `MQ_TRANSACTION_ENDED`, whose
 * `details.outcome` says how it ended, so an answer that comes late cannot hit the transaction that came after it.
 */
import type { BatchReceipt, DeliveryRef, Message, Receipt } from './message.ts';

/** Of `begin`: how long the transaction may stay open, and whose it is. */
export interface BeginOptions {
  /** The broker aborts a transaction that is still open after so long, 1 to `limits.transactionMsMax`. Default 60 s. */
  readonly timeoutMs?: number;
  /**
   * A name that its owner keeps over restarts. To begin under it aborts what an older owner of the name left open, and
   * fences it: each later call of the older one is `MQ_PRODUCER_FENCED`. Without a name the transaction belongs to the
   * connection it was begun on, where there is one, and is aborted when that ends.
   */
  readonly transactionalId?: string;
  readonly signal?: AbortSignal;
}

/** Of `send` and `sendBatch` of a transaction. */
export interface TransactionSendOptions {
  readonly partition?: number;
  readonly signal?: AbortSignal;
  /** How long to wait for room before `MQ_QUEUE_FULL`; never longer than the transaction stays open. */
  readonly timeoutMs?: number;
}

/**
 * An open transaction. What it sends is seen, and what it acks is finished, at its `commit`; its `abort` undoes all of
 * it. After either, every call rejects with `MQ_TRANSACTION_ENDED`; after its time-out too. Delayed messages cannot be
 * sent in one (`MQ_INVALID_ARGUMENT`).
 */
export interface Transaction {
  readonly id: string;
  /** Resolves when the message has its place; `durability` is that of the place, and `commit` makes it what the broker's
   * flush policy promises. */
  send(topic: string, message: Message, options?: TransactionSendOptions): Promise<Receipt>;
  sendBatch(topic: string, messages: readonly Message[], options?: TransactionSendOptions): Promise<BatchReceipt>;
  /**
   * Finishes deliveries at `commit`. Until then they stay in flight, however long their lease was; an `abort` gives them
   * back as failed. `MQ_LEASE_EXPIRED` as for `ack` of the broker.
   */
  ack(deliveries: readonly DeliveryRef[]): Promise<void>;
  /** The position of a log group, at `commit`. */
  commitOffset(topic: string, options: CommitOffsetOptions): Promise<void>;
  /** Resolves when all of it holds, and is as safe as the flush policy says. */
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Which position of which group a transaction sets. */
export interface CommitOffsetOptions {
  readonly group: string;
  /** Default 0. */
  readonly partition?: number;
  /** Next offset to read. */
  readonly offset: number;
}

/** How a transaction ended; in `details` of `MQ_TRANSACTION_ENDED`. */
export type TransactionOutcome = 'committed' | 'aborted';
