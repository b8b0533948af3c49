/**
 * A first-in first-out store in one array that wraps around, so that both ends move in O(1).
 *
 *     slots   [ E ][ F ][   ][   ][ A ][ B ][ C ][ D ]
 *                         ^         ^
 *                  next push       head, next shift        size 6, 8 slots
 *
 * Always true: the values are in the `size` slots from `head` on, modulo the number of slots, which is a power of two
 * so that the modulo is one bit operation; every other slot is empty, so that nothing taken out is kept alive.
 * It grows by doubling and shrinks again, so an idle queue costs next to nothing. Has no bound of its own: the
 * queue that owns it has.
 */

const SLOTS_MIN = 16;

export class CircularArray<T> {
  #slots: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  /** Slot of the oldest value. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#slots.length * 2);
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = value;
    this.#size += 1;
  }

  /** Takes out the oldest value; undefined when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size -= 1;
    // A quarter, not a half: a size that swings around one border must not copy everything each time.
    if (this.#size * 4 < this.#slots.length && this.#slots.length > SLOTS_MIN) this.#resize(this.#slots.length / 2);
    return value;
  }

  /** The value `index` places behind the oldest one, without taking it out. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#slots[(this.#head + index) & (this.#slots.length - 1)] : undefined;
  }

  #resize(slotCount: number): void {
    const slots: (T | undefined)[] = new Array(slotCount).fill(undefined);
    for (let index = 0; index < this.#size; index += 1) slots[index] = this.at(index);
    this.#slots = slots;
    this.#head = 0;
  }
}
