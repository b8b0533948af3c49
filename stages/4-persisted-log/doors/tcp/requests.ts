/**
 * The requests a client writes often: their contents, field by field. All others are a `call`, in JSON.
 *
 *     send      flags u8 | partition u32? | timeoutMs u64? | topic text | (transaction) | (producer) | messages, or one batch
 *     receive   flags u8 | max u32 | bytesMax u32? | waitMs u32 | leaseMs u32? | topic text | group text? | memberId text? | (filter)
 *     ack       flags u8 | topic text | group text | memberId text | runs u32 | run ... | (transaction)
 *       run     partition u32 | from u64 | count u32 | token text
 *     fetch     flags u8 | partition u32 | offset u64 | max u32 | bytesMax u32? | waitMs u32 | topic text
 *     credit    count u32
 *     call      JSON {op, args, cancellable?}
 *
 *     (transaction)   text                                  (producer)   producerId u64 | epoch u16 | sequence u32
 *     (filter)        selector text? | tags u32 | text ...
 *
 * A `?` may be missing: then all bits of a number, or of the length of a text, are set. What stands in brackets is there when
 * its flag says so. Always true: what was written is
 * read again as it was; a reader makes no more of a content than its bytes justify. Pure.
 */
import type { FetchOptions } from '../../../../shared/contract/broker.ts';
import type { Filter } from '../../../../shared/contract/filter.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { ProducerStamp } from '../../../../shared/contract/producer.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { FieldsReader, refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';

/** Bits of `flags`; what a bit says depends on the frame. */
export const FLAG = Object.freeze({
  /** A `cancel` may follow. */
  cancellable: 1,
  /** Of a send: one message, answered as such. */
  single: 2,
  /** Of a send: the rest is a batch. Of a receive or fetch: the answer may have batches. */
  batches: 4,
  /** Of a send: the answer lists the ids. */
  idsWanted: 8,
  /** Of a receive or fetch: the answer has batches or fails. */
  batchesOnly: 16,
  cumulative: 32,
  readCommitted: 64,
  /** Of a send: a producer numbered it. */
  numbered: 16,
  /** Of a send or ack: it belongs to a transaction. */
  inTransaction: 64,
  /** Of a receive: only what matches a filter. */
  filtered: 128,
  /** Of a fetch; without this and `readCommitted` the broker decides. */
  readUncommitted: 128,
});

export interface SendRequest {
  readonly topic: string;
  readonly partition: number | undefined;
  /** undefined: waits for room without end. */
  readonly timeoutMs: number | undefined;
  readonly isCancellable: boolean;
  readonly isSingle: boolean;
  /** True: `bytes` are one batch of docs/format-log.md; false: messages in the binary format of docs/protocol-http.md. */
  readonly isBatch: boolean;
  readonly wantsIds: boolean;
  readonly transaction?: string | undefined;
  readonly producer?: ProducerStamp | undefined;
  readonly bytes: Uint8Array;
}

export function writeSend(out: FrameWriter, id: number, request: SendRequest): void {
  const flags =
    (request.isCancellable ? FLAG.cancellable : 0) |
    (request.isSingle ? FLAG.single : 0) |
    (request.isBatch ? FLAG.batches : 0) |
    (request.wantsIds ? FLAG.idsWanted : 0) |
    (request.transaction === undefined ? 0 : FLAG.inTransaction) |
    (request.producer === undefined ? 0 : FLAG.numbered);
  out.begin(FRAME.send, id).u8(flags).u32(request.partition).u64(request.timeoutMs).text(request.topic);
  if (request.transaction !== undefined) out.text(request.transaction);
  if (request.producer !== undefined) {
    const { producerId, epoch, sequence } = request.producer;
    out.u64(producerId).u16(epoch).u32(sequence);
  }
  out.bytesOf(request.bytes).end();
}

/** `bytes` is a view of `content`. */
export function readSend(content: Uint8Array): SendRequest {
  const reader = new FieldsReader(content);
  const flags = reader.u8('the flags');
  return {
    partition: reader.u32IfThere('partition'),
    timeoutMs: reader.u64IfThere('timeoutMs') ?? undefined,
    topic: reader.text('the topic'),
    isCancellable: (flags & FLAG.cancellable) !== 0,
    isSingle: (flags & FLAG.single) !== 0,
    isBatch: (flags & FLAG.batches) !== 0,
    wantsIds: (flags & FLAG.idsWanted) !== 0,
    transaction: (flags & FLAG.inTransaction) === 0 ? undefined : reader.text('the transaction'),
    producer: (flags & FLAG.numbered) === 0 ? undefined : readProducer(reader),
    bytes: reader.rest(),
  };
}

function readProducer(reader: FieldsReader): ProducerStamp {
  return { producerId: reader.u64('producerId'), epoch: reader.u16('epoch'), sequence: reader.u32('sequence') };
}

export interface ReceiveRequest {
  readonly topic: string;
  /** undefined: `default`. */
  readonly group: string | undefined;
  /** undefined: the connection's own. */
  readonly memberId: string | undefined;
  readonly max: number;
  readonly bytesMax: number | undefined;
  readonly waitMs: number;
  readonly leaseMs: number | undefined;
  readonly isCancellable: boolean;
  readonly takesBatches: boolean;
  /** `receiveBatches`: the answer has batches or fails. */
  readonly takesOnlyBatches: boolean;
  readonly filter?: Filter | undefined;
}

export function writeReceive(out: FrameWriter, id: number, request: ReceiveRequest): void {
  const flags =
    (request.isCancellable ? FLAG.cancellable : 0) |
    (request.takesBatches ? FLAG.batches : 0) |
    (request.takesOnlyBatches ? FLAG.batchesOnly : 0) |
    (request.filter === undefined ? 0 : FLAG.filtered);
  out.begin(FRAME.receive, id).u8(flags).u32(request.max).u32(request.bytesMax);
  out.u32(request.waitMs).u32(request.leaseMs).text(request.topic);
  out.text(request.group ?? null).text(request.memberId ?? null);
  if (request.filter !== undefined) {
    const { selector = null, tags = [] } = request.filter;
    out.text(selector).u32(tags.length);
    for (const tag of tags) out.text(tag);
  }
  out.end();
}

export function readReceive(content: Uint8Array): ReceiveRequest {
  const reader = new FieldsReader(content);
  const flags = reader.u8('the flags');
  const request: ReceiveRequest = {
    max: reader.u32('max'),
    bytesMax: reader.u32IfThere('bytesMax'),
    waitMs: reader.u32('waitMs'),
    leaseMs: reader.u32IfThere('leaseMs'),
    topic: reader.text('the topic'),
    group: reader.textIfThere('the group') ?? undefined,
    memberId: reader.textIfThere('memberId') ?? undefined,
    isCancellable: (flags & FLAG.cancellable) !== 0,
    takesBatches: (flags & FLAG.batches) !== 0,
    takesOnlyBatches: (flags & FLAG.batchesOnly) !== 0,
    filter: (flags & FLAG.filtered) === 0 ? undefined : readFilter(reader),
  };
  reader.end();
  return request;
}

function readFilter(reader: FieldsReader): Filter {
  const selector = reader.textIfThere('the selector');
  const tags: string[] = [];
  for (let left = reader.u32('the number of tags'); left > 0; left -= 1) tags.push(reader.text('a tag'));
  return { ...(selector === null ? {} : { selector }), ...(tags.length === 0 ? {} : { tags }) };
}

/** Deliveries that follow each other and share a lease. */
export interface RefRun {
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
  readonly leaseToken: string;
}

export interface AckRequest {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  readonly isCumulative: boolean;
  readonly transaction?: string | undefined;
  readonly runs: readonly RefRun[];
}

export function writeAck(out: FrameWriter, id: number, request: AckRequest): void {
  const { isCumulative, transaction } = request;
  const flags = (isCumulative ? FLAG.cumulative : 0) | (transaction === undefined ? 0 : FLAG.inTransaction);
  out.begin(FRAME.ack, id).u8(flags);
  out.text(request.topic).text(request.group).text(request.memberId).u32(request.runs.length);
  for (const { partition, fromOffset, count, leaseToken } of request.runs) {
    out.u32(partition).u64(fromOffset).u32(count).text(leaseToken);
  }
  if (transaction !== undefined) out.text(transaction);
  out.end();
}

export function readAck(content: Uint8Array): AckRequest {
  const reader = new FieldsReader(content);
  const flags = reader.u8('the flags');
  const isCumulative = (flags & FLAG.cumulative) !== 0;
  const topic = reader.text('the topic');
  const group = reader.text('the group');
  const memberId = reader.text('memberId');
  const runs: RefRun[] = [];
  // Not an array of so many places: four hostile bytes must not reserve gigabytes.
  for (let left = reader.u32('the number of runs'); left > 0; left -= 1) {
    const partition = reader.u32('a partition');
    const fromOffset = reader.u64('an offset');
    const count = reader.u32('a count');
    if (count === 0) refuse('a run', 'is empty');
    runs.push({ partition, fromOffset, count, leaseToken: reader.text('a token') });
  }
  const transaction = (flags & FLAG.inTransaction) === 0 ? undefined : reader.text('the transaction');
  reader.end();
  return { topic, group, memberId, isCumulative, transaction, runs };
}

/** The deliveries of an ack, one by one, as the contract has them. */
export function refsIn({ topic, group, memberId, runs }: AckRequest, countMax: number): DeliveryRef[] {
  let count = 0;
  for (const run of runs) count += run.count;
  if (count > countMax) throw invalidArgument('deliveries', `at most ${countMax} deliveries`, count);
  const refs: DeliveryRef[] = [];
  for (const { partition, fromOffset, count: runCount, leaseToken } of runs) {
    for (let offset = fromOffset; offset < fromOffset + runCount; offset += 1) {
      refs.push({ topic, partition, offset, group, memberId, leaseToken });
    }
  }
  return refs;
}

export interface FetchRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number | undefined;
  readonly waitMs: number;
  readonly isCancellable: boolean;
  readonly takesBatches: boolean;
  /** `fetchBatches`: the answer has batches or fails. */
  readonly takesOnlyBatches: boolean;
  /** undefined: the broker decides. */
  readonly isolation: FetchOptions['isolation'];
}

export function writeFetch(out: FrameWriter, id: number, request: FetchRequest): void {
  const flags =
    (request.isCancellable ? FLAG.cancellable : 0) |
    (request.takesBatches ? FLAG.batches : 0) |
    (request.takesOnlyBatches ? FLAG.batchesOnly : 0) |
    (request.isolation === 'read-committed' ? FLAG.readCommitted : 0) |
    (request.isolation === 'read-uncommitted' ? FLAG.readUncommitted : 0);
  out.begin(FRAME.fetch, id).u8(flags).u32(request.partition).u64(request.offset);
  out.u32(request.max).u32(request.bytesMax).u32(request.waitMs).text(request.topic).end();
}

export function readFetch(content: Uint8Array): FetchRequest {
  const reader = new FieldsReader(content);
  const flags = reader.u8('the flags');
  const request: FetchRequest = {
    partition: reader.u32('partition'),
    offset: reader.u64('offset'),
    max: reader.u32('max'),
    bytesMax: reader.u32IfThere('bytesMax'),
    waitMs: reader.u32('waitMs'),
    topic: reader.text('the topic'),
    isCancellable: (flags & FLAG.cancellable) !== 0,
    takesBatches: (flags & FLAG.batches) !== 0,
    takesOnlyBatches: (flags & FLAG.batchesOnly) !== 0,
    isolation: isolationIn(flags),
  };
  reader.end();
  return request;
}

function isolationIn(flags: number): FetchOptions['isolation'] {
  if ((flags & FLAG.readCommitted) !== 0) return 'read-committed';
  return (flags & FLAG.readUncommitted) === 0 ? undefined : 'read-uncommitted';
}

export function writeCredit(out: FrameWriter, subscription: number, count: number): void {
  out.begin(FRAME.credit, subscription).u32(count).end();
}

export function readCredit(content: Uint8Array): number {
  const reader = new FieldsReader(content);
  const count = reader.u32('the count');
  reader.end();
  return count;
}

/** `json` is `{op, args, cancellable?}`. */
export function writeCall(out: FrameWriter, id: number, json: Uint8Array): void {
  out.begin(FRAME.call, id).bytesOf(json).end();
}

export function writeCancel(out: FrameWriter, id: number): void {
  out.begin(FRAME.cancel, id).end();
}
