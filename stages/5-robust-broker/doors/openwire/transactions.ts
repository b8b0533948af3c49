/**
 * Transactions of the sessions of one connection.
 *
 *     BEGIN --> sends and acks are kept here --> COMMIT: one transaction of the broker, begun, filled and committed at once
 *                                          \--> ROLLBACK: forgotten; the client delivers again what it holds
 *
 * Always true: however long a session keeps its transaction open, the broker has none, so nobody waits behind it and no lease
 * ends; what is kept is bounded; a transaction of which something was refused can only be rolled back.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Message } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { need } from '../../../1-blocking-queue/rules.ts';
import type { Destination } from '../destinations.ts';
import type { Exchange } from '../exchange.ts';
import { ignoringGone } from '../gone.ts';
import type { TransactionId } from './commands.ts';
import type { Consumer } from './consumer.ts';
import type { HeldMessage } from './held-messages.ts';
import { JmsRefusal } from './wire-error.ts';

interface KeptSend {
  readonly destination: Destination;
  readonly message: Message;
}

interface KeptAck {
  readonly consumer: Consumer;
  readonly message: HeldMessage;
}

export interface OpenTransaction {
  readonly sends: KeptSend[];
  readonly acks: KeptAck[];
  bytes: number;
  /** What was refused, when the client could not be told. */
  refused: unknown;
}

export interface TransactionsOptions {
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly transactionBytesMax: number;
  readonly transactionsCountMax: number;
  readonly sendTimeoutMs: number;
}

export class Transactions {
  readonly #options: TransactionsOptions;
  readonly #open = new Map<string, OpenTransaction>();
  #bytes = 0;

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** Also of one that a client begins again after it lost its connection. */
  begin(id: TransactionId): void {
    const key = keyOf(id);
    const { transactionsCountMax } = this.#options;
    if (!this.#open.has(key) && this.#open.size >= transactionsCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `${transactionsCountMax} transactions are open on this connection`);
    }
    this.#open.set(key, { sends: [], acks: [], bytes: 0, refused: undefined });
  }

  /** undefined outside of any. */
  find(id: TransactionId | null): OpenTransaction | undefined {
    if (id === null) return undefined;
    const transaction = this.#open.get(keyOf(id));
    if (transaction === undefined) throw new MqError('MQ_UNKNOWN_TRANSACTION', 'the transaction was not begun');
    return transaction;
  }

  /** `bytes`: what keeping it takes. */
  addSend(transaction: OpenTransaction, send: KeptSend, bytes: number): void {
    const { transactionBytesMax } = this.#options;
    if (this.#bytes + bytes > transactionBytesMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `the open transactions have ${transactionBytesMax} bytes at most`);
    }
    this.#bytes += bytes;
    transaction.bytes += bytes;
    transaction.sends.push(send);
  }

  /** Rejects when nothing of it was done. */
  async commit(id: TransactionId): Promise<void> {
    const transaction = this.#end(id);
    const { sends, acks, refused } = transaction;
    if (refused !== undefined) {
      keepAll(acks);
      const why = refused instanceof Error ? refused.message : String(refused);
      throw new JmsRefusal('TransactionRolledBackException', `a part of it was refused: ${why}`, { cause: refused });
    }
    if (sends.length === 0 && acks.length === 0) return;
    try {
      need(this.#options.broker, 'transactions', 'a transacted session');
      await this.#carryOut(sends, acks);
    } catch (error) {
      keepAll(acks);
      throw error;
    }
  }

  rollback(id: TransactionId): void {
    keepAll(this.#end(id).acks);
  }

  /** Sends first: when one is refused, no lease was given up. */
  async #carryOut(sends: readonly KeptSend[], acks: readonly KeptAck[]): Promise<void> {
    const { broker, exchange, sendTimeoutMs: timeoutMs } = this.#options;
    const transaction = await broker.begin();
    try {
      await allSettled(
        sends.map(({ destination, message }) =>
          exchange.publish(broker, destination, message, { transaction, timeoutMs }),
        ),
      );
      await allSettled(acks.map(({ consumer, message }) => consumer.ackIn(message, transaction)));
      await transaction.commit();
    } catch (error) {
      await abort(transaction);
      throw error;
    }
  }

  #end(id: TransactionId): OpenTransaction {
    const transaction = this.find(id);
    if (transaction === undefined) throw new MqError('MQ_UNKNOWN_TRANSACTION', 'the transaction was not begun');
    this.#open.delete(keyOf(id));
    this.#bytes -= transaction.bytes;
    return transaction;
  }
}

/** `MQ_NOT_SUPPORTED` for one that other resources take part in. */
export function needLocal(id: TransactionId | null): TransactionId {
  if (id?.type === 'LocalTransactionId') return id;
  if (id === null) throw new MqError('MQ_PROTOCOL', 'a transaction without an id');
  throw new MqError('MQ_NOT_SUPPORTED', 'distributed (XA) transactions are not served');
}

function keepAll(acks: readonly KeptAck[]): void {
  for (const { consumer, message } of acks) consumer.keep(message);
}

/** Nothing is still under way when it rejects. */
async function allSettled(calls: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(calls);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function abort(transaction: Transaction): Promise<void> {
  try {
    await ignoringGone(transaction.abort());
  } catch {
    // What made it fail is what the client is told; the broker ends it in time by itself.
  }
}

function keyOf(id: TransactionId): string {
  const local = needLocal(id);
  return local.type === 'LocalTransactionId' ? `${local.connectionId?.value ?? ''}:${local.value}` : '';
}
