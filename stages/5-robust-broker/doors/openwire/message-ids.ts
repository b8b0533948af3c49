/**
 * Ids of messages: text in the contract, four numbers and a name in OpenWire.
 *
 *     "ID:host-4711-1:1" session 1 producer 2, message 7   <-->   ID:host-4711-1:1:1:2:7
 *     whatever another door calls it                        -->   a number of our own, with the id as its text
 *
 * Always true: what a client of OpenWire sent comes back with the numbers it had, by which clients tell what they have seen
 * before; two messages that one consumer holds never have the same numbers. Pure but for the counter.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import type { MessageId, ProducerId } from './commands.ts';

const OF_OPENWIRE = /^(ID:.+):(-?\d{1,15}):(-?\d{1,15}):(-?\d{1,15})$/s;

/** The id of the contract. */
export function idOf({ textView, producerId, producerSequenceId }: MessageId): string {
  if (textView !== null && textView !== '') return textView.startsWith('ID:') ? textView : `ID:${textView}`;
  if (producerId === null) throw new MqError('MQ_PROTOCOL', 'a message id without a producer');
  return `${producerKey(producerId)}:${producerSequenceId}`;
}

/** Tells messages of one consumer apart, as its acks name them. */
export function messageKey({ producerId, producerSequenceId }: MessageId): string {
  return producerId === null ? `:${producerSequenceId}` : `${producerKey(producerId)}:${producerSequenceId}`;
}

export function producerKey({ connectionId, sessionId, value }: ProducerId): string {
  return `${connectionId}:${sessionId}:${value}`;
}

/** Gives messages their ids on the way to one connection. */
export class MessageIds {
  readonly #name: string;
  #count = 0;

  /** `name` is unique among connections. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Of the contract's id; `isTaken`: the consumer holds one of these numbers. `sequence` counts what the connection was
   * handed.
   */
  wireIdOf(id: string, sequence: number, isTaken: (key: string) => boolean): MessageId {
    const known = readId(id, sequence);
    if (known !== undefined && !isTaken(messageKey(known))) return known;
    return { ...this.nextId(sequence), textView: id };
  }

  /** Of a message that this side makes. */
  nextId(sequence: number): MessageId {
    this.#count += 1;
    const producerId = { type: 'ProducerId', connectionId: this.#name, value: 0, sessionId: 0 } as const;
    return {
      type: 'MessageId',
      ...{ textView: null, producerId, producerSequenceId: this.#count, brokerSequenceId: sequence },
    };
  }
}

function readId(id: string, brokerSequenceId: number): MessageId | undefined {
  const [, connectionId, sessionId, value, sequence] = OF_OPENWIRE.exec(id) ?? [];
  if (connectionId === undefined) return undefined;
  const producerId = { type: 'ProducerId', connectionId, value: Number(value), sessionId: Number(sessionId) } as const;
  const read = { producerId, producerSequenceId: Number(sequence), brokerSequenceId };
  const wire: MessageId = { type: 'MessageId', textView: null, ...read };
  return idOf(wire) === id ? wire : undefined;
}
