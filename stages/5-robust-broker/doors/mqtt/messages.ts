/**
 * A PUBLISH as a message of the contract, and a record of the contract as what a PUBLISH says.
 *
 *     payload                      body
 *     user properties              headers; all of them, in their order, in `$repeated` where headers cannot say it
 *     content type                 `content-type`
 *     response topic               `reply-to`: the topic of the contract
 *     correlation data             `correlation-id`: text, or `base64:...` for what is no text
 *     message expiry interval      ttlMs, or `$expires-at` where the broker has no time to live
 *     payload format 1             `$body` = text
 *     QoS 0, 2; retain             `$persistent` = false, `$qos` = 2; `$retain` = true
 *
 * Always true: what a client of MQTT sent, another one gets unchanged, but for the time that passed. Pure.
 */
import { isUtf8 } from 'node:buffer';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../../../../shared/contract/filter.ts';
import type { Headers, Message, StoredRecord } from '../../../../shared/contract/message.ts';
import { BODY_HEADER } from '../bodies.ts';
import { type Destination, topicOf } from '../destinations.ts';
import { commonWord, decodeProperties, encodeProperties } from '../properties.ts';
import { type TypedValue, textOf } from '../typed-values.ts';
import { isWritableText } from './fields.ts';
import type { QoS } from './packets.ts';
import type { Properties, UserProperty } from './properties.ts';
import { REASON, Violation } from './reasons.ts';
import { destinationOfName, nameOf } from './topics.ts';

const HEADER = {
  contentType: 'content-type',
  repeated: '$repeated',
  persistent: '$persistent',
  qos: '$qos',
  retain: '$retain',
  publisher: '$publisher',
  expiresAt: '$expires-at',
} as const;
/** What JMS and STOMP call the type of a message; here it is a user property. */
const TYPE_WORD = 'type';
const BASE64 = 'base64:';
const INTEGER_LIKE = /^(0|[1-9]\d*)$/;
const SECOND_MS = 1000;

/** The part of a PUBLISH, or of a will, that is the message. */
export interface Published {
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
}

export interface MessageContext {
  readonly broker: Broker;
  /** Epoch ms. */
  readonly now: number;
  /** Set when somebody wants to know whose message it is. */
  readonly publisher: string | undefined;
  /** Set for a message that must be found again. */
  readonly id: string | undefined;
}

/** `Violation` for a response topic that is none, or a payload that is not what its format says. */
export function messageOf(published: Published, { broker, now, publisher, id }: MessageContext): Message {
  const { payload, qos, retain, properties } = published;
  const hasTtl = broker.capabilities.has('ttl');
  const expiryMs = properties.messageExpiryInterval && properties.messageExpiryInterval * SECOND_MS;
  const words = wordsOf(properties, payload);
  if (qos === 0) words[HEADER.persistent] = 'false';
  if (qos === 2) words[HEADER.qos] = '2';
  if (retain) words[HEADER.retain] = 'true';
  if (publisher !== undefined) words[HEADER.publisher] = publisher;
  if (expiryMs !== undefined && !hasTtl) words[HEADER.expiresAt] = String(now + expiryMs);
  const headers = withUserProperties(words, properties.userProperties ?? []);
  if (isEmpty(headers) && id === undefined && expiryMs === undefined) return { body: payload };
  return {
    body: payload,
    ...(!isEmpty(headers) && { headers }),
    ...(id !== undefined && { id }),
    ...(expiryMs !== undefined && hasTtl && { ttlMs: Math.max(expiryMs, 1) }),
  };
}

function wordsOf(properties: Properties, payload: Uint8Array): Record<string, string> {
  const { contentType, responseTopic, correlationData, payloadFormatIndicator } = properties;
  const words: Record<string, string> = {};
  if (contentType !== undefined) words[HEADER.contentType] = contentType;
  if (responseTopic !== undefined) words[REPLY_TO_HEADER] = topicOf(destinationOfName(responseTopic));
  if (correlationData !== undefined) words[CORRELATION_ID_HEADER] = textOfBytes(correlationData);
  if (payloadFormatIndicator === 1) {
    if (!isUtf8(payload))
      throw new Violation(REASON.payloadFormatInvalid, 'the payload is not the UTF-8 it says it is');
    words[BODY_HEADER] = 'text';
  }
  return words;
}

function withUserProperties(words: Headers, list: readonly UserProperty[]): Headers {
  if (list.length === 0) return words;
  const first = new Map<string, TypedValue>();
  for (const [name, value] of list) {
    if (name !== '' && !first.has(name)) first.set(name, { type: 'string', value });
  }
  const isPlain = first.size === list.length && !list.some(([name]) => INTEGER_LIKE.test(name) || name === '__proto__');
  const all = isPlain
    ? words
    : { ...words, [HEADER.repeated]: new URLSearchParams(list.map((pair) => [...pair])).toString() };
  return encodeProperties(first, all);
}

function textOfBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isText = isUtf8(buffer) && !/[\0-\x1f\x7f]/.test(buffer.toString('latin1'));
  const text = isText ? buffer.toString('utf8') : '';
  return isText && !text.startsWith(BASE64) ? text : BASE64 + buffer.toString('base64');
}

function bytesOfText(text: string): Uint8Array {
  if (text.startsWith(BASE64)) {
    const bytes = Buffer.from(text.slice(BASE64.length), 'base64');
    if (bytes.toString('base64') === text.slice(BASE64.length)) return bytes;
  }
  return Buffer.from(text);
}

/** What a record says to clients of MQTT. */
export interface Said {
  /** That of its publisher; a subscription may ask for less. */
  readonly qos: QoS;
  readonly retain: boolean;
  /** Its client id, where it was kept. */
  readonly publisher: string | undefined;
  /** Epoch ms; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Without the time it has left, which `propertiesAt` adds. */
  readonly properties: Properties;
}

/** Of a record without headers, as most are. */
const PLAIN: Said = Object.freeze({
  qos: 1,
  retain: false,
  publisher: undefined,
  expiresAt: undefined,
  properties: Object.freeze({}),
});

/** `destinationOf`: that of the exchange. */
export function saidBy(record: StoredRecord, destinationOf: (topic: string) => Destination): Said {
  const { headers, expiresAt } = record;
  if (isEmpty(headers)) return expiresAt === undefined ? PLAIN : { ...PLAIN, expiresAt };
  const own = headers[HEADER.expiresAt];
  return {
    qos: headers[HEADER.persistent] === 'false' ? 0 : headers[HEADER.qos] === '2' ? 2 : 1,
    retain: headers[HEADER.retain] === 'true',
    publisher: headers[HEADER.publisher],
    expiresAt: expiresAt ?? (own === undefined ? undefined : Number(own)),
    properties: propertiesOf(headers, destinationOf),
  };
}

function propertiesOf(headers: Headers, destinationOf: (topic: string) => Destination): Properties {
  const contentType = commonWord(headers, HEADER.contentType);
  const replyTo = commonWord(headers, REPLY_TO_HEADER);
  const correlation = commonWord(headers, CORRELATION_ID_HEADER);
  const userProperties = userPropertiesOf(headers);
  const responseTopic = replyTo === undefined ? undefined : nameOf(destinationOf(replyTo));
  return {
    ...(headers[BODY_HEADER] === 'text' && { payloadFormatIndicator: 1 }),
    ...(contentType !== undefined && isWritableText(contentType) && { contentType }),
    ...(responseTopic !== undefined && isWritableText(responseTopic) && { responseTopic }),
    ...(correlation !== undefined && { correlationData: bytesOfText(correlation) }),
    ...(userProperties.length > 0 && { userProperties }),
  };
}

function userPropertiesOf(headers: Headers): readonly UserProperty[] {
  if (!hasOwnNames(headers)) return [];
  const repeated = headers[HEADER.repeated];
  const list = repeated === undefined ? listOf(headers) : [...new URLSearchParams(repeated)];
  return list.filter(([name, value]) => isWritableText(name) && isWritableText(value));
}

/** Nothing but our own headers is the usual case, and costs little. */
function hasOwnNames(headers: Headers): boolean {
  for (const name in headers) if (!name.startsWith('$') || name === HEADER.repeated) return true;
  return false;
}

function isEmpty(headers: Headers): boolean {
  for (const _ in headers) return false;
  return true;
}

function listOf(headers: Headers): UserProperty[] {
  const list = [...decodeProperties(headers)].map(([name, value]): UserProperty => [name, textOf(value)]);
  const type = commonWord(headers, TYPE_WORD);
  return type === undefined ? list : [...list, [TYPE_WORD, type]];
}

/** With what is left of its life; undefined when it is over. */
export function propertiesAt(said: Pick<Said, 'properties' | 'expiresAt'>, now: number): Properties | undefined {
  if (said.expiresAt === undefined) return said.properties;
  const leftMs = said.expiresAt - now;
  if (leftMs <= 0) return undefined;
  return { ...said.properties, messageExpiryInterval: Math.ceil(leftMs / SECOND_MS) };
}
