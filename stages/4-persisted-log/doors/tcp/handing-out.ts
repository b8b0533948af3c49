/**
 * From a broker to the frames of an answer: deliveries and records, as stored bytes where the broker hands those out.
 *
 *     receiveBatches --> blocks of form `batches`          receive --> runs of like deliveries, form `records`
 *
 * Always true (I24): what is claimed here is either written and held, or given back; nobody else touches it.
 */
import { onBehalfOf } from '../../../../shared/admission.ts';
import type { Broker, FetchOptions, ReceiveOptions } from '../../../../shared/contract/broker.ts';
import { notSupported } from '../../../../shared/contract/capabilities.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { Delivery, DeliveryRef } from '../../../../shared/contract/message.ts';
import type { RawDeliveries, RawFetchResult } from '../../../../shared/contract/raw-batches.ts';
import { encodeMessages } from '../../../3-http-server/message-codec.ts';
import {
  bytesIn,
  type DeliveriesAnswer,
  type DeliveryBlock,
  FORM,
  type LeaseRun,
  type RecordsAnswer,
} from './answers.ts';
import { BatchList } from './batch-list.ts';

/** For so few, whole batches would mostly be more than was asked for. */
const FEW_RECORDS = 64;
/** Stored batches of at least so many bytes, with so many times the records that are wanted, are not sent whole. */
const WASTE_BYTES_MIN = 64 * 1024;
const WASTE_FACTOR = 4;

/** `memberId` is known: it is the connection's own where the client named none. */
export type TakeOptions = ReceiveOptions & { readonly memberId: string };

/** What the client understands, and what it insists on. */
export interface TakesBatches {
  readonly takesBatches: boolean;
  readonly takesOnlyBatches: boolean;
}

export async function takeDeliveries(
  broker: Broker,
  topic: string,
  { takesBatches, takesOnlyBatches, ...options }: TakeOptions & TakesBatches,
): Promise<DeliveriesAnswer> {
  const { group = DEFAULTS.group, memberId, max = DEFAULTS.max } = options;
  checkHasBatches(broker, takesOnlyBatches, 'receiveBatches');
  if (takesOnlyBatches || (takesBatches && max > FEW_RECORDS && hasBatches(broker))) {
    const some = (await broker.receiveBatches?.(topic, options)) ?? [];
    const blocks = some.map((raw) =>
      takesOnlyBatches || !isWasteful(piecesOf(raw), countIn(raw)) ? blockOf(raw) : packed(raw),
    );
    return { group: some[0]?.group ?? group, memberId: some[0]?.memberId ?? memberId, blocks };
  }
  const deliveries = await broker.receive(topic, options);
  const [first] = deliveries;
  return { group: first?.group ?? group, memberId: first?.memberId ?? memberId, blocks: blocksOf(deliveries) };
}

/** Of every delivery of an answer, in its order, what a right to it rests on. Those without a lease are left out. */
export function* refsOf(topic: string, { group, memberId, blocks }: DeliveriesAnswer): IterableIterator<DeliveryRef> {
  for (const { partition, runs } of blocks) {
    for (const { fromOffset, count, leaseToken } of runs) {
      if (leaseToken === null || fromOffset === null) continue;
      for (let index = 0; index < count; index += 1) {
        yield { topic, partition, offset: fromOffset + index, group, memberId, leaseToken };
      }
    }
  }
}

export function countOf({ blocks }: DeliveriesAnswer): number {
  let count = 0;
  for (const { runs } of blocks) for (const run of runs) count += run.count;
  return count;
}

/** Nobody is there any more for what was claimed. A lease that ended meanwhile needs nothing. */
export async function giveBack(
  from: { readonly admitted: Broker; readonly broker: Broker },
  topic: string,
  answer: DeliveriesAnswer,
): Promise<void> {
  const refs = [...refsOf(topic, answer)];
  await Promise.allSettled(refs.map((ref) => onBehalfOf(from, (broker) => broker.nack(ref, { outcome: 'return' }))));
}

export async function takeRecords(
  broker: Broker,
  topic: string,
  { takesBatches, takesOnlyBatches, ...options }: FetchOptions & TakesBatches,
): Promise<RecordsAnswer> {
  const { max = DEFAULTS.max } = options;
  checkHasBatches(broker, takesOnlyBatches, 'fetchBatches');
  if (takesOnlyBatches || (takesBatches && max > FEW_RECORDS && hasBatches(broker))) {
    const answer = await broker.fetchBatches?.(topic, options);
    if (answer !== undefined && takesOnlyBatches) return batchesAnswer(answer, piecesOf(answer));
    if (answer !== undefined && !isWasteful(piecesOf(answer), max)) return wholeOnes(answer, options);
  }
  const { records, ...place } = await broker.fetch(topic, options);
  return { form: FORM.records, ...place, pieces: [encodeMessages(records)] };
}

function hasBatches(broker: Broker): boolean {
  return broker.receiveBatches !== undefined && broker.capabilities.has('raw-batches');
}

function checkHasBatches(broker: Broker, isNeeded: boolean, operation: string): void {
  if (isNeeded && !hasBatches(broker)) throw notSupported('raw-batches', operation);
}

/** True when much is sent of which little is wanted: stored batches go whole, however few of their records. */
function isWasteful(pieces: readonly Uint8Array[], wantedCount: number): boolean {
  if (bytesIn(pieces) < WASTE_BYTES_MIN) return false;
  return new BatchList(pieces).recordCount > WASTE_FACTOR * wantedCount;
}

/** Of whole batches each. */
function piecesOf(raw: RawFetchResult | RawDeliveries): readonly Uint8Array[] {
  return raw.pieces ?? [raw.bytes];
}

function batchesAnswer(place: Omit<RawFetchResult, 'bytes'>, pieces: readonly Uint8Array[]): RecordsAnswer {
  const { nextOffset, logStartOffset, highWatermark, lastStableOffset } = place;
  return { form: FORM.batches, nextOffset, logStartOffset, highWatermark, lastStableOffset, pieces };
}

/** Without the last batch, when more of it is there than is wanted: it would come again with the next fetch. */
function wholeOnes(answer: RawFetchResult, { offset = 0, max = DEFAULTS.max }: FetchOptions): RecordsAnswer {
  const { batches } = new BatchList(piecesOf(answer));
  const last = batches.at(-1);
  if (last === undefined || batches.length === 1 || last.nextOffset - offset <= max) {
    return batchesAnswer(answer, piecesOf(answer));
  }
  const others = batches.slice(0, -1).map(({ bytes }) => bytes);
  return { ...batchesAnswer(answer, others), nextOffset: last.baseOffset };
}

function countIn({ runs }: RawDeliveries): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

function blockOf(raw: RawDeliveries): DeliveryBlock {
  const { partition, runs } = raw;
  return { partition, form: FORM.batches, pieces: piecesOf(raw), runs };
}

/** The same with the records that are handed out, and no others. */
function packed(raw: RawDeliveries): DeliveryBlock {
  const { partition, runs } = raw;
  const list = new BatchList(piecesOf(raw));
  const records = runs.flatMap(({ fromOffset, count }) =>
    Array.from({ length: count }, (_, index) => list.recordAt(fromOffset + index)),
  );
  return { partition, form: FORM.records, pieces: [encodeMessages(records)], runs };
}

/** Deliveries of one topic, group and member as the frames have them. */
export function deliveriesAnswerOf(deliveries: readonly Delivery[]): DeliveriesAnswer {
  const [first] = deliveries;
  return { group: first?.group ?? '', memberId: first?.memberId ?? '', blocks: blocksOf(deliveries) };
}

/** Deliveries of one partition that follow each other in the answer are one block. */
function blocksOf(deliveries: readonly Delivery[]): DeliveryBlock[] {
  const blocks: DeliveryBlock[] = [];
  let from = 0;
  for (let at = 1; at <= deliveries.length; at += 1) {
    const partition = deliveries[from]?.partition ?? 0;
    if (deliveries[at]?.partition === partition) continue;
    const some = deliveries.slice(from, at);
    blocks.push({ partition, form: FORM.records, pieces: [encodeMessages(some)], runs: runsOf(some) });
    from = at;
  }
  return blocks;
}

type OpenRun = { -readonly [Member in keyof LeaseRun]: LeaseRun[Member] };

function runsOf(deliveries: readonly Delivery[]): LeaseRun[] {
  const runs: OpenRun[] = [];
  let open: OpenRun | undefined;
  for (const { offset, leaseToken, leaseExpiresAt, deliveryCount, redeliveryReason } of deliveries) {
    const isNext =
      open !== undefined &&
      open.leaseToken === leaseToken &&
      open.leaseExpiresAt === leaseExpiresAt &&
      open.deliveryCount === deliveryCount &&
      open.redeliveryReason === redeliveryReason &&
      (offset === null
        ? open.fromOffset === null
        : open.fromOffset !== null && open.fromOffset + open.count === offset);
    if (open !== undefined && isNext) open.count += 1;
    else {
      open = { fromOffset: offset, count: 1, deliveryCount, redeliveryReason, leaseExpiresAt, leaseToken };
      runs.push(open);
    }
  }
  return runs;
}
