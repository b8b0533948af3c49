/**
 * Which topics there are, for the doors of one broker: who publishes makes them, who subscribes to a pattern is told of each.
 *
 *     subscribe to a new name, or publish to one that somebody covers --> createTopic --> every watcher has covered it
 *     publish to a new name that nobody covers --> nothing
 *     made by somebody else --> found by looking, soon --> covered from its first message on
 *
 * Always true (I30): a watcher is told of every topic it covers, once, as long as it is there; of what was there before it as
 * old, of all others as new; nobody looks while nobody watches, and looking takes at most a twentieth of the time. Works with
 * any Broker that has groups. Only the Exchange uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { TopicDescription, TopicOptions } from '../../../shared/contract/description.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { destinationOf } from './destinations.ts';
import { isGone } from './gone.ts';

/** Between two looks for topics that were made by others; longer when a look takes long. */
const LOOK_MS = 1000;
const LOOK_SHARE = 20;

/** Somebody who wants to know of topics. */
export interface TopicWatcher {
  covers(topic: string): boolean;
  /** `isNew`: it was made after the watcher came, so nothing in it is old. Rejects when it cannot be covered. */
  cover(topic: string, isNew: boolean): Promise<void>;
}

export interface TopicBookOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class TopicBook {
  readonly #options: TopicBookOptions;
  /** Names that were there a moment ago, and that all watchers know. */
  readonly #known = new Set<string>();
  /** Of these, what was not there before. */
  readonly #made = new Set<string>();
  /** What is being made, and covered, or deleted. */
  readonly #making = new Map<string, Promise<void>>();
  readonly #watchers = new Set<TopicWatcher>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: TopicBookOptions) {
    this.#options = options;
  }

  /** Resolves when the topic is there and whoever watches has covered it. That the caller may have it made was asked. */
  async ensure(topic: string): Promise<void> {
    while (!this.#known.has(topic)) await (this.#making.get(topic) ?? this.#busy(topic, this.#make(topic)));
  }

  /** It was made here, and not by somebody who may have wanted it otherwise. */
  hasMade(topic: string): boolean {
    return this.#made.has(topic);
  }

  /** Whoever wants it meanwhile gets a new one. */
  async delete(topic: string): Promise<void> {
    this.forget(topic);
    await this.#busy(topic, this.#options.broker.deleteTopic(topic));
  }

  /** The same, but a topic is made only for who watches: resolves to false when there is none. */
  async find(topic: string): Promise<boolean> {
    if (this.#known.has(topic)) return true;
    if (!this.#isCovered(topic) && !(await this.#isThere(topic))) return false;
    await this.ensure(topic);
    return true;
  }

  /** It was not there. */
  forget(topic: string): void {
    this.#known.delete(topic);
    this.#made.delete(topic);
  }

  /** Resolves to what ends it, when everything that is there is covered; rejects when something cannot be. */
  async watch(watcher: TopicWatcher): Promise<() => void> {
    this.#watchers.add(watcher); // topics that are made from now on are told to it
    const stop = (): void => void this.#watchers.delete(watcher);
    try {
      const names = (await this.#options.broker.describeTopics()).map(({ topic }) => topic);
      // Who watches already has not seen these: to the one that comes now they are old.
      const others = [...this.#watchers].filter((other) => other !== watcher);
      await Promise.all(this.#newOf(names).map((name) => this.#tell(name, others)));
      await Promise.all(names.filter((name) => watcher.covers(name)).map((name) => watcher.cover(name, false)));
      this.#arm(LOOK_MS);
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#watchers.clear();
  }

  #isCovered(topic: string): boolean {
    for (const watcher of this.#watchers) if (watcher.covers(topic)) return true;
    return false;
  }

  async #isThere(topic: string): Promise<boolean> {
    try {
      return (await this.#options.broker.describeTopics({ topic })).length > 0;
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      return false;
    }
  }

  #busy(topic: string, call: Promise<void>): Promise<void> {
    const busy = call.finally(() => this.#making.delete(topic));
    this.#making.set(topic, busy);
    return busy;
  }

  async #make(topic: string): Promise<void> {
    // Who may not make it may have it made by somebody else.
    if (!(await this.#isThere(topic))) await this.#create(topic);
    await this.#tell(topic, [...this.#watchers]);
  }

  async #create(topic: string): Promise<void> {
    const { broker } = this.#options;
    try {
      await broker.createTopic(topic, topicOptionsFor(broker));
      this.#made.add(topic);
    } catch (error) {
      if (!isMqError(error, 'MQ_TOPIC_EXISTS')) throw error;
    }
  }

  #newOf(names: Iterable<string>): readonly string[] {
    return [...names].filter((name) => !this.#known.has(name) && !this.#making.has(name));
  }

  /** A topic that is new to them. */
  async #tell(topic: string, watchers: readonly TopicWatcher[]): Promise<void> {
    this.#known.add(topic);
    const covering = watchers.filter((watcher) => watcher.covers(topic));
    const results = await Promise.allSettled(covering.map((watcher) => watcher.cover(topic, true)));
    for (const result of results) {
      if (result.status === 'rejected' && !isGone(result.reason)) {
        this.#options.onNotice(`a subscription to a pattern does not cover topic ${topic}: ${String(result.reason)}`);
      }
    }
  }

  #arm(delayMs: number): void {
    if (this.#isClosed || this.#timer !== undefined || this.#watchers.size === 0) return;
    const onTime = (): void => {
      this.#timer = undefined;
      void this.#look();
    };
    this.#timer = this.#options.clock.setTimer(onTime, delayMs, { isBackground: true });
  }

  async #look(): Promise<void> {
    const { broker, clock, onNotice } = this.#options;
    const beganMs = clock.monotonicMs();
    try {
      const names = new Set((await broker.describeTopics()).map(({ topic }) => topic));
      for (const name of this.#known) if (!names.has(name)) this.forget(name);
      await Promise.all(this.#newOf(names).map((name) => this.#tell(name, [...this.#watchers])));
    } catch (error) {
      if (!isGone(error)) onNotice(`the topics cannot be listed: ${String(error)}`);
    }
    this.#arm(Math.max(LOOK_MS, LOOK_SHARE * (clock.monotonicMs() - beganMs)));
  }
}

/**
 * True for one that some book made, as far as it can be seen: the name of a topic for subscribers, and the options of one, which
 * nobody gets without asking for them. Where the broker cannot keep them nothing is left of a topic after a restart.
 */
export function isMadeForSubscribers({ topic, options }: TopicDescription): boolean {
  const { deleteFinished, partitionCount, overflow, retentionMs, ttlMs, dedupWindowMs } = options;
  const isPlain = (retentionMs ?? ttlMs ?? dedupWindowMs) === undefined && partitionCount === 1 && overflow === 'wait';
  return destinationOf(topic).kind === 'topic' && deleteFinished === true && isPlain;
}

/** What every subscriber has finished goes at once, where the broker can do so. */
export function topicOptionsFor({ capabilities }: Broker): TopicOptions {
  return capabilities.has('durable') ? { deleteFinished: true } : {};
}
