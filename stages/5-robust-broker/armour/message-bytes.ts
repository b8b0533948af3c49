/**
 * What a message counts for a quota: its body, key, id and headers in bytes. Pure, and never throws: what is no message is
 * for the broker to refuse.
 */
import type { Message, StoredRecord } from '../../../shared/contract/message.ts';
import { utf8Length } from '../../../shared/contract/validation.ts';
import { AT, BATCH_HEAD_BYTES } from '../../4-persisted-log/bytes/record-batch.ts';

export function bytesOfMessage(message: Message | StoredRecord): number {
  if (typeof message !== 'object' || message === null) return 0;
  const { body, key, id, headers } = message;
  let bytes = (body instanceof Uint8Array ? body.length : bytesOfText(body)) + bytesOfText(key) + bytesOfText(id);
  if (typeof headers !== 'object' || headers === null) return bytes;
  for (const [name, value] of Object.entries(headers)) bytes += bytesOfText(name) + bytesOfText(value);
  return bytes;
}

export function bytesOfMessages(messages: readonly (Message | StoredRecord)[]): number {
  return Array.isArray(messages) ? messages.reduce((sum, message) => sum + bytesOfMessage(message), 0) : 0;
}

/** Records in stored batches, one after the other, as their heads say; what ends before its head says counts as one. */
export function recordCountOf(batches: Uint8Array): number {
  if (!(batches instanceof Uint8Array)) return 0;
  const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength);
  let count = 0;
  for (let at = 0; at < batches.length; ) {
    if (at + BATCH_HEAD_BYTES > batches.length) return count + 1;
    count += view.getUint32(at + AT.recordCount);
    at += Math.max(view.getUint32(at + AT.batchBytes), BATCH_HEAD_BYTES);
  }
  return count;
}

function bytesOfText(text: unknown): number {
  return typeof text === 'string' ? utf8Length(text) : 0;
}
