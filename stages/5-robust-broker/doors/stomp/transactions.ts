/**
 * The open transactions of one connection, by the names the client gives them.
 *
 *     BEGIN t --> SEND, ACK, NACK in t --> COMMIT t: all of it, or ABORT t, or the connection ends: none of it
 *
 * Always true: a name is open once; what was said in a transaction before its COMMIT is done before it commits; a NACK in one
 * takes effect at its end, however it ends.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { invalidArgument, quote } from '../../../../shared/contract/validation.ts';
import { isGone } from '../gone.ts';

export interface TransactionsOptions {
  readonly broker: Broker;
  readonly timeoutMs: number;
  readonly countMax: number;
}

export class OpenTransaction {
  readonly transaction: Transaction;
  readonly #begun = new Set<Promise<unknown>>();
  readonly #atEnd: ((isCommitted: boolean) => Promise<void>)[] = [];

  constructor(transaction: Transaction) {
    this.transaction = transaction;
  }

  /** Its end waits for it. */
  track<T>(call: Promise<T>): Promise<T> {
    this.#begun.add(call);
    const done = (): void => void this.#begun.delete(call);
    call.then(done, done);
    return call;
  }

  /** What cannot be undone is done when it is over. */
  atEnd(call: (isCommitted: boolean) => Promise<void>): void {
    this.#atEnd.push(call);
  }

  /** All that has begun holds, or one of it rejects. */
  async commit(): Promise<void> {
    await Promise.all(this.#begun);
    await this.transaction.commit();
    await Promise.all(this.#atEnd.map((call) => call(true)));
  }

  async abort(): Promise<void> {
    await Promise.allSettled(this.#begun);
    await this.transaction.abort();
    await Promise.all(this.#atEnd.map((call) => call(false)));
  }
}

export class Transactions {
  readonly #options: TransactionsOptions;
  readonly #open = new Map<string, OpenTransaction>();

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  async begin(name: string): Promise<void> {
    const { broker, timeoutMs, countMax } = this.#options;
    if (this.#open.has(name)) throw invalidArgument('transaction', `the name of none that is open, not ${quote(name)}`);
    if (this.#open.size >= countMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `a connection has at most ${countMax} open transactions`);
    }
    const limitMs = Math.min(timeoutMs, broker.limits.transactionMsMax);
    this.#open.set(name, new OpenTransaction(await broker.begin({ timeoutMs: limitMs })));
  }

  /** Undefined where no name is given. `MQ_UNKNOWN_TRANSACTION` for the name of none that is open. */
  get(name: string | undefined): OpenTransaction | undefined {
    if (name === undefined) return undefined;
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    throw new MqError('MQ_UNKNOWN_TRANSACTION', `no transaction ${quote(name)} is open on this connection`);
  }

  /** It is over from now on, whatever becomes of it. */
  take(name: string): OpenTransaction | undefined {
    const open = this.get(name);
    this.#open.delete(name);
    return open;
  }

  /** Of a connection that ends. */
  async abortAll(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((open) => ignoringEnded(open.abort())));
  }
}

/** By its time-out, or with the broker. */
async function ignoringEnded(abort: Promise<void>): Promise<void> {
  try {
    await abort;
  } catch (error) {
    const isEnded = error instanceof MqError && /^MQ_(TRANSACTION_ENDED|UNKNOWN_TRANSACTION)$/.test(error.code);
    if (!isEnded && !isGone(error)) throw error;
  }
}
