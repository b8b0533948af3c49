/**
 * The packets a server sends, as bytes. Properties are written for MQTT 5 and left out before it.
 *
 * Always true: bytes are counted first and written once; a packet that is longer than the client takes loses its reason string
 * and user properties, where it is an answer, as the specification asks. Pure.
 */
import { FieldWriter, textBytes, varintBytes } from './fields.ts';
import { type QoS, TYPE, type Version } from './packets.ts';
import { type Properties, propertiesBytes, writeProperties } from './properties.ts';
import { REASON, returnCodeOf } from './reasons.ts';

const NONE: Properties = Object.freeze({});

/** For whom it is written. */
export interface Reader {
  readonly version: Version;
  /** What the client takes; without end when it did not say. */
  readonly packetBytesMax: number;
  /** It wants no text with a reason, but where the connection is refused or ends. */
  readonly isTerse?: boolean;
}

export interface Connack {
  readonly isSessionPresent: boolean;
  readonly reason: number;
  readonly properties?: Properties;
}

export function encodeConnack({ version, packetBytesMax }: Reader, connack: Connack): Buffer {
  const { isSessionPresent, reason, properties = NONE } = connack;
  const code = version === 5 ? reason : returnCodeOf(reason);
  const write = (said: Properties): Buffer => {
    const size = sizeOf(version, said);
    const writer = begin(TYPE.connack << 4, 2 + size.withLength);
    writer.u8(isSessionPresent ? 1 : 0).u8(code);
    if (version === 5) writeProperties(writer, said, size.properties);
    return writer.bytes;
  };
  return fitting(packetBytesMax, properties, write);
}

/** A PUBLISH to a client. */
export interface PublishOut {
  readonly topic: string;
  readonly qos: QoS;
  readonly isDup: boolean;
  readonly retain: boolean;
  readonly packetId: number;
  readonly payload: Uint8Array;
  readonly properties: Properties;
}

/** Bytes of the whole packet, and of what is behind its length. */
export interface PacketSize {
  readonly whole: number;
  readonly content: number;
}

export function publishSize({ version }: Pick<Reader, 'version'>, publish: PublishOut): PacketSize {
  const { topic, qos, payload, properties } = publish;
  const idBytes = qos === 0 ? 0 : 2;
  const said = version === 5 ? sizeOf(version, properties).withLength : 0;
  const content = textBytes(topic) + idBytes + said + payload.length;
  return { whole: 1 + varintBytes(content) + content, content };
}

/** Into `bytes`, at `at`; `size`: that of this packet. */
export function writePublish(
  { version }: Pick<Reader, 'version'>,
  publish: PublishOut,
  { bytes, at, size }: { readonly bytes: Buffer; readonly at: number; readonly size: PacketSize },
): void {
  const { topic, qos, isDup, retain, packetId, payload, properties } = publish;
  const head = (TYPE.publish << 4) | (isDup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  const writer = new FieldWriter(bytes, at).u8(head).varint(size.content).text(topic);
  if (qos > 0) writer.u16(packetId);
  if (version === 5) writeProperties(writer, properties, propertiesBytes(properties));
  writer.raw(payload);
}

export function encodePublish(reader: Pick<Reader, 'version'>, publish: PublishOut): Buffer {
  const size = publishSize(reader, publish);
  const bytes = Buffer.allocUnsafe(size.whole);
  writePublish(reader, publish, { bytes, at: 0, size });
  return bytes;
}

/** Of an answer without a reason, */
export const PLAIN_ANSWER_BYTES = 4;

/** which is written into `bytes`, at `at`. */
export function writePlainAnswer(
  { type, packetId }: Pick<AnswerOut, 'type' | 'packetId'>,
  { bytes, at }: { readonly bytes: Buffer; readonly at: number },
): void {
  new FieldWriter(bytes, at).u8(ANSWER_HEADS[type]).u8(2).u16(packetId);
}

const ANSWER_HEADS = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export interface AnswerOut {
  readonly type: keyof typeof ANSWER_HEADS;
  readonly packetId: number;
  readonly reason: number;
  readonly properties?: Properties;
}

export function encodeAnswer({ version, packetBytesMax, isTerse }: Reader, answer: AnswerOut): Buffer {
  const { type, packetId, reason } = answer;
  const properties = isTerse ? NONE : (answer.properties ?? NONE);
  const head = ANSWER_HEADS[type];
  if (version !== 5 || (reason === REASON.success && isEmpty(properties))) return begin(head, 2).u16(packetId).bytes;
  return fitting(packetBytesMax, properties, (said) => {
    if (isEmpty(said)) return begin(head, 3).u16(packetId).u8(reason).bytes;
    const size = sizeOf(version, said);
    const writer = begin(head, 3 + size.withLength)
      .u16(packetId)
      .u8(reason);
    writeProperties(writer, said, size.properties);
    return writer.bytes;
  });
}

/** SUBACK or UNSUBACK: a reason for each topic filter, which an UNSUBACK before MQTT 5 leaves out. */
export interface Granted {
  readonly type: 'suback' | 'unsuback';
  readonly packetId: number;
  readonly reasons: readonly number[];
  readonly properties?: Properties;
}

export function encodeGranted({ version, packetBytesMax, isTerse }: Reader, granted: Granted): Buffer {
  const { type, packetId } = granted;
  const properties = isTerse ? NONE : (granted.properties ?? NONE);
  const reasons = version === 5 ? granted.reasons : type === 'unsuback' ? [] : granted.reasons.map(asReturnCode);
  return fitting(packetBytesMax, properties, (said) => {
    const size = sizeOf(version, said);
    const writer = begin(TYPE[type] << 4, 2 + size.withLength + reasons.length).u16(packetId);
    if (version === 5) writeProperties(writer, said, size.properties);
    for (const reason of reasons) writer.u8(reason);
    return writer.bytes;
  });
}

export const PINGRESP = Buffer.from([TYPE.pingresp << 4, 0]);

/** Only MQTT 5 has one from the server; before it a connection just ends. */
export function encodeDisconnect(
  { packetBytesMax }: Reader,
  { reason, properties }: { readonly reason: number; readonly properties: Properties },
): Buffer {
  return fitting(packetBytesMax, properties, (said) => {
    const size = sizeOf(5, said);
    const writer = begin(TYPE.disconnect << 4, 1 + size.withLength).u8(reason);
    writeProperties(writer, said, size.properties);
    return writer.bytes;
  });
}

function asReturnCode(reason: number): number {
  return reason >= 0x80 ? 0x80 : reason;
}

function begin(head: number, length: number): FieldWriter {
  return new FieldWriter(Buffer.allocUnsafe(1 + varintBytes(length) + length)).u8(head).varint(length);
}

function sizeOf(version: Version, said: Properties): { readonly properties: number; readonly withLength: number } {
  if (version !== 5) return { properties: 0, withLength: 0 };
  const properties = propertiesBytes(said);
  return { properties, withLength: varintBytes(properties) + properties };
}

function isEmpty(properties: Properties): boolean {
  for (const _ in properties) return false;
  return true;
}

/** What explains is left out where there is no room for it. */
function fitting(bytesMax: number, properties: Properties, write: (said: Properties) => Buffer): Buffer {
  const whole = write(properties);
  if (whole.length <= bytesMax) return whole;
  const { reasonString: _, userProperties: __, ...needed } = properties;
  return write(needed);
}
