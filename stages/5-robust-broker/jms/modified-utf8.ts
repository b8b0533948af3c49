/**
 * Text as Java's `writeUTF` has it: like UTF-8, but each UTF-16 unit by itself, and NUL in two bytes.
 *
 *     0x01 to 0x7f     1 byte          NUL and up to 0x7ff     2 bytes          the rest, halves of pairs too     3 bytes
 *
 * Always true: every string comes back as it was, also half a surrogate pair. Pure. BytesMessage uses it.
 */
import { MessageFormatException } from './errors.ts';

export function encodeModifiedUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit !== 0 && unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return new Uint8Array(bytes);
}

/** `MessageFormatException` for what is none. */
export function decodeModifiedUtf8(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >> 5 === 0b110 ? 2 : first >> 4 === 0b1110 ? 3 : 0;
    const rest = bytes.subarray(at + 1, at + length);
    if (length === 0 || rest.length < length - 1 || rest.some((byte) => byte >> 6 !== 0b10)) {
      throw new MessageFormatException('no text as Java writes it');
    }
    const head = length === 1 ? first : first & (0xff >> (length + 1));
    text += String.fromCharCode(rest.reduce((unit, byte) => (unit << 6) | (byte & 0x3f), head));
    at += length;
  }
  return text;
}
