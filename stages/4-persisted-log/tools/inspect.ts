/**
 * `mq inspect`: what a file of a log has in it, as plain data that a command can print.
 *
 * Always true: nothing is written; bytes that are damaged are shown as they are, with the reason beside them. At most
 * `max` batches and `max` records of each are listed.
 */
import { basename, dirname, join } from 'node:path';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import { previewOf } from '../../../shared/contract/inside.ts';
import type { Disk, DiskFile } from '../../../shared/disk.ts';
import { readU16, readU32 } from '../bytes/big-endian.ts';
import { codecOf } from '../bytes/compression.ts';
import type { LogRecord } from '../bytes/record.ts';
import { AT } from '../bytes/record-batch.ts';
import { StoredBatch } from '../bytes/stored-batch.ts';
import { LOG_STATE_NAME, type LogState, readLogState } from '../log/log-state.ts';
import { baseOffsetIn, SEGMENT_HEAD_BYTES, segmentName } from '../log/segment-head.ts';
import { decodeIndex, type IndexRow, indexSubjectIn, type SegmentIndex } from '../log/segment-index.ts';
import { readWholeFile } from '../log/whole-file.ts';
import { batchFields, blockFields, flagNames, segmentHeadFields } from './batch-fields.ts';
import { type HexRow, hexRows } from './hexdump.ts';
import { identify } from './log-folders.ts';
import { type BadStretch, type SegmentSurvey, surveySegment } from './survey.ts';

const BATCHES_SHOWN = 20;
/** Of a stretch that is no batch. */
const BAD_BYTES_SHOWN = 256;

export interface InspectOptions {
  readonly disk: Disk;
  /** A segment, an index, a state, or the folder of a log. */
  readonly path: string;
  /** Batches, records of a batch, and rows of an index, at most. Default 20. */
  readonly max?: number;
  /** Batches that end below it are left out. */
  readonly fromOffset?: number;
}

/** A record, with the begin of its body. */
export interface RecordInspection extends Omit<LogRecord, 'body'> {
  readonly bodyBytes: number;
  readonly preview: string;
}

export interface BatchInspection {
  readonly position: number;
  readonly bytes: number;
  readonly baseOffset: number;
  readonly count: number;
  /** Epoch ms. */
  readonly appendedAt: number;
  readonly codec: string;
  /** What some record of it has. */
  readonly flags: readonly string[];
  readonly syncedPosition: number;
  readonly records: readonly RecordInspection[];
  readonly hex: readonly HexRow[];
  /** Of a compressed batch: its records block, inflated. */
  readonly inflatedHex: readonly HexRow[] | null;
}

/** Bytes that are no batch. */
export interface BadInspection extends BadStretch {
  readonly hex: readonly HexRow[];
}

export interface SegmentInspection {
  readonly kind: 'segment';
  readonly path: string;
  readonly bytes: number;
  /** Of them: zeros at the end, for what is written next. */
  readonly roomBytes: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly headFault: string | null;
  readonly head: readonly HexRow[];
  /** In the order of the file, at most `max` together. */
  readonly parts: readonly (
    | ({ readonly kind: 'batch' } & BatchInspection)
    | ({ readonly kind: 'bad' } & BadInspection)
  )[];
}

export interface IndexInspection {
  readonly kind: 'index';
  readonly path: string;
  readonly bytes: number;
  /** Why it would not be believed. */
  readonly fault: string | null;
  readonly rows: readonly IndexRow[];
  readonly rowCount: number;
}

export interface LogInspection {
  readonly kind: 'log';
  readonly path: string;
  /** Hexadecimal; null when no segment says. */
  readonly topicId: string | null;
  readonly partition: number | null;
  readonly state: LogState | null;
  readonly segments: readonly Omit<SegmentInspection, 'head' | 'parts'>[];
}

export type Inspection = SegmentInspection | IndexInspection | LogInspection;

/** `MQ_INVALID_ARGUMENT` for what is no part of a log; `MQ_CORRUPT` for a segment nobody can say whose it is. */
export async function inspectFile({
  disk,
  path,
  max = BATCHES_SHOWN,
  fromOffset = 0,
}: InspectOptions): Promise<Inspection> {
  const name = basename(path);
  const base = baseOffsetIn(name, 'log');
  if (base !== undefined) return await inspectSegment(disk, path, { base, max, fromOffset });
  if (baseOffsetIn(name, 'index') !== undefined) return await inspectIndex(disk, path, max);
  return await inspectLog(disk, name === LOG_STATE_NAME ? dirname(path) : path);
}

async function inspectLog(disk: Disk, folder: string): Promise<LogInspection> {
  const names = await disk.list(folder);
  const bases = names.flatMap((name) => baseOffsetIn(name, 'log') ?? []);
  if (bases.length === 0) throw new MqError('MQ_INVALID_ARGUMENT', `${folder} has no segment, and is none`);
  const place = await identify(disk, folder);
  const state = await readLogState(disk, folder).catch((error: unknown) => {
    if (isMqError(error)) return undefined;
    throw error;
  });
  const segments: Omit<SegmentInspection, 'head' | 'parts'>[] = [];
  for (const base of bases) {
    const {
      head: _head,
      parts: _parts,
      ...facts
    } = await inspectSegment(disk, join(folder, segmentName(base)), {
      ...{ base, max: 0, fromOffset: 0 },
    });
    segments.push(facts);
  }
  const topicId = place === undefined ? null : Buffer.from(place.topicId).toString('hex');
  return { kind: 'log', path: folder, topicId, partition: place?.partition ?? null, state: state ?? null, segments };
}

async function inspectIndex(disk: Disk, path: string, max: number): Promise<IndexInspection> {
  const bytes = (await readWholeFile(disk, path)) ?? new Uint8Array();
  const index: SegmentIndex | string = decodeIndex(bytes, indexSubjectIn(bytes));
  const rows = typeof index === 'string' ? [] : index.rows;
  const fault = typeof index === 'string' ? index : null;
  return { kind: 'index', path, bytes: bytes.length, fault, rows: rows.slice(0, max), rowCount: rows.length };
}

async function inspectSegment(
  disk: Disk,
  path: string,
  { base, max, fromOffset }: { readonly base: number; readonly max: number; readonly fromOffset: number },
): Promise<SegmentInspection> {
  const place = await identify(disk, dirname(path));
  if (place === undefined) throw new MqError('MQ_CORRUPT', `no segment beside ${path} has a head that can be read`);
  const file = await disk.open(path, 'read');
  try {
    const survey = await surveySegment({ file, place, baseOffset: base });
    const head = await readAt(file, 0, SEGMENT_HEAD_BYTES);
    return {
      kind: 'segment',
      path,
      bytes: survey.fileBytes + survey.roomBytes,
      roomBytes: survey.roomBytes,
      baseOffset: base,
      nextOffset: survey.end.nextOffset,
      batchCount: survey.batchCount,
      recordCount: survey.recordCount,
      headFault: survey.headFault ?? null,
      head: hexRows(head, { position: 0, fields: segmentHeadFields(head) }),
      parts: await inspectParts(file, survey, { max, fromOffset }),
    };
  } finally {
    await file.close();
  }
}

async function inspectParts(
  file: DiskFile,
  { bad, fileBytes }: SegmentSurvey,
  { max, fromOffset }: { readonly max: number; readonly fromOffset: number },
): Promise<SegmentInspection['parts']> {
  const parts: SegmentInspection['parts'][number][] = [];
  for (let position = SEGMENT_HEAD_BYTES; position < fileBytes && parts.length < max; ) {
    const stretch = bad.find(({ fromPosition }) => fromPosition === position);
    if (stretch !== undefined) {
      const bytes = await readAt(file, position, Math.min(stretch.toPosition - position, BAD_BYTES_SHOWN));
      parts.push({ kind: 'bad', ...stretch, hex: hexRows(bytes, { position, fields: [] }) });
      position = stretch.toPosition;
      continue;
    }
    const length = readU32(await readAt(file, position, AT.headCrc), AT.batchBytes);
    const batch = await readAt(file, position, length);
    const stored = new StoredBatch(batch);
    if (stored.nextOffset > fromOffset) parts.push({ kind: 'batch', ...inspectBatch(stored, position, max) });
    position += length;
  }
  return parts;
}

/** A batch that is whole, as it lies at `position` of its file. */
export function inspectBatch(batch: StoredBatch, position: number, max: number): BatchInspection {
  const { bytes, baseOffset, count, timestamp, nextOffset } = batch;
  const records: RecordInspection[] = [];
  for (let offset = baseOffset; offset < Math.min(nextOffset, baseOffset + max); offset += 1) {
    const { body, ...record } = batch.recordAt(offset);
    records.push({ ...record, bodyBytes: body.length, preview: previewOf(body) });
  }
  const codec = codecOf(bytes[AT.codec] ?? 0) ?? 'unknown';
  const inflated = codec === 'none' ? undefined : blockFields(bytes);
  return {
    position,
    bytes: bytes.length,
    baseOffset,
    count,
    appendedAt: timestamp,
    codec,
    flags: flagNames(readU16(bytes, AT.flags)),
    syncedPosition: readU32(bytes, AT.syncedPosition),
    records,
    hex: hexRows(bytes, { position, fields: batchFields(bytes) }),
    inflatedHex: inflated === undefined ? null : hexRows(inflated.block, { position: 0, fields: inflated.fields }),
  };
}

async function readAt(file: DiskFile, position: number, bytesMax: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(bytesMax);
  return bytes.subarray(0, await file.read(bytes, position));
}
