/**
 * Marks at ascending offsets, each good for all offsets up to the next one: which of them is the one for an offset.
 *
 *     offsets   0    40   41   90           lastMarkAt(50) is 2
 *
 * Pure. What is counted, or timed, by offset uses it.
 */

/** Index of the last mark at or below `offset`; 0 when all are above. */
export function lastMarkAt(offsets: readonly number[], offset: number): number {
  let [low, high] = [0, offsets.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}
