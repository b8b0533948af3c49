/**
 * The codecs of a records block. A block is compressed as a whole by whoever made the batch, stays so on the disk and on
 * the wire, and is inflated by whoever reads it.
 *
 *     codec   0 none    1 gzip (RFC 1952)    2 zstd (RFC 8878)
 *
 * Always true: inflating stops at the length the batch declares, however small the compressed bytes are (a zip bomb costs
 * no more than an honest batch); what comes out has exactly that length. Pure.
 */
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Name of a codec -> its number in the header of a batch. */
export const CODECS = Object.freeze({ none: 0, gzip: 1, zstd: 2 });

export type Codec = keyof typeof CODECS;

/** Both are set for speed: a batch is small, and its sender waits for it. */
const GZIP_LEVEL = 4;
const ZSTD_LEVEL = 1;

/** What node:zlib answers with `info`. */
interface Inflated {
  readonly buffer: Buffer;
  /** `bytesWritten`: how many compressed bytes it took. */
  readonly engine: { readonly bytesWritten: number };
}

/** Smaller blocks do not get smaller. */
const BYTES_MIN = 64;

/** The codec with this number; undefined when there is none. */
export function codecOf(number: number): Codec | undefined {
  if (number === CODECS.none) return 'none';
  if (number === CODECS.gzip) return 'gzip';
  return number === CODECS.zstd ? 'zstd' : undefined;
}

/** `block` made smaller; undefined when the codec cannot. */
export function deflate(codec: Codec, block: Uint8Array): Uint8Array | undefined {
  if (codec === 'none' || block.length < BYTES_MIN) return undefined;
  const compressed =
    codec === 'gzip'
      ? gzipSync(block, { level: GZIP_LEVEL })
      : zstdCompressSync(block, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
  return compressed.length < block.length ? compressed : undefined;
}

/** The block that was compressed; undefined when the bytes are no such thing or it does not have `blockBytes`. */
export function inflate(codec: Codec, compressed: Uint8Array, blockBytes: number): Uint8Array | undefined {
  if (codec === 'none') return compressed.length === blockBytes ? compressed : undefined;
  try {
    const options = { maxOutputLength: Math.max(blockBytes, 1), info: true };
    const result: unknown =
      codec === 'gzip' ? gunzipSync(compressed, options) : zstdDecompressSync(compressed, options);
    const { buffer, engine } = result as Inflated;
    const isAll = buffer.length === blockBytes && engine.bytesWritten === compressed.length;
    return isAll ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length) : undefined;
  } catch {
    return undefined;
  }
}
