/** Capability `transactions`: several sends and acks that take effect together or not at all, also across topics. */
import type { BatchReceipt, DeliveryRef, Message, Receipt } from './message.ts';

/** Of `begin`: how long the transaction may stay open, and whose it is. */
export interface BeginOptions {
  /** The broker aborts a transaction that is still open after so long. */
  readonly timeoutMs?: number;
  /** Fences an older producer that uses the same name. */
  readonly transactionalId?: string;
}

/**
 * An open transaction. What it sends is seen, and what it acks is finished, at its `commit`; its `abort` undoes all of
 * it. After either, every call rejects.
 */
export interface Transaction {
  readonly id: string;
  send(topic: string, message: Message): Promise<Receipt>;
  sendBatch(topic: string, messages: readonly Message[]): Promise<BatchReceipt>;
  ack(deliveries: readonly DeliveryRef[]): Promise<void>;
  commitOffset(topic: string, options: { group: string; partition?: number; offset: number }): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}
