/**
 * What principals have made at the broker that has no topic to be permitted by: who began which transaction, who opened
 * which producer, who made which temporary topic, who sent which half message.
 *
 * Always true: one owner for each; of every kind so many are remembered, and the oldest goes first. What is not remembered
 * (nor anything, after a restart) has no owner. One for all principals of a broker.
 */
import type { Limits } from '../../../shared/contract/limits.ts';

export class Owners<Key> {
  readonly #countMax: number;
  /** Oldest first. */
  readonly #owners = new Map<Key, string>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  set(key: Key, owner: string): void {
    this.#owners.delete(key);
    this.#owners.set(key, owner);
    if (this.#owners.size <= this.#countMax) return;
    for (const oldest of this.#owners.keys()) {
      this.#owners.delete(oldest);
      break;
    }
  }

  of(key: Key): string | undefined {
    return this.#owners.get(key);
  }

  /** False also when nobody knows. */
  isAnothers(key: Key, owner: string): boolean {
    const known = this.#owners.get(key);
    return known !== undefined && known !== owner;
  }
}

/** Ended transactions are asked about too: so many for each that may be open. */
const ENDED_FACTOR = 4;

export class Belongings {
  readonly transactions: Owners<string>;
  readonly producers: Owners<number>;
  readonly temporaryTopics: Owners<string>;
  readonly halfMessages: Owners<string>;

  constructor(limits: Limits) {
    this.transactions = new Owners(limits.transactionsCountMax * ENDED_FACTOR);
    this.producers = new Owners(limits.producersCountMax * ENDED_FACTOR);
    this.temporaryTopics = new Owners(limits.topicsCountMax);
    this.halfMessages = new Owners(limits.halfMessagesCountMax);
  }
}
