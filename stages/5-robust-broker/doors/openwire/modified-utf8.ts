/**
 * Text as Java writes it: UTF-8, but NUL has two bytes, and each half of a surrogate pair three.
 *
 *     "a"  61        "\0"  C0 80        "é"  C3 A9        "€"  E2 82 AC        "🙂"  ED A0 BD  ED B9 82
 *
 * Always true: every string of Java comes back as it was, lone halves too; characters of four bytes, as other clients write them,
 * are read as well; bytes that are no such text are `MQ_PROTOCOL`.
 * Pure. WireReader and WireWriter use it.
 */
import { MqError } from '../../../../shared/contract/errors.ts';

const ONE_BYTE_ONLY = /^[\x01-\x7f]*$/;
/** Characters that are put together at once: more arguments than that a call may not have. */
const CHUNK = 4096;

/** The bytes that `text` takes. */
export function modifiedLength(text: string): number {
  if (ONE_BYTE_ONLY.test(text)) return text.length;
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) bytes += widthOf(text.charCodeAt(at));
  return bytes;
}

/** Writes `text` at `at`, where there is room for it. */
export function writeModified(into: Buffer, text: string, at: number): void {
  if (ONE_BYTE_ONLY.test(text)) {
    into.write(text, at, 'latin1');
    return;
  }
  let to = at;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const width = widthOf(unit);
    if (width === 1) into[to] = unit;
    else if (width === 2) into[to] = 0xc0 | (unit >> 6);
    else into[to] = 0xe0 | (unit >> 12);
    if (width === 3) into[to + 1] = 0x80 | ((unit >> 6) & 0x3f);
    if (width > 1) into[to + width - 1] = 0x80 | (unit & 0x3f);
    to += width;
  }
}

/** The text of the bytes from `from` to `end`. */
export function readModified(frame: Buffer, from = 0, end = frame.length): string {
  if (isOneByteOnly(frame, from, end)) return frame.toString('latin1', from, end);
  const bytes = frame.subarray(from, end);
  const units: number[] = [];
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const [character, width] = characterAt(bytes, at);
    if (width === 4) units.push(...unitsOf(character));
    else units.push(character);
    at += width;
    if (units.length < CHUNK) continue;
    text += String.fromCharCode(...units);
    units.length = 0;
  }
  return text + String.fromCharCode(...units);
}

function isOneByteOnly(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) if ((bytes[at] ?? 0) > 0x7f) return false;
  return true;
}

function characterAt(bytes: Buffer, at: number): readonly [character: number, width: number] {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return [first, 1];
  if (first >> 5 === 0b110) return [((first & 0x1f) << 6) | followingAt(bytes, at + 1), 2];
  const second = followingAt(bytes, at + 1);
  if (first >> 4 === 0b1110) return [((first & 0x0f) << 12) | (second << 6) | followingAt(bytes, at + 2), 3];
  const four = ((first & 0x07) << 18) | (second << 12) | (followingAt(bytes, at + 2) << 6) | followingAt(bytes, at + 3);
  if (first >> 3 === 0b11110 && four > 0xffff && four <= 0x10ffff) return [four, 4];
  throw new MqError('MQ_PROTOCOL', `byte ${at} of a text begins no character`);
}

/** The two halves of a character that has no unit of its own. */
function unitsOf(character: number): readonly [number, number] {
  return [0xd800 | ((character - 0x10000) >> 10), 0xdc00 | (character & 0x3ff)];
}

function followingAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined || byte >> 6 !== 0b10)
    throw new MqError('MQ_PROTOCOL', `byte ${at} of a text ends no character`);
  return byte & 0x3f;
}

function widthOf(unit: number): 1 | 2 | 3 {
  if (unit !== 0 && unit < 0x80) return 1;
  return unit < 0x800 ? 2 : 3;
}
