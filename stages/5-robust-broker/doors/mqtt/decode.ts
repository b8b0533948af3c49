/**
 * One packet of a client, from its bytes: `decode` for the first byte and the content behind the length.
 *
 * Always true: what is returned is whole and right by the rules of its version; anything else is a Violation with the reason
 * that the specification has for it. Pure; the packet shares memory with the bytes, but for a will. PacketReader hands it what it cuts.
 */
import { FieldReader } from './fields.ts';
import {
  type Answer,
  type ClientPacket,
  type Connect,
  type Farewell,
  type Publish,
  type QoS,
  type Subscribe,
  type SubscriptionRequest,
  TYPE,
  type Unsubscribe,
  type Version,
  type Will,
} from './packets.ts';
import { keptOf, type Properties, type PropertyPlace, readProperties } from './properties.ts';
import { malformed, protocolError, REASON, Violation } from './reasons.ts';

/** The bits of a CONNECT. */
const CONNECT_BITS = { reserved: 1, clean: 2, will: 4, willRetain: 32, password: 64, user: 128 } as const;
const WILL_QOS_SHIFT = 3;
const NAMES: Readonly<Record<string, Version>> = { 'MQIsdp 3': 3, 'MQTT 4': 4, 'MQTT 5': 5 };
const NONE: Properties = Object.freeze({});
/** Reasons that a client may give. */
const ACK_REASONS = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const RELEASE_REASONS = new Set([0x00, 0x92]);
const DISCONNECT_REASONS = new Set([
  ...[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
]);
const AUTH_REASONS = new Set([0x18, 0x19]);

/** `version`: of the CONNECT that came before; undefined before it. */
export function decode(head: number, content: Buffer, version: Version | undefined): ClientPacket {
  const type = head >> 4;
  const reader = new FieldReader(content);
  if (version === undefined) {
    if (type !== TYPE.connect) throw protocolError('the first packet of a client is CONNECT');
    checkFlags(head, 0);
    return readConnect(reader);
  }
  switch (type) {
    case TYPE.publish:
      return readPublish(head, reader, version);
    case TYPE.puback:
      return readAnswer('puback', head, reader, version);
    case TYPE.pubrec:
      return readAnswer('pubrec', head, reader, version);
    case TYPE.pubrel:
      return readAnswer('pubrel', head, reader, version);
    case TYPE.pubcomp:
      return readAnswer('pubcomp', head, reader, version);
    case TYPE.subscribe:
      return readSubscribe(head, reader, version);
    case TYPE.unsubscribe:
      return readUnsubscribe(head, reader, version);
    case TYPE.pingreq:
      checkFlags(head, 0);
      reader.finish();
      return { type: 'pingreq' };
    case TYPE.disconnect:
      return readFarewell('disconnect', head, reader, version);
    case TYPE.auth:
      return readFarewell('auth', head, reader, version);
    case TYPE.connect:
      throw protocolError('a second CONNECT on one connection');
    default:
      throw protocolError(`a client sends no packet of type ${type}`);
  }
}

function checkFlags(head: number, wanted: number): void {
  if ((head & 0x0f) !== wanted) throw malformed('the flags of a packet are not those of its type');
}

function qosOf(bits: number): QoS {
  if (bits === 3) throw malformed('there is no QoS 3');
  return bits as QoS;
}

function propertiesOf(reader: FieldReader, place: PropertyPlace, version: Version): Properties {
  return version === 5 ? readProperties(reader, place) : NONE;
}

function readConnect(reader: FieldReader): Connect {
  const name = reader.text();
  const version = NAMES[`${name} ${reader.u8()}`];
  if (version === undefined) {
    if (name !== 'MQTT' && name !== 'MQIsdp') throw new Violation(REASON.unsupportedVersion, 'this is not MQTT');
    throw new Violation(REASON.unsupportedVersion, 'the versions are 3.1, 3.1.1 and 5');
  }
  const flags = reader.u8();
  const has = (bit: number): boolean => (flags & bit) !== 0;
  if (has(CONNECT_BITS.reserved)) throw malformed('a reserved flag of CONNECT is set');
  const willQos = qosOf((flags >> WILL_QOS_SHIFT) & 3);
  if (!has(CONNECT_BITS.will) && (willQos !== 0 || has(CONNECT_BITS.willRetain))) {
    throw malformed('flags of a will, and no will');
  }
  if (version !== 5 && has(CONNECT_BITS.password) && !has(CONNECT_BITS.user)) {
    throw malformed('a password, and no user name');
  }
  const keepAliveSeconds = reader.u16();
  const properties = propertiesOf(reader, 'connect', version);
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('authentication data, and no method');
  }
  const clientId = reader.text();
  const willFlags = { version, qos: willQos, retain: has(CONNECT_BITS.willRetain) };
  const will = has(CONNECT_BITS.will) ? readWill(reader, willFlags) : undefined;
  const user = has(CONNECT_BITS.user) ? reader.text() : undefined;
  const password = has(CONNECT_BITS.password) ? reader.binary() : undefined;
  reader.finish();
  const isClean = has(CONNECT_BITS.clean);
  return { type: 'connect', version, isClean, keepAliveSeconds, clientId, will, user, password, properties };
}

function readWill(
  reader: FieldReader,
  { version, qos, retain }: { readonly version: Version; readonly qos: QoS; readonly retain: boolean },
): Will {
  const properties = propertiesOf(reader, 'will', version);
  const topic = reader.text();
  return keptOf({ topic, payload: reader.binary(), qos, retain, properties });
}

function readPublish(head: number, reader: FieldReader, version: Version): Publish {
  const qos = qosOf((head >> 1) & 3);
  const isDup = (head & 8) !== 0;
  if (isDup && qos === 0) throw malformed('DUP with QoS 0');
  const topic = reader.text();
  const packetId = qos === 0 ? 0 : packetIdOf(reader);
  const properties = propertiesOf(reader, 'publish', version);
  return { type: 'publish', topic, qos, isDup, retain: (head & 1) !== 0, packetId, payload: reader.rest(), properties };
}

function packetIdOf(reader: FieldReader): number {
  const packetId = reader.u16();
  if (packetId === 0) throw protocolError('a packet id is not 0');
  return packetId;
}

function readAnswer(type: Answer['type'], head: number, reader: FieldReader, version: Version): Answer {
  checkFlags(head, type === 'pubrel' ? 2 : 0);
  const packetId = packetIdOf(reader);
  const isShort = version !== 5 || reader.isAtEnd;
  const reason = isShort ? REASON.success : reader.u8();
  const isRelease = type === 'pubrel' || type === 'pubcomp';
  if (!(isRelease ? RELEASE_REASONS : ACK_REASONS).has(reason)) throw protocolError(`${type} has no reason ${reason}`);
  const properties = isShort || reader.isAtEnd ? NONE : readProperties(reader, 'ack');
  reader.finish();
  return { type, packetId, reason, properties };
}

function readSubscribe(head: number, reader: FieldReader, version: Version): Subscribe {
  checkFlags(head, 2);
  const packetId = packetIdOf(reader);
  const properties = propertiesOf(reader, 'subscribe', version);
  const subscriptions: SubscriptionRequest[] = [];
  while (!reader.isAtEnd) subscriptions.push(readSubscription(reader, version));
  if (subscriptions.length === 0) throw protocolError('SUBSCRIBE without a topic filter');
  return { type: 'subscribe', packetId, subscriptions, properties };
}

function readSubscription(reader: FieldReader, version: Version): SubscriptionRequest {
  const filter = reader.text();
  const bits = reader.u8();
  if ((bits & (version === 5 ? 0xc0 : 0xfc)) !== 0) throw malformed('reserved bits of a subscription are set');
  const retainHandling = bits >> 4;
  if (retainHandling === 3) throw protocolError('there is no retain handling 3');
  const qos = qosOf(bits & 3);
  const isNoLocal = (bits & 4) !== 0;
  if (isNoLocal && filter.startsWith('$share/')) throw protocolError('a shared subscription cannot be no-local');
  return { filter, qos, isNoLocal, isRetainAsPublished: (bits & 8) !== 0, retainHandling };
}

function readUnsubscribe(head: number, reader: FieldReader, version: Version): Unsubscribe {
  checkFlags(head, 2);
  const packetId = packetIdOf(reader);
  const properties = propertiesOf(reader, 'unsubscribe', version);
  const filters: string[] = [];
  while (!reader.isAtEnd) filters.push(reader.text());
  if (filters.length === 0) throw protocolError('UNSUBSCRIBE without a topic filter');
  return { type: 'unsubscribe', packetId, filters, properties };
}

function readFarewell<Type extends Farewell['type']>(
  type: Type,
  head: number,
  reader: FieldReader,
  version: Version,
): Farewell<Type> {
  checkFlags(head, 0);
  if (type === 'auth' && version !== 5) throw protocolError('AUTH is of MQTT 5');
  const isShort = version !== 5 || reader.isAtEnd;
  const reason = isShort ? REASON.success : reader.u8();
  const known = type === 'disconnect' ? DISCONNECT_REASONS : AUTH_REASONS;
  if (!known.has(reason)) throw protocolError(`${type} has no reason ${reason}`);
  const properties = isShort || reader.isAtEnd ? NONE : readProperties(reader, type);
  reader.finish();
  return { type, reason, properties };
}
