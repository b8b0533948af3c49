/**
 * Topics that were made for subscribers of an exchange and are subscribed to no more: after a while they are deleted.
 *
 *     used --last subscription closed--> idle --for a minute, and no group in the broker--> deleted
 *       ^---------somebody comes-----------/
 *     there when the doors open ---------^
 *
 * Always true: only what this book made is deleted, or one before the last start, which is known by its name and its options; and
 * only while nobody is on the way to it; a topic with a group, of whomever, stays. So clients that each have a topic of their own,
 * for answers, do not fill the broker, however often it starts. Only the Exchange uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { destinationOf } from './destinations.ts';
import { isGone } from './gone.ts';
import { isMadeForSubscribers, type TopicBook } from './topic-book.ts';

/** So that who comes again soon finds what it left. */
const IDLE_MS = 60_000;

export interface IdleTopicsOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly book: TopicBook;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class IdleTopics {
  readonly #options: IdleTopicsOptions;
  /** Topic -> subscriptions that are open here, or on their way. */
  readonly #usedCounts = new Map<string, number>();
  /** Topic -> since when, monotonic ms. */
  readonly #idle = new Map<string, number>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: IdleTopicsOptions) {
    this.#options = options;
  }

  /** It is used until `release`. */
  hold(topic: string): void {
    this.#usedCounts.set(topic, (this.#usedCounts.get(topic) ?? 0) + 1);
    this.#idle.delete(topic);
  }

  release(topic: string): void {
    const count = (this.#usedCounts.get(topic) ?? 0) - 1;
    if (count > 0) {
      this.#usedCounts.set(topic, count);
      return;
    }
    this.#usedCounts.delete(topic);
    this.look(topic);
  }

  /** It may have lost its last group. */
  look(topic: string): void {
    if (this.#usedCounts.has(topic) || destinationOf(topic).kind !== 'topic') return;
    this.#idle.set(topic, this.#options.clock.monotonicMs());
    this.#arm();
  }

  /** At all that is there from before: whose subscribers went with the last process, nobody else will. Never rejects. */
  async lookAtAll(): Promise<void> {
    const { broker, onNotice } = this.#options;
    try {
      const topics = await broker.describeTopics();
      for (const description of topics) {
        if (isMadeForSubscribers(description) && !this.#idle.has(description.topic)) this.look(description.topic);
      }
    } catch (error) {
      if (!isGone(error)) onNotice(`topics that nobody awaits any more cannot be looked for: ${String(error)}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#isClosed || this.#timer !== undefined || this.#idle.size === 0) return;
    const onTime = (): void => {
      this.#timer = undefined;
      void this.#sweep();
    };
    this.#timer = this.#options.clock.setTimer(onTime, IDLE_MS, { isBackground: true });
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    const { clock, onNotice } = this.#options;
    const nowMs = clock.monotonicMs();
    const due = [...this.#idle].filter(([, sinceMs]) => nowMs - sinceMs >= IDLE_MS).map(([topic]) => topic);
    for (const topic of due) {
      try {
        await this.#delete(topic);
      } catch (error) {
        if (!isNotThere(error)) onNotice(`topic ${topic}, which nobody awaits, cannot be deleted: ${String(error)}`);
      }
    }
    this.#arm();
  }

  async #delete(topic: string): Promise<void> {
    const { broker, book } = this.#options;
    this.#idle.delete(topic);
    const [description] = await broker.describeTopics({ topic });
    // Somebody who came meanwhile may have a group that was not there when it was described.
    const isUsed = this.#usedCounts.has(topic) || this.#idle.has(topic);
    if (isUsed || this.#isClosed || description === undefined) return;
    if (!book.hasMade(topic) && !isMadeForSubscribers(description)) return;
    if (description.groups.length === 0) await book.delete(topic);
    else if (description.groups.every(({ isEphemeral }) => isEphemeral)) this.look(topic); // they go by themselves, a while later
  }
}

/** Somebody may have asked for a name that no topic can have. */
function isNotThere(error: unknown): boolean {
  return isGone(error) || isMqError(error, 'MQ_INVALID_ARGUMENT');
}
