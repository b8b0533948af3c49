/**
 * What was made on one connection and ends with it: transactions without a name, and topics for replies.
 *
 *     begin, no name --> ours --end--> not ours          connection gone: what is ours is aborted, and deleted
 *
 * Always true: a transaction that is being ended is nobody's but the one who ends it, so that a connection that goes meanwhile
 * cannot abort a commit; there is no more here than the broker has open, and `TOPICS_MAX` topics. What is not ours the broker
 * finds by its id.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { Transaction, TransactionOutcome } from '../../../../shared/contract/transaction.ts';
import type { Door } from './door.ts';

/** Temporary topics of one connection. */
const TOPICS_MAX = 1024;
/** From so many transactions on it is looked for those whose time is over. */
const SWEPT_FROM_COUNT = 256;

/** The broker aborts it then by itself. */
interface Own {
  readonly transaction: Transaction;
  readonly endsAtMs: number;
}

export class Belongings {
  readonly #door: Door;
  readonly #broker: Broker;
  readonly #transactions = new Map<string, Own>();
  readonly #topics = new Set<string>();
  #isGone = false;

  constructor(door: Door, broker: Broker) {
    this.#door = door;
    this.#broker = broker;
  }

  async begin(options: {
    readonly timeoutMs: number | undefined;
    readonly transactionalId: string | undefined;
    readonly signal: AbortSignal;
  }): Promise<Transaction> {
    const transaction = await this.#broker.begin(options);
    const { timeoutMs = DEFAULTS.transactionMs, transactionalId } = options;
    if (transactionalId !== undefined) return transaction;
    if (this.#transactions.size >= SWEPT_FROM_COUNT) this.#sweep();
    this.#keep({ transaction, endsAtMs: this.#door.options.clock.monotonicMs() + timeoutMs });
    return transaction;
  }

  find(id: string): Promise<Transaction> {
    const own = this.#transactions.get(id);
    return own === undefined ? this.#broker.findTransaction(id) : Promise.resolve(own.transaction);
  }

  async end(id: string, outcome: TransactionOutcome): Promise<void> {
    const own = this.#transactions.get(id);
    const transaction = await this.find(id);
    this.#transactions.delete(id);
    try {
      if (outcome === 'committed') await transaction.commit();
      else await transaction.abort();
    } catch (error) {
      // Open still: it could not be ended this time.
      const isOver = isMqError(error) && ['MQ_TRANSACTION_ENDED', 'MQ_PRODUCER_FENCED'].includes(error.code);
      if (own !== undefined && !isOver) this.#keep(own);
      throw error;
    }
  }

  async createTopic(): Promise<string> {
    if (this.#topics.size >= TOPICS_MAX) await this.#forgetTopics();
    const topic = await this.#broker.createTemporaryTopic();
    if (this.#isGone) this.#door.farewells.add(this.#delete(topic));
    else this.#topics.add(topic);
    return topic;
  }

  /** Somebody deleted it. */
  deleted(topic: unknown): void {
    if (typeof topic === 'string') this.#topics.delete(topic);
  }

  /** The connection is gone. */
  leave(): void {
    this.#isGone = true;
    for (const { transaction } of this.#transactions.values()) this.#door.farewells.add(this.#abort(transaction));
    for (const topic of this.#topics) this.#door.farewells.add(this.#delete(topic));
    this.#transactions.clear();
    this.#topics.clear();
  }

  #keep(own: Own): void {
    if (this.#isGone) this.#door.farewells.add(this.#abort(own.transaction));
    else this.#transactions.set(own.transaction.id, own);
  }

  #sweep(): void {
    const nowMs = this.#door.options.clock.monotonicMs();
    for (const [id, { endsAtMs }] of this.#transactions) if (endsAtMs < nowMs) this.#transactions.delete(id);
  }

  /** Those the broker has dropped already, since nobody used them. */
  async #forgetTopics(): Promise<void> {
    const known = new Set((await this.#broker.describeTopics()).map(({ topic }) => topic));
    for (const topic of this.#topics) if (!known.has(topic)) this.#topics.delete(topic);
    if (this.#topics.size < TOPICS_MAX) return;
    throw new MqError('MQ_LIMIT_EXCEEDED', `a connection has at most ${TOPICS_MAX} temporary topics`);
  }

  async #abort(transaction: Transaction): Promise<void> {
    await transaction.abort();
  }

  async #delete(topic: string): Promise<void> {
    await this.#broker.deleteTopic(topic);
  }
}
