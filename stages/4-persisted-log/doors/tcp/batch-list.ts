/**
 * Stored batches that lie one after the other, as an answer has them.
 *
 * Always true: bytes that are no batches are `MQ_PROTOCOL`; what is decoded is a view of the bytes. Pure.
 */
import { readU32 } from '../../bytes/big-endian.ts';
import type { LogRecord } from '../../bytes/record.ts';
import { AT, BATCH_HEAD_BYTES } from '../../bytes/record-batch.ts';
import { StoredBatch } from '../../bytes/stored-batch.ts';
import { refuse } from './fields-reader.ts';

export class BatchList {
  readonly batches: readonly StoredBatch[];
  /** Where the last record was: nearly always the next one is there too. */
  #at = 0;

  /** `pieces`: whole batches each. */
  constructor(pieces: readonly Uint8Array[]) {
    const [first] = pieces;
    this.batches = first !== undefined && pieces.length === 1 ? batchesIn(first) : pieces.flatMap(batchesIn);
  }

  /** Of all batches. */
  get recordCount(): number {
    return this.batches.reduce((sum, { count }) => sum + count, 0);
  }

  recordAt(offset: number): LogRecord {
    if (!isWithin(this.batches[this.#at], offset)) {
      this.#at = this.batches.findIndex((batch) => isWithin(batch, offset));
    }
    const batch = this.batches[this.#at] ?? refuse('an offset', 'is not within the batches');
    return batch.recordAt(offset);
  }
}

function isWithin(batch: StoredBatch | undefined, offset: number): boolean {
  return batch !== undefined && offset >= batch.baseOffset && offset < batch.nextOffset;
}

function batchesIn(bytes: Uint8Array): StoredBatch[] {
  const batches: StoredBatch[] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    const batchBytes = left < BATCH_HEAD_BYTES ? 0 : readU32(bytes, at + AT.batchBytes);
    if (batchBytes < BATCH_HEAD_BYTES || batchBytes > left) refuse('a batch', 'does not end in the frame');
    // Not a part of a Buffer, whose parts would be Buffers too: bodies are plain arrays.
    batches.push(new StoredBatch(new Uint8Array(bytes.buffer, bytes.byteOffset + at, batchBytes)));
    at += batchBytes;
  }
  return batches;
}
