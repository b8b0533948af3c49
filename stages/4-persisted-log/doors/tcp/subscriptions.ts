/**
 * The subscriptions of one connection, by number.
 *
 * Always true: a number is given once; what is pushed under it comes after the answer that names it, and nothing comes
 * after the answer that ends it.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { Filter, PatternForm } from '../../../../shared/contract/filter.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../../../shared/contract/validation.ts';
import type { ConnectionEntry, SubscriptionEntry } from '../connection-entry.ts';
import type { DeliveriesAnswer } from './answers.ts';
import type { Door } from './door.ts';
import { Feed } from './feed.ts';
import { takeDeliveries } from './handing-out.ts';
import type { Holdings } from './holdings.ts';
import { PatternFeed } from './pattern-feed.ts';

const OPTIONS = ['group', 'memberId', 'creditMax', 'leaseMs', 'takesBatches', 'filter', 'pattern'];

export interface SubscriptionsOptions {
  readonly door: Door;
  /** As the client may use it. */
  readonly broker: Broker;
  /** Told of each that is open. */
  readonly entry: ConnectionEntry | undefined;
  readonly holdings: Holdings;
  readonly push: (subscription: number, topic: string, answer: DeliveriesAnswer) => void;
  /** Of a subscription to a pattern. */
  readonly pushFrom: (subscription: number, topic: string, answer: DeliveriesAnswer) => void;
  readonly giveBack: (topic: string, answer: DeliveriesAnswer) => void;
  readonly isCongested: () => boolean;
  readonly onEnd: (subscription: number, error: MqError) => void;
}

interface Opening {
  readonly topic: string;
  readonly wanted: Wanted;
  readonly answered: (subscription: number) => void;
}

interface Wanted {
  readonly group?: string;
  readonly memberId?: string;
  readonly creditMax: number;
  readonly leaseMs?: number;
  readonly takesBatches?: boolean;
  readonly filter?: Filter;
  readonly pattern?: PatternForm;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #feeds = new Map<number, Feed | PatternFeed>();
  readonly #entries = new Map<number, SubscriptionEntry>();
  /** Places taken, also by those that are being opened. */
  #takenCount = 0;
  #lastNumber = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Opens one; `answered` is called with its number before anything is pushed. */
  async open(args: readonly unknown[], answered: (subscription: number) => void): Promise<void> {
    const { subscriptionsCountMax } = this.#options.door.options;
    const { topic, wanted } = this.#check(args);
    if (this.#takenCount >= subscriptionsCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `a connection has at most ${subscriptionsCountMax} subscriptions`);
    }
    this.#takenCount += 1;
    this.#lastNumber += 1;
    const subscription = this.#lastNumber;
    try {
      if (wanted.pattern === undefined) await this.#openOne(subscription, { topic, wanted, answered });
      else await this.#openPattern(subscription, { topic, wanted, answered });
      this.#list(subscription, { topic, wanted, answered });
    } catch (error) {
      this.#feeds.get(subscription)?.stop();
      this.#forget(subscription);
      this.#takenCount -= 1;
      throw error;
    }
  }

  /** Fine when it is closed already. */
  close([subscription]: readonly unknown[]): void {
    if (typeof subscription !== 'number') throw invalidArgument('subscription', 'a number', subscription);
    this.#feeds.get(subscription)?.stop();
    if (this.#forget(subscription)) this.#takenCount -= 1;
  }

  /** One that has ended meanwhile needs none. */
  addCredit(subscription: number, count: number): void {
    this.#feeds.get(subscription)?.addCredit(count);
  }

  /** There is room on the channel again. */
  wake(): void {
    for (const feed of this.#feeds.values()) feed.wake();
  }

  stop(): void {
    for (const feed of this.#feeds.values()) feed.stop();
    this.#feeds.clear();
    for (const entry of this.#entries.values()) entry.closed();
    this.#entries.clear();
  }

  /** False: it had ended. */
  #forget(subscription: number): boolean {
    this.#entries.get(subscription)?.closed();
    this.#entries.delete(subscription);
    return this.#feeds.delete(subscription);
  }

  /** Of one that is open: what it reads is told, and what it holds when somebody looks. */
  #list(subscription: number, { topic, wanted }: Opening): void {
    const { entry, holdings } = this.#options;
    if (entry === undefined || !this.#feeds.has(subscription)) return;
    const { group = DEFAULTS.group, memberId = holdings.ownMemberId, creditMax, pattern } = wanted;
    const held = { group, memberId, ...(pattern === undefined && { topic }) };
    const names = { id: String(subscription), destination: topic, topic, group };
    const counts = { creditMax: () => creditMax, heldCount: () => holdings.heldCountOf(held) };
    this.#entries.set(subscription, entry.subscribed({ ...names, ...counts }));
  }

  #check(args: readonly unknown[]): { readonly topic: string; readonly wanted: Wanted } {
    const [topic, options] = args;
    if (typeof topic !== 'string') throw invalidArgument('topic', 'a string', topic);
    checkOptions('options', options ?? {}, OPTIONS);
    const wanted = (options ?? {}) as Wanted;
    const { inFlightCountMax } = this.#options.broker.limits;
    const range = { min: 1, max: inFlightCountMax, fallback: 1 };
    return { topic, wanted: { ...wanted, creditMax: checkInteger('options.creditMax', wanted.creditMax, range) } };
  }

  async #openOne(subscription: number, { topic, wanted, answered }: Opening): Promise<void> {
    const feed = this.#feedOf(subscription, topic, wanted);
    this.#feeds.set(subscription, feed);
    // A receive would make the topic; a subscription to one that is not there is refused.
    await this.#options.broker.describeTopics({ topic });
    const first = await feed.open();
    answered(subscription);
    feed.start(first);
  }

  async #openPattern(subscription: number, { topic: pattern, wanted, answered }: Opening): Promise<void> {
    const { broker, holdings, pushFrom, giveBack, isCongested } = this.#options;
    const { takesBatches: _, memberId = holdings.ownMemberId, group = DEFAULTS.group, ...rest } = wanted;
    const feed = new PatternFeed({
      broker,
      pattern,
      options: { ...rest, group, memberId },
      giveBack,
      push: (topic, answer) => {
        holdings.join({ topic, group, memberId });
        pushFrom(subscription, topic, answer);
      },
      isCongested,
    });
    this.#feeds.set(subscription, feed);
    await feed.open();
    answered(subscription);
    feed.start();
  }

  #feedOf(subscription: number, topic: string, wanted: Wanted): Feed {
    const { door, broker, holdings, push, giveBack, isCongested, onEnd } = this.#options;
    const { group, leaseMs, filter, takesBatches = false, memberId = holdings.ownMemberId } = wanted;
    return new Feed({
      credit: wanted.creditMax,
      clock: door.options.clock,
      limits: broker.limits,
      take: (asked) => {
        const options = { ...asked, group, memberId, leaseMs, filter, takesBatches, takesOnlyBatches: false };
        const name = { topic, group: group ?? DEFAULTS.group, memberId };
        return holdings.asMember(name, () => takeDeliveries(broker, topic, options));
      },
      giveBack: (answer) => giveBack(topic, answer),
      push: (answer) => push(subscription, topic, answer),
      isCongested,
      onEnd: (error) => {
        if (this.#forget(subscription)) this.#takenCount -= 1;
        onEnd(subscription, error);
      },
    });
  }
}
