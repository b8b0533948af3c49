/**
 * Subscriptions to all topics whose names match a pattern, now and later: one for each of them, and one credit for all.
 *
 *     orders.>    orders.eu --> group "audit" of orders.eu  --\
 *                 orders.us --> group "audit" of orders.us  ----> onDelivery, at most creditMax unfinished together
 *                 orders.jp, made later ...                 --/
 *
 * Always true: every topic the pattern covers has one subscription as long as both are there; all of them together never
 * have more unfinished than the credit allows (I18), since it is counted where records are handed out; `close` ends them
 * all. It is told of topics as an observer. Used by the spine.
 */
import type { Subscription } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { MemberCounts, SharedCredit } from '../../4-persisted-log/delivery/desk-surroundings.ts';
import type { PushSubscription } from '../../4-persisted-log/subscription.ts';
import type { OnDelivery, SubscribeWant, Subscriptions } from '../../4-persisted-log/subscriptions.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';

/** What is needed of the broker. */
export interface PatternSurroundings {
  readonly subscriptions: Subscriptions;
  readonly topics: {
    all(): Promise<readonly Topic[]>;
    find(name: string): Topic | Promise<Topic>;
  };
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class PatternSubscriptions {
  readonly #surroundings: PatternSurroundings;
  readonly #open = new Set<PatternSubscription>();

  constructor(surroundings: PatternSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Resolves when all that are there now are subscribed to; rejects when one of them cannot be. */
  async add(covers: (topic: string) => boolean, want: SubscribeWant, onDelivery: OnDelivery): Promise<Subscription> {
    const onEnd = (): void => void this.#open.delete(subscription);
    const subscription = new PatternSubscription({ ...this.#surroundings, covers, want, onDelivery, onEnd });
    this.#open.add(subscription); // topics that are made from now on are told to it
    try {
      const covered = (await this.#surroundings.topics.all()).filter(({ name }) => covers(name));
      await Promise.all(covered.map((topic) => subscription.cover(topic)));
      return subscription;
    } catch (error) {
      await subscription.close();
      throw error;
    }
  }

  /** A topic was made. */
  topicMade(name: string): void {
    for (const subscription of this.#open) subscription.topicMade(name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()));
  }
}

interface PatternSubscriptionOptions extends PatternSurroundings {
  readonly covers: (topic: string) => boolean;
  readonly want: SubscribeWant;
  readonly onDelivery: OnDelivery;
  readonly onEnd: () => void;
}

/** One topic of it. */
interface Part {
  readonly subscription: PushSubscription;
  readonly unwatch: () => void;
}

class PatternSubscription implements Subscription {
  readonly #options: PatternSubscriptionOptions;
  readonly #credit: CommonCredit;
  /** A topic that is made again under the same name is another one. Resolves to undefined when it ended at once. */
  readonly #parts = new Map<Topic, Promise<Part | undefined>>();
  /** Those that were woken last, and are not yet told. */
  #isWaking = false;
  #isClosed = false;

  constructor(options: PatternSubscriptionOptions) {
    this.#options = options;
    this.#credit = new CommonCredit(options.want);
  }

  /** Rejects when there is nothing to be had of this topic for this member. */
  async cover(topic: Topic): Promise<void> {
    if (this.#isClosed || this.#parts.has(topic)) return;
    const part = this.#newPart(topic);
    this.#parts.set(topic, part);
    try {
      await part;
    } catch (error) {
      this.#parts.delete(topic);
      throw error;
    }
  }

  topicMade(name: string): void {
    if (!this.#isClosed && this.#options.covers(name)) void this.#coverLater(name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.onEnd();
    const parts = await Promise.allSettled(this.#parts.values());
    await Promise.all(parts.map((part) => (part.status === 'fulfilled' ? endPart(part.value) : undefined)));
  }

  async #coverLater(name: string): Promise<void> {
    const { topics, onNotice } = this.#options;
    try {
      await this.cover(await topics.find(name));
    } catch (error) {
      // It may be gone again; else nobody is there to be told but those who look after the broker.
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC') && !isMqError(error, 'MQ_CLOSED')) {
        onNotice(`a subscription to a pattern does not cover topic ${quote(name)}: ${String(error)}`);
      }
    }
  }

  async #newPart(topic: Topic): Promise<Part | undefined> {
    const { subscriptions, want, onDelivery } = this.#options;
    const own = { ...want, credit: this.#credit, onEnded: () => void this.#forget(topic) };
    const subscription = await subscriptions.add(topic, own, onDelivery);
    const part = {
      subscription,
      unwatch: topic.groups.watchers.add({ desk: subscription.desk, wake: () => this.#wakeAll() }),
    };
    if (!this.#isClosed) return part;
    await endPart(part);
    return undefined;
  }

  async #forget(topic: Topic): Promise<void> {
    const part = this.#parts.get(topic);
    this.#parts.delete(topic);
    (await part?.catch(() => undefined))?.unwatch();
  }

  /** Credit may be free again: not in the middle of what freed it. */
  #wakeAll(): void {
    if (this.#isWaking || this.#isClosed) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      for (const part of this.#parts.values()) void part.then(wakePart, () => undefined);
    });
  }
}

/** Counts what one member has unfinished in all groups that asked for credit. */
class CommonCredit implements SharedCredit {
  readonly key: string;
  readonly #creditMax: number;
  readonly #memberId: string;
  /** Those in which the member may have something. */
  readonly #busy = new Set<MemberCounts>();
  static #count = 0;

  constructor({ creditMax, memberId }: Pick<SubscribeWant, 'creditMax' | 'memberId'>) {
    CommonCredit.#count += 1;
    this.key = `credit ${CommonCredit.#count}`;
    this.#creditMax = creditMax;
    this.#memberId = memberId;
  }

  freeFor(asking: MemberCounts): number {
    this.#busy.add(asking);
    let unfinishedCount = 0;
    for (const counts of this.#busy) {
      const count = counts.openCountOf(this.#memberId);
      unfinishedCount += count;
      if (count === 0 && counts !== asking) this.#busy.delete(counts);
    }
    return Math.max(this.#creditMax - unfinishedCount, 0);
  }
}

function wakePart(part: Part | undefined): void {
  part?.subscription.wake();
  part?.subscription.desk.serve();
}

async function endPart(part: Part | undefined): Promise<void> {
  part?.unwatch();
  await part?.subscription.close();
}
