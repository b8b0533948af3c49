/**
 * The fields of a segment's head and of a batch, one by one, with where they are and what they say: what a hexdump
 * brackets. Bytes that are damaged are told as far as they can be. Pure.
 */
import { previewOf } from '../../../shared/contract/inside.ts';
import { inflatedBlockOf } from '../bytes/batch-check.ts';
import { readU16, readU32, readU64 } from '../bytes/big-endian.ts';
import { codecOf } from '../bytes/compression.ts';
import { FIELD } from '../bytes/record.ts';
import { AT, BATCH_HEAD_BYTES, SUMMARY } from '../bytes/record-batch.ts';
import { FieldReader, RecordFault } from '../bytes/record-reader.ts';
import { HEAD_AT, SEGMENT_HEAD_BYTES } from '../log/segment-head.ts';
import type { HexField } from './hexdump.ts';

const TEXT_CHARACTERS_SHOWN = 24;
/** As a signed number of so many bits. */
const signed = (value: number, bits: number): number => (value >= 2 ** (bits - 1) ? value - 2 ** bits : value);

export function segmentHeadFields(head: Uint8Array): HexField[] {
  const hex = (from: number, to: number): string => Buffer.from(head.subarray(from, to)).toString('hex');
  return [
    { name: 'magic', from: HEAD_AT.magic, to: HEAD_AT.format, value: 'MQLOG' },
    { name: 'format', from: HEAD_AT.format, to: HEAD_AT.partition, value: String(readU32(head, HEAD_AT.format)) },
    {
      name: 'partition',
      from: HEAD_AT.partition,
      to: HEAD_AT.topicId,
      value: String(readU32(head, HEAD_AT.partition)),
    },
    { name: 'topicId', from: HEAD_AT.topicId, to: HEAD_AT.baseOffset, value: hex(HEAD_AT.topicId, HEAD_AT.baseOffset) },
    {
      name: 'baseOffset',
      from: HEAD_AT.baseOffset,
      to: HEAD_AT.createdAt,
      value: String(readU64(head, HEAD_AT.baseOffset)),
    },
    {
      name: 'createdAt',
      from: HEAD_AT.createdAt,
      to: HEAD_AT.reserved,
      value: timeOf(readU64(head, HEAD_AT.createdAt)),
    },
    { name: 'zeros', from: HEAD_AT.reserved, to: HEAD_AT.headCrc, value: '' },
    { name: 'headCrc', from: HEAD_AT.headCrc, to: SEGMENT_HEAD_BYTES, value: hex(HEAD_AT.headCrc, SEGMENT_HEAD_BYTES) },
  ];
}

/** Of a whole batch. The records of a compressed one are one field. */
export function batchFields(batch: Uint8Array): HexField[] {
  const codec = codecOf(batch[AT.codec] ?? 0);
  const fields = headFields(batch);
  if (codec !== 'none') {
    const value = `${readU32(batch, AT.recordsBytes)} bytes, compressed`;
    return [...fields, { name: 'records', from: BATCH_HEAD_BYTES, to: batch.length, value }];
  }
  return [...fields, ...recordFields(batch.subarray(BATCH_HEAD_BYTES), BATCH_HEAD_BYTES)];
}

/** Of the records of a batch, as they are when they are inflated, from position 0 on; none when they cannot be. */
export function blockFields(
  batch: Uint8Array,
): { readonly block: Uint8Array; readonly fields: readonly HexField[] } | undefined {
  const block = inflatedBlockOf(batch);
  return typeof block === 'string' ? undefined : { block, fields: recordFields(block, 0) };
}

/** Names of the bits of `flags`. */
export function flagNames(flags: number): string[] {
  return Object.entries(SUMMARY).flatMap(([name, bit]) => (flags & bit ? [name] : []));
}

function headFields(batch: Uint8Array): HexField[] {
  const hex = (at: number): string => readU32(batch, at).toString(16).padStart(8, '0');
  const byte = (at: number): number => batch[at] ?? 0;
  const producer = BigInt.asIntN(
    64,
    (BigInt(readU32(batch, AT.producerId)) << 32n) | BigInt(readU32(batch, AT.producerId + 4)),
  );
  const values: readonly (readonly [keyof typeof AT, string])[] = [
    ['batchBytes', String(readU32(batch, AT.batchBytes))],
    ['headCrc', hex(AT.headCrc)],
    ['baseOffset', String(readU64(batch, AT.baseOffset))],
    ['appendedAt', timeOf(readU64(batch, AT.appendedAt))],
    ['logId', hex(AT.logId)],
    ['syncedPosition', String(readU32(batch, AT.syncedPosition))],
    ['contentCrc', hex(AT.contentCrc)],
    ['format', String(byte(AT.format))],
    ['codec', codecOf(byte(AT.codec)) ?? `${byte(AT.codec)}?`],
    ['flags', flagNames(readU16(batch, AT.flags)).join(' ') || '0'],
    ['recordCount', String(readU32(batch, AT.recordCount))],
    ['recordsBytes', String(readU32(batch, AT.recordsBytes))],
    ['producerId', String(producer)],
    ['baseSequence', String(signed(readU32(batch, AT.baseSequence), 32))],
    ['producerEpoch', String(signed(readU16(batch, AT.producerEpoch), 16))],
    ['reserved', String(readU16(batch, AT.reserved))],
  ];
  return values.map(([name, value], index) => {
    const next = values[index + 1];
    return { name, from: AT[name], to: next === undefined ? BATCH_HEAD_BYTES : AT[next[0]], value };
  });
}

function recordFields(block: Uint8Array, shift: number): HexField[] {
  const fields: HexField[] = [];
  const reader = new FieldReader(block, 0, block.length);
  const take = (name: string, read: () => unknown): void => {
    const from = reader.position;
    const value = String(read());
    fields.push({ name, from: from + shift, to: reader.position + shift, value });
  };
  try {
    take('idPrefix', () => shown(reader.text()));
    take('firstIdNumber', () => reader.varint());
    while (reader.position < block.length) takeRecord(reader, take);
  } catch (error) {
    if (!(error instanceof RecordFault)) throw error;
    fields.push({ name: 'damaged', from: reader.position + shift, to: block.length + shift, value: error.message });
  }
  return fields;
}

function takeRecord(reader: FieldReader, take: (name: string, read: () => unknown) => void): void {
  let bytes = 0;
  take('recordBytes', () => {
    bytes = reader.varint();
    return bytes;
  });
  const end = reader.position + bytes;
  let has = 0;
  take('fields', () => {
    has = reader.byte();
    return (
      Object.entries(FIELD)
        .flatMap(([name, bit]) => (has & bit ? [name] : []))
        .join(' ') || '0'
    );
  });
  if (has & FIELD.id) take('id', () => shown(reader.text()));
  if (has & FIELD.key) take('key', () => shown(reader.text()));
  if (has & FIELD.headers) take('headers', () => shown(JSON.stringify(reader.headers())));
  if (has & FIELD.priority) take('priority', () => reader.byte());
  if (has & FIELD.ttl) take('ttlMs', () => reader.varint());
  if (has & FIELD.forGroup) take('forGroup', () => shown(reader.text()));
  if (has & FIELD.movedFrom) take('movedFrom', () => JSON.stringify(reader.movedFrom()));
  if (has & FIELD.deliverAt) take('deliverAt', () => timeOf(reader.varint()));
  if (has & FIELD.deliverAt) take('targetPartition', () => reader.varint());
  take('body', () => previewOf(reader.bytesTo(end)));
}

function shown(text: string): string {
  return JSON.stringify(text.length > TEXT_CHARACTERS_SHOWN ? `${text.slice(0, TEXT_CHARACTERS_SHOWN)}…` : text);
}

function timeOf(ms: number): string {
  return ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
