/**
 * Which fresh records of one partition a key-ordered group may hand out: those of one key one at a time and in order,
 * while other keys go past.
 *
 *     key "a" held by 7, behind it 9, 12      7 is in flight, or failed and delayed: 9 and 12 wait for it
 *     key "b" held by 8, behind it nothing
 *     ready   10 (key "c"), 11 (no key)       looked at, and free to go
 *     looked at up to 13
 *
 * Always true (I15): of a key that is held no offset is ready but the holder itself; what waits behind it is higher than
 * the holder, and ascending. A record without a key waits for nobody. What was looked at and not handed out is bounded,
 * so one key that fails does not make the whole log be looked through. Who holds a key follows from what is in flight or
 * given back; the rest is found again by looking.
 */
import { Heap, type HeapNode } from '../../2-ring-buffer/heap.ts';

/** Records that may wait, or be ready, at once; looking stops there until some have gone. */
export const LOOK_AHEAD_COUNT_MAX = 4096;

export interface KeyedOffset {
  readonly offset: number;
  readonly key: string | undefined;
}

interface Lock {
  holder: number;
  /** Ascending. */
  readonly behind: number[];
}

export class KeyLocks {
  readonly #locks = new Map<string, Lock>();
  readonly #ready = new Heap<KeyedOffset>((one, other) => one.offset < other.offset);
  /** By offset. */
  readonly #readyNodes = new Map<number, HeapNode<KeyedOffset>>();
  /** Of each that waits behind the holder of its key, that key. */
  readonly #behindKeys = new Map<number, string>();
  #lookedTo: number;

  constructor(startOffset: number) {
    this.#lookedTo = startOffset;
  }

  /** The next one to go out, of those looked at. */
  get firstReady(): KeyedOffset | undefined {
    return this.#ready.first;
  }

  /** All of those, ascending. */
  readyInOrder(): KeyedOffset[] {
    const ready = [...this.#readyNodes.values()].map(({ value }) => value);
    return ready.sort((one, other) => one.offset - other.offset);
  }

  /** Where to go on looking. */
  get lookedTo(): number {
    return this.#lookedTo;
  }

  get mayLookOn(): boolean {
    return this.#behindKeys.size + this.#ready.size < LOOK_AHEAD_COUNT_MAX;
  }

  /** A fresh record was looked at; they are looked at in order. */
  look({ offset, key }: KeyedOffset): void {
    this.#lookedTo = offset + 1;
    const lock = key === undefined ? undefined : this.#locks.get(key);
    if (key !== undefined && lock !== undefined) {
      lock.behind.push(offset);
      this.#behindKeys.set(offset, key);
      return;
    }
    if (key !== undefined) this.#locks.set(key, { holder: offset, behind: [] });
    this.#makeReady({ offset, key });
  }

  /** The record is handed out; it holds its key until it is finished. */
  hold({ offset, key }: KeyedOffset): void {
    this.#takeReady(offset);
    if (key !== undefined && !this.#locks.has(key)) this.#locks.set(key, { holder: offset, behind: [] });
  }

  /** The record is finished, or never goes out: the next of its key may. */
  release({ offset, key }: KeyedOffset): void {
    const lock = key === undefined ? undefined : this.#locks.get(key);
    if (key === undefined || lock?.holder !== offset) return;
    const next = lock.behind.shift();
    if (next === undefined) {
      this.#locks.delete(key);
      return;
    }
    this.#behindKeys.delete(next);
    lock.holder = next;
    this.#makeReady({ offset: next, key });
  }

  /** A record that was looked at never goes out: one that is ready, or that waits behind its key. */
  stepOver(offset: number): void {
    const key = this.#behindKeys.get(offset);
    if (key !== undefined) {
      const behind = this.#locks.get(key)?.behind ?? [];
      behind.splice(behind.indexOf(offset), 1);
      this.#behindKeys.delete(offset);
      return;
    }
    const ready = this.#takeReady(offset);
    if (ready !== undefined) this.release(ready);
  }

  /** The group stands elsewhere: `held` is what is in flight or given back, and looking begins again. */
  restart(held: Iterable<KeyedOffset>, startOffset: number): void {
    this.#locks.clear();
    this.#ready.clear();
    this.#readyNodes.clear();
    this.#behindKeys.clear();
    this.#lookedTo = startOffset;
    for (const keyed of held) this.hold(keyed);
  }

  #makeReady(keyed: KeyedOffset): void {
    this.#readyNodes.set(keyed.offset, this.#ready.push(keyed));
  }

  #takeReady(offset: number): KeyedOffset | undefined {
    const node = this.#readyNodes.get(offset);
    if (node === undefined) return undefined;
    this.#readyNodes.delete(offset);
    this.#ready.remove(node);
    return node.value;
  }
}
