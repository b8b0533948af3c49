/**
 * Properties of MQTT 5: what each is called, how it is written, in which packets it may stand, and what it may say.
 *
 *     length varint | id varint | value | id varint | value ...
 *
 * Always true: a property that has no business in the packet, stands twice, or says what it must not is refused with the right
 * reason; user properties keep their order, also where a name comes again. Pure. Only the codec uses it.
 */
import { type FieldReader, type FieldWriter, textBytes, varintBytes } from './fields.ts';
import { malformed, protocolError, REASON, Violation } from './reasons.ts';

export type UserProperty = readonly [name: string, value: string];

/** Those that were there. Numbers have the unit of the specification: intervals are seconds. */
export interface Properties {
  readonly payloadFormatIndicator?: number;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  /** Of a SUBSCRIBE one, of a PUBLISH to a client each that matched. */
  readonly subscriptionIdentifiers?: readonly number[];
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
  readonly requestProblemInformation?: number;
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: number;
  readonly retainAvailable?: number;
  readonly userProperties?: readonly UserProperty[];
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: number;
  readonly subscriptionIdentifiersAvailable?: number;
  readonly sharedSubscriptionAvailable?: number;
}

/** Where properties stand. Only packets that a client sends are read. */
export type PropertyPlace =
  | 'connect'
  | 'will'
  | 'publish'
  | 'ack'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect'
  | 'auth';

type Name = keyof Properties;
type Type = 'u8' | 'u16' | 'u32' | 'text' | 'binary' | 'varints' | 'pairs';

interface Row {
  readonly id: number;
  readonly name: Name;
  readonly type: Type;
  /** Where a client may write it; none: only a server does. */
  readonly places: readonly PropertyPlace[];
  /** Of a number: what is wrong about it. */
  readonly refusal?: (value: number) => Violation | undefined;
}

const isNotBit = (name: Name) => (value: number) => (value > 1 ? protocolError(`${name} is 0 or 1`) : undefined);
const isZero = (name: Name) => (value: number) => (value === 0 ? protocolError(`${name} is not 0`) : undefined);
const noAlias = (value: number): Violation | undefined =>
  value === 0 ? new Violation(REASON.topicAliasInvalid, 'a topic alias is not 0') : undefined;

const MESSAGE = ['publish', 'will'] as const;
const EVERYWHERE = ['connect', 'will', 'publish', 'ack', 'subscribe', 'unsubscribe', 'disconnect', 'auth'] as const;

const ROWS: readonly Row[] = [
  {
    id: 0x01,
    name: 'payloadFormatIndicator',
    type: 'u8',
    places: MESSAGE,
    refusal: isNotBit('payloadFormatIndicator'),
  },
  { id: 0x02, name: 'messageExpiryInterval', type: 'u32', places: MESSAGE },
  { id: 0x03, name: 'contentType', type: 'text', places: MESSAGE },
  { id: 0x08, name: 'responseTopic', type: 'text', places: MESSAGE },
  { id: 0x09, name: 'correlationData', type: 'binary', places: MESSAGE },
  {
    ...{ id: 0x0b, name: 'subscriptionIdentifiers', type: 'varints', places: ['subscribe'] },
    refusal: isZero('subscriptionIdentifiers'),
  },
  { id: 0x11, name: 'sessionExpiryInterval', type: 'u32', places: ['connect', 'disconnect'] },
  { id: 0x12, name: 'assignedClientIdentifier', type: 'text', places: [] },
  { id: 0x13, name: 'serverKeepAlive', type: 'u16', places: [] },
  { id: 0x15, name: 'authenticationMethod', type: 'text', places: ['connect', 'auth'] },
  { id: 0x16, name: 'authenticationData', type: 'binary', places: ['connect', 'auth'] },
  {
    ...{ id: 0x17, name: 'requestProblemInformation', type: 'u8', places: ['connect'] },
    refusal: isNotBit('requestProblemInformation'),
  },
  { id: 0x18, name: 'willDelayInterval', type: 'u32', places: ['will'] },
  {
    ...{ id: 0x19, name: 'requestResponseInformation', type: 'u8', places: ['connect'] },
    refusal: isNotBit('requestResponseInformation'),
  },
  { id: 0x1a, name: 'responseInformation', type: 'text', places: [] },
  { id: 0x1c, name: 'serverReference', type: 'text', places: [] },
  { id: 0x1f, name: 'reasonString', type: 'text', places: ['ack', 'disconnect', 'auth'] },
  { id: 0x21, name: 'receiveMaximum', type: 'u16', places: ['connect'], refusal: isZero('receiveMaximum') },
  { id: 0x22, name: 'topicAliasMaximum', type: 'u16', places: ['connect'] },
  { id: 0x23, name: 'topicAlias', type: 'u16', places: ['publish'], refusal: noAlias },
  { id: 0x24, name: 'maximumQoS', type: 'u8', places: [] },
  { id: 0x25, name: 'retainAvailable', type: 'u8', places: [] },
  { id: 0x26, name: 'userProperties', type: 'pairs', places: EVERYWHERE },
  { id: 0x27, name: 'maximumPacketSize', type: 'u32', places: ['connect'], refusal: isZero('maximumPacketSize') },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', type: 'u8', places: [] },
  { id: 0x29, name: 'subscriptionIdentifiersAvailable', type: 'u8', places: [] },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', type: 'u8', places: [] },
];
const BY_ID = new Map(ROWS.map((row) => [row.id, row]));
const BY_NAME = new Map(ROWS.map((row) => [row.name, row]));
const NONE: Properties = Object.freeze({});

export function readProperties(reader: FieldReader, place: PropertyPlace): Properties {
  const length = reader.varint();
  if (length === 0) return NONE;
  const part = reader.part(length);
  const found: Record<string, unknown> = {};
  const pairs: UserProperty[] = [];
  while (!part.isAtEnd) {
    const id = part.varint();
    const row = BY_ID.get(id);
    if (row === undefined) throw malformed(`there is no property ${id}`);
    const value = readValue(part, row);
    if (!row.places.includes(place)) throw protocolError(`${row.name} does not belong into this packet`);
    if (row.type === 'pairs') pairs.push(value as UserProperty);
    else if (Object.hasOwn(found, row.name)) throw protocolError(`${row.name} stands twice`);
    else found[row.name] = row.type === 'varints' ? [value] : value;
  }
  if (pairs.length > 0) found.userProperties = pairs;
  return found;
}

function readValue(part: FieldReader, { type, refusal }: Row): unknown {
  if (type === 'text') return part.text();
  if (type === 'binary') return part.binary();
  if (type === 'pairs') return [part.text(), part.text()];
  const value = type === 'varints' ? part.varint() : part[type]();
  const violation = refusal?.(value);
  if (violation !== undefined) throw violation;
  return value;
}

/** To be kept when its packet has gone: in memory of its own, since a part of a larger piece keeps all of that. */
export function keptOf<Kept extends { readonly payload: Uint8Array; readonly properties: Properties }>(
  kept: Kept,
): Kept {
  const { correlationData } = kept.properties;
  const data = correlationData === undefined ? {} : { correlationData: new Uint8Array(correlationData) };
  return { ...kept, payload: new Uint8Array(kept.payload), properties: { ...kept.properties, ...data } };
}

/** Without the length in front. */
export function propertiesBytes(properties: Properties): number {
  let bytes = 0;
  for (const name in properties) {
    const value = properties[name as Name];
    const row = BY_NAME.get(name as Name);
    if (value !== undefined && row !== undefined) bytes += valueBytes(row.type, value);
  }
  return bytes;
}

function valueBytes(type: Type, value: NonNullable<Properties[Name]>): number {
  if (type === 'u8') return 2;
  if (type === 'u16') return 3;
  if (type === 'u32') return 5;
  if (type === 'text') return 1 + textBytes(value as string);
  if (type === 'binary') return 3 + (value as Uint8Array).length;
  if (type === 'varints') return (value as number[]).reduce((sum, one) => sum + 1 + varintBytes(one), 0);
  return (value as UserProperty[]).reduce((sum, [name, text]) => sum + 1 + textBytes(name) + textBytes(text), 0);
}

/** `bytes`: what `propertiesBytes` said. */
export function writeProperties(writer: FieldWriter, properties: Properties, bytes: number): void {
  writer.varint(bytes);
  for (const name in properties) {
    const value = properties[name as Name];
    const row = BY_NAME.get(name as Name);
    if (value !== undefined && row !== undefined) writeValue(writer, row, value);
  }
}

function writeValue(writer: FieldWriter, { id, type }: Row, value: NonNullable<Properties[Name]>): void {
  if (type === 'varints') {
    for (const one of value as number[]) writer.u8(id).varint(one);
  } else if (type === 'pairs') {
    for (const [name, text] of value as UserProperty[]) writer.u8(id).text(name).text(text);
  } else {
    writer.u8(id);
    if (type === 'text') writer.text(value as string);
    else if (type === 'binary') writer.binary(value as Uint8Array);
    else writer[type](value as number);
  }
}
