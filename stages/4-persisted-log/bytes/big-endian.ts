/**
 * Whole numbers of a fixed width in bytes, the most significant byte first, as a hexdump shows them.
 *
 *     0x00000141 = 321      00 00 01 41
 *
 * Always true: what `write…` wrote, `read…` reads; nothing is allocated. Positions are the caller's to check. Pure.
 */

const HIGH = 2 ** 32;

export function readU16(bytes: Uint8Array, position: number): number {
  return (byteAt(bytes, position) << 8) | byteAt(bytes, position + 1);
}

export function writeU16(bytes: Uint8Array, position: number, value: number): void {
  bytes[position] = value >>> 8;
  bytes[position + 1] = value;
}

export function readU32(bytes: Uint8Array, position: number): number {
  return ((readU16(bytes, position) << 16) | readU16(bytes, position + 2)) >>> 0;
}

export function writeU32(bytes: Uint8Array, position: number, value: number): void {
  writeU16(bytes, position, value >>> 16);
  writeU16(bytes, position + 2, value & 0xffff);
}

/** Above 2^53 - 1 it is no safe integer any more, and not exact: whoever reads checks. */
export function readU64(bytes: Uint8Array, position: number): number {
  return readU32(bytes, position) * HIGH + readU32(bytes, position + 4);
}

/** A safe integer from 0. `>>> 0` is its remainder by 2^32: `%` takes as long as all the rest. */
export function writeU64(bytes: Uint8Array, position: number, value: number): void {
  writeU32(bytes, position, Math.floor(value / HIGH));
  writeU32(bytes, position + 4, value >>> 0);
}

function byteAt(bytes: Uint8Array, position: number): number {
  return bytes[position] ?? 0;
}
