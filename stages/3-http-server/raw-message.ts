/**
 * One message as a raw request: the body is the message, and what else it has travels beside it.
 *
 *     POST /topics/orders/messages
 *     content-type: application/octet-stream
 *     mq-key: table%207                            percent-encoded UTF-8
 *     mq-headers: size=large&note=no+sugar         one form-urlencoded list
 *     mq-delay-ms: 60000                           and mq-deliver-at, mq-ttl-ms, mq-priority: whole numbers
 *
 * Always true: a value that is encoded here is plain ASCII, so no text of a message can end a header line or begin
 * another one. Pure; server and client call it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Headers, Message } from '../../shared/contract/message.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';

export const RAW_TYPE = 'application/octet-stream';

const FORM_PAIR = /^[^=&]+=[^=&]*$/;
/** What a field may hold: of other text nobody knows the encoding, and a field that is repeated arrives joined by ", ". */
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
const ONCE_AND_ENCODED = 'given once, as percent-encoded UTF-8';
const WHOLE_NUMBER = /^(0|[1-9][0-9]*)$/;

/** Field -> the member of the message that it has. */
const NUMBERS = [
  ['mq-delay-ms', 'delayMs'],
  ['mq-deliver-at', 'deliverAt'],
  ['mq-ttl-ms', 'ttlMs'],
  ['mq-priority', 'priority'],
] as const;
type Numbers = { -readonly [Member in (typeof NUMBERS)[number][1]]?: number };

/** The message of a raw request. */
export function decodeRawMessage(body: Uint8Array, headers: IncomingHttpHeaders): Message {
  const key = headers['mq-key'];
  const id = headers['mq-id'];
  const pairs = headers['mq-headers'];
  const numbers = decodeNumbers(headers);
  if (key === undefined && id === undefined && pairs === undefined) return { body, ...numbers };
  for (const [name, text] of Object.entries({ 'mq-key': key, 'mq-id': id, 'mq-headers': pairs })) {
    if (text !== undefined && !VISIBLE_ASCII.test(String(text))) throw invalidArgument(name, ONCE_AND_ENCODED, text);
  }
  return {
    body,
    ...numbers,
    ...(key === undefined ? {} : { key: decodeText('mq-key', key) }),
    ...(id === undefined ? {} : { id: decodeText('mq-id', id) }),
    ...(pairs === undefined ? {} : { headers: decodePairs('mq-headers', pairs) }),
  };
}

/** The request headers of a message; undefined when they would have more than `bytesMax`. */
export function encodeRawHeaders(message: Message, bytesMax: number): Record<string, string> | undefined {
  const { key, id, headers } = message;
  const fields: Record<string, string> = { 'content-type': RAW_TYPE };
  if (key !== undefined) fields['mq-key'] = encodeURIComponent(key);
  if (id !== undefined) fields['mq-id'] = encodeURIComponent(id);
  for (const [name, member] of NUMBERS) {
    if (message[member] !== undefined) fields[name] = String(message[member]);
  }
  const pairs = Object.entries(headers ?? {}).map((pair) => pair.map(encodeURIComponent).join('='));
  if (pairs.length > 0) fields['mq-headers'] = pairs.join('&');
  const bytes = Object.values(fields).reduce((sum, value) => sum + value.length, 0);
  return bytes > bytesMax ? undefined : fields;
}

function decodeNumbers(headers: IncomingHttpHeaders): Numbers {
  const numbers: Numbers = {};
  for (const [name, member] of NUMBERS) {
    const text = headers[name];
    if (text === undefined) continue;
    if (typeof text !== 'string' || !WHOLE_NUMBER.test(text) || !Number.isSafeInteger(Number(text))) {
      throw invalidArgument(name, 'given once, as a whole number', text);
    }
    numbers[member] = Number(text);
  }
  return numbers;
}

function decodePairs(path: string, list: string | string[]): Headers {
  const headers: Record<string, string> = Object.create(null);
  if (list === '') return headers;
  for (const pair of String(list).split('&')) {
    if (!FORM_PAIR.test(pair)) throw invalidArgument(path, 'a list of name=value joined by "&"', pair);
    const [name = '', value = ''] = pair.split('=').map((part) => decodeText(path, part.replaceAll('+', ' ')));
    if (name in headers) throw invalidArgument(path, 'free of repeated names', name);
    headers[name] = value;
  }
  return headers;
}

function decodeText(path: string, text: string | string[]): string {
  try {
    return decodeURIComponent(String(text));
  } catch {
    throw invalidArgument(path, ONCE_AND_ENCODED, String(text));
  }
}
