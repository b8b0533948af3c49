/**
 * CRC32C (Castagnoli, reflected polynomial 0x82f63b78), the checksum of iSCSI, ext4 and Kafka; RFC 3720, appendix B.4 has
 * test vectors. `zlib.crc32` is another polynomial. Pure.
 */
import crc32c from 'crc-32/crc32c.js';

/** Unsigned. `seed` is the checksum of what came before, so that pieces can be checked one after the other. */
export function crc32cOf(bytes: Uint8Array, seed = 0): number {
  return crc32c.buf(bytes, seed) >>> 0;
}

/** Of the UTF-8 bytes of `text`, unsigned: a key belongs to partition `crc32cOfText(key) % partitionCount`. */
export function crc32cOfText(text: string): number {
  return crc32c.str(text) >>> 0;
}
