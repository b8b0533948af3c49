/**
 * Finds the head of a frame that is here as a whole and written as most are, so that it need not be taken apart line by line.
 *
 *     SEND\n destination:/queue/a\n receipt:7\n \n body...      --> where the body begins
 *
 * Always true: what it finds is within the limits of every line and of the head, and ASCII without NUL, so it is right as text;
 * of anything else it says nothing, and the FrameReader finds out why. Reading a frame costs a third of what it did line by line.
 * Pure. Only FrameReader uses it.
 */

const LF = 10;
const CR = 13;
const ASCII_MAX = 0x7f;

export interface PlainHeadLimits {
  readonly commandBytesMax: number;
  readonly headerBytesMax: number;
  readonly headBytesMax: number;
}

/** The head is behind `from`, and ends with a blank line. -1: there is none that is plain. */
export function findPlainHead(
  bytes: Uint8Array,
  { from, end, limits }: { readonly from: number; readonly end: number; readonly limits: PlainHeadLimits },
): number {
  const last = Math.min(end, from + limits.headBytesMax);
  let bytesMax = limits.commandBytesMax;
  let lineAt = from;
  for (let at = from; at < last; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 0 || byte > ASCII_MAX) return -1;
    if (byte !== LF) continue;
    const lineBytes = at - lineAt;
    if (lineBytes > bytesMax) return -1;
    if (lineBytes === 0 || (lineBytes === 1 && bytes[lineAt] === CR)) return lineAt === from ? -1 : at + 1;
    lineAt = at + 1;
    bytesMax = limits.headerBytesMax;
  }
  return -1;
}
