/**
 * From the frames of an answer to what the contract has: deliveries and records, decoded where they were stored bytes.
 *
 * Always true: an answer that is not what it says it is, is `MQ_PROTOCOL`; what is handed out shares memory with nothing
 * that changes. Pure.
 */
import type { FetchResult } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { Delivery, StoredRecord } from '../../../../shared/contract/message.ts';
import type { RawDeliveries, RawFetchResult } from '../../../../shared/contract/raw-batches.ts';
import { decodeRecords } from '../../../3-http-server/message-codec.ts';
import { joinBytes } from '../../raw-batches.ts';
import {
  type DeliveriesAnswer,
  type DeliveryBlock,
  FORM,
  type LeaseRun,
  type RecordsAnswer,
  readDeliveries,
  readPushFrom,
  readRecords,
} from './answers.ts';
import { BatchList } from './batch-list.ts';
import { refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';

/** Checks that an answer is of the type its request has. */
export function expect(type: number, wanted: number): void {
  if (type !== wanted) throw new MqError('MQ_PROTOCOL', `an answer of type ${type} where ${wanted} was due`);
}

/** The answer of a `receive` or a push, with bytes that may be kept. */
export function ownDeliveries(content: Uint8Array, isOwn: boolean): DeliveriesAnswer {
  return readDeliveries(isOwn ? content : new Uint8Array(content));
}

/** What a subscription to `topic`, which may be a pattern, is pushed: the topic it is from, and bytes that may be kept. */
export function ownPush(
  type: number,
  content: Uint8Array,
  { topic, isOwn }: { readonly topic: string; readonly isOwn: boolean },
): { readonly topic: string; readonly answer: DeliveriesAnswer } {
  const bytes = isOwn ? content : new Uint8Array(content);
  return type === FRAME.pushFrom ? readPushFrom(bytes) : { topic, answer: readDeliveries(bytes) };
}

export function deliveriesOf(topic: string, answer: DeliveriesAnswer): Delivery[] {
  const deliveries: Delivery[] = [];
  for (const block of answer.blocks) addDeliveries(deliveries, { topic, answer, block });
  return deliveries;
}

interface BlockOf {
  readonly topic: string;
  readonly answer: DeliveriesAnswer;
  readonly block: DeliveryBlock;
}

function addDeliveries(deliveries: Delivery[], of: BlockOf): void {
  const firstIndex = deliveries.length;
  const nextRecord = recordsOf(of.topic, of.block);
  let hasPriorities = false;
  for (const run of of.block.runs) {
    for (let index = 0; index < run.count; index += 1) {
      const delivery = deliveryOf(of, run, nextRecord(run, index));
      hasPriorities ||= delivery.priority !== undefined;
      deliveries.push(delivery);
    }
  }
  if (!hasPriorities) return;
  // Runs come in the order of their offsets; deliveries go out by priority first.
  const ofBlock = deliveries.splice(firstIndex);
  ofBlock.sort((one, other) => (other.priority ?? 0) - (one.priority ?? 0));
  for (const delivery of ofBlock) deliveries.push(delivery);
}

/** Written out for the usual one: copying members in takes several times as long, and there are millions of these. */
function deliveryOf({ topic, answer, block }: BlockOf, run: LeaseRun, record: WireRecord): Delivery {
  const { offset, id, key, headers, body, timestamp, priority, expiresAt } = record;
  const { partition } = block;
  const { group, memberId } = answer;
  const { deliveryCount, leaseToken, leaseExpiresAt, redeliveryReason } = run;
  if (key === undefined && (priority ?? 0) === 0 && expiresAt === undefined && redeliveryReason === undefined) {
    return {
      topic,
      partition,
      offset,
      id,
      headers,
      body,
      timestamp,
      group,
      memberId,
      deliveryCount,
      leaseToken,
      leaseExpiresAt,
    };
  }
  const lease = { group, memberId, deliveryCount, leaseToken, leaseExpiresAt };
  const again = redeliveryReason === undefined ? undefined : { redeliveryReason };
  return { ...storedOf(topic, partition, record), ...lease, ...again };
}

export function rawDeliveriesOf({ group, memberId, blocks }: DeliveriesAnswer): RawDeliveries[] {
  return blocks.map(({ partition, form, pieces, runs }) => {
    if (form !== FORM.batches) refuse('the form', 'is not that of batches');
    const leased = runs.map(({ fromOffset, leaseToken, leaseExpiresAt, redeliveryReason, ...run }) => {
      if (fromOffset === null || leaseToken === null || leaseExpiresAt === null) return refuse('a run', 'has no lease');
      const again = redeliveryReason === undefined ? undefined : { redeliveryReason };
      return { fromOffset, leaseToken, leaseExpiresAt, ...run, ...again };
    });
    return { partition, bytes: joinBytes(pieces), group, memberId, runs: leased };
  });
}

/** The answer of a `fetch`, with bytes that may be kept. */
export function ownRecords(type: number, content: Uint8Array, isOwn: boolean): RecordsAnswer {
  expect(type, FRAME.records);
  return readRecords(isOwn ? content : new Uint8Array(content));
}

/** `max` and `bytesMax` are what was asked for: stored batches come whole. */
export function fetchedOf(
  answer: RecordsAnswer,
  asked: { topic: string; partition: number; offset: number; max: number; bytesMax: number },
): FetchResult {
  const { logStartOffset, highWatermark, lastStableOffset } = answer;
  const ends = {
    logStartOffset,
    highWatermark,
    ...(lastStableOffset === undefined ? undefined : { lastStableOffset }),
  };
  if (answer.form === FORM.records) {
    const records = asProtocol(() => decodeRecords(joinBytes(answer.pieces), asked));
    return { records, nextOffset: answer.nextOffset, ...ends };
  }
  const { topic, partition, max, bytesMax } = asked;
  const records: StoredRecord[] = [];
  let bytes = 0;
  for (const batch of new BatchList(answer.pieces).batches) {
    for (let offset = Math.max(batch.baseOffset, asked.offset); offset < batch.nextOffset; offset += 1) {
      const record = batch.recordAt(offset);
      if (record.forGroup !== undefined) continue;
      bytes += batch.contentBytesAt(offset);
      if (records.length === max || (records.length > 0 && bytes > bytesMax)) {
        return { records, nextOffset: offset, ...ends };
      }
      records.push(storedOf(topic, partition, record));
    }
  }
  return { records, nextOffset: answer.nextOffset, ...ends };
}

export function rawFetchedOf({ form, lastStableOffset, pieces, ...place }: RecordsAnswer): RawFetchResult {
  if (form !== FORM.batches) refuse('the form', 'is not that of batches');
  const fetched = { ...place, bytes: joinBytes(pieces) };
  return lastStableOffset === undefined ? fetched : { ...fetched, lastStableOffset };
}

/** A record as either form has it. */
type WireRecord = Omit<StoredRecord, 'topic' | 'partition'>;

/** Gives the records of a block in the order of its runs. */
function recordsOf(topic: string, block: DeliveryBlock): (run: LeaseRun, index: number) => WireRecord {
  const { partition, form, pieces } = block;
  if (form === FORM.records) {
    const records = asProtocol(() => decodeRecords(joinBytes(pieces), { topic, partition }));
    let next = 0;
    return () => {
      next += 1;
      return records[next - 1] ?? refuse('a run', 'has more deliveries than there are records');
    };
  }
  const list = new BatchList(pieces);
  return ({ fromOffset }, index) => list.recordAt((fromOffset ?? refuse('a run of batches', 'has no offset')) + index);
}

function storedOf(topic: string, partition: number, record: WireRecord): StoredRecord {
  const { offset, id, key, headers, body, timestamp, priority, expiresAt } = record;
  if (key === undefined && (priority ?? 0) === 0 && expiresAt === undefined) {
    return { topic, partition, offset, id, headers, body, timestamp };
  }
  return {
    ...{ topic, partition, offset, id, headers, body, timestamp },
    ...(key === undefined ? undefined : { key }),
    ...((priority ?? 0) === 0 ? undefined : { priority }),
    ...(expiresAt === undefined ? undefined : { expiresAt }),
  };
}

/** What would be a caller's mistake in a request is the server's in an answer. */
function asProtocol<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!isMqError(error, 'MQ_INVALID_ARGUMENT')) throw error;
    throw new MqError('MQ_PROTOCOL', `the records of an answer are none: ${error.message}`, { cause: error });
  }
}
