/**
 * Records on standard output, as `mq receive` and `mq fetch` print them.
 *
 * Always true: into a pipe or file a body goes byte for byte, so what was sent as lines comes back as the same bytes;
 * on a terminal, control characters are written as escapes, because a message must not steer the reader's screen.
 */
import { isUtf8 } from 'node:buffer';
import type { Delivery, StoredRecord } from '../shared/contract/message.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

export interface RecordFormat {
  /** One JSON object a line. */
  readonly json?: boolean;
  /** Bodies without an added LF, also on a terminal as they are. */
  readonly raw?: boolean;
}

const LF = Buffer.from('\n');

/** Writes all records in one piece; resolves when the system has accepted it. */
export async function writeRecords(
  terminal: Terminal,
  records: readonly (StoredRecord | Delivery)[],
  format: RecordFormat,
): Promise<void> {
  if (records.length === 0) return;
  if (format.json) {
    await terminal.print(...records.map((record) => JSON.stringify(plainRecord(record))));
  } else if (format.raw) {
    await terminal.write(Buffer.concat(records.map((record) => record.body)));
  } else if (terminal.stdout.isTTY) {
    await terminal.print(...records.map((record) => printable(Buffer.from(record.body).toString('utf8'))));
  } else {
    await terminal.write(Buffer.concat(records.flatMap((record) => [record.body, LF])));
  }
}

/** A record as JSON has it: the body as text where it is UTF-8, else base64, and `encoding` says which. */
export function plainRecord(record: StoredRecord | Delivery): Record<string, unknown> {
  const { topic, partition, offset, id, key, headers, timestamp, priority, expiresAt } = record;
  const encoding = isUtf8(record.body) ? 'utf8' : 'base64';
  const body = Buffer.from(record.body).toString(encoding);
  const plain = { topic, partition, offset, id, key, headers, body, encoding, timestamp, priority, expiresAt };
  if (!('group' in record)) return plain;
  const { group, memberId, deliveryCount, redeliveryReason } = record;
  return { ...plain, group, memberId, deliveryCount, redeliveryReason };
}
