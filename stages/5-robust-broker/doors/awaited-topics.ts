/**
 * Who awaits what is published to a topic: whether it is stored, or dropped.
 *
 *     open here --------------------------------------> yes, without a question
 *     a group in the broker, or a pattern covers it --> yes, when the topic is there and covered
 *     nobody -----------------------------------------> no, and no topic is made for it
 *
 * Always true: a name that nobody awaits costs the broker nothing, however many of them are published to; whoever may not
 * publish there is refused, whether anybody awaits it or not. Only the Exchange uses it.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { type DestinationKind, isTemporary } from './destinations.ts';
import { mayPublish } from './rights.ts';
import type { TopicBook } from './topic-book.ts';

export interface AwaitedTopicsOptions {
  /** All of it. */
  readonly broker: Broker;
  readonly book: TopicBook;
}

export class AwaitedTopics {
  readonly #options: AwaitedTopicsOptions;
  /** Topic -> subscriptions open here. */
  readonly #openCounts = new Map<string, number>();

  constructor(options: AwaitedTopicsOptions) {
    this.#options = options;
  }

  /** So many subscriptions more are open here, or less. */
  note(topic: string, change: number): void {
    const count = (this.#openCounts.get(topic) ?? 0) + change;
    if (count > 0) this.#openCounts.set(topic, count);
    else this.#openCounts.delete(topic);
  }

  /** Rejects with `MQ_FORBIDDEN` of who may not publish there; where it is `true`, the broker will say so. */
  isAwaited(view: Broker, { kind, topic }: { kind: DestinationKind; topic: string }): true | Promise<boolean> {
    if (this.#openCounts.has(topic)) return true;
    return isTemporary(kind) ? this.#hasGroups(topic) : this.#ask(view, topic);
  }

  async #ask(view: Broker, topic: string): Promise<boolean> {
    const { broker, book } = this.#options;
    if (view !== broker) await mayPublish(view, topic);
    if (!(await book.find(topic))) return false;
    try {
      return await this.#hasGroups(topic);
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      book.forget(topic);
      return (await book.find(topic)) && (await this.#hasGroups(topic));
    }
  }

  async #hasGroups(topic: string): Promise<boolean> {
    const [description] = await this.#options.broker.describeTopics({ topic });
    return description !== undefined && description.groups.length > 0;
  }
}
