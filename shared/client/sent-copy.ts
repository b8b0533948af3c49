/**
 * What a send takes of its message, at the call: a copy of every member but the bytes of the body.
 *
 * Always true: each member is read once, also an inherited one or a getter; what is no message, or has strange members,
 * stays so, and the broker says what is wrong with it. Producer calls it, and sees to its id before the first attempt.
 */
import type { Headers, Message } from '../contract/message.ts';

const MEMBERS: ReadonlySet<string> = new Set([
  ...['body', 'key', 'headers', 'id', 'delayMs', 'deliverAt', 'ttlMs', 'priority'],
]);

/** What is sent: nobody else's. */
export type SentCopy = { -readonly [Member in keyof Message]: Message[Member] };

/** A copy with an id of its own, or none yet. */
export function copyOf(message: Message): SentCopy {
  if (typeof message !== 'object' || message === null) return message;
  const { body, key, headers, id, delayMs, deliverAt, ttlMs, priority } = message;
  const copy = { body, key, headers: copyOfHeaders(headers), id, delayMs, deliverAt, ttlMs, priority };
  for (const name in message) {
    if (!MEMBERS.has(name)) return withStrangers(copy, message);
  }
  return copy;
}

/** Gives it an id, unless it has one, or is no message. */
export function identify(copy: SentCopy, makeId: () => string): void {
  if (typeof copy === 'object' && copy !== null && copy.id === undefined) copy.id = makeId();
}

/** Body, key, id and headers in bytes, as the limits of a broker count; what is no text and no bytes counts nothing. */
export function contentBytesOf(message: Message): number {
  if (typeof message !== 'object' || message === null) return 0;
  const { body, key, headers, id } = message;
  let bytes = typeof body === 'string' ? Buffer.byteLength(body) : lengthOf(body);
  if (typeof key === 'string') bytes += Buffer.byteLength(key);
  if (typeof id === 'string') bytes += Buffer.byteLength(id);
  if (typeof headers !== 'object' || headers === null) return bytes;
  for (const [name, value] of Object.entries(headers)) bytes += Buffer.byteLength(`${name}${value}`);
  return bytes;
}

/** It is not to be delivered at once. */
export function isDelayed(message: Message): boolean {
  return message?.delayMs !== undefined || message?.deliverAt !== undefined;
}

function withStrangers(copy: SentCopy, message: Message): SentCopy {
  const strangers = Object.entries(message).filter(([name]) => !MEMBERS.has(name));
  return { ...copy, ...Object.fromEntries(strangers) };
}

/** Of the same kind: an array or a Map stays what the broker refuses. */
function copyOfHeaders(headers: Headers | undefined): Headers | undefined {
  if (typeof headers !== 'object' || headers === null) return headers;
  return Object.setPrototypeOf({ ...headers }, Object.getPrototypeOf(headers));
}

function lengthOf(body: unknown): number {
  return body instanceof Uint8Array ? body.length : 0;
}
