/**
 * The transactions of a broker that are not over, by id, by producer and by the name of their owner.
 *
 * Always true: one name has one of them at most; who asks for one that is over is told how it ended, as long as that is
 * remembered. The coordinator keeps it; rules of partitions ask it before a batch of a transaction takes its offset.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { TransactionView } from '../../../shared/contract/inside.ts';
import { type TransactionEpoch, transactionIdOf } from './marker.ts';
import type { OpenTransaction, TransactionPlace } from './open-transaction.ts';
import { Outcomes } from './outcomes.ts';

export class TransactionTable {
  readonly outcomes = new Outcomes();
  readonly #byId = new Map<string, OpenTransaction>();
  readonly #byName = new Map<string, OpenTransaction>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  get all(): readonly OpenTransaction[] {
    return [...this.#byId.values()];
  }

  /** How many have written to the topic. */
  countWritingTo(topicId: string): number {
    let count = 0;
    for (const { places } of this.#byId.values()) {
      if (places.values().some((place) => place.topicId === topicId)) count += 1;
    }
    return count;
  }

  /** Those that have to do with the topic, oldest first. */
  viewOf(topicId: string, max: number): TransactionView[] {
    const now = this.#clock.monotonicMs();
    const views: TransactionView[] = [];
    for (const transaction of this.#byId.values()) {
      if (views.length === max) break;
      const counts = transaction.countsIn(topicId);
      if (counts.recordCount + counts.ackCount > 0) views.push({ ...transaction.view(now), ...counts });
    }
    return views;
  }

  add(transaction: OpenTransaction): void {
    const { id, transactionalId } = transaction;
    this.#byId.set(id, transaction);
    if (transactionalId !== undefined) this.#byName.set(transactionalId, transaction);
  }

  remove({ id, transactionalId }: OpenTransaction): void {
    this.#byId.delete(id);
    if (transactionalId === undefined) return;
    if (this.#byName.get(transactionalId)?.id === id) this.#byName.delete(transactionalId);
  }

  ofName(transactionalId: string): OpenTransaction | undefined {
    return this.#byName.get(transactionalId);
  }

  /** `MQ_TRANSACTION_ENDED`, `MQ_PRODUCER_FENCED`, `MQ_UNKNOWN_TRANSACTION`. */
  find(id: string): OpenTransaction {
    const found = this.#byId.get(id);
    if (found === undefined) throw this.outcomes.errorFor(id);
    return found;
  }

  /** Throws unless it is open. */
  checkOpen({ id, state }: OpenTransaction): void {
    if (state === 'open') return;
    if (this.outcomes.of(id) !== undefined) throw this.outcomes.errorFor(id);
    throw new MqError('MQ_TRANSACTION_ENDED', `transaction ${id} is being committed`);
  }

  /** A batch of it is about to take an offset there. */
  enter(transaction: TransactionEpoch, place: TransactionPlace): void {
    const found = this.find(transactionIdOf(transaction));
    this.checkOpen(found);
    found.addPlace(place);
  }
}
