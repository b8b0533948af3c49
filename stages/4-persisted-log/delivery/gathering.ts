/**
 * Reading a run of neighbours out of the stored batches they are in, as far as they may be handed out now.
 *
 *     wanted 4 .. 12      [ batch 0 .. 5 ][ batch 6 .. 8 ][ batch 9 .. 14, not in memory ]
 *     gathered 4 .. 9, "missing" 9
 *
 * A batch whose records all say nothing of themselves (no expiry, no priority, no group) is taken whole, without a look at
 * its records; of all others each record is looked at. Always true: what is gathered is contiguous from the first offset
 * on. Nothing is changed here.
 */
import { isMqError, type MqError } from '../../../shared/contract/errors.ts';
import type { LogRecord } from '../bytes/record.ts';
import type { PartitionReader, ReadableBatch } from './desk-surroundings.ts';
import { matches } from './matching.ts';
import type { OffsetSpan } from './offset-spans.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';

/** How much one answer may still take. */
export class Budget {
  count: number;
  #bytes: number;
  #hasAny = false;
  #lastBatch: ReadableBatch | undefined;

  constructor({ count, bytes }: { readonly count: number; readonly bytes: number }) {
    this.count = count;
    this.#bytes = bytes;
  }

  /** False when it is too much, unless it is the first. */
  takeRecord(bytes: number): boolean {
    if (bytes > this.#bytes && this.#hasAny) return false;
    this.#hasAny = true;
    this.#bytes -= bytes;
    return true;
  }

  /** A batch that would be begun here and not ended: whoever comes next would have all its bytes once more. */
  wouldSplit(batch: ReadableBatch, below: number): boolean {
    return this.#hasAny && batch !== this.#lastBatch && below < batch.nextOffset;
  }

  /** The same for whole batches, each of which is in an answer only once. */
  takeBatch(batch: ReadableBatch): boolean {
    if (batch === this.#lastBatch) return true;
    if (!this.takeRecord(batch.bytes.length)) return false;
    this.#lastBatch = batch;
    return true;
  }
}

/** Why a record is not for the group that reads it. */
export type StepOver = 'expired' | 'not-for-group' | 'gone' | 'filtered';

/** Whose eyes it is read with. */
export interface ReadAs {
  readonly group: string;
  /** Epoch ms. */
  readonly now: number;
  /** Expiry of records that say nothing themselves, ms. */
  readonly ttlMs: number | undefined;
  /** True: whole batches are wanted, and no record as an object. */
  readonly isWhole: boolean;
  /** Of the group: what does not match is stepped over. */
  readonly groupMatcher?: RecordMatcher | undefined;
  /** Of the call: what does not match ends a run. */
  readonly matcher?: RecordMatcher | undefined;
  /** What costly filters take of it; when it is used up, a run ends. */
  readonly looks: Looks;
}

/** Neighbours that would all be delivered for the same time. */
export interface WantedRun extends OffsetSpan {
  readonly deliveryCount: number;
}

export interface Gathered {
  /** What was gathered ends before it. */
  below: number;
  readonly batches: ReadableBatch[];
  /** Empty when whole batches are wanted. */
  readonly records: LogRecord[];
  /** Dead letters that came back. */
  isRedrive: boolean;
  /** It ended because the next batch is not in memory, */
  isMissing?: boolean;
  /** or cannot be read. */
  error?: MqError;
}

/** What of `wanted` can be handed out in one run. */
export function gather(
  reader: PartitionReader,
  { wanted, budget, as }: { readonly wanted: WantedRun; readonly budget: Budget; readonly as: ReadAs },
): Gathered {
  const gathered: Gathered = { below: wanted.from, batches: [], records: [], isRedrive: false };
  try {
    while (gathered.below < wanted.below && budget.count > 0) {
      const batch = reader.cachedAt(gathered.below);
      if (batch === undefined) {
        gathered.isMissing = true;
        break;
      }
      const below = Math.min(wanted.below, batch.nextOffset, gathered.below + budget.count);
      if (as.isWhole && below === gathered.below + budget.count && budget.wouldSplit(batch, below)) break;
      const isWhole =
        isLookless(batch, as) && !isOver(batch.timestamp, as) && !reader.hasGoneIn({ from: gathered.below, below });
      const isDone = isWhole
        ? takePlain(gathered, { batch, below, budget, as })
        : takeEach(gathered, { batch, below, budget, as, reader, deliveryCount: wanted.deliveryCount });
      if (!isDone) break;
    }
  } catch (error) {
    if (!isMqError(error)) throw error;
    gathered.error = error;
  }
  return gathered;
}

/** How many neighbours from `from` on are to be stepped over alike, as far as `below` and within one batch in memory. */
export function stepOverCount(
  reader: PartitionReader,
  { from, below, as, deliveryCount }: WantedRun & { readonly as: ReadAs },
): { readonly how: StepOver; readonly count: number } | undefined {
  const batch = reader.cachedAt(from);
  if (batch === undefined) return undefined;
  const end = Math.min(below, batch.nextOffset);
  if (batch.isMarker) return { how: 'gone', count: end - from };
  if (batch.isPlain && as.groupMatcher === undefined && !reader.hasGoneIn({ from, below: end })) {
    return isOver(batch.timestamp, as) ? { how: 'expired', count: end - from } : undefined;
  }
  const eyes = { as, reader, deliveryCount };
  const how = stepOverOf(batch.recordAt(from), eyes);
  if (how === undefined) return undefined;
  let offset = from + 1;
  while (offset < end && offset - from < as.looks.left && stepOverOf(batch.recordAt(offset), eyes) === how) offset += 1;
  return { how, count: offset - from };
}

/** Until when a record may be handed out, epoch ms: in that millisecond it still may. */
export function expiresAtOf(record: LogRecord, ttlMs: number | undefined): number | undefined {
  return record.expiresAt ?? (ttlMs === undefined ? undefined : record.timestamp + ttlMs);
}

interface Piece {
  readonly batch: ReadableBatch;
  readonly below: number;
  readonly budget: Budget;
  readonly as: ReadAs;
}

/** False when no more fits. */
function takePlain(gathered: Gathered, { batch, below, budget, as }: Piece): boolean {
  if (as.isWhole) {
    if (!budget.takeBatch(batch)) return false;
    budget.count -= below - gathered.below;
    gathered.below = below;
    gathered.batches.push(batch);
    return true;
  }
  for (let offset = gathered.below; offset < below; offset += 1) {
    if (!budget.takeRecord(batch.contentBytesAt(offset))) return false;
    addRecord(gathered, { batch, record: batch.recordAt(offset), budget });
  }
  return true;
}

/** False when no more fits, or the next one is not of this run. */
function takeEach(gathered: Gathered, { batch, below, budget, ...eyes }: Piece & Eyes): boolean {
  const { as } = eyes;
  const from = gathered.below;
  for (let offset = gathered.below; offset < below; offset += 1) {
    if (offset > from && as.looks.left <= 0 && asksFilter(as)) return false;
    const record = batch.recordAt(offset);
    const stepOver = batch.isMarker ? 'gone' : stepOverOf(record, eyes);
    const isRedrive = record.movedFrom?.log === 'dead';
    if (stepOver !== undefined || (gathered.batches.length > 0 && isRedrive !== gathered.isRedrive)) return false;
    if (
      as.matcher !== undefined &&
      !matches(as.matcher, { record, deliveryCount: eyes.deliveryCount, looks: as.looks })
    )
      return false;
    if (!(as.isWhole ? budget.takeBatch(batch) : budget.takeRecord(batch.contentBytesAt(offset)))) return false;
    gathered.isRedrive = isRedrive;
    if (!as.isWhole) addRecord(gathered, { batch, record, budget });
    else {
      budget.count -= 1;
      gathered.below = offset + 1;
      if (gathered.batches.at(-1) !== batch) gathered.batches.push(batch);
    }
  }
  return true;
}

function addRecord(
  gathered: Gathered,
  { batch, record, budget }: { readonly batch: ReadableBatch; readonly record: LogRecord; readonly budget: Budget },
): void {
  budget.count -= 1;
  gathered.below = record.offset + 1;
  gathered.records.push(record);
  if (gathered.batches.at(-1) !== batch) gathered.batches.push(batch);
}

/** What one record is looked at with. */
export interface Eyes {
  readonly as: ReadAs;
  readonly reader: PartitionReader;
  readonly deliveryCount: number;
}

/** Why a record is not for the group; undefined: it can be handed out. */
export function stepOverOf(record: LogRecord, { as, reader, deliveryCount }: Eyes): StepOver | undefined {
  if (reader.isGone(record.offset)) return 'gone';
  if (record.forGroup !== undefined && record.forGroup !== as.group) return 'not-for-group';
  const { groupMatcher, looks } = as;
  if (groupMatcher !== undefined && !matches(groupMatcher, { record, deliveryCount, looks })) return 'filtered';
  return (expiresAtOf(record, as.ttlMs) ?? Number.POSITIVE_INFINITY) < as.now ? 'expired' : undefined;
}

/** Nothing in it says anything of itself, and nobody asks. */
function isLookless(batch: ReadableBatch, as: ReadAs): boolean {
  return batch.isPlain && !asksFilter(as);
}

function asksFilter({ groupMatcher, matcher }: ReadAs): boolean {
  return groupMatcher !== undefined || matcher !== undefined;
}

/** Records of that time that say nothing themselves have expired. */
function isOver(timestamp: number, { ttlMs, now }: ReadAs): boolean {
  return ttlMs !== undefined && timestamp + ttlMs < now;
}
