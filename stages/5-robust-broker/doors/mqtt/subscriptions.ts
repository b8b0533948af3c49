/**
 * What one client has subscribed to, and which of it a topic name matches.
 *
 * Always true: a filter stands once, the later one replaces the earlier; a message that several filters match is one message,
 * with the highest QoS and the identifiers of all of them. Pure.
 */
import type { QoS } from './packets.ts';
import { parseFilter, type TopicFilter } from './topics.ts';

export interface Subscription {
  readonly filter: TopicFilter;
  readonly qos: QoS;
  readonly isNoLocal: boolean;
  readonly isRetainAsPublished: boolean;
  readonly identifier: number | undefined;
}

/** How a message goes to the client. */
export interface Match {
  readonly qos: QoS;
  readonly isRetainAsPublished: boolean;
  readonly identifiers: readonly number[];
}

/** A subscription as it is kept. */
export type StoredSubscription = Omit<Subscription, 'filter' | 'identifier'> & {
  readonly filter: string;
  readonly identifier?: number | undefined;
};

/** What is remembered of a topic name: how a message of it goes to the client, and one that the client published itself. */
interface Remembered {
  readonly ofAll: Match | undefined;
  readonly ofOwn: Match | undefined;
}

/** Topic names whose matches are remembered. */
const REMEMBERED_MAX = 1024;

export class SubscriptionSet {
  readonly #byText = new Map<string, Subscription>();
  #remembered = new Map<string, Remembered>();

  get size(): number {
    return this.#byText.size;
  }

  get(text: string): Subscription | undefined {
    return this.#byText.get(text);
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#byText.values();
  }

  add(subscription: Subscription): void {
    this.#byText.set(subscription.filter.text, subscription);
    this.#remembered = new Map();
  }

  delete(text: string): void {
    this.#byText.delete(text);
    this.#remembered = new Map();
  }

  /** True when the client's own group is to have the topic. */
  covers(name: string): boolean {
    for (const { filter } of this) if (isOwn(filter) && filter.matches(name)) return true;
    return false;
  }

  /** Of the client's own group; undefined: it is not for this client. */
  match(name: string, { isOwnMessage }: { readonly isOwnMessage: boolean }): Match | undefined {
    const { ofAll, ofOwn } = this.#matching(name);
    return isOwnMessage ? ofOwn : ofAll;
  }

  toJSON(): readonly StoredSubscription[] {
    return [...this].map((subscription) => ({ ...subscription, filter: subscription.filter.text }));
  }

  static from(stored: readonly StoredSubscription[]): SubscriptionSet {
    const set = new SubscriptionSet();
    for (const { filter, identifier, ...rest } of stored) {
      set.add({ ...rest, identifier, filter: parseFilter(filter) });
    }
    return set;
  }

  #matching(name: string): Remembered {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const all = [...this].filter(({ filter }) => isOwn(filter) && filter.matches(name));
    const own = all.filter(({ isNoLocal }) => !isNoLocal);
    const matches = { ofAll: matchOfAny(all), ofOwn: matchOfAny(own) };
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered = new Map();
    this.#remembered.set(name, matches);
    return matches;
  }
}

function matchOfAny(subscriptions: readonly Subscription[]): Match | undefined {
  return subscriptions.length === 0 ? undefined : matchOf(subscriptions);
}

export function matchOf(subscriptions: readonly Subscription[]): Match {
  let qos: QoS = 0;
  let isRetainAsPublished = false;
  const identifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos;
    isRetainAsPublished ||= subscription.isRetainAsPublished;
    if (subscription.identifier !== undefined) identifiers.push(subscription.identifier);
  }
  return { qos, isRetainAsPublished, identifiers };
}

/** Read through the group of the client, not through one that others are in too. */
export function isOwn({ kind, sharedGroup }: TopicFilter): boolean {
  return kind === 'topic' && sharedGroup === undefined;
}
