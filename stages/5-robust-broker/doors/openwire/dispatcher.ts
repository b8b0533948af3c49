/**
 * Messages on their way to the consumers of one connection.
 *
 *     record --> id by which this connection knows it --> (advisory, if it is to be answered to somewhere unknown) --> MessageDispatch
 *
 * Always true: what is handed out is numbered, by one counter for the whole connection, and a client names that number when it
 * closes a consumer. Consumers and browsers of a connection share one.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { StoredRecord } from '../../../../shared/contract/message.ts';
import type { ConsumerId, NumberedCommand, WireDestination, WireMessage } from './commands.ts';
import { type MessageIds, messageKey } from './message-ids.ts';
import { wireMessageOf } from './messages.ts';
import type { Names } from './names.ts';

/** Where a message was handed to, as acks will name it. */
export interface HandedOut {
  readonly key: string;
  readonly sequence: number;
}

/** How a record is handed out. */
export interface HowHandedOut {
  readonly redeliveryCounter: number;
  /** The consumer holds a message of this name. */
  readonly isTaken: (key: string) => boolean;
}

export interface DispatcherOptions {
  readonly broker: Broker;
  readonly names: Names;
  readonly ids: MessageIds;
  readonly write: (command: NumberedCommand) => void;
  /** It is about to be named to the client. */
  readonly onTemporary: (destination: WireDestination) => void;
  /** A message left. */
  readonly onMessage: () => void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  #sequence = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  dispatch(consumerId: ConsumerId, record: StoredRecord, { redeliveryCounter, isTaken }: HowHandedOut): HandedOut {
    const sequence = this.#nextSequence();
    const messageId = this.#options.ids.wireIdOf(record.id, sequence, isTaken);
    const message = wireMessageOf({ record, messageId, redeliveryCounter }, this.#options);
    const { replyTo } = message;
    if (replyTo?.type === 'TempQueue' || replyTo?.type === 'TempTopic') this.#options.onTemporary(replyTo);
    this.#write(consumerId, message);
    this.#options.onMessage();
    return { key: messageKey(messageId), sequence };
  }

  /** A message that this side made. */
  dispatchOwn(consumerId: ConsumerId, message: WireMessage): void {
    const messageId = this.#options.ids.nextId(this.#nextSequence());
    this.#write(consumerId, { ...message, messageId, producerId: messageId.producerId });
  }

  /** There is nothing, or nothing more. */
  dispatchNothing(consumerId: ConsumerId, destination: WireDestination): void {
    this.#options.write({
      type: 'MessageDispatch',
      ...{ commandId: 0, responseRequired: false, consumerId, destination, message: null, redeliveryCounter: 0 },
    });
  }

  #write(consumerId: ConsumerId, message: WireMessage): void {
    const { destination, redeliveryCounter } = message;
    this.#options.write({
      type: 'MessageDispatch',
      ...{ commandId: 0, responseRequired: false, consumerId, destination, message, redeliveryCounter },
    });
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
