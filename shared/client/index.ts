/**
 * What `stagemq/client` exports: sending and receiving with comfort, on top of any Broker.
 *
 *     const producer = new Producer({ broker });
 *     await producer.send('orders', { body: 'tea' });
 *
 *     const consumer = new Consumer({ broker, topic: 'orders', group: 'kitchen' });
 *     for await (const message of consumer) console.log(message.text); // asking for the next one acks
 */
export { CLOSE_TIMEOUT_MS } from './closing.ts';
export { ConsumedMessage, type Outcome, type OutcomeOptions } from './consumed-message.ts';
export { Consumer, type MessageHandler } from './consumer.ts';
export type { AckMode, BackOffBy, ConsumerOptions } from './consumer-options.ts';
export type { ConsumerState, ConsumerStatus } from './consumer-state.ts';
export type {
  HalfMessageProducerOptions,
  HalfMessageProducerState,
  HalfSendOptions,
  HalfSent,
} from './half-message-options.ts';
export { HalfMessageProducer } from './half-message-producer.ts';
export { Inbox, type InboxOptions, type MessageName } from './inbox.ts';
export { LogConsumer, type LogConsumerOptions } from './log-consumer.ts';
export type { PartitionProgress } from './log-partition.ts';
export { Outbox, type OutboxOptions, type OutboxRow, type RefusedRow } from './outbox.ts';
export { OutboxRelay, type OutboxRelayOptions, type OutboxRelayState } from './outbox-relay.ts';
export { Producer } from './producer.ts';
export type { ProducerOptions } from './producer-options.ts';
export { Requester, type RequesterState, type RequestOptions } from './requester.ts';
export type { RequesterOptions } from './requester-options.ts';
export {
  type Reply,
  type RequestHandler,
  Responder,
  type ResponderOptions,
  type Responding,
  type RespondingState,
  type RespondOptions,
} from './responder.ts';
export { RETRY_DEFAULTS, type RetryPolicy } from './retry.ts';
export type { SqlDatabase, SqlStatement, SqlValue } from './sql-database.ts';
