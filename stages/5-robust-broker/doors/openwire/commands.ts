/**
 * The commands of OpenWire that this door speaks, versions 9 to 12, field by field: one table for reading and for writing.
 *
 *     | size int | type code | commandId int | responseRequired boolean | the other fields in the order of the table |
 *
 * Always true (I37): no structure contains itself, directly or through others, so that a frame cannot be nested without end.
 * Whoever speaks the protocol uses the types; the codec uses the table.
 */
import {
  array,
  boolean,
  byte,
  byteArray,
  constant,
  int,
  long,
  type ObjectOf,
  object,
  objectOf,
  since,
  structure,
  text,
  throwable,
} from './fields.ts';

/** Versions this door speaks. */
export const VERSIONS = Object.freeze({ min: 9, max: 12 });

const BASE = { commandId: int, responseRequired: boolean };

export const QUEUE = structure('Queue', 100, { physicalName: text });
export const TOPIC = structure('Topic', 101, { physicalName: text });
export const TEMP_QUEUE = structure('TempQueue', 102, { physicalName: text });
export const TEMP_TOPIC = structure('TempTopic', 103, { physicalName: text });
const DESTINATIONS = [QUEUE, TOPIC, TEMP_QUEUE, TEMP_TOPIC] as const;

const BROKER_ID = structure('BrokerId', 124, { value: text });
const CONNECTION_ID = structure('ConnectionId', 120, { value: text });
const SESSION_ID = structure('SessionId', 121, { connectionId: text, value: long });
const CONSUMER_ID = structure('ConsumerId', 122, { connectionId: text, sessionId: long, value: long });
const PRODUCER_ID = structure('ProducerId', 123, { connectionId: text, value: long, sessionId: long });
const MESSAGE_ID = structure('MessageId', 110, {
  textView: since(10, text, null),
  producerId: object(PRODUCER_ID),
  producerSequenceId: long,
  brokerSequenceId: long,
});
const LOCAL_TRANSACTION_ID = structure('LocalTransactionId', 111, { value: long, connectionId: object(CONNECTION_ID) });
const XA_TRANSACTION_ID = structure('XATransactionId', 112, {
  formatId: int,
  globalTransactionId: byteArray,
  branchQualifier: byteArray,
});
const TRANSACTION_IDS = [LOCAL_TRANSACTION_ID, XA_TRANSACTION_ID] as const;

const WIRE_FORMAT_INFO = structure('WireFormatInfo', 1, {
  magic: constant(Buffer.from('ActiveMQ')),
  version: int,
  properties: byteArray,
});
const BROKER_INFO = structure('BrokerInfo', 2, {
  ...BASE,
  brokerId: object(BROKER_ID),
  brokerUrl: text,
  peerBrokerInfos: array(),
  brokerName: text,
  isSlave: boolean,
  isMaster: boolean,
  isFaultTolerant: boolean,
  isDuplex: boolean,
  isNetwork: boolean,
  connectionId: long,
  brokerUploadUrl: text,
  networkProperties: text,
});
const CONNECTION_INFO = structure('ConnectionInfo', 3, {
  ...BASE,
  connectionId: object(CONNECTION_ID),
  clientId: text,
  password: text,
  userName: text,
  brokerPath: array(BROKER_ID),
  isBrokerMasterConnector: boolean,
  isManageable: boolean,
  isClientMaster: boolean,
  isFaultTolerant: boolean,
  isFailoverReconnect: boolean,
  clientIp: text,
});
const SESSION_INFO = structure('SessionInfo', 4, { ...BASE, sessionId: object(SESSION_ID) });
const CONSUMER_INFO = structure('ConsumerInfo', 5, {
  ...BASE,
  consumerId: object(CONSUMER_ID),
  isBrowser: boolean,
  destination: object(...DESTINATIONS),
  prefetchSize: int,
  pendingMessagesMax: int,
  isDispatchAsync: boolean,
  selector: text,
  clientId: since(10, text, null),
  subscriptionName: text,
  isNoLocal: boolean,
  isExclusive: boolean,
  isRetroactive: boolean,
  priority: byte,
  brokerPath: array(BROKER_ID),
  additionalPredicate: object(),
  isNetworkSubscription: boolean,
  isOptimizedAcknowledge: boolean,
  isNoRangeAcks: boolean,
  networkConsumerPath: array(CONSUMER_ID),
});
const PRODUCER_INFO = structure('ProducerInfo', 6, {
  ...BASE,
  producerId: object(PRODUCER_ID),
  destination: object(...DESTINATIONS),
  brokerPath: array(BROKER_ID),
  isDispatchAsync: boolean,
  windowSize: int,
});
const TRANSACTION_INFO = structure('TransactionInfo', 7, {
  ...BASE,
  connectionId: object(CONNECTION_ID),
  transactionId: object(...TRANSACTION_IDS),
  operation: byte,
});
const DESTINATION_INFO = structure('DestinationInfo', 8, {
  ...BASE,
  connectionId: object(CONNECTION_ID),
  destination: object(...DESTINATIONS),
  operation: byte,
  timeout: long,
  brokerPath: array(BROKER_ID),
});
const REMOVE_SUBSCRIPTION_INFO = structure('RemoveSubscriptionInfo', 9, {
  ...BASE,
  connectionId: object(CONNECTION_ID),
  subscriptionName: text,
  clientId: text,
});
const KEEP_ALIVE_INFO = structure('KeepAliveInfo', 10, BASE);
const SHUTDOWN_INFO = structure('ShutdownInfo', 11, BASE);
const REMOVE_INFO = structure('RemoveInfo', 12, {
  ...BASE,
  objectId: object(CONNECTION_ID, SESSION_ID, CONSUMER_ID, PRODUCER_ID),
  lastDeliveredSequenceId: long,
});
const CONNECTION_ERROR = structure('ConnectionError', 16, {
  ...BASE,
  exception: throwable,
  connectionId: object(CONNECTION_ID),
});
const CONSUMER_CONTROL = structure('ConsumerControl', 17, {
  ...BASE,
  destination: object(...DESTINATIONS),
  isClose: boolean,
  consumerId: object(CONSUMER_ID),
  prefetch: int,
  isFlush: boolean,
  isStart: boolean,
  isStop: boolean,
});
const CONNECTION_CONTROL = structure('ConnectionControl', 18, {
  ...BASE,
  isClose: boolean,
  isExit: boolean,
  isFaultTolerant: boolean,
  isResume: boolean,
  isSuspend: boolean,
  connectedBrokers: text,
  reconnectTo: text,
  isRebalance: boolean,
  token: byteArray,
});
const PRODUCER_ACK = structure('ProducerAck', 19, { ...BASE, producerId: object(PRODUCER_ID), size: int });
const MESSAGE_PULL = structure('MessagePull', 20, {
  ...BASE,
  consumerId: object(CONSUMER_ID),
  destination: object(...DESTINATIONS),
  timeout: long,
  correlationId: text,
  messageId: object(MESSAGE_ID),
});
const MESSAGE_ACK = structure('MessageAck', 22, {
  ...BASE,
  destination: object(...DESTINATIONS),
  transactionId: object(...TRANSACTION_IDS),
  consumerId: object(CONSUMER_ID),
  ackType: byte,
  firstMessageId: object(MESSAGE_ID),
  lastMessageId: object(MESSAGE_ID),
  messageCount: int,
  poisonCause: throwable,
});

/** Of every message, whatever its body; only advisories have something in `dataStructure`. */
const MESSAGE = {
  ...BASE,
  producerId: object(PRODUCER_ID),
  destination: object(...DESTINATIONS),
  transactionId: object(...TRANSACTION_IDS),
  originalDestination: object(...DESTINATIONS),
  messageId: object(MESSAGE_ID),
  originalTransactionId: object(...TRANSACTION_IDS),
  groupId: text,
  groupSequence: int,
  correlationId: text,
  isPersistent: boolean,
  expiration: long,
  priority: byte,
  replyTo: object(...DESTINATIONS),
  timestamp: long,
  jmsType: text,
  content: byteArray,
  properties: byteArray,
  dataStructure: object(DESTINATION_INFO),
  targetConsumerId: object(CONSUMER_ID),
  isCompressed: boolean,
  redeliveryCounter: int,
  brokerPath: array(BROKER_ID),
  arrival: long,
  userId: text,
  isReceivedByBridge: boolean,
  isDroppable: boolean,
  cluster: array(BROKER_ID),
  brokerInTime: long,
  brokerOutTime: long,
  isGroupFirstForConsumer: since(10, boolean, false),
};
const PLAIN_MESSAGE = structure('Message', 23, MESSAGE);
const BYTES_MESSAGE = structure('BytesMessage', 24, MESSAGE);
const MAP_MESSAGE = structure('MapMessage', 25, MESSAGE);
const OBJECT_MESSAGE = structure('ObjectMessage', 26, MESSAGE);
const STREAM_MESSAGE = structure('StreamMessage', 27, MESSAGE);
const TEXT_MESSAGE = structure('TextMessage', 28, MESSAGE);
const MESSAGES = [PLAIN_MESSAGE, BYTES_MESSAGE, MAP_MESSAGE, OBJECT_MESSAGE, STREAM_MESSAGE, TEXT_MESSAGE] as const;

const MESSAGE_DISPATCH = structure('MessageDispatch', 21, {
  ...BASE,
  consumerId: object(CONSUMER_ID),
  destination: object(...DESTINATIONS),
  message: object(...MESSAGES),
  redeliveryCounter: int,
});
const RESPONSE = structure('Response', 30, { ...BASE, correlationId: int });
const EXCEPTION_RESPONSE = structure('ExceptionResponse', 31, { ...BASE, correlationId: int, exception: throwable });

/** Whatever may be a frame, in either direction. */
export const COMMAND = objectOf(
  ...[WIRE_FORMAT_INFO, BROKER_INFO, CONNECTION_INFO, SESSION_INFO, CONSUMER_INFO, PRODUCER_INFO, TRANSACTION_INFO],
  ...[DESTINATION_INFO, REMOVE_SUBSCRIPTION_INFO, KEEP_ALIVE_INFO, SHUTDOWN_INFO, REMOVE_INFO, CONNECTION_ERROR],
  ...[CONSUMER_CONTROL, CONNECTION_CONTROL, PRODUCER_ACK, MESSAGE_PULL, MESSAGE_DISPATCH, MESSAGE_ACK],
  ...[...MESSAGES, RESPONSE, EXCEPTION_RESPONSE],
);

export type WireDestination = ObjectOf<(typeof DESTINATIONS)[number]>;
export type ProducerId = ObjectOf<typeof PRODUCER_ID>;
export type ConsumerId = ObjectOf<typeof CONSUMER_ID>;
export type SessionId = ObjectOf<typeof SESSION_ID>;
export type ConnectionId = ObjectOf<typeof CONNECTION_ID>;
export type MessageId = ObjectOf<typeof MESSAGE_ID>;
export type TransactionId = ObjectOf<(typeof TRANSACTION_IDS)[number]>;

export type WireFormatInfo = ObjectOf<typeof WIRE_FORMAT_INFO>;
export type ConnectionInfo = ObjectOf<typeof CONNECTION_INFO>;
export type ConsumerInfo = ObjectOf<typeof CONSUMER_INFO>;
export type ConsumerControl = ObjectOf<typeof CONSUMER_CONTROL>;
export type TransactionInfo = ObjectOf<typeof TRANSACTION_INFO>;
export type DestinationInfo = ObjectOf<typeof DESTINATION_INFO>;
export type RemoveSubscriptionInfo = ObjectOf<typeof REMOVE_SUBSCRIPTION_INFO>;
export type RemoveInfo = ObjectOf<typeof REMOVE_INFO>;
export type ProducerInfo = ObjectOf<typeof PRODUCER_INFO>;
export type MessagePull = ObjectOf<typeof MESSAGE_PULL>;
export type MessageAck = ObjectOf<typeof MESSAGE_ACK>;
export type WireMessage = ObjectOf<(typeof MESSAGES)[number]>;
export type MessageType = WireMessage['type'];

export type Command = ReturnType<(typeof COMMAND)['read']>;
/** All but the first of a connection: they are numbered, and may ask for an answer. */
export type NumberedCommand = Exclude<Command, WireFormatInfo>;

/** `MessageAck.ackType`. */
export const ACK = Object.freeze({
  delivered: 0,
  poison: 1,
  standard: 2,
  redelivered: 3,
  individual: 4,
  unmatched: 5,
  expired: 6,
});
/** `TransactionInfo.operation` of transactions of one connection. */
export const TRANSACTION = Object.freeze({ begin: 0, commit: 2, rollback: 4 });
/** `DestinationInfo.operation`. */
export const DESTINATION = Object.freeze({ add: 0, remove: 1 });
