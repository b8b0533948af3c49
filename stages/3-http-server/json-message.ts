/**
 * Messages, records and deliveries as the JSON of the wire: a body is text where its bytes are UTF-8, else base64.
 *
 *     Uint8Array  <-->  { body: "text", encoding: "utf8" }   or   { body: "AP8=", encoding: "base64" }
 *
 * Always true: a body comes out of the journey byte for byte, whichever form it took. Pure; server and client call it.
 */
import { isUtf8 } from 'node:buffer';
import type { Headers, Message, StoredRecord } from '../../shared/contract/message.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';

export type Encoding = 'utf8' | 'base64';

/** T with its body in JSON's terms. */
export type Json<T> = Omit<T, 'body'> & { readonly body: string; readonly encoding: Encoding };

/** A message as a caller writes it: utf8 unless it says otherwise. */
export type JsonMessage = Omit<Message, 'body'> & { readonly body: string; readonly encoding?: Encoding };

/** For answers, and for the requests of our client. The order of members is that of the protocol page. */
export function toJson<T extends { readonly body: Uint8Array }>(record: T): Json<T> {
  const bytes = Buffer.from(record.body.buffer, record.body.byteOffset, record.body.length);
  const encoding: Encoding = isUtf8(bytes) ? 'utf8' : 'base64';
  return { ...record, body: bytes.toString(encoding), encoding };
}

/** A request's message; text stays text, which the broker encodes or refuses. `path` is where it stood, for errors. */
export function messageOf(json: JsonMessage, path: string): Message {
  if (json.encoding === undefined) return json;
  const { body, encoding, ...rest } = json;
  return { ...rest, body: encoding === 'base64' ? decodeBase64(body, `${path}.body`) : body };
}

/** A record or delivery as an answer has it, with bytes for its text and headers without a prototype. */
export type Bodied<R> = Omit<R, 'body' | 'encoding' | 'headers'> & {
  readonly body: Uint8Array;
  readonly headers: Headers;
};

/** An answer's record or delivery: bytes again. `MQ_INVALID_ARGUMENT` for a body that is not in its encoding. */
export function recordOf<R extends Json<Pick<StoredRecord, 'body' | 'headers'>>>(json: R): Bodied<R> {
  const { body, encoding, headers: given, ...rest } = json;
  if (encoding === 'utf8' && !body.isWellFormed()) throw invalidArgument('body', 'well-formed Unicode');
  const bytes = encoding === 'base64' ? decodeBase64(body, 'body') : Buffer.from(body);
  const headers: Headers = Object.freeze(Object.assign(Object.create(null), given));
  return { ...rest, headers, body: new Uint8Array(bytes) };
}

/** Strict, so that a typing error is not a shorter message: `Buffer.from` skips what it does not know. */
function decodeBase64(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw invalidArgument(path, 'base64 (RFC 4648 section 4, with padding)');
  return bytes;
}
