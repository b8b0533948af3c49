/**
 * A SEND frame as a message of the contract, and a delivery as the headers of a MESSAGE frame.
 *
 *     destination receipt transaction content-length     of the frame, not of the message
 *     priority expires delay key reply-to persistent     have a place of their own in the contract
 *     content-type correlation-id type                   headers of the same name, as through every door
 *     anything else                                      headers of the same name; `$x` is `%24x`, since `$` is the broker's
 *
 * Always true: what one STOMP client sends, another one reads: each header and every value of a repeated one; what only a
 * MESSAGE has is not taken over when somebody sends it on. Pure.
 */
import type { Delivery, Headers, Message } from '../../../../shared/contract/message.ts';
import { invalidArgument, quote } from '../../../../shared/contract/validation.ts';
import { BODY_HEADER, BODY_TYPES_HEADER } from '../bodies.ts';
import type { Frame, HeaderList } from './frame.ts';

/** Every value of names that are there several times, in order, form-urlencoded. */
const REPEATED_HEADER = '$repeated';
/** `false` of a message whose sender said that it may be lost. */
const PERSISTENT_HEADER = '$persistent';
/** Never in a MESSAGE: said in other words, or of no meaning to a reader of text. */
const HIDDEN = new Set([REPEATED_HEADER, PERSISTENT_HEADER, BODY_HEADER, BODY_TYPES_HEADER, '$types']);
/** Of a SEND: not headers of the message. */
const OF_THE_FRAME = new Set(['destination', 'receipt', 'transaction', 'content-length']);
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  ...(['id', 'persistent', 'expires', 'priority', 'delay', 'AMQ_SCHEDULED_DELAY'] as const),
  ...(['key', 'JMSXGroupID', 'reply-to', 'amq-msg-type'] as const),
]);
/** Of a MESSAGE: whoever sends on what it got sends them too, and does not mean them. */
const OF_THE_DELIVERY = new Set(['message-id', 'subscription', 'ack', 'timestamp', 'redelivered', 'delivery-count']);
/** Kinds of bodies that a client of text can say it sends. */
const SENT_KINDS = new Set(['text', 'bytes']);
const WHOLE_NUMBER = /^\d{1,15}$/;

/** What a SEND frame sends. `replyTo`: the topic of the contract. `MQ_INVALID_ARGUMENT` for a header that cannot be meant. */
export function messageOf(
  { headers, repeated, body }: Frame,
  { nowMs, replyTo }: { readonly nowMs: number; readonly replyTo: string | undefined },
): Message {
  const id = headers.get('id');
  const key = headers.get('key') ?? headers.get('JMSXGroupID');
  const delayMs = numberOf(headers, 'delay') ?? numberOf(headers, 'AMQ_SCHEDULED_DELAY');
  const priority = numberOf(headers, 'priority');
  const expiresAt = numberOf(headers, 'expires');
  return {
    body,
    headers: headersOf({ headers, repeated }, replyTo),
    ...(id !== undefined && { id }),
    ...(key !== undefined && { key }),
    ...(delayMs !== undefined && delayMs > 0 && { delayMs }),
    ...(priority !== undefined && { priority }),
    // A time that has passed already is a message that nobody is to see.
    ...(expiresAt !== undefined && expiresAt > 0 && { ttlMs: Math.max(expiresAt - nowMs, 1) }),
  };
}

function headersOf({ headers, repeated }: Pick<Frame, 'headers' | 'repeated'>, replyTo: string | undefined): Headers {
  const kept: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) if (isOwn(name)) kept[contractName(name)] = value;
  if (replyTo !== undefined) kept['reply-to'] = replyTo;
  if (flagOf(headers, 'persistent') === false) kept[PERSISTENT_HEADER] = 'false';
  const kind = headers.get('amq-msg-type');
  if (kind !== undefined && SENT_KINDS.has(kind)) kept[BODY_HEADER] = kind;
  if (repeated.some(([name]) => isOwn(name))) kept[REPEATED_HEADER] = allValues({ headers, repeated });
  return kept;
}

/** Of all that are the message's own, not only of those that are repeated: other doors take the list as a whole. */
function allValues({ headers, repeated }: Pick<Frame, 'headers' | 'repeated'>): string {
  const list = new URLSearchParams();
  for (const [name, value] of headers) {
    if (!isOwn(name)) continue;
    const values = repeated.filter(([known]) => known === name).map(([, each]) => each);
    for (const each of values.length === 0 ? [value] : values) list.append(contractName(name), each);
  }
  return list.toString();
}

function isOwn(name: string): boolean {
  return !OF_THE_FRAME.has(name) && !OF_THE_MESSAGE.has(name) && !OF_THE_DELIVERY.has(name);
}

function contractName(name: string): string {
  if (name.startsWith('$')) return `%24${name.slice(1)}`;
  return name.startsWith('%') ? `%25${name.slice(1)}` : name;
}

function wireName(name: string): string {
  return name.replace(/^%24/, '$').replace(/^%25/, '%');
}

/** What a MESSAGE says besides its body, in the words of this connection. */
export interface MessageWords {
  readonly subscription: string | undefined;
  readonly destination: string;
  readonly replyTo: string | undefined;
  /** What an ACK will say, where the client is to send one. */
  readonly ack: string | undefined;
}

export function messageHeaders(delivery: Delivery, words: MessageWords): HeaderList {
  const { headers, deliveryCount, body } = delivery;
  const list: [string, string][] = [];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) list.push([name, String(value)]);
  };
  add('subscription', words.subscription);
  add('message-id', delivery.id);
  add('destination', words.destination);
  add('ack', words.ack);
  add('content-length', body.length);
  add('timestamp', delivery.timestamp);
  add('priority', delivery.priority);
  add('expires', delivery.expiresAt);
  add('key', delivery.key);
  add('reply-to', words.replyTo);
  if (headers[PERSISTENT_HEADER] === 'false') add('persistent', 'false');
  if (delivery.redeliveryReason !== undefined) add('redelivered', 'true');
  if (deliveryCount > 1) add('delivery-count', deliveryCount);
  for (const name in headers) if (!HIDDEN.has(name) && isOwn(name)) add(wireName(name), headers[name]);
  const repeated = headers[REPEATED_HEADER];
  return repeated === undefined ? list : [...list, ...laterValues(repeated)];
}

/** All values but the first of each name, which is among the headers. */
function laterValues(repeated: string): HeaderList {
  const seen = new Set<string>();
  return [...new URLSearchParams(repeated)]
    .filter(([name]) => isOwn(name) && !HIDDEN.has(name) && seen.size === seen.add(name).size)
    .map(([name, value]) => [wireName(name), value]);
}

/** A whole number; undefined when the header is not there. */
export function numberOf(headers: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  if (!WHOLE_NUMBER.test(text)) throw invalidArgument(name, `a whole number, not ${quote(text, 40)}`);
  return Number(text);
}

/** True or false; undefined when the header is not there. */
export function flagOf(headers: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw invalidArgument(name, `true or false, not ${quote(text, 40)}`);
  return text === 'true';
}
