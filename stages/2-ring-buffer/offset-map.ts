/**
 * Things by their offset, for those that come and go without end: what is in flight, and the leases on it.
 *
 *     place     0    1    2    3    4    5    6    7       12 has its home in place 2; there stands 4 already,
 *             [ 9 ][   ][ 4 ][12 ][   ][ 7 ][   ][   ]     so 12 stands in the next free place
 *
 * Always true: at most half of the places are taken, and from the home of an offset to its place there is no gap, so
 * that every search ends at the first one. Grows with what it holds, and shrinks again.
 *
 * A Map would do, but one that is filled and emptied all day is rehashed all day, and each table it leaves behind names
 * the next: once one of them is old, everything that was in the others lives on until the next full collection. The
 * broker then spends two fifths of its time collecting garbage. This one moves its values within one flat array.
 */

const PLACES_MIN = 16;

export class OffsetMap<V extends { readonly offset: number }> {
  /** Their number is a power of two. */
  #places: (V | undefined)[] = emptyPlaces(PLACES_MIN);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(offset: number): V | undefined {
    return this.#places[this.#placeOf(offset)];
  }

  has(offset: number): boolean {
    return this.get(offset) !== undefined;
  }

  /** Takes the place of what has the same offset. */
  set(value: V): void {
    const place = this.#placeOf(value.offset);
    const isNew = this.#places[place] === undefined;
    this.#places[place] = value;
    if (!isNew) return;
    this.#size += 1;
    if (this.#size * 2 > this.#places.length) this.#resize(this.#places.length * 2);
  }

  /** Answers what it took out. */
  delete(offset: number): V | undefined {
    const place = this.#placeOf(offset);
    const value = this.#places[place];
    if (value === undefined) return undefined;
    this.#empty(place);
    this.#size -= 1;
    // An eighth, not a half: a size that swings around one border must not move everything each time.
    if (this.#size * 8 < this.#places.length && this.#places.length > PLACES_MIN) this.#resize(this.#places.length / 2);
    return value;
  }

  clear(): void {
    this.#places = emptyPlaces(PLACES_MIN);
    this.#size = 0;
  }

  /** Where the offset is, or the gap where it would be. */
  #placeOf(offset: number): number {
    const last = this.#places.length - 1;
    let place = this.#homeOf(offset);
    for (let value = this.#places[place]; value !== undefined && value.offset !== offset; value = this.#places[place]) {
      place = (place + 1) & last;
    }
    return place;
  }

  /** 2^32 divided by the golden ratio spreads neighbours evenly; the upper bits of the product are its best ones. */
  #homeOf(offset: number): number {
    return Math.imul(offset, 0x9e3779b1) >>> (Math.clz32(this.#places.length) + 1);
  }

  /** Makes a gap, and closes it with the values behind it that would be searched for from the gap or before it. */
  #empty(place: number): void {
    const last = this.#places.length - 1;
    let gap = place;
    for (let next = (gap + 1) & last; ; next = (next + 1) & last) {
      const value = this.#places[next];
      if (value === undefined) break;
      const fromHome = (next - this.#homeOf(value.offset)) & last;
      if (fromHome < ((next - gap) & last)) continue; // its home lies behind the gap
      this.#places[gap] = value;
      gap = next;
    }
    this.#places[gap] = undefined;
  }

  #resize(placeCount: number): void {
    const values = this.#places;
    this.#places = emptyPlaces(placeCount);
    for (const value of values) if (value !== undefined) this.#places[this.#placeOf(value.offset)] = value;
  }
}

function emptyPlaces<V>(count: number): (V | undefined)[] {
  return new Array<V | undefined>(count).fill(undefined);
}
