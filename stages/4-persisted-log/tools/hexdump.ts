/**
 * Bytes as a hexdump whose fields are bracketed, for people.
 *
 *     00000040 [00 00 00 6c|5d 2a 91 07|00 00 00 00 00 00 00 00]  ...l]*.. ........
 *               batchBytes   headCrc     baseOffset
 *
 * Always true: sixteen bytes a row, every byte once; a bracket stands where a field begins or ends, and takes the place of a
 * space, so that columns stay. Pure.
 */

const ROW_BYTES = 16;
const POSITION_DIGITS = 8;

/** A stretch of bytes that means something. */
export interface HexField {
  readonly name: string;
  /** First byte, in the bytes given. */
  readonly from: number;
  /** Excluded. */
  readonly to: number;
  /** What the bytes say. */
  readonly value: string;
}

export interface HexRow {
  /** Of its first byte, in the file. */
  readonly position: number;
  /** Its bytes, with brackets. */
  readonly hex: string;
  /** The same as ASCII, a dot for what cannot be shown. */
  readonly text: string;
  /** Of the fields that begin in it. */
  readonly fields: readonly HexField[];
}

/** The rows of `bytes`, which lie at `position` of their file. */
export function hexRows(
  bytes: Uint8Array,
  { position, fields }: { readonly position: number; readonly fields: readonly HexField[] },
): HexRow[] {
  const filled = fields.filter(({ from, to }) => to > from);
  const begins = new Set(filled.map(({ from }) => from));
  const ends = new Set(filled.map(({ to }) => to));
  const rows: HexRow[] = [];
  for (let from = 0; from < bytes.length; from += ROW_BYTES) {
    const to = Math.min(from + ROW_BYTES, bytes.length);
    let hex = begins.has(from) ? '[' : ' ';
    for (let at = from; at < to; at += 1) {
      hex += (bytes[at] ?? 0).toString(16).padStart(2, '0');
      hex += markAt(at + 1, { begins, ends, isRowEnd: at + 1 === to });
    }
    const text = Array.from(bytes.subarray(from, to), (byte) =>
      byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.',
    );
    const own = fields.filter((field) => field.from >= from && field.from < to);
    rows.push({ position: position + from, hex, text: text.join(''), fields: own });
  }
  return rows;
}

/** One line of text for a row. */
export function hexLine({ position, hex, text }: HexRow): string {
  return `${position.toString(16).padStart(POSITION_DIGITS, '0')} ${hex.padEnd(3 * ROW_BYTES + 1)} ${text}`.trimEnd();
}

function markAt(
  at: number,
  {
    begins,
    ends,
    isRowEnd,
  }: { readonly begins: ReadonlySet<number>; readonly ends: ReadonlySet<number>; readonly isRowEnd: boolean },
): string {
  if (ends.has(at)) return begins.has(at) && !isRowEnd ? '|' : ']';
  return begins.has(at) && !isRowEnd ? '[' : ' ';
}
