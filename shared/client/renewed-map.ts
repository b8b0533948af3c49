/**
 * A Map for what comes and goes without end: what is held for a moment, and the leases on it.
 *
 *     set set set ... --so many, since it is new--> [ what is left, in a Map that is new ] --> set set set ...
 *
 * Always true: it answers as a Map does, in the same order, but for iterating while something is set.
 *
 * A Map that is filled and emptied all day is rehashed all day, and each table it leaves behind names the next one: once one
 * of them is old, as the one of the moment is after a full collection, whoever collects what is young has to keep all that
 * follow, and all that was in them. A door that handed messages to one subscriber kept 700 bytes of each so, and used nearly
 * half of its CPU on that. A Map that is replaced now and then is gone before it is old. LeaseKeeper, and the doors of
 * protocols, use it.
 */

/** It is new for so many at least, */
const SET_COUNT_MIN = 1024;
/** and for so many times what is moved. */
const MOVES_SHARE = 8;

export class RenewedMap<Key, Value> {
  #map = new Map<Key, Value>();
  /** Since the map is new. */
  #setCount = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  set(key: Key, value: Value): void {
    this.#map.set(key, value);
    this.#setCount += 1;
    if (this.#setCount < SET_COUNT_MIN || this.#setCount < MOVES_SHARE * this.#map.size) return;
    this.#map = new Map(this.#map);
    this.#setCount = 0;
  }

  /** True when there was something. */
  delete(key: Key): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map = new Map();
    this.#setCount = 0;
  }

  keys(): IterableIterator<Key> {
    return this.#map.keys();
  }

  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map[Symbol.iterator]();
  }
}
