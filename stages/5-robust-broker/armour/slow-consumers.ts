/**
 * What becomes of a group that does not keep up: more messages wait for it than its topic's policy allows.
 *
 *     block         nothing: they wait, and in the end so do their senders, when the topic is full (the default)
 *     drop-oldest   the oldest that were not handed out are finished for it, as many as are too many
 *     disconnect    its members lose what they hold, which goes to others or comes again
 *
 *     waiting  availableMax |- - - -/\- - -        slow from here ...
 *                      half |- - - /- \- - -       ... to here, so that it is told once and not with every message
 *
 * Always true: looks are `lookMs` apart and never overlap; what is dropped is counted, and in `lag` and `committed` like all
 * that is finished. Groups that read a log by offset have no policy: they hold nobody up. Made by `armourBroker`.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { GroupDescription, TopicDescription } from '../../../shared/contract/description.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { TopicScope } from './topic-scope.ts';

export const SLOW_POLICIES = ['block', 'drop-oldest', 'disconnect'] as const;
export type SlowPolicy = (typeof SLOW_POLICIES)[number];

/** Of the topics that a pattern matches; of several the first that matches counts. */
export interface SlowConsumerRule {
  readonly topics: string;
  /** A group is slow when more messages than these wait for it. */
  readonly availableMax: number;
  readonly policy: SlowPolicy;
}

/** A group became slow, and what was done. */
export interface SlowGroup {
  readonly topic: string;
  readonly group: string;
  readonly memberIds: readonly string[];
  readonly policy: SlowPolicy;
}

export interface SlowConsumersOptions {
  readonly broker: Broker;
  readonly rules: readonly SlowConsumerRule[];
  readonly clock: Clock;
  /** Default 1 s. */
  readonly lookMs?: number;
  readonly onSlow?: (slow: SlowGroup) => void;
  /** Told of what is none of ours: a look that failed for no known reason. */
  readonly onDefect: (error: unknown) => void;
}

export class SlowConsumers {
  readonly #options: SlowConsumersOptions;
  readonly #rules: readonly { readonly scope: TopicScope; readonly rule: SlowConsumerRule }[];
  /** Groups that are slow now, as `keyOf`. */
  #slow = new Set<string>();
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;
  #slowCount = 0;
  #droppedCount = 0;
  #disconnectedCount = 0;

  constructor(options: SlowConsumersOptions) {
    this.#options = options;
    this.#rules = options.rules.map((rule) => ({ scope: new TopicScope(rule.topics), rule }));
    this.#lookLater();
  }

  metrics(): readonly Metric[] {
    const one = (name: string, help: string, value: number, kind: Metric['kind'] = 'counter'): Metric => {
      return { name, kind, help, series: [{ labels: {}, value }] };
    };
    return [
      one('mq_slow_groups', 'groups that do not keep up now', this.#slow.size, 'gauge'),
      one('mq_slow_groups_count', 'how often a group did not keep up', this.#slowCount),
      one('mq_slow_dropped_count', 'messages dropped for groups that do not keep up', this.#droppedCount),
      one('mq_slow_disconnected_count', 'members of such groups that lost what they held', this.#disconnectedCount),
    ];
  }

  /** Resolves when the last look is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #lookLater(): void {
    const { clock, lookMs = 1000 } = this.#options;
    const look = (): void => {
      this.#looking = this.#look().finally(() => {
        if (!this.#isClosed) this.#lookLater();
      });
    };
    this.#timer = clock.setTimer(look, lookMs, { isBackground: true });
  }

  async #look(): Promise<void> {
    const stillSlow = new Set<string>();
    try {
      for (const topic of await this.#options.broker.describeTopics()) {
        const rule = this.#rules.find(({ scope }) => scope.matches(topic.topic))?.rule;
        for (const group of rule === undefined ? [] : topic.groups) {
          if (rule === undefined || group.kind !== 'queue' || !this.#isSlow(topic, group, rule)) continue;
          stillSlow.add(keyOf(topic, group));
          await this.#treat(topic, group, rule);
        }
      }
    } catch (error) {
      // The broker closes, or its disk does not answer: the next look sees.
      if (!isMqError(error)) this.#options.onDefect(error);
    }
    this.#slow = stillSlow;
  }

  #isSlow(topic: TopicDescription, group: GroupDescription, { availableMax }: SlowConsumerRule): boolean {
    const wasSlow = this.#slow.has(keyOf(topic, group));
    return group.availableCount > (wasSlow ? availableMax / 2 : availableMax);
  }

  async #treat(topic: TopicDescription, group: GroupDescription, rule: SlowConsumerRule): Promise<void> {
    const { policy, availableMax } = rule;
    if (!this.#slow.has(keyOf(topic, group))) {
      this.#slowCount += 1;
      const memberIds = group.members.map(({ memberId }) => memberId);
      this.#options.onSlow?.({ topic: topic.topic, group: group.group, memberIds, policy });
    }
    // What others did meanwhile (the topic, the group or the member is gone) is no fault.
    const unlessGone = (error: unknown): void => {
      if (!isMqError(error)) throw error;
    };
    if (policy === 'drop-oldest' && group.availableCount > availableMax) {
      await this.#dropOldest(topic, group, availableMax).catch(unlessGone);
    }
    if (policy === 'disconnect') await this.#disconnect(topic, group).catch(unlessGone);
  }

  /** Each partition keeps its share of the youngest. */
  async #dropOldest(
    { topic, partitionCount }: TopicDescription,
    { group }: GroupDescription,
    keep: number,
  ): Promise<void> {
    const { broker } = this.#options;
    const before = await this.#availableCount(topic, group);
    for (let partition = 0; partition < partitionCount; partition += 1) {
      const committed = await broker.committed(topic, { group, partition });
      const end = await this.#endOf(topic, partition, committed);
      const target = end - Math.max(1, Math.floor(keep / partitionCount));
      if (target > committed) await broker.seek(topic, { group, partition, to: { offset: target } });
    }
    this.#droppedCount += Math.max(0, before - (await this.#availableCount(topic, group)));
  }

  async #disconnect({ topic }: TopicDescription, { group, members }: GroupDescription): Promise<void> {
    for (const { memberId, inFlightCount } of members) {
      if (inFlightCount === 0) continue;
      await this.#options.broker.leave(topic, { group, memberId });
      this.#disconnectedCount += 1;
    }
  }

  async #availableCount(topic: string, group: string): Promise<number> {
    const [description] = await this.#options.broker.describeTopics({ topic });
    return description?.groups.find((one) => one.group === group)?.availableCount ?? 0;
  }

  async #endOf(topic: string, partition: number, offset: number): Promise<number> {
    try {
      return (await this.#options.broker.fetch(topic, { partition, offset, max: 1, bytesMax: 1 })).highWatermark;
    } catch (error) {
      if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
      return error.details.logEndOffset ?? offset;
    }
  }
}

function keyOf({ topic }: TopicDescription, { group }: GroupDescription): string {
  return JSON.stringify([topic, group]);
}
