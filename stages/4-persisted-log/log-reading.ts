/**
 * Reading a log by offset: the records of one fetch, or the batches they lie in as they are stored.
 *
 * Always true: an answer has what is below the high watermark only, in the order of the offsets, and at least one record
 * (or batch) however large it is; records that are not for every reader are stepped over, so `nextOffset` may be further
 * on than the last record. Changes nothing.
 */
import type { FetchResult } from '../../shared/contract/broker.ts';
import type { StoredRecord } from '../../shared/contract/message.ts';
import type { RawFetchResult } from '../../shared/contract/raw-batches.ts';
import type { LogRecord } from './bytes/record.ts';
import { SUMMARY } from './bytes/record-batch.ts';
import type { StoredBatch } from './bytes/stored-batch.ts';
import type { OffsetSpan } from './delivery/offset-spans.ts';
import type { PartitionLog } from './log/log.ts';
import { joinBytes } from './raw-batches.ts';
import type { RecordRules } from './record-rules.ts';

/** `read-committed`: what is undecided is not there yet, and what was aborted never was. */
export type Isolation = 'read-uncommitted' | 'read-committed';

export interface FetchWant {
  readonly isolation: Isolation;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
}

/** As much of a partition as reading it needs. */
export interface ReadablePartition {
  readonly log: PartitionLog;
  readonly partition: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** `read-committed` ends here. */
  readonly lastStableOffset: number;
  readonly rules: Pick<RecordRules, 'isTransactional' | 'lastStableOffset'>;
  /** True for a record that is there no more though its log still has it. */
  isGone(offset: number, isolation: Isolation): boolean;
  /** False when none of them is. */
  hasGoneIn(span: OffsetSpan, isolation: Isolation): boolean;
}

/** What the records of a topic have in common. */
export interface RecordOrigin {
  readonly topic: string;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
}

export async function readRecords(
  from: ReadablePartition,
  want: FetchWant,
  origin: RecordOrigin,
): Promise<FetchResult> {
  const { log, partition } = from;
  const readEnd = readEndOf(from, want);
  const records: StoredRecord[] = [];
  let bytes = 0;
  let next = want.offset;
  while (next < readEnd && records.length < want.max) {
    const batch = await batchFrom(log, next);
    const end = Math.min(batch?.nextOffset ?? readEnd, readEnd);
    next = batch?.isMarker ? end : Math.max(next, batch?.baseOffset ?? end);
    const mayBeGone = from.hasGoneIn({ from: next, below: end }, want.isolation);
    for (; batch !== undefined && next < end && records.length < want.max; next += 1) {
      if (mayBeGone && from.isGone(next, want.isolation)) continue;
      const record = batch.recordAt(next);
      if (record.forGroup !== undefined) continue;
      bytes += batch.contentBytesAt(next);
      if (bytes > want.bytesMax && records.length > 0) {
        return { records, nextOffset: next, ...endsOf(from) };
      }
      records.push(storedRecordOf(record, { ...origin, partition }));
    }
  }
  return { records, nextOffset: next, ...endsOf(from) };
}

export type BatchesRead = RawFetchResult & Required<Pick<RawFetchResult, 'pieces'>>;

export async function readBatches(from: ReadablePartition, want: FetchWant): Promise<BatchesRead> {
  const { log } = from;
  const readEnd = readEndOf(from, want);
  const pieces: Uint8Array[] = [];
  let [bytes, count, next] = [0, 0, want.offset];
  while (next < readEnd && count < want.max) {
    const batch = await batchFrom(log, next);
    if (batch === undefined || batch.nextOffset > readEnd) break;
    if (!isHidden(batch, from, want)) {
      if (bytes + batch.bytes.length > want.bytesMax && pieces.length > 0) break;
      bytes += batch.bytes.length;
      count += batch.nextOffset - Math.max(next, batch.baseOffset);
      pieces.push(batch.bytes);
    }
    next = batch.nextOffset;
  }
  let joined: Uint8Array | undefined;
  return {
    pieces,
    get bytes() {
      joined ??= joinBytes(pieces);
      return joined;
    },
    nextOffset: next,
    ...endsOf(from),
  };
}

/** Where reading ends for now. */
export function readEndOf(
  { highWatermark, lastStableOffset }: Pick<ReadablePartition, 'highWatermark' | 'lastStableOffset'>,
  { isolation }: Pick<FetchWant, 'isolation'>,
): number {
  return isolation === 'read-committed' ? lastStableOffset : highWatermark;
}

function endsOf(from: ReadablePartition): Pick<FetchResult, 'logStartOffset' | 'highWatermark' | 'lastStableOffset'> {
  const { logStartOffset, highWatermark, rules } = from;
  if (!rules.isTransactional) return { logStartOffset, highWatermark };
  return { logStartOffset, highWatermark, lastStableOffset: from.lastStableOffset };
}

/**
 * Batches with records for one group were made by a redrive, and have no others; a dead letter is a batch of its own; a
 * transaction has all of a batch, or nothing.
 */
function isHidden(batch: StoredBatch, from: ReadablePartition, { isolation }: FetchWant): boolean {
  if (batch.isMarker || (batch.flags & SUMMARY.forGroup) !== 0) return true;
  const { baseOffset, nextOffset } = batch;
  return from.hasGoneIn({ from: baseOffset, below: nextOffset }, isolation) && from.isGone(baseOffset, isolation);
}

/**
 * The batch with the record, from memory or from the disk; the next one when the record is missing, and undefined at the
 * high watermark. `MQ_OFFSET_OUT_OF_RANGE` when it was released meanwhile.
 */
export async function batchFrom(log: PartitionLog, offset: number): Promise<StoredBatch | undefined> {
  const cached = log.cachedAt(offset);
  if (cached !== undefined) return cached;
  const batches = await log.load(offset);
  return batches.find(({ nextOffset }) => nextOffset > offset);
}

/** A record as readers get it. */
function storedRecordOf(
  record: LogRecord,
  { topic, partition, ttlMs }: RecordOrigin & { readonly partition: number },
): StoredRecord {
  const { offset, id, headers, body, timestamp } = record;
  const stored: { -readonly [Member in keyof StoredRecord]: StoredRecord[Member] } = {
    ...{ topic, partition, offset, timestamp, id, headers, body },
  };
  if (record.key !== undefined) stored.key = record.key;
  if (record.priority > 0) stored.priority = record.priority;
  const expiresAt = record.expiresAt ?? (ttlMs === undefined ? undefined : timestamp + ttlMs);
  if (expiresAt !== undefined) stored.expiresAt = expiresAt;
  return stored;
}
