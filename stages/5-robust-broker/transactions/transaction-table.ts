/**
 * The transactions of a broker that are not over, by id, by producer and by the name of their owner.
 *
 * Always true: one name has one of them at most; who asks for one that is over is told how it ended, as long as that is
 * remembered. The coordinator keeps it; rules of partitions ask it before a batch of a transaction takes its offset.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { TransactionView } from '../../../shared/contract/inside.ts';
import { nameOf, type TransactionEpoch } from './marker.ts';
import type { OpenTransaction, TransactionPlace } from './open-transaction.ts';
import { Outcomes, unknownTransactionError } from './outcomes.ts';
import { TransactionIds } from './transaction-ids.ts';

export class TransactionTable {
  readonly outcomes = new Outcomes();
  /** Those of the data folder, when that is open. */
  ids = new TransactionIds('');
  /** By what they are called, oldest first. */
  readonly #all = new Map<string, OpenTransaction>();
  /** By the name of their owner. */
  readonly #owned = new Map<string, OpenTransaction>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Oldest first. */
  get all(): readonly OpenTransaction[] {
    return [...this.#all.values()];
  }

  /** How many have written to the topic. */
  countWritingTo(topicId: string): number {
    let count = 0;
    for (const { places } of this.#all.values()) {
      if (places.values().some((place) => place.topicId === topicId)) count += 1;
    }
    return count;
  }

  /** Those that have to do with the topic, oldest first. */
  viewOf(topicId: string, max: number): TransactionView[] {
    const now = this.#clock.monotonicMs();
    const views: TransactionView[] = [];
    for (const transaction of this.#all.values()) {
      if (views.length === max) break;
      const counts = transaction.countsIn(topicId);
      if (counts.recordCount + counts.ackCount > 0) views.push({ ...transaction.view(now), ...counts });
    }
    return views;
  }

  add(transaction: OpenTransaction): void {
    const { transactionalId } = transaction;
    this.#all.set(nameOf(transaction), transaction);
    if (transactionalId !== undefined) this.#owned.set(transactionalId, transaction);
  }

  remove(transaction: OpenTransaction): void {
    const { transactionalId } = transaction;
    this.#all.delete(nameOf(transaction));
    if (transactionalId === undefined) return;
    if (this.#owned.get(transactionalId) === transaction) this.#owned.delete(transactionalId);
  }

  /** The one that the owner of this name has. */
  ownedBy(transactionalId: string): OpenTransaction | undefined {
    return this.#owned.get(transactionalId);
  }

  /** `MQ_TRANSACTION_ENDED`, `MQ_PRODUCER_FENCED`, `MQ_UNKNOWN_TRANSACTION`. */
  find(id: string): OpenTransaction {
    const transaction = this.ids.transactionOf(id);
    if (transaction === undefined) throw unknownTransactionError();
    return this.#find(transaction);
  }

  /** Throws unless it is open. */
  checkOpen(transaction: OpenTransaction): void {
    if (transaction.state === 'open') return;
    if (this.outcomes.of(transaction) !== undefined) throw this.outcomes.errorFor(transaction);
    throw new MqError('MQ_TRANSACTION_ENDED', 'the transaction is being committed');
  }

  /** A batch of it is about to take an offset there. I9: the place is known before that, and one that ended is refused. */
  enter(transaction: TransactionEpoch, place: TransactionPlace): void {
    const found = this.#find(transaction);
    this.checkOpen(found);
    found.addPlace(place);
  }

  #find(transaction: TransactionEpoch): OpenTransaction {
    const found = this.#all.get(nameOf(transaction));
    if (found === undefined) throw this.outcomes.errorFor(transaction);
    return found;
  }
}
