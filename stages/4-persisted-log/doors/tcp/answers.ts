/**
 * The answers a server writes often: their contents, field by field. The others are `done` (nothing to say), `failed` (an
 * error) and `result` (JSON).
 *
 *     sent         partition u32 | baseOffset u64? | count u32 | durability u8 | deliverAt u64? | ids u32 | { id text } ... | (flags u8)
 *     deliveries   group text | memberId text | blocks u32 | { partition u32 | runs u32 | run ... | form u8 | bytes u32, bytes } ...
 *       run        from u64? | count u32 | deliveryCount u32 | reason u8 | leaseExpiresAt u64? | token text?
 *     records      form u8 | nextOffset u64 | logStartOffset u64 | highWatermark u64 | (lastStableOffset u64) | bytes, to the end
 *
 * `push` has the content of `deliveries`. Form 0: records in the binary format of docs/protocol-http.md; form 1: batches
 * of docs/format-log.md; 2 more when lastStableOffset is there. The flags of `sent` are there when one is set: 1, it is a
 * duplicate. Always true: what was written is read again as it was. Pure.
 */
import type { Durability, RedeliveryReason } from '../../../../shared/contract/message.ts';
import { FieldsReader, refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';

const DURABILITIES: readonly Durability[] = ['memory', 'written', 'synced'];
/** 0 says: it is the first delivery. */
const REASONS: readonly (RedeliveryReason | undefined)[] = [
  undefined,
  ...(['lease-expired', 'retry', 'return', 'member-left', 'seek', 'redrive'] as const),
];

/** Form of records in an answer. */
export const FORM = Object.freeze({ records: 0, batches: 1 });
/** Added to the form of `records`: where the first open transaction begins is there. */
const HAS_STABLE = 2;
const IS_DUPLICATE = 1;

export interface SentAnswer {
  readonly partition: number;
  readonly baseOffset: number | null;
  readonly count: number;
  readonly durability: Durability;
  readonly deliverAt: number | undefined;
  /** Empty unless they were asked for. */
  readonly ids: readonly string[];
  readonly isDuplicate?: boolean | undefined;
}

export function writeSent(out: FrameWriter, id: number, answer: SentAnswer): void {
  out.begin(FRAME.sent, id).u32(answer.partition).u64(answer.baseOffset).u32(answer.count);
  out.u8(DURABILITIES.indexOf(answer.durability)).u64(answer.deliverAt).u32(answer.ids.length);
  for (const text of answer.ids) out.text(text);
  if (answer.isDuplicate) out.u8(IS_DUPLICATE);
  out.end();
}

export function readSent(content: Uint8Array): SentAnswer {
  const reader = new FieldsReader(content);
  const partition = reader.u32('partition');
  const baseOffset = reader.u64IfThere('baseOffset');
  const count = reader.u32('the count');
  const durability = DURABILITIES[reader.u8('durability')] ?? refuse('durability', 'is unknown');
  const deliverAt = reader.u64IfThere('deliverAt') ?? undefined;
  const ids: string[] = [];
  for (let left = reader.u32('the number of ids'); left > 0; left -= 1) ids.push(reader.text('an id'));
  const isDuplicate = !reader.isAtEnd && (reader.u8('the flags') & IS_DUPLICATE) !== 0;
  reader.end();
  return { partition, baseOffset, count, durability, deliverAt, ids, isDuplicate };
}

/** Deliveries that follow each other, under one lease, each handed out equally often. */
export interface LeaseRun {
  /** null on an engine that has no offsets. */
  readonly fromOffset: number | null;
  readonly count: number;
  readonly deliveryCount: number;
  readonly redeliveryReason?: RedeliveryReason | undefined;
  /** null where there are no leases. */
  readonly leaseExpiresAt: number | null;
  readonly leaseToken: string | null;
}

/** Deliveries of one partition. In form `records` the runs cover them one after the other. */
export interface DeliveryBlock {
  readonly partition: number;
  readonly runs: readonly LeaseRun[];
  readonly form: number;
  /** Lying one behind the other on the wire; what was read is one. */
  readonly pieces: readonly Uint8Array[];
}

export interface DeliveriesAnswer {
  readonly group: string;
  readonly memberId: string;
  readonly blocks: readonly DeliveryBlock[];
}

/** `type` is `deliveries` (`id`: of the request) or `push` (`id`: of the subscription). */
export function writeDeliveries(out: FrameWriter, type: number, id: number, answer: DeliveriesAnswer): void {
  writeBlocks(out.begin(type, id), answer);
}

/** Of a subscription to a pattern: which topic it is from stands before them. */
export function writePushFrom(out: FrameWriter, id: number, topic: string, answer: DeliveriesAnswer): void {
  writeBlocks(out.begin(FRAME.pushFrom, id).text(topic), answer);
}

function writeBlocks(out: FrameWriter, answer: DeliveriesAnswer): void {
  out.text(answer.group).text(answer.memberId).u32(answer.blocks.length);
  for (const { partition, runs, form, pieces } of answer.blocks) {
    out.u32(partition).u32(runs.length);
    for (const run of runs) {
      out.u64(run.fromOffset).u32(run.count).u32(run.deliveryCount);
      out.u8(REASONS.indexOf(run.redeliveryReason)).u64(run.leaseExpiresAt).text(run.leaseToken);
    }
    out.u8(form).u32(bytesIn(pieces)).bytesOfAll(pieces);
  }
  out.end();
}

/** Of all pieces together. */
export function bytesIn(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  return bytes;
}

/** The bytes of its blocks are views of `content`. */
export function readDeliveries(content: Uint8Array): DeliveriesAnswer {
  return readBlocks(new FieldsReader(content));
}

/** The same with the topic they are from. */
export function readPushFrom(content: Uint8Array): { readonly topic: string; readonly answer: DeliveriesAnswer } {
  const reader = new FieldsReader(content);
  const topic = reader.text('the topic');
  return { topic, answer: readBlocks(reader) };
}

function readBlocks(reader: FieldsReader): DeliveriesAnswer {
  const group = reader.text('the group');
  const memberId = reader.text('memberId');
  const blocks: DeliveryBlock[] = [];
  for (let left = reader.u32('the number of blocks'); left > 0; left -= 1) blocks.push(readBlock(reader));
  reader.end();
  return { group, memberId, blocks };
}

function readBlock(reader: FieldsReader): DeliveryBlock {
  const partition = reader.u32('partition');
  const runs: LeaseRun[] = [];
  for (let left = reader.u32('the number of runs'); left > 0; left -= 1) runs.push(readRun(reader));
  const form = checkForm(reader.u8('the form'));
  return { partition, runs, form, pieces: [reader.bytes('the records', reader.u32('the length of the records'))] };
}

function readRun(reader: FieldsReader): LeaseRun {
  const fromOffset = reader.u64IfThere('an offset');
  const count = reader.u32('a count');
  const deliveryCount = reader.u32('deliveryCount');
  const reason = reader.u8('the reason');
  if (reason >= REASONS.length) refuse('the reason', 'is unknown');
  const leaseExpiresAt = reader.u64IfThere('leaseExpiresAt');
  const leaseToken = reader.textIfThere('a token');
  return { fromOffset, count, deliveryCount, redeliveryReason: REASONS[reason], leaseExpiresAt, leaseToken };
}

export interface RecordsAnswer {
  readonly form: number;
  readonly nextOffset: number;
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset?: number | undefined;
  /** Lying one behind the other on the wire; what was read is one. */
  readonly pieces: readonly Uint8Array[];
}

export function writeRecords(out: FrameWriter, id: number, answer: RecordsAnswer): void {
  const { lastStableOffset } = answer;
  const form = answer.form + (lastStableOffset === undefined ? 0 : HAS_STABLE);
  out.begin(FRAME.records, id).u8(form).u64(answer.nextOffset).u64(answer.logStartOffset).u64(answer.highWatermark);
  if (lastStableOffset !== undefined) out.u64(lastStableOffset);
  out.bytesOfAll(answer.pieces).end();
}

/** Its piece is a view of `content`. */
export function readRecords(content: Uint8Array): RecordsAnswer {
  const reader = new FieldsReader(content);
  const said = reader.u8('the form');
  const hasStable = (said & HAS_STABLE) !== 0;
  return {
    form: checkForm(said - (hasStable ? HAS_STABLE : 0)),
    nextOffset: reader.u64('nextOffset'),
    logStartOffset: reader.u64('logStartOffset'),
    highWatermark: reader.u64('highWatermark'),
    lastStableOffset: hasStable ? reader.u64('lastStableOffset') : undefined,
    pieces: [reader.rest()],
  };
}

function checkForm(form: number): number {
  return form === FORM.records || form === FORM.batches ? form : refuse('the form', 'is unknown');
}

export function writeDone(out: FrameWriter, id: number): void {
  out.begin(FRAME.done, id).end();
}

export function writeResult(out: FrameWriter, id: number, json: Uint8Array): void {
  out.begin(FRAME.result, id).bytesOf(json).end();
}
