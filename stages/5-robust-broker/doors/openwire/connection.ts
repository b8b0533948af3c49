/**
 * What a client that has been let in does: its sessions, producers and consumers, its messages and acks.
 *
 *     Message --> exchange.publish        ConsumerInfo --> Consumer, Browser or Advisories        TransactionInfo --> Transactions
 *
 * Always true: what names a session, producer or consumer that is not there is refused; when the connection ends everything of
 * it ends: what it held goes back, its temporary destinations are deleted. Errors are for the session to tell. The session has
 * one.
 */
import type { Broker, SendOptions } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { isTemporary, topicOf } from '../destinations.ts';
import type { Door } from '../door-server.ts';
import type { Awaiting } from '../publish-lane.ts';
import type { Advisories } from './advisories.ts';
import {
  type ConnectionInfo,
  type ConsumerControl,
  DESTINATION,
  type DestinationInfo,
  type MessageAck,
  type MessagePull,
  type NumberedCommand,
  type ProducerInfo,
  type RemoveInfo,
  type RemoveSubscriptionInfo,
  TRANSACTION,
  type TransactionInfo,
  type WireMessage,
} from './commands.ts';
import { Dispatcher } from './dispatcher.ts';
import { consumerKey, Members, sessionKey } from './members.ts';
import { MessageIds, producerKey } from './message-ids.ts';
import { contractMessageOf, sizeOf } from './messages.ts';
import type { Names } from './names.ts';
import { Readers } from './readers.ts';
import type { CheckedOpenWireServerOptions } from './server-options.ts';
import { needLocal, Transactions } from './transactions.ts';

export interface ConnectionOptions {
  readonly info: ConnectionInfo;
  readonly door: Door;
  /** The broker as the client may use it. */
  readonly broker: Broker;
  readonly options: CheckedOpenWireServerOptions;
  readonly names: Names;
  /** Unique among connections of the door. */
  readonly name: string;
  readonly write: (command: NumberedCommand) => void;
  readonly readers: Omit<ConstructorParameters<typeof Readers>[0], 'dispatcher' | 'advisories'>;
  readonly onMessage: () => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #members: Members;
  readonly #readers: Readers;
  readonly #advisories = new Set<Advisories>();
  readonly #transactions: Transactions;
  readonly #sendOptions: SendOptions;
  /** Temporary destinations it made, by their names on the wire. */
  readonly #temporaries = new Set<string>();

  constructor(options: ConnectionOptions) {
    const { broker, names, name, write, onMessage, door } = options;
    this.#options = options;
    this.#sendOptions = { timeoutMs: options.options.sendTimeoutMs };
    this.#members = new Members(options.options.membersCountMax);
    this.#transactions = new Transactions({ ...options.options, broker, exchange: door.exchange });
    const dispatcher = new Dispatcher({
      ...{ broker, names, write, onMessage, ids: new MessageIds(name) },
      onTemporary: (destination) => {
        for (const advisories of this.#advisories) advisories.tell(destination);
      },
    });
    this.#readers = new Readers({ ...options.readers, dispatcher, advisories: this.#advisories });
  }

  /** Resolves when it is done, at once where nothing is to be waited for. */
  handle(command: NumberedCommand): Promise<void> | void {
    switch (command.type) {
      case 'SessionInfo':
        return this.#members.addSession(command.sessionId);
      case 'ProducerInfo':
        return this.#addProducer(command);
      case 'ConsumerInfo':
        this.#members.needSession(command.consumerId);
        this.#members.needRoom();
        return this.#readers.open(command).then((key) => this.#members.addConsumer(key));
      case 'MessagePull':
        return this.#pull(command);
      case 'ConsumerControl':
        return this.#control(command);
      case 'MessageAck':
        return this.#ack(command);
      case 'TransactionInfo':
        return this.#transact(command);
      case 'DestinationInfo':
        return this.#changeDestination(command);
      case 'RemoveInfo':
        return this.#remove(command);
      case 'RemoveSubscriptionInfo':
        return this.#unsubscribe(command);
      case 'ConnectionControl':
        return;
      default:
        throw new MqError('MQ_PROTOCOL', `a ${command.type} is not for a server to take`);
    }
  }

  /** `awaiting` is told when the broker has taken it, or when it is kept for a commit. Throws when it is refused now. */
  send(wire: WireMessage, awaiting: Awaiting): void {
    const { broker, names, door } = this.#options;
    this.#members.needProducer(wire.producerId);
    const transaction =
      wire.transactionId === null ? undefined : this.#transactions.find(needLocal(wire.transactionId));
    try {
      const destination = names.destinationOf(wire.destination);
      const message = contractMessageOf(wire, { names, broker, nowMs: door.clock.now() });
      if (transaction === undefined) {
        door.exchange.post(broker, destination, message, { options: this.#sendOptions, awaiting });
        return;
      }
      this.#transactions.addSend(transaction, { destination, message }, sizeOf(wire));
    } catch (error) {
      if (transaction !== undefined) transaction.refused ??= error;
      throw error;
    }
    awaiting.published(null);
  }

  /** To a producer that keeps a window of what is not acknowledged. */
  acknowledge(wire: WireMessage): void {
    const { producerId, responseRequired } = wire;
    if (producerId === null || responseRequired || this.#members.windowOf(producerId) <= 0) return;
    this.#options.write({
      type: 'ProducerAck',
      ...{ commandId: 0, responseRequired: false, producerId, size: sizeOf(wire) },
    });
  }

  /** More waits for the client to read than is sensible. */
  pause(): void {
    this.#readers.pause();
  }

  resume(): void {
    this.#readers.resume();
  }

  /** Everything it has goes back; `isFailure`: it left without a word. */
  async leave(isFailure: boolean): Promise<void> {
    const { door, name } = this.#options;
    await this.#readers.gone(isFailure);
    await door.exchange.deleteTemporariesOf(name);
  }

  #addProducer({ producerId, windowSize }: ProducerInfo): void {
    if (producerId === null) throw new MqError('MQ_PROTOCOL', 'a producer without an id');
    this.#members.addProducer(producerId, windowSize);
  }

  #pull(command: MessagePull): void {
    this.#readers.find(command.consumerId)?.pull(command);
  }

  #control({ consumerId, prefetch, isStart, isStop, isClose }: ConsumerControl): void {
    const reader = this.#readers.find(consumerId);
    if (reader === undefined || isClose) return;
    if (isStop) reader.pause();
    else if (isStart) reader.resume();
    else reader.setPrefetch(prefetch);
  }

  /** One for a consumer that is closed comes too late for anything: what it held has gone back. */
  #ack(command: MessageAck): Promise<void> | void {
    const { transactionId } = command;
    const transaction = transactionId === null ? undefined : this.#transactions.find(needLocal(transactionId));
    return this.#readers.find(command.consumerId)?.ack(command, transaction);
  }

  #transact({ transactionId, operation }: TransactionInfo): Promise<void> | void {
    const id = needLocal(transactionId);
    if (operation === TRANSACTION.begin) return this.#transactions.begin(id);
    if (operation === TRANSACTION.commit) return this.#transactions.commit(id);
    if (operation === TRANSACTION.rollback) return this.#transactions.rollback(id);
    throw new MqError('MQ_NOT_SUPPORTED', `operation ${operation} of distributed (XA) transactions is not served`);
  }

  async #changeDestination({ destination: wire, operation }: DestinationInfo): Promise<void> {
    const { broker, door, names, name, options } = this.#options;
    const isAdded = operation === DESTINATION.add;
    if (!isAdded && operation !== DESTINATION.remove)
      throw new MqError('MQ_PROTOCOL', `operation ${operation} of a destination`);
    if (wire?.type === 'Queue' || wire?.type === 'Topic' || wire === null) {
      const topic = topicOf(names.destinationOf(wire));
      await (isAdded ? broker.createTopic(topic) : broker.deleteTopic(topic));
      return;
    }
    const wireName = wire.physicalName ?? '';
    if (!isAdded) {
      const { kind, name: temporary } = names.destinationOf(wire);
      if (!this.#temporaries.delete(wireName)) throw new MqError('MQ_FORBIDDEN', `${wireName} is another connection's`);
      if (isTemporary(kind)) await door.exchange.deleteTemporary(temporary);
      return;
    }
    if (this.#temporaries.size >= options.temporariesCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `${options.temporariesCountMax} temporary destinations of one connection`);
    }
    const kind = wire.type === 'TempQueue' ? 'temporary-queue' : 'temporary-topic';
    await names.createTemporary(name, wireName, () => door.exchange.createTemporary(broker, kind, name));
    this.#temporaries.add(wireName);
  }

  async #remove({ objectId, lastDeliveredSequenceId }: RemoveInfo): Promise<void> {
    if (objectId?.type === 'ProducerId') return this.#members.removeProducer(producerKey(objectId));
    if (objectId?.type === 'ConsumerId') return this.#closeConsumer(consumerKey(objectId), lastDeliveredSequenceId);
    if (objectId?.type === 'SessionId') {
      const keys = this.#members.removeSession(sessionKey(objectId));
      await Promise.all(keys.map((key) => this.#closeConsumer(key, lastDeliveredSequenceId)));
      return;
    }
    if (objectId === null) throw new MqError('MQ_PROTOCOL', 'nothing is named that is to be removed');
    await this.leave(false);
  }

  async #closeConsumer(key: string, lastDelivered: number): Promise<void> {
    this.#members.removeConsumer(key);
    await this.#readers.close(key, lastDelivered);
  }

  #unsubscribe({ subscriptionName, clientId }: RemoveSubscriptionInfo): Promise<void> {
    return this.#readers.forget(clientId ?? this.#options.info.clientId ?? '', subscriptionName ?? '');
  }
}
