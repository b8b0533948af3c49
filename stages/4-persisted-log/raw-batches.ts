/**
 * Batches as bytes, in and out: what came encoded is checked once and stored as it is; what is handed out goes as the
 * stored batches it lies in.
 *
 * Always true: what passes `checkRawBatch` decodes without fault and within all limits, and nobody else has its bytes: the
 * caller's array is not kept, unless it is given.
 */
import type { Limits } from '../../shared/contract/limits.ts';
import type { RawDeliveries } from '../../shared/contract/raw-batches.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';
import { checkContent } from './bytes/batch-check.ts';
import { copyOf } from './bytes/small-bytes.ts';
import { StoredBatch } from './bytes/stored-batch.ts';
import type { HandedRun, ReadableBatch } from './delivery/desk-surroundings.ts';
import { type IncomingBatch, type PartitionWish, rawBatch } from './incoming-batch.ts';

export interface CheckedRawBatch {
  readonly batch: IncomingBatch;
  /** Its keys are read only where there is a choice of partitions. */
  readonly keyed: PartitionWish['keyed'];
}

/** `isGiven`: the array is the broker's own from now on. */
export function checkRawBatch(
  bytes: unknown,
  { limits, isGiven }: { readonly limits: Limits; readonly isGiven: boolean },
): CheckedRawBatch {
  if (!(bytes instanceof Uint8Array)) throw invalidArgument('batch', 'the bytes of a batch', bytes);
  const own = isGiven ? bytes : copyOf(bytes);
  const { count } = checkContent(own, limits);
  return { batch: rawBatch(own, count), keyed: { [Symbol.iterator]: () => keysOf(own) } };
}

function* keysOf(bytes: Uint8Array): Generator<{ readonly key?: string }> {
  const batch = new StoredBatch(bytes);
  for (let offset = batch.baseOffset; offset < batch.nextOffset; offset += 1) yield batch.recordAt(offset);
}

/** Of each partition one, with every batch once. */
export function rawDeliveriesOf(
  runs: readonly HandedRun[],
  { group, memberId }: { readonly group: string; readonly memberId: string },
): RawDeliveries[] {
  const deliveries: RawDeliveries[] = [];
  for (const [partition, ofPartition] of Map.groupBy(runs, (run) => run.partition)) {
    const batches = new Set<ReadableBatch>();
    for (const run of ofPartition) for (const batch of run.batches) batches.add(batch);
    const ascending = [...batches].sort((one, other) => one.baseOffset - other.baseOffset);
    const pieces = ascending.map((batch) => batch.bytes);
    let joined: Uint8Array | undefined;
    const ownRuns = ofPartition.map(rawRunOf).sort((one, other) => one.fromOffset - other.fromOffset);
    deliveries.push({
      partition,
      pieces,
      get bytes() {
        joined ??= joinBytes(pieces);
        return joined;
      },
      group,
      memberId,
      runs: ownRuns,
    });
  }
  return deliveries;
}

function rawRunOf(run: HandedRun): RawDeliveries['runs'][number] {
  const { fromOffset, count, token, leaseExpiresAt, deliveryCount, reason } = run;
  const raw = { fromOffset, count, leaseToken: token, leaseExpiresAt, deliveryCount };
  return reason === undefined ? raw : { ...raw, redeliveryReason: reason };
}

/** One after the other. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
