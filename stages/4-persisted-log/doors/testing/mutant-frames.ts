/**
 * Frames that begin with their length, with something wrong: what TCP and OpenWire have in common.
 *
 *     | length u32, of what follows | type u8 | ...
 *
 * Pure, but for the random numbers it draws: the same ones give the same mutants. Tests of doors use it.
 */
import type { Random } from '../../../../shared/random.ts';

const LENGTH_BYTES = 4;

export interface FrameShape {
  /** Of the shortest frame that is worth a change. */
  readonly bytesMin: number;
  /** Of the head: a shorter frame has no length that could be put right. */
  readonly headBytes: number;
  /** Lengths that are wrong on their own, besides 0, 5, that of the whole, 2^31 - 1 and 2^32 - 1. */
  readonly wrongLength: number;
}

/** One thing is wrong in the copy that comes back. */
export function mutateFrame(frame: Uint8Array, shape: FrameShape, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  if (bytes.length < shape.bytesMin) return bytes;
  const at = random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)] ?? 0;
      return bytes;
    case 2: // the length
      bytes.writeUInt32BE([0, shape.wrongLength, 5, bytes.length, 2 ** 31 - 1, 2 ** 32 - 1][random.below(6)] ?? 0, 0);
      return bytes;
    case 3: // the type
      bytes[LENGTH_BYTES] = random.below(256);
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(at + 1))]);
    case 6: // a number within, of any width
      bytes.fill(random.below(2) === 0 ? 0xff : 0, at, Math.min(at + 2 ** random.below(4), bytes.length));
      return bytes;
    default: // a right length around wrong contents
      return withRightLength(
        Buffer.concat([bytes.subarray(0, at), Buffer.from(random.hex(random.below(20)), 'hex')]),
        shape,
      );
  }
}

function withRightLength(bytes: Buffer, { headBytes }: FrameShape): Buffer {
  if (bytes.length >= headBytes) bytes.writeUInt32BE(bytes.length - LENGTH_BYTES, 0);
  return bytes;
}
