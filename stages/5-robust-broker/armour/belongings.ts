/**
 * What principals have made at the broker that has no topic to be permitted by: who began which transaction, who opened
 * which producer, who made which temporary topic, who sent which half message.
 *
 * Always true: one owner for each; of every kind so many are remembered. With more the oldest goes of whoever has most, so
 * that nobody makes another's forgotten. What is not remembered (nor anything, after a restart) has no owner. One for all
 * principals of a broker.
 */
import type { Limits } from '../../../shared/contract/limits.ts';

export class Owners<Key> {
  readonly #countMax: number;
  readonly #owners = new Map<Key, string>();
  /** By owner, oldest first; none is empty. */
  readonly #keys = new Map<string, Set<Key>>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  set(key: Key, owner: string): void {
    this.#forget(key);
    this.#owners.set(key, owner);
    const keys = this.#keys.get(owner) ?? new Set();
    this.#keys.set(owner, keys.add(key));
    if (this.#owners.size > this.#countMax) this.#forgetOne();
  }

  of(key: Key): string | undefined {
    return this.#owners.get(key);
  }

  /** False also when nobody knows. */
  isAnothers(key: Key, owner: string): boolean {
    const known = this.#owners.get(key);
    return known !== undefined && known !== owner;
  }

  #forget(key: Key): void {
    const owner = this.#owners.get(key);
    if (owner === undefined) return;
    this.#owners.delete(key);
    const keys = this.#keys.get(owner);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(owner);
  }

  #forgetOne(): void {
    let most: Set<Key> = new Set();
    for (const keys of this.#keys.values()) if (keys.size > most.size) most = keys;
    for (const oldest of most) {
      this.#forget(oldest);
      return;
    }
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
