/**
 * Room at the end of a segment: zeros written ahead, so that the next small groups need not make the file longer.
 *
 *     [head][batch][batch][batch]0000000000000000|
 *                                ^ end           ^ length of the file
 *
 * A sync that finds the file longer than before has its length to write too, in another place of the disk, and waits for both.
 * One group in many brings the zeros with it; those after it write over them. Only where each group is synced by itself and
 * small does this count; where many share one sync there is nothing to gain, and no room is made.
 *
 * Always true: room is zeros, and no longer than what was written before it, up to whole blocks: a file at most doubles;
 * recovery takes zeros for what they are, and a segment that is sealed or closed in order has none. Only the segment uses it.
 */

/** Made at once, at most: enough for some hundred lone sends. */
const ROOM_BYTES_MAX = 64 * 1024;
/** What disks and file systems write at once, and a file takes at least. */
const BLOCK_BYTES = 4096;
/** A group of more has no use for room. */
const GROUP_BYTES_MAX = ROOM_BYTES_MAX / 4;
const ZEROS = new Uint8Array(ROOM_BYTES_MAX + BLOCK_BYTES);

export class SegmentRoom {
  /** Length of the file, as far as it was written here. */
  #fileBytes = 0;

  /** The file is longer than what counts of it. */
  isBehind(position: number): boolean {
    return this.#fileBytes > position;
  }

  /** What to write behind a group that goes to `position`, so that there is room for those after it; undefined: nothing. */
  zerosBehind(position: number, groupBytes: number): Uint8Array | undefined {
    const groupEnd = position + groupBytes;
    if (groupEnd <= this.#fileBytes || groupBytes > GROUP_BYTES_MAX) return undefined;
    const roomBytes = Math.min(ROOM_BYTES_MAX, position);
    return ZEROS.subarray(0, roomBytes + BLOCK_BYTES - ((groupEnd + roomBytes) % BLOCK_BYTES));
  }

  wrote(untilPosition: number): void {
    this.#fileBytes = Math.max(this.#fileBytes, untilPosition);
  }

  /** The file was cut, or opened anew. */
  forget(): void {
    this.#fileBytes = 0;
  }
}
