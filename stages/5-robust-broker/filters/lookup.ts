/**
 * Finding records by their key: one partition is read from some offset on, and what has the key is picked out.
 *
 *     lookup(key) --> partition of the key --> fetch, fetch, ... --> records with the key, and where to go on
 *
 * Always true: a call reads a bounded number of bytes and records, found or not; whoever goes on at `nextOffset` until it is
 * null has seen every record with the key that was held all the while and committed when it was passed. Used by the spine.
 */
import type { LookupOptions, LookupResult } from '../../../shared/contract/filter.ts';
import type { StoredRecord } from '../../../shared/contract/message.ts';
import { checkInteger, checkOptions, invalidArgument, utf8Length } from '../../../shared/contract/validation.ts';
import type { Rules } from '../../1-blocking-queue/rules.ts';
import { wishedPartition } from '../../4-persisted-log/incoming-batch.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';

/** Records and bytes of one read, */
const READ_COUNT = 1024;
const READ_BYTES = 1024 * 1024;
/** and reads of one call. */
const READS_COUNT_MAX = 8;

export interface CheckedLookupOptions {
  readonly key: string;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly max: number;
}

export function checkLookupOptions(options: LookupOptions, { limits }: Rules): CheckedLookupOptions {
  checkOptions('options', options, ['key', 'partition', 'offset', 'max']);
  const { key, partition, offset, max } = options ?? {};
  const isKey = typeof key === 'string' && key.isWellFormed() && utf8Length(key) <= limits.keyBytesMax;
  if (!isKey) throw invalidArgument('options.key', `a well-formed key of at most ${limits.keyBytesMax} bytes`, key);
  return {
    key,
    partition: partition === undefined ? undefined : checkInteger('options.partition', partition, ANY_NUMBER),
    offset: offset === undefined ? undefined : checkInteger('options.offset', offset, ANY_NUMBER),
    max: checkInteger('options.max', max, { min: 1, max: limits.receiveCountMax, fallback: 1 }),
  };
}

/** `MQ_OFFSET_OUT_OF_RANGE` for an offset that is not held. */
export async function lookUp(topic: Topic, wanted: CheckedLookupOptions): Promise<LookupResult> {
  const number =
    wishedPartition({ path: 'options', keyed: [wanted], given: wanted.partition }, topic.partitionCount) ?? 0;
  const partition = topic.partition(number);
  const want = { max: READ_COUNT, bytesMax: READ_BYTES, isolation: 'read-committed' } as const;
  const records: StoredRecord[] = [];
  let offset = wanted.offset ?? partition.logStartOffset;
  for (let reads = 0; reads < READS_COUNT_MAX; reads += 1) {
    // What nobody told where to begin may have begun before the first record that is still held.
    if (wanted.offset === undefined || reads > 0) offset = Math.max(offset, partition.logStartOffset);
    const read = await partition.fetch({ ...want, offset }, NO_WAIT);
    for (const record of read.records) {
      if (record.key !== wanted.key) continue;
      records.push(record);
      if (records.length < wanted.max) continue;
      const nextOffset = (record.offset ?? 0) + 1;
      return { records, partition: number, nextOffset: nextOffset < endOf(read) ? nextOffset : null };
    }
    offset = read.nextOffset;
    if (offset >= endOf(read)) return { records, partition: number, nextOffset: null };
  }
  return { records, partition: number, nextOffset: offset };
}

function endOf(read: { readonly highWatermark: number; readonly lastStableOffset?: number }): number {
  return read.lastStableOffset ?? read.highWatermark;
}

const NO_WAIT = Object.freeze({ waitMs: 0, signal: undefined });
const ANY_NUMBER = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 };
