/**
 * The first idea for reading without destroying: one array for each topic that only grows, and an index for each group.
 *
 *     records   [ m0 ][ m1 ][ m2 ][ m3 ][ m4 ]  <-- push, for ever
 *                              ^           ^
 *                      next of "mails"   next of "invoices"
 *
 * It is right in all that a first demonstration shows: order, offsets, waiting, groups that go at their own pace. (Most
 * arguments go unchecked, to keep it on two pages.) Always true, and that is the bug it is here for: what was stored stays
 * stored. `messagesMax` is accepted and forgotten, so no producer ever waits, and the program ends when its memory does.
 * The ring buffer of stage 2 exists because of this file.
 */
import { WaiterLine } from '../../../stages/1-blocking-queue/waiter-line.ts';
import { type BrokerOptions, limitsWith } from '../../broker-options.ts';
import { type Clock, SystemClock } from '../../clock.ts';
import type { Broker, ReceiveOptions } from '../../contract/broker.ts';
import { type Capability, unsupported } from '../../contract/capabilities.ts';
import type { TopicDescription, TopicOptions } from '../../contract/description.ts';
import { abortedError, MqError } from '../../contract/errors.ts';
import { DEFAULTS, type Limits } from '../../contract/limits.ts';
import type { Delivery, Message, Receipt, StoredRecord } from '../../contract/message.ts';
import { checkMessage, checkName } from '../../contract/validation.ts';

/** A topic of the array. */
interface GrowingTopic {
  readonly options: TopicOptions;
  /** Never shorter than before. */
  readonly records: StoredRecord[];
  /** Where each group is: the index of the record it gets next. */
  readonly nextOf: Map<string, number>;
  /** Receives that found nothing. */
  readonly waiting: WaiterLine<null, void>;
}

export class NaiveArrayBroker implements Broker {
  readonly name = 'naive-array';
  readonly capabilities: ReadonlySet<Capability> = new Set<Capability>(['send', 'receive', 'groups']);
  readonly limits: Limits;
  readonly #clock: Clock;
  readonly #topics = new Map<string, GrowingTopic>();
  #isClosed = false;

  constructor(options: BrokerOptions = {}) {
    this.limits = limitsWith(options.limits);
    this.#clock = options.clock ?? new SystemClock();
  }

  async createTopic(topic: string, options: TopicOptions = {}): Promise<void> {
    this.#open(topic, options);
  }

  async deleteTopic(topic: string): Promise<void> {
    const { waiting } = this.#existing(topic);
    this.#topics.delete(topic);
    waiting.settleAll((waiter) => waiter.fail(new MqError('MQ_UNKNOWN_TOPIC', `topic "${topic}" was deleted`)));
  }

  async describeTopics(options: { readonly topic?: string } = {}): Promise<readonly TopicDescription[]> {
    if (options.topic !== undefined) return [this.#describe(options.topic)];
    return [...this.#topics.keys()].sort().map((topic) => this.#describe(topic));
  }

  async createGroup(topic: string, group: string): Promise<void> {
    this.#existing(topic).nextOf.set(checkName('group', group, this.limits), 0);
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    this.#existing(topic).nextOf.delete(group);
  }

  /** The bug is in this method, and it is what it does not do: look whether there is room. */
  async send(topic: string, message: Message): Promise<Receipt> {
    const { body, key, headers, id } = checkMessage('message', message, this.limits);
    const { records, waiting } = this.#open(topic);
    const place = { topic, partition: 0, offset: records.length, id: id ?? `${topic}-${records.length}` };
    const record: StoredRecord = { ...place, headers, body, timestamp: this.#clock.now() };
    records.push(key === undefined ? record : { ...record, key });
    waiting.settleAll((waiter) => waiter.serve());
    return { ...place, durability: 'memory' };
  }

  sendBatch = unsupported('batch', 'sendBatch');

  /** Hands out what the group has not had, and moves its index: whoever dies now has had it. */
  async receive(topic: string, options: ReceiveOptions = {}): Promise<readonly Delivery[]> {
    const { group = DEFAULTS.group, max = DEFAULTS.max, waitMs = DEFAULTS.waitMs, memberId = 'me', signal } = options;
    const { records, nextOf, waiting } = this.#open(topic);
    const untilMs = this.#clock.monotonicMs() + waitMs;
    for (;;) {
      if (signal?.aborted) throw abortedError(signal);
      const next = nextOf.get(group) ?? 0;
      const found = records.slice(next, next + max);
      nextOf.set(group, next + found.length);
      const timeoutMs = untilMs - this.#clock.monotonicMs();
      if (found.length > 0 || timeoutMs <= 0 || this.#isClosed) {
        const lease = { leaseToken: null, leaseExpiresAt: null };
        return found.map((record) => ({ ...record, group, memberId, deliveryCount: 1, ...lease }));
      }
      await waiting.wait(null, { signal, timeoutMs, onTimeout: () => undefined });
    }
  }

  ack = unsupported('lease', 'ack');
  nack = unsupported('lease', 'nack');
  extendLease = unsupported('lease', 'extendLease');
  leave = unsupported('lease', 'leave');
  browse = unsupported('browse', 'browse');
  fetch = unsupported('offsets', 'fetch');
  commit = unsupported('offsets', 'commit');
  committed = unsupported('offsets', 'committed');
  seek = unsupported('offsets', 'seek');
  openProducer = unsupported('idempotence', 'openProducer');
  begin = unsupported('transactions', 'begin');
  findTransaction = unsupported('transactions', 'findTransaction');
  sendHalf = unsupported('half-message', 'sendHalf');
  endHalf = unsupported('half-message', 'endHalf');
  receiveHalfChecks = unsupported('half-message', 'receiveHalfChecks');
  lookup = unsupported('filters', 'lookup');
  createTemporaryTopic = unsupported('filters', 'createTemporaryTopic');
  pause = unsupported('group-modes', 'pause');
  resume = unsupported('group-modes', 'resume');
  redrive = unsupported('dead-letter', 'redrive');
  dropDeadLetters = unsupported('dead-letter', 'dropDeadLetters');
  subscribe = unsupported('push', 'subscribe');

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { waiting } of this.#topics.values()) waiting.settleAll((waiter) => waiter.serve());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #existing(topic: string): GrowingTopic {
    const existing = this.#topics.get(topic);
    if (existing === undefined) throw new MqError('MQ_UNKNOWN_TOPIC', `there is no topic "${topic}"`);
    return existing;
  }

  #open(topic: string, options: TopicOptions = {}): GrowingTopic {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the broker is closed');
    checkName('topic', topic, this.limits);
    const opened = this.#topics.get(topic) ?? {
      options,
      records: [],
      nextOf: new Map<string, number>(),
      waiting: new WaiterLine<null, void>({ clock: this.#clock, calls: 'receives' }),
    };
    this.#topics.set(topic, opened);
    return opened;
  }

  #describe(topic: string): TopicDescription {
    const { options, records, nextOf, waiting } = this.#existing(topic);
    const slowest = Math.min(records.length, ...(nextOf.size === 0 ? [0] : nextOf.values()));
    const available = records.length - slowest;
    const never = { inFlightCount: 0, delayedCount: 0, redeliveredCount: 0, expiredCount: 0, deadCount: 0 };
    return {
      ...{ topic, partitionCount: 1, options, bytes: 0, groups: [] },
      ...{ ...never, droppedCount: 0, waiterCount: waiting.size, availableCount: available, lag: available },
      ...{ logStartOffset: 0, logEndOffset: records.length },
    };
  }
}
