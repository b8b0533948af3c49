/**
 * All that the capability `filters` needs, opened together: matchers for desks, patterns over topics, temporary topics.
 *
 *     before the topics are opened    matcherOf, newObserver      go in as seams
 *     after that                      open(parts)                 what the last process left is deleted
 *
 * Always true: nothing is made before `open`, and after `end` nothing is subscribed to and no timer runs. The composition
 * opens it.
 */
import type { Subscription } from '../../../shared/contract/broker.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import type { BrokerParts } from '../../4-persisted-log/broker-parts.ts';
import type { Observer } from '../../4-persisted-log/observer.ts';
import type { CheckedSubscribeOptions, OnDelivery, SubscribeWant } from '../../4-persisted-log/subscriptions.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { TemporaryTopics } from '../temporary-topics.ts';
import { PatternSubscriptions } from './pattern-subscriptions.ts';
import { RecordFilters } from './record-filters.ts';
import { topicPattern } from './topic-pattern.ts';

/** A name, or a pattern over names. */
interface SubscribedTopic {
  readonly name: string;
  /** Only for a name. */
  readonly find: () => Topic | Promise<Topic>;
}

type FilteredWant = CheckedSubscribeOptions & { readonly memberId: string };

/** The part, open. */
export interface Filtering {
  readonly matcherOf: RecordFilters['matcherOf'];
  readonly temporary: TemporaryTopics;
  /** To one topic, or to all that a pattern covers. */
  subscribe(to: SubscribedTopic, want: FilteredWant, onDelivery: OnDelivery): Promise<Subscription>;
  /** Before the topics are closed. */
  end(): void;
}

export class FilterOpening {
  readonly matcherOf: RecordFilters['matcherOf'];
  readonly #limits: Limits;
  #patterns: PatternSubscriptions | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.matcherOf = new RecordFilters(limits).matcherOf;
  }

  /** Tells `next` all it is told, and patterns of topics that are made. */
  newObserver(next: Observer): Observer {
    return {
      stored: (topic, run) => next.stored(topic, run),
      happened: (topic, event) => next.happened(topic, event),
      logBroken: (folder, isBroken) => next.logBroken(folder, isBroken),
      topicChanged: (name, how) => {
        next.topicChanged(name, how);
        if (how === 'made') this.#patterns?.topicMade(name);
      },
    };
  }

  async open({ topics, subscriptions, settings, clock }: BrokerParts): Promise<Filtering> {
    const { random, memberTimeoutMs, onNotice } = settings;
    const temporary = new TemporaryTopics({ clock, random, memberTimeoutMs, topics, onNotice });
    await temporary.open();
    const patterns = new PatternSubscriptions({ topics, subscriptions, onNotice });
    this.#patterns = patterns;
    return {
      matcherOf: this.matcherOf,
      temporary,
      subscribe: async ({ name, find }, { filter, pattern, ...own }, onDelivery) => {
        const want: SubscribeWant = { ...own, matcher: this.matcherOf(filter) };
        if (pattern === undefined) return await subscriptions.add(await find(), want, onDelivery);
        return await patterns.add(topicPattern(name, pattern, this.#limits), want, onDelivery);
      },
      end: () => {
        this.#patterns = undefined;
        temporary.close();
      },
    };
  }
}
