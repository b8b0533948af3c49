/**
 * The sessions, producers and consumers of one connection, by their ids: who is there, and who belongs to which session.
 *
 * Always true: they are bounded together; what is not there is refused, and what is there already is too. Connection has one.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import type { ConsumerId, ProducerId, SessionId } from './commands.ts';
import { producerKey } from './message-ids.ts';

/** The session of a connection itself: what clients call the one that nobody opened. */
const OWN_SESSION = -1;

export class Members {
  readonly #countMax: number;
  readonly #sessions = new Set<string>();
  /** Producer -> its window in bytes; 0: none. */
  readonly #producers = new Map<string, number>();
  readonly #consumers = new Set<string>();
  /** The producer that was there when it was asked for last: most often the next message is its too. */
  #lastProducer: ProducerId | undefined;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  addSession(id: SessionId | null): void {
    if (id === null) throw new MqError('MQ_PROTOCOL', 'a session without an id');
    this.needRoom();
    this.#sessions.add(sessionKey(id));
  }

  addProducer(id: ProducerId, windowBytes: number): void {
    this.#needSession(id.sessionId, `${id.connectionId}:${id.sessionId}`);
    this.needRoom();
    this.#producers.set(producerKey(id), windowBytes);
  }

  addConsumer(key: string): void {
    this.#consumers.add(key);
  }

  needRoom(): void {
    if (this.#sessions.size + this.#producers.size + this.#consumers.size < this.#countMax) return;
    throw new MqError('MQ_LIMIT_EXCEEDED', `${this.#countMax} sessions, producers and consumers of one connection`);
  }

  needSession(id: ConsumerId | null): void {
    if (id === null) throw new MqError('MQ_PROTOCOL', 'a consumer without an id');
    this.#needSession(id.sessionId, `${id.connectionId}:${id.sessionId}`);
    if (this.#consumers.has(consumerKey(id))) throw new MqError('MQ_PROTOCOL', 'the consumer is there already');
  }

  needProducer(id: ProducerId | null): void {
    if (id !== null && this.#lastProducer !== undefined && isSameProducer(id, this.#lastProducer)) return;
    if (id === null || !this.#producers.has(producerKey(id))) {
      throw new MqError('MQ_PROTOCOL', 'a message of a producer that is not there');
    }
    this.#lastProducer = id;
  }

  windowOf(id: ProducerId): number {
    return this.#producers.get(producerKey(id)) ?? 0;
  }

  removeProducer(key: string): void {
    this.#producers.delete(key);
    this.#lastProducer = undefined;
  }

  removeConsumer(key: string): void {
    if (!this.#consumers.delete(key)) throw new MqError('MQ_PROTOCOL', 'the consumer is not there');
  }

  /** Answers the consumers it had. */
  removeSession(key: string): readonly string[] {
    if (!this.#sessions.delete(key)) throw new MqError('MQ_PROTOCOL', 'the session is not there');
    this.#lastProducer = undefined;
    const isOfIt = (member: string): boolean => member.startsWith(`${key}:`);
    for (const producer of this.#producers.keys()) if (isOfIt(producer)) this.#producers.delete(producer);
    return [...this.#consumers].filter(isOfIt);
  }

  #needSession(number: number, key: string): void {
    if (number !== OWN_SESSION && !this.#sessions.has(key))
      throw new MqError('MQ_PROTOCOL', 'the session is not there');
  }
}

function isSameProducer(one: ProducerId, other: ProducerId): boolean {
  return one.value === other.value && one.sessionId === other.sessionId && one.connectionId === other.connectionId;
}

export function sessionKey({ connectionId, value }: SessionId): string {
  return `${connectionId}:${value}`;
}

export function consumerKey({ connectionId, sessionId, value }: ConsumerId): string {
  return `${connectionId}:${sessionId}:${value}`;
}
