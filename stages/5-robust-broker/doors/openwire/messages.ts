/**
 * A message of OpenWire as the broker has it, and back; the same headers as through every other door.
 *
 *     JMSMessageID       id                      JMSCorrelationID   header `correlation-id`
 *     JMSXGroupID        key                     JMSReplyTo         header `reply-to`: the topic of the contract
 *     JMSPriority        priority                JMSType            header `type`
 *     JMSExpiration      ttlMs, expiresAt        JMSDeliveryMode    header `$persistent=false`, or none
 *     redeliveryCounter  deliveryCount - 1       properties, body   doors/properties.ts, doors/bodies.ts
 *
 * Always true: a body keeps alive little more of what came over the wire than itself. Pure.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../../../../shared/contract/filter.ts';
import type { Headers, Message, StoredRecord } from '../../../../shared/contract/message.ts';
import { decodeBody, encodeBody } from '../bodies.ts';
import { commonWord, decodeProperties, encodeProperties, type Properties } from '../properties.ts';
import type { TypedValue } from '../typed-values.ts';
import type { MessageId, WireMessage } from './commands.ts';
import { bodyOf, contentOf } from './message-bodies.ts';
import { idOf } from './message-ids.ts';
import type { Names } from './names.ts';
import { decodeMap, encodeMap } from './typed-wire.ts';

const TYPE_HEADER = 'type';
const PERSISTENT_HEADER = '$persistent';
const GROUP_SEQUENCE = 'JMSXGroupSeq';
/** How a client of ActiveMQ asks for a delay, in ms; */
const DELAY = 'AMQ_SCHEDULED_DELAY';
/** what else its scheduler can do is not served. */
const SCHEDULES = ['AMQ_SCHEDULED_PERIOD', 'AMQ_SCHEDULED_REPEAT', 'AMQ_SCHEDULED_CRON'];
/** What JMS gives a message that asks for nothing; a broker without priorities is not asked for it. */
const DEFAULT_PRIORITY = 4;
/** Text of Java may take three bytes where UTF-8 takes two. */
const CONTENT_SHARE = 2;

/** What the message is for the broker. `MQ_PROTOCOL` and `MQ_INVALID_ARGUMENT` for what cannot be one. */
export function contractMessageOf(
  wire: WireMessage,
  { names, broker, nowMs }: { readonly names: Names; readonly broker: Broker; readonly nowMs: number },
): Message {
  if (wire.messageId === null) throw new MqError('MQ_PROTOCOL', 'a message without an id');
  const { body, headers: ofBody } = encodeBody(bodyOf(wire, CONTENT_SHARE * broker.limits.bodyBytesMax));
  const properties = wire.properties === null ? new Map<string, TypedValue>() : decodeMap(wire.properties);
  const delayMs = takeDelay(properties);
  if (wire.groupSequence !== 0) properties.set(GROUP_SEQUENCE, { type: 'int', value: wire.groupSequence });
  const headers: Record<string, string> = Object.assign(encodeProperties(properties, wordsOf(wire, names)), ofBody);
  if (!wire.isPersistent) headers[PERSISTENT_HEADER] = 'false';
  const message: Writable<Message> = { id: idOf(wire.messageId), body, headers };
  if (wire.groupId !== null) message.key = wire.groupId;
  const isDefault = wire.priority === DEFAULT_PRIORITY && !broker.capabilities.has('priority');
  if (!isDefault) message.priority = wire.priority;
  if (wire.expiration > 0) message.ttlMs = lifeMs(wire, nowMs);
  if (delayMs !== undefined) message.delayMs = delayMs;
  return message;
}

type Writable<T> = { -readonly [Member in keyof T]: T[Member] };

/** Which delivery of a record a message is, and by which id it goes. */
export interface Dispatched {
  readonly record: StoredRecord;
  readonly messageId: MessageId;
  readonly redeliveryCounter: number;
}

/** The message as a client is handed it. */
export function wireMessageOf(
  { record, messageId, redeliveryCounter }: Dispatched,
  { names, broker }: { readonly names: Names; readonly broker: Broker },
): WireMessage {
  const { headers } = record;
  const properties = decodeProperties(headers);
  const sequence = properties.get(GROUP_SEQUENCE);
  const groupSequence = sequence?.type === 'int' ? sequence.value : 0;
  if (sequence?.type === 'int') properties.delete(GROUP_SEQUENCE);
  const replyTo = commonWord(headers, REPLY_TO_HEADER);
  return {
    ...NOTHING_SAID,
    ...contentOf(decodeBody(record)),
    producerId: messageId.producerId,
    destination: names.wireOf(record.topic),
    messageId,
    groupId: record.key ?? null,
    groupSequence,
    correlationId: commonWord(headers, CORRELATION_ID_HEADER) ?? null,
    isPersistent: headers[PERSISTENT_HEADER] !== 'false',
    expiration: record.expiresAt ?? 0,
    priority: record.priority ?? (broker.capabilities.has('priority') ? 0 : DEFAULT_PRIORITY),
    replyTo: replyTo === undefined || replyTo === '' ? null : names.wireOf(replyTo),
    timestamp: record.timestamp,
    jmsType: commonWord(headers, TYPE_HEADER) ?? null,
    properties: propertyBytes(properties),
    redeliveryCounter,
    ...{ arrival: record.timestamp, brokerInTime: record.timestamp },
  };
}

/** Of every message that leaves. */
export const NOTHING_SAID: WireMessage = Object.freeze({
  type: 'Message',
  ...{ commandId: 0, responseRequired: false, producerId: null, destination: null, transactionId: null },
  ...{ originalDestination: null, messageId: null, originalTransactionId: null, groupId: null, groupSequence: 0 },
  ...{ correlationId: null, isPersistent: false, expiration: 0, priority: 0, replyTo: null, timestamp: 0 },
  ...{ jmsType: null, content: null, properties: null, dataStructure: null, targetConsumerId: null },
  ...{ isCompressed: false, redeliveryCounter: 0, brokerPath: null, arrival: 0, userId: null },
  ...{ isReceivedByBridge: false, isDroppable: false, cluster: null, brokerInTime: 0, brokerOutTime: 0 },
  isGroupFirstForConsumer: false,
});

/** As the client reckons it, and as it gave the message room in its own window. */
export function sizeOf({ content, properties }: WireMessage): number {
  return MESSAGE_BYTES + (content?.length ?? 0) + (properties?.length ?? 0);
}
const MESSAGE_BYTES = 1024;

function wordsOf({ correlationId, replyTo, jmsType }: WireMessage, names: Names): Headers {
  return {
    ...(correlationId !== null && { [CORRELATION_ID_HEADER]: correlationId }),
    ...(replyTo !== null && { [REPLY_TO_HEADER]: names.topicOf(replyTo) }),
    ...(jmsType !== null && { [TYPE_HEADER]: jmsType }),
  };
}

/** By the client's own clock, as far as it says what time it is there: the two need not agree. */
function lifeMs({ expiration, timestamp }: WireMessage, nowMs: number): number {
  return Math.max(expiration - (timestamp > 0 ? timestamp : nowMs), 1);
}

function takeDelay(properties: Map<string, TypedValue>): number | undefined {
  const unserved = SCHEDULES.find((name) => properties.has(name));
  if (unserved !== undefined) throw new MqError('MQ_INVALID_ARGUMENT', `${unserved}: only ${DELAY} is served`);
  const delay = properties.get(DELAY);
  if (delay === undefined) return undefined;
  properties.delete(DELAY);
  const delayMs = Number(delay.value);
  return Number.isSafeInteger(delayMs) && delayMs > 0 ? delayMs : undefined;
}

function propertyBytes(properties: Properties): Buffer | null {
  return properties.size === 0 ? null : encodeMap(properties);
}
