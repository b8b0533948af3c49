/**
 * Batches that no sender would make, under checksums that are right, and what a broker must say of them.
 *
 * For tests only.
 */
import assert from 'node:assert/strict';
import { isMqError } from '../../../shared/contract/errors.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { checkContent } from '../bytes/batch-check.ts';
import { writeU16, writeU32 } from '../bytes/big-endian.ts';
import { CODECS, type Codec } from '../bytes/compression.ts';
import { AT, BATCH_HEAD_BYTES, contentCrcOf, encodeBatch } from '../bytes/record-batch.ts';

export const IDS = { idPrefix: 'p-', firstIdNumber: 0 };
export const hello = { body: new TextEncoder().encode('hello') };

/** A change to the content of a batch, under a checksum that is right. */
export function changed(batch: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = batch.slice();
  change(bytes);
  writeU32(bytes, AT.batchBytes, bytes.length);
  writeU32(bytes, AT.contentCrc, contentCrcOf(bytes));
  return bytes;
}

/** A batch with this records block, whatever is in it. */
export function withBlock(
  block: Uint8Array,
  { count = 1, flags = 0, codec = 'none' as Codec, recordsBytes = block.length } = {},
): Uint8Array {
  const head = encodeBatch([hello], IDS).subarray(0, BATCH_HEAD_BYTES);
  return changed(Buffer.concat([head, block]), (bytes) => {
    bytes[AT.codec] = CODECS[codec];
    writeU16(bytes, AT.flags, flags);
    writeU32(bytes, AT.recordCount, count);
    writeU32(bytes, AT.recordsBytes, recordsBytes);
  });
}

/** `checkContent` refuses it, naming the condition that does not hold. */
export function refuses(batch: Uint8Array, condition: string): void {
  assert.throws(
    () => checkContent(batch, LIMITS),
    (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.message.includes(`(${condition})`),
    condition,
  );
}
