/**
 * Errors in frames: `failed`, `ended` and `goodbye` all carry one.
 *
 *     | code text | message text | details: JSON, to the end of the frame |
 *
 * Always true: an error that made the journey has its code, message and details again; one that is no `MqError` is a
 * defect, and tells a stranger nothing but that. Pure.
 */
import { type ErrorDetails, isErrorCode, isMqError, MqError } from '../../../../shared/contract/errors.ts';
import { FieldsReader, refuse } from './fields-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

/** Characters of a message that travel; nobody reads more. */
const MESSAGE_CHARACTERS_MAX = 4096;

/** Any thrown value as an `MqError`; what is none becomes `MQ_INTERNAL`, with the value as its cause. */
export function asMqError(error: unknown): MqError {
  if (isMqError(error)) return error;
  return new MqError('MQ_INTERNAL', 'the server met a defect of its own; its log has the cause', { cause: error });
}

export function writeError(out: FrameWriter, type: number, id: number, { code, message, details }: MqError): void {
  out.begin(type, id).text(code).text(message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed());
  if (Object.keys(details).length > 0) out.bytesOf(Buffer.from(JSON.stringify(details)));
  out.end();
}

/** A code this side has never heard of becomes `MQ_PROTOCOL`, with what the message said. */
export function readError(content: Uint8Array): MqError {
  const reader = new FieldsReader(content);
  const code = reader.text('the code');
  const message = reader.text('the message');
  const details = readDetails(reader.rest());
  if (isErrorCode(code)) return new MqError(code, message, { details });
  return new MqError('MQ_PROTOCOL', `the other side says ${code}: ${message}`, { details });
}

function readDetails(bytes: Buffer): ErrorDetails {
  if (bytes.length === 0) return {};
  const value = jsonIn('the details', bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('the details', 'are no object');
  return value;
}

/** What an answer says in JSON. */
export function jsonIn(field: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return refuse(field, 'is no JSON');
  }
}
