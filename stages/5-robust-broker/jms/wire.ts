/**
 * A message of JMS as the broker has it, and back; the same headers as through every other door.
 *
 *     JMSMessageID       id                            JMSCorrelationID    header `correlation-id`
 *     JMSXGroupID        key                           JMSReplyTo          header `reply-to`: the topic of the contract
 *     JMSPriority        priority                      JMSType             header `type`
 *     JMSExpiration      ttlMs, expiresAt              JMSDeliveryMode     header `$persistent=false`, or none
 *     JMSXDeliveryCount  deliveryCount                 properties, body    doors/properties.ts, doors/bodies.ts
 *
 * Always true: what a program of Java sends through the OpenWire door is the same message here, and the other way round.
 * Producers, consumers and browsers use it.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../../../shared/contract/filter.ts';
import type { Message as ContractMessage, Headers, StoredRecord } from '../../../shared/contract/message.ts';
import { type Body, decodeBody, encodeBody } from '../doors/bodies.ts';
import { topicOf } from '../doors/destinations.ts';
import type { Exchange } from '../doors/exchange.ts';
import { commonWord, decodeProperties, encodeProperties } from '../doors/properties.ts';
import { textOf, textValue } from '../doors/typed-values.ts';
import { BytesMessage } from './bytes-message.ts';
import { destinationFor } from './destinations.ts';
import { MapMessage } from './map-message.ts';
import { BODY, DEFAULT_PRIORITY, DeliveryMode, Message, type MessageState, STATE } from './message.ts';
import { StreamMessage } from './stream-message.ts';
import { ObjectMessage, TextMessage } from './text-message.ts';

const TYPE_HEADER = 'type';
const PERSISTENT_HEADER = '$persistent';
const GROUP_ID = 'JMSXGroupID';
const DELIVERY_COUNT = 'JMSXDeliveryCount';

/** How one message is sent. */
export interface Sending {
  readonly id: string | undefined;
  readonly deliveryMode: number;
  readonly priority: number;
  /** 0: it never expires. */
  readonly timeToLiveMs: number;
  readonly deliveryDelayMs: number;
}

/** `message` as a broker takes it. */
export function contractMessageOf(message: Message, sending: Sending, { capabilities }: Broker): ContractMessage {
  const state = message[STATE];
  const { body, headers: bodyHeaders } = encodeBody(message[BODY]());
  const properties = new Map(state.properties);
  const group = properties.get(GROUP_ID);
  properties.delete(GROUP_ID);
  properties.delete(DELIVERY_COUNT);
  const headers = encodeProperties(properties, wordsOf(state));
  const isDefault = sending.priority === DEFAULT_PRIORITY && !capabilities.has('priority');
  return {
    body,
    headers: {
      ...headers,
      ...bodyHeaders,
      ...(sending.deliveryMode === DeliveryMode.NON_PERSISTENT && { [PERSISTENT_HEADER]: 'false' }),
    },
    ...(group !== undefined && group.type !== 'null' && { key: textOf(group) }),
    ...(sending.id !== undefined && { id: sending.id }),
    ...(!isDefault && { priority: sending.priority }),
    ...(sending.timeToLiveMs > 0 && { ttlMs: sending.timeToLiveMs }),
    ...(sending.deliveryDelayMs > 0 && { delayMs: sending.deliveryDelayMs }),
  };
}

function wordsOf({ correlationId, replyTo, type }: MessageState): Headers {
  return {
    ...(correlationId !== null && { [CORRELATION_ID_HEADER]: correlationId }),
    ...(replyTo !== null && { [REPLY_TO_HEADER]: topicOf(replyTo.destination) }),
    ...(type !== null && { [TYPE_HEADER]: type }),
  };
}

/** A record, and how often it was delivered: 1 for the first time. */
export interface Received {
  readonly record: StoredRecord;
  readonly deliveryCount: number;
  readonly exchange: Exchange;
  readonly broker: Broker;
  readonly acknowledge?: () => Promise<void>;
}

/** What was received, read-only. */
export function receivedMessage({ record, deliveryCount, exchange, broker, acknowledge }: Received): Message {
  const { headers } = record;
  const message = messageOf(decodeBody(record));
  const replyTo = commonWord(headers, REPLY_TO_HEADER) || undefined;
  const properties = decodeProperties(headers);
  if (record.key !== undefined) properties.set(GROUP_ID, textValue(record.key));
  properties.set(DELIVERY_COUNT, { type: 'int', value: deliveryCount });
  Object.assign(message[STATE], {
    ...{ id: record.id, timestamp: record.timestamp, properties, expiration: record.expiresAt ?? 0 },
    destination: destinationFor(exchange.destinationOf(record.topic)),
    deliveryMode: headers[PERSISTENT_HEADER] === 'false' ? DeliveryMode.NON_PERSISTENT : DeliveryMode.PERSISTENT,
    priority: record.priority ?? (broker.capabilities.has('priority') ? 0 : DEFAULT_PRIORITY),
    isRedelivered: deliveryCount > 1,
    correlationId: commonWord(headers, CORRELATION_ID_HEADER) ?? null,
    replyTo: replyTo === undefined ? null : destinationFor(exchange.destinationOf(replyTo)),
    type: commonWord(headers, TYPE_HEADER) ?? null,
    ...{ arePropertiesReadOnly: true, isBodyReadOnly: true },
    ...(acknowledge !== undefined && { acknowledge }),
  } satisfies Partial<MessageState>);
  return message;
}

function messageOf(body: Body): Message {
  switch (body.kind) {
    case 'text':
      return new TextMessage(body.text);
    case 'bytes':
      return new BytesMessage(body.bytes);
    case 'map':
      return new MapMessage(body.entries);
    case 'stream':
      return new StreamMessage(body.values);
    case 'object':
      return new ObjectMessage(body.bytes);
    default:
      return new Message();
  }
}
