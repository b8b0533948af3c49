/**
 * Batches of docs/format-log.md made before the load begins, and the numbers of the messages in stored ones: what an
 * opaque batch carries is counted without taking it apart, since every record here is as long as every other.
 *
 *     | head, prologue | .. number0 .. | .. number1 .. | .. number2 .. |       the last body ends where its batch does
 *
 * Pure.
 */
import type { Message } from '../../shared/contract/message.ts';
import { readU32 } from '../../stages/4-persisted-log/bytes/big-endian.ts';
import { AT, encodeBatch } from '../../stages/4-persisted-log/bytes/record-batch.ts';
import { BODY_BYTES, numberedBody, numberIn } from '../tally.ts';

/** Messages of one batch: 100 KiB, less than what the Producer puts together when it is busy. */
export const BATCH_COUNT = 1000;
/** A record with a body of 100 bytes and nothing else: its length, its flags, its body. */
export const RECORD_BYTES = 2 + BODY_BYTES;

export interface BatchesOptions {
  /** Messages of all batches together. */
  readonly count: number;
  /** Default `BATCH_COUNT`. */
  readonly batchCount?: number;
}

let pool: readonly Message[] = [];

/** Messages numbered from 0, made once and shared by all runs: nobody writes to them. */
export function numberedMessages(count: number): readonly Message[] {
  if (pool.length < count) pool = Array.from({ length: count }, (_, number) => ({ body: numberedBody(number) }));
  return pool.length === count ? pool : pool.slice(0, count);
}

/** `count` messages, numbered from 0. */
export function encodeNumberedBatches({ count, batchCount = BATCH_COUNT }: BatchesOptions): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let first = 0; first < count; first += batchCount) {
    const size = Math.min(batchCount, count - first);
    const messages = Array.from({ length: size }, (_, index) => ({ body: numberedBody(first + index) }));
    batches.push(encodeBatch(messages, { idPrefix: 'bench-', firstIdNumber: first }));
  }
  return batches;
}

/** Tells the number of every message in whole stored batches; answers how many there were. */
export function forEachNumber(stored: Uint8Array, use: (number: number) => void): number {
  let count = 0;
  for (let at = 0; at < stored.length; ) {
    const end = at + readU32(stored, at + AT.batchBytes);
    const recordCount = readU32(stored, at + AT.recordCount);
    for (let body = end - recordCount * RECORD_BYTES + 2; body < end; body += RECORD_BYTES) {
      use(numberIn(stored, body));
    }
    count += recordCount;
    at = end;
  }
  return count;
}
