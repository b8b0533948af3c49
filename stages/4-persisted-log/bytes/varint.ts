/**
 * Whole numbers in as few bytes as they need: seven bits a byte, the lowest first, the top bit says that more follow.
 *
 *     5    -> 05              300 = 0b10_0101100 -> 1_0101100 0_0000010 -> ac 02
 *
 * Always true: a number has exactly one encoding (the shortest), so its length follows from its value and a reader needs
 * no second result: the next field is at `position + varintBytes(value)`. Pure.
 */

/** Of the largest safe integer, 53 bits. */
export const VARINT_BYTES_MAX = 8;
/** What `readVarint` answers for bytes that are no varint: cut off, too long, or not the shortest. */
export const NO_VARINT = -1;

/** How many bytes `value` takes; a safe integer from 0. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  let bytes = 5;
  for (let rest = Math.floor(value / 2 ** 35); rest > 0; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** Answers the position behind it. */
export function writeVarint(into: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest >= 0x80) {
    into[at] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
    at += 1;
  }
  into[at] = rest;
  return at + 1;
}

/** The number at `position`, none of whose bytes may be at `end` or behind it; otherwise `NO_VARINT`. */
export function readVarint(bytes: Uint8Array, position: number, end: number): number {
  if (position >= end) return NO_VARINT;
  const first = bytes[position] ?? 0;
  if (first < 0x80) return first;
  if (position + 1 >= end) return NO_VARINT;
  const second = bytes[position + 1] ?? 0;
  if (second < 0x80) return second === 0 ? NO_VARINT : (first & 0x7f) | (second << 7);
  return readLongVarint(bytes, position, end);
}

function readLongVarint(bytes: Uint8Array, position: number, end: number): number {
  let value = 0;
  let weight = 1;
  for (let index = 0; index < VARINT_BYTES_MAX && position + index < end; index += 1) {
    const byte = bytes[position + index] ?? 0;
    value += (byte & 0x7f) * weight;
    weight *= 0x80;
    if (byte >= 0x80) continue;
    return byte === 0 || !Number.isSafeInteger(value) ? NO_VARINT : value;
  }
  return NO_VARINT;
}
