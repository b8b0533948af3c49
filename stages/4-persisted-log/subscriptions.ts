/**
 * The subscribers of a broker in this process, and who of them is to be told when a lease ends.
 *
 * Always true: `close` ends them all. Only the spine uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { SubscribeOptions } from '../../shared/contract/broker.ts';
import type { Filter, PatternForm } from '../../shared/contract/filter.ts';
import { DEFAULTS, type Limits } from '../../shared/contract/limits.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import {
  checkChoice,
  checkInteger,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../shared/contract/validation.ts';
import { checkFilter } from '../1-blocking-queue/routing-options.ts';
import { need, type Rules } from '../1-blocking-queue/rules.ts';
import type { SharedCredit } from './delivery/desk-surroundings.ts';
import type { RecordMatcher } from './delivery/record-matcher.ts';
import { PushSubscription } from './subscription.ts';
import type { Topic } from './topic.ts';

/** What a subscriber gives to be called with each delivery. */
export type OnDelivery = (delivery: Delivery) => void;

export interface CheckedSubscribeOptions {
  readonly group: string;
  readonly memberId: string | undefined;
  readonly creditMax: number;
  readonly leaseMs: number;
  readonly filter: Filter;
  /** Undefined: the topic is a name. */
  readonly pattern: PatternForm | undefined;
}

/** What one subscriber of one topic asks for. */
export interface SubscribeWant extends Pick<CheckedSubscribeOptions, 'group' | 'creditMax' | 'leaseMs'> {
  readonly memberId: string;
  /** Of its filter; undefined: everything matches. */
  readonly matcher?: RecordMatcher | undefined;
  /** Shared with others; then `creditMax` is of all of them together. */
  readonly credit?: SharedCredit | undefined;
  /** It was closed, or the topic, the group or the broker is gone. */
  readonly onEnded?: () => void;
}

const FORMS: readonly PatternForm[] = ['dotted', 'slashed'];

export function checkSubscribeOptions(options: SubscribeOptions, rules: Rules): CheckedSubscribeOptions {
  checkOptions('options', options, ['group', 'memberId', 'creditMax', 'leaseMs', 'filter', 'pattern']);
  const { limits } = rules;
  const { group, memberId, creditMax, leaseMs, filter, pattern } = options ?? {};
  if (pattern !== undefined) need(rules, 'filters', 'options.pattern');
  const credit = { min: 1, max: limits.inFlightCountMax, fallback: Number.NaN };
  const lease = { min: 1, max: limits.leaseMsMax, fallback: DEFAULTS.leaseMs };
  if (creditMax === undefined) throw invalidArgument('options.creditMax', 'given');
  return {
    group: group === undefined ? DEFAULTS.group : checkName('options.group', group, limits),
    memberId: memberId === undefined ? undefined : checkName('options.memberId', memberId, limits),
    creditMax: checkInteger('options.creditMax', creditMax, credit),
    leaseMs: checkInteger('options.leaseMs', leaseMs, lease),
    filter: checkFilter('options.filter', filter, rules),
    pattern: pattern === undefined ? undefined : checkChoice('options.pattern', pattern, FORMS, 'dotted'),
  };
}

export class Subscriptions {
  readonly #shared: { readonly limits: Limits; readonly clock: Clock };
  readonly #open = new Set<PushSubscription>();

  constructor(shared: { readonly limits: Limits; readonly clock: Clock }) {
    this.#shared = shared;
  }

  /** Rejects when there is nothing to be had for this member at all. */
  async add(
    topic: Topic,
    { group, onEnded, ...want }: SubscribeWant,
    onDelivery: OnDelivery,
  ): Promise<PushSubscription> {
    if (typeof onDelivery !== 'function') throw invalidArgument('onDelivery', 'a function', onDelivery);
    const desk = await topic.groups.open(group);
    const checkOpen = (): void => {
      topic.checkOpen();
      topic.groups.checkExists(desk);
    };
    const onEnd = (): void => {
      unwatch();
      this.#open.delete(subscription);
      onEnded?.();
    };
    const own = { ...this.#shared, ...want, desk, onDelivery, checkOpen, onEnd };
    const subscription = new PushSubscription(own);
    const unwatch = topic.groups.watchers.add(subscription);
    this.#open.add(subscription);
    try {
      await subscription.open();
      return subscription;
    } catch (error) {
      onEnd();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()));
  }
}
