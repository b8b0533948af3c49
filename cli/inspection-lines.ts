/**
 * A file of a log as lines for a person: what is in it, and its bytes with every field bracketed and named.
 *
 *     batch at byte 64: offset 0, 97 bytes, codec none, appended 2026-11-20T08:00:00.000Z
 *     00000040 [00 00 00 61|5d 2a 91 07|00 00 00 00 00 00 00 00] ...a]*..........
 *              batchBytes 97 · headCrc 5d2a9107 · baseOffset 0
 *
 * Pure.
 */

import { offsetsText } from './log-lines.ts';
import type { HexRow, Inspection, LogTools } from './target.ts';
import { counted, grouped, tableLines } from './text.ts';
import { timeText } from './time-text.ts';

/** Of each batch: its head and the first records, all bytes, or none. */
export type HexShare = 'head' | 'all' | 'none';

export interface LineOptions {
  readonly hex: HexShare;
  readonly hexLine: LogTools['hexLine'];
}

/** Rows of a batch that `head` shows: the 72 bytes of its head, and what follows in as many again. */
const HEAD_ROWS = 9;
const HEADER_CHARACTERS_SHOWN = 40;
const FIELD_INDENT = ' '.repeat(10);

type SegmentInspection = Extract<Inspection, { readonly kind: 'segment' }>;
type SegmentFacts = Extract<Inspection, { readonly kind: 'log' }>['segments'][number];
type SegmentPart = SegmentInspection['parts'][number];

export function inspectionLines(inspection: Inspection, options: LineOptions): string[] {
  switch (inspection.kind) {
    case 'segment':
      return segmentLines(inspection, options);
    case 'index':
      return indexLines(inspection);
    case 'log':
      return logLines(inspection);
  }
}

function segmentLines(segment: SegmentInspection, options: LineOptions): string[] {
  const { path, bytes, roomBytes, batchCount, recordCount, headFault, head, parts } = segment;
  const shownCount = parts.filter(({ kind }) => kind === 'batch').length;
  const counts = `${counted(batchCount, 'batch')}, ${counted(recordCount, 'record')}`;
  return [
    `segment ${path}: ${offsetsOf(segment)}, ${counts}, ${grouped(bytes)} bytes`,
    ...(headFault === null ? [] : [`its head is damaged: ${headFault}`]),
    ...hexLines(head, { ...options, hex: options.hex === 'none' ? 'none' : 'all' }),
    ...parts.flatMap((part) => ['', ...partLines(part, options)]),
    ...(roomBytes === 0 ? [] : ['', `${grouped(roomBytes)} bytes of zeros: room for the next batches`]),
    ...(shownCount < batchCount ? ['', `${shownCount} of ${grouped(batchCount)} batches; more: --max, --from`] : []),
  ];
}

function partLines(part: SegmentPart, options: LineOptions): string[] {
  if (part.kind === 'bad') {
    const { fromPosition, toPosition, reason } = part;
    const place = `${grouped(fromPosition)} to ${grouped(toPosition - 1)}`;
    const offsets = offsetsText({ fromOffset: part.fromOffset, toOffset: part.toOffset ?? null });
    return [`no batch at bytes ${place}: ${offsets}: ${reason}`, ...hexLines(part.hex, options)];
  }
  const { position, bytes, baseOffset, count, appendedAt, codec, flags, records, hex, inflatedHex } = part;
  const offsets = offsetsText({ fromOffset: baseOffset, toOffset: baseOffset + count });
  const flagged = flags.length === 0 ? '' : `, some with ${flags.join(', ')}`;
  const rows = records.map(({ offset, id, key = '', headers, bodyBytes, preview }) => {
    return [offset, id, key, headersText(headers), bodyBytes, preview];
  });
  const more = records.length < count ? [`  and ${grouped(count - records.length)} more`] : [];
  return [
    `batch at byte ${grouped(position)}: ${offsets}, ${grouped(bytes)} bytes, codec ${codec}${flagged}, appended ${timeText(appendedAt)}`,
    ...hexLines(hex, options),
    ...(inflatedHex === null || options.hex === 'none' ? [] : ['  inflated:', ...hexLines(inflatedHex, options)]),
    ...tableLines(['offset', 'id', 'key', 'headers', 'bytes', 'body'], rows).map((line) => `  ${line}`),
    ...more,
  ];
}

/** `color=red size=9 …`: the bytes have all of them. */
function headersText(headers: Readonly<Record<string, string>>): string {
  const text = Object.entries(headers)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  return text.length > HEADER_CHARACTERS_SHOWN ? `${text.slice(0, HEADER_CHARACTERS_SHOWN)}…` : text;
}

function hexLines(rows: readonly HexRow[], { hex, hexLine }: LineOptions): string[] {
  if (hex === 'none') return [];
  const shown = hex === 'all' ? rows : rows.slice(0, HEAD_ROWS);
  const lines = shown.flatMap((row) => {
    const fields = row.fields.map(({ name, value }) => (value === '' ? name : `${name} ${value}`));
    return fields.length === 0 ? [hexLine(row)] : [hexLine(row), `${FIELD_INDENT}${fields.join(' · ')}`];
  });
  const restCount = rows.length - shown.length;
  return restCount === 0 ? lines : [...lines, `${FIELD_INDENT}${counted(restCount, 'row')} more: --hex all`];
}

function indexLines({ path, fault, rows, rowCount }: Extract<Inspection, { readonly kind: 'index' }>): string[] {
  const table = rows.map(({ offset, position, appendedAt }) => [offset, position, timeText(appendedAt)]);
  return [
    `index ${path}: ${counted(rowCount, 'entry')}`,
    ...(fault === null ? [] : [`it is not believed: ${fault}`]),
    ...tableLines(['offset', 'byte', 'appended'], table),
    ...(rows.length < rowCount ? [`${rows.length} of ${grouped(rowCount)}; more: --max`] : []),
  ];
}

function logLines({
  path,
  topicId,
  partition,
  state,
  segments,
}: Extract<Inspection, { readonly kind: 'log' }>): string[] {
  const owner = topicId === null ? 'no segment says whose it is' : `topic id ${topicId}, ${logName(partition)}`;
  const rows = segments.map((segment) => {
    const { baseOffset, nextOffset, batchCount, recordCount, bytes, headFault } = segment;
    return [baseOffset, nextOffset, batchCount, recordCount, bytes, headFault ?? ''];
  });
  return [
    `log ${path}: ${owner}, ${state === null ? 'without a state' : `starts at offset ${state.logStartOffset}`}`,
    ...tableLines(['base', 'next', 'batches', 'records', 'bytes', ''], rows),
  ];
}

/** Numbers from the upper half are no partitions: what a topic or the broker keeps beside them. */
const PARTITIONS_MAX = 2 ** 31;

function logName(partition: number | null): string {
  if (partition === null || partition < PARTITIONS_MAX) return `partition ${partition}`;
  return `a log beside the partitions (number ${partition})`;
}

function offsetsOf({ baseOffset, nextOffset }: SegmentFacts): string {
  return offsetsText({ fromOffset: baseOffset, toOffset: nextOffset });
}
