/**
 * What a connection that was let in asks for, frame by frame.
 *
 *     SEND ------------> Exchange.publish         SUBSCRIBE, UNSUBSCRIBE --> Exchange.subscribe, a Feed
 *     ACK, NACK -------> the Feed it came from    BEGIN, COMMIT, ABORT ----> Transactions
 *
 * Always true: a frame is begun when `carryOut` is called, before it returns, unless it names a temporary destination that is
 * still being made; when the connection is gone nothing of it goes on: sends that wait for room are called back, transactions
 * are aborted, what was held is back with its group, temporary destinations are deleted.
 */
import type { Broker, NackOptions, SendOptions } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { type Destination, topicOf } from '../destinations.ts';
import type { Door } from '../door-server.ts';
import type { Awaiting } from '../publish-lane.ts';
import { type Frame, type Version, writeFrame } from './frame.ts';
import { flagOf, messageHeaders, messageOf } from './messages.ts';
import { Names } from './names.ts';
import type { CheckedStompServerOptions } from './server-options.ts';
import type { HeldMessage, StompSubscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { Transactions } from './transactions.ts';

export interface DeskOptions {
  /** As the client may use it. */
  readonly broker: Broker;
  readonly channel: ByteChannel;
  readonly door: Door;
  readonly version: Version;
  /** Whose durable subscriptions these are. */
  readonly clientId: string | undefined;
  readonly options: CheckedStompServerOptions;
  /** What goes wrong without a frame that asked for it: it ends the connection. */
  readonly onTrouble: (error: unknown) => void;
  /** Another connection reads a durable subscription of this one from now on; resolves when this one has given everything back. */
  readonly takenOver: () => Promise<void>;
}

type Headers = ReadonlyMap<string, string>;

export class Desk {
  readonly #options: DeskOptions;
  readonly #names: Names;
  readonly #transactions: Transactions;
  readonly #subscriptions: Subscriptions;
  /** Aborted when the connection is gone. */
  readonly #gone = new AbortController();
  readonly #sendOptions: SendOptions = { signal: this.#gone.signal };
  #last: { readonly name: string; readonly destination: Destination } | undefined;
  /** Whose temporary destinations these are. */
  readonly #owner: string;
  #ackCount = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
    const { broker, channel, door } = options;
    this.#owner = `stomp-${door.random.hex(12)}`;
    const { temporariesCountMax, transactionTimeoutMs: timeoutMs, transactionsCountMax: countMax } = options.options;
    this.#names = new Names({ exchange: door.exchange, broker, owner: this.#owner, temporariesCountMax });
    this.#transactions = new Transactions({ broker, timeoutMs, countMax });
    this.#subscriptions = new Subscriptions({
      ...options,
      names: this.#names,
      write: (delivery, subscription) => this.#writeMessage(delivery, subscription),
    });
    if (channel.isOver) this.#gone.abort();
  }

  carryOut(frame: Frame): Promise<void> {
    const { command, headers } = frame;
    if (command === 'SEND') return this.#send(frame);
    if (command === 'ACK' || command === 'NACK') return this.#settle(command, headers);
    return this.#carryOutAlone(command, headers);
  }

  async #carryOutAlone(command: string, headers: Headers): Promise<void> {
    switch (command) {
      case 'SUBSCRIBE':
        return await this.#subscriptions.subscribe(headers);
      case 'UNSUBSCRIBE':
        return await this.#subscriptions.unsubscribe(headers);
      case 'BEGIN':
        return await this.#transactions.begin(needed(headers, 'transaction'));
      case 'COMMIT':
        return await this.#transactions.take(needed(headers, 'transaction'))?.commit();
      case 'ABORT':
        return await this.#transactions.take(needed(headers, 'transaction'))?.abort();
      default:
        throw new MqError('MQ_PROTOCOL', `${command} is not for now`);
    }
  }

  /**
   * A SEND that has nothing to wait for but its end, which `awaiting` is told: no promise is made for it. False: `carryOut` is
   * to do it. Throws when it cannot be sent.
   */
  post(frame: Frame, awaiting: Awaiting): boolean {
    const { broker, channel, door } = this.#options;
    const { headers } = frame;
    if (headers.has('transaction') || headers.has('reply-to')) return false;
    const destination = this.#destinationOf(needed(headers, 'destination'));
    if (destination instanceof Promise) return false;
    const message = messageOf(frame, { nowMs: door.clock.now(), replyTo: undefined });
    door.exchange.post(broker, destination, message, { options: this.#sendOptions, awaiting });
    channel.booked.messagesIn();
    return true;
  }

  /** Most often it is where the one before went. */
  #destinationOf(name: string): Destination | Promise<Destination> {
    if (this.#last?.name === name) return this.#last.destination;
    const destination = this.#names.destinationOf(name);
    if (!(destination instanceof Promise)) this.#last = { name, destination };
    return destination;
  }

  /** The channel takes more again. */
  resume(): void {
    this.#subscriptions.resume();
  }

  /** Nothing more is handed out; what was can be acked. */
  stop(): Promise<void> {
    return this.#subscriptions.stop();
  }

  /** When all that was begun is done: transactions are aborted, and what is held is back. */
  async finish(): Promise<void> {
    await this.#transactions.abortAll();
    await this.#subscriptions.closeAll({ isFailure: false });
  }

  /** The connection is gone. */
  async close(how: { readonly isFailure: boolean }): Promise<void> {
    this.#gone.abort();
    await Promise.all([this.#transactions.abortAll(), this.#subscriptions.closeAll(how)]);
    await this.#options.door.exchange.deleteTemporariesOf(this.#owner);
  }

  async #send(frame: Frame): Promise<void> {
    const { broker, channel, door } = this.#options;
    const { headers } = frame;
    channel.booked.messagesIn();
    const open = this.#transactions.get(headers.get('transaction'));
    const found = this.#names.destinationOf(needed(headers, 'destination'));
    const replyName = headers.get('reply-to');
    const answers = replyName === undefined ? undefined : this.#replyTopicOf(replyName);
    const publish = (destination: Destination, replyTo: string | undefined): Promise<unknown> => {
      const message = messageOf(frame, { nowMs: door.clock.now(), replyTo });
      const transaction = open && { transaction: open.transaction };
      return door.exchange.publish(broker, destination, message, { ...this.#sendOptions, ...transaction });
    };
    const isKnown = !(found instanceof Promise) && !(answers instanceof Promise);
    const sent = isKnown ? publish(found, answers) : publishLater(found, answers, publish);
    await (open === undefined ? sent : open.track(sent));
  }

  /** Where answers go, as a topic of the contract. What is no destination here may be one elsewhere, and stays as it is. */
  #replyTopicOf(name: string): string | Promise<string> {
    if (!name.startsWith('/')) return name;
    const found = this.#names.destinationOf(name);
    return found instanceof Promise ? found.then(topicOf) : topicOf(found);
  }

  async #settle(command: 'ACK' | 'NACK', headers: Headers): Promise<void> {
    const open = this.#transactions.get(headers.get('transaction'));
    const { subscription, messages } = this.#taken(headers);
    if (command === 'ACK') {
      const acked = subscription.ack(messages, open?.transaction);
      await (open === undefined ? acked : open.track(acked));
      return;
    }
    const isRequeued = flagOf(headers, 'requeue') ?? true;
    const give = (options: NackOptions): Promise<void> => subscription.nack(messages, options);
    if (open === undefined) await give({ outcome: isRequeued ? 'retry' : 'reject' });
    else open.atEnd((isCommitted) => give({ outcome: isRequeued || !isCommitted ? 'retry' : 'reject' }));
  }

  /** The messages an ACK or NACK names, which are not held any more. */
  #taken(headers: Headers): { readonly subscription: StompSubscription; readonly messages: readonly HeldMessage[] } {
    const found =
      this.#options.version === '1.2'
        ? this.#subscriptions.takeByAck(needed(headers, 'id'))
        : this.#subscriptions.takeById(needed(headers, 'message-id'), headers.get('subscription'));
    if (found !== undefined) return found;
    throw invalidArgument('ack', 'of a message that was sent to this connection and is neither acked nor nacked');
  }

  /** Answers what an ACK of it will name. */
  #writeMessage(delivery: Delivery, { options: { id, ackMode } }: StompSubscription): string {
    const { channel, version } = this.#options;
    this.#ackCount += 1;
    const ackId = String(this.#ackCount);
    const replyTo = delivery.headers['reply-to'];
    const headers = messageHeaders(delivery, {
      subscription: id,
      destination: this.#names.wireOf(delivery.topic),
      replyTo: replyTo === undefined || replyTo === '' ? replyTo : this.#names.wireOf(replyTo),
      ack: version === '1.2' && ackMode !== 'auto' ? ackId : undefined,
    });
    writeFrame(channel, { command: 'MESSAGE', headers, body: delivery.body }, version);
    channel.booked.messagesOut();
    if (channel.isCongested) this.#subscriptions.pause();
    return ackId;
  }
}

async function publishLater(
  found: Destination | Promise<Destination>,
  answers: string | undefined | Promise<string>,
  publish: (destination: Destination, replyTo: string | undefined) => Promise<unknown>,
): Promise<void> {
  await publish(await found, await answers);
}

/** `MQ_INVALID_ARGUMENT` naming the header that is not there. */
export function needed(headers: Headers, name: string): string {
  const value = headers.get(name);
  if (value === undefined || value === '') throw invalidArgument(name, 'a header of this frame');
  return value;
}
