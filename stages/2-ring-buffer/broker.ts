/**
 * The spine of stage 2: topics, each one a ring that keeps what was sent; every group reads all of it at its own pace.
 *
 *     send --> [ topic "orders": TopicLog ] --> receive, ack      queue groups: members share, under leases
 *     send --> [ topic "mails":  TopicLog ] --> fetch, commit     log groups: the reader remembers where it is
 *
 * Always true: a message is in exactly one place (a waiting send, the log), and what a call checked still holds when it
 * acts, because nothing is awaited in between. Made by `createBroker`, used through the contract.
 */
import { type BrokerOptions, limitsWith } from '../../shared/broker-options.ts';
import { checkClock } from '../../shared/clock.ts';
import type * as api from '../../shared/contract/broker.ts';
import { capabilitiesOfStage, unsupported } from '../../shared/contract/capabilities.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type { RingView } from '../../shared/contract/inside.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type * as mq from '../../shared/contract/message.ts';
import { checkBatch, checkMessage, checkName, checkOptions } from '../../shared/contract/validation.ts';
import { checkRandom } from '../../shared/random.ts';
import * as sending from '../1-blocking-queue/checked-options.ts';
import { MessageIds } from '../1-blocking-queue/message-ids.ts';
import * as refusals from '../1-blocking-queue/topic-refusals.ts';
import type { TopicSettings } from './group-desk.ts';
import { incomingBatch } from './incoming-batch.ts';
import * as reading from './reading-options.ts';
import { forEachRef } from './refusals.ts';
import { TOPIC_DEFAULTS, TopicLog } from './topic-log.ts';
import { describeTopic, inspectTopic } from './topic-view.ts';

export class RingBufferBroker implements api.Broker {
  readonly name: string = 'ring-buffer';
  readonly capabilities = capabilitiesOfStage(2);
  readonly limits: Limits;
  readonly #autoCreateTopics: boolean;
  readonly #topicDefaults: TopicOptions;
  /** What all topics share. */
  readonly #settings: TopicSettings;
  readonly #ids: MessageIds;
  readonly #memberId: string;
  /** By name in NFC. A Map and not an object: `__proto__` is a legal name. */
  readonly #topics = new Map<string, TopicLog>();
  #isClosed = false;

  constructor(options: BrokerOptions = {}) {
    sending.checkBrokerOptions(options, this.capabilities);
    this.limits = limitsWith(options.limits);
    this.#autoCreateTopics = options.autoCreateTopics ?? true;
    this.#topicDefaults = this.#checkTopicOptions('options.topicDefaults', options.topicDefaults, TOPIC_DEFAULTS);
    const random = checkRandom('options.random', options.random);
    const instanceId = random.hex(8);
    this.#ids = new MessageIds(instanceId);
    this.#memberId = `member-${instanceId}`;
    this.#settings = {
      limits: this.limits,
      clock: checkClock('options.clock', options.clock),
      memberTimeoutMs: reading.checkMemberTimeoutMs(options.memberTimeoutMs),
      nextTokenPrefix: () => random.hex(8),
    };
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const name = this.#checkCall(topic);
    const checked = this.#checkTopicOptions('options', options, this.#topicDefaults);
    const existing = this.#topics.get(name);
    if (existing === undefined) this.#topics.set(name, this.#newTopic(name, checked));
    else if (!sending.isSameTopicOptions(existing.options, checked)) throw refusals.topicExistsError(name);
  }

  async deleteTopic(topic: string): Promise<void> {
    const log = this.#topicOf(topic);
    this.#topics.delete(log.name);
    log.close(refusals.deletedTopicError(log.name));
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    checkOptions('options', options, ['topic']);
    if (options?.topic !== undefined) return [describeTopic(this.#topicOf(options.topic))];
    const names = [...this.#topics.keys()].sort();
    return names.map((name) => describeTopic(this.#existingTopic(name)));
  }

  async createGroup(topic: string, group: string, options?: GroupOptions): Promise<void> {
    const name = checkName('group', group, this.limits);
    this.#topicOf(topic).createGroup(name, reading.checkGroupOptions(options, this));
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    this.#topicOf(topic).deleteGroup(checkName('group', group, this.limits));
  }

  async send(topic: string, message: mq.Message, options?: api.SendOptions): Promise<mq.Receipt> {
    const name = this.#checkCall(topic);
    const checked = checkMessage('message', message, this.limits);
    sending.checkMessageOptions('message', message, this);
    const checkedOptions = sending.checkSendOptions(options, this);
    const batch = incomingBatch([checked], this.#ids);
    const target = this.#openTopic(name, (topic) => topic.checkFits(batch, 'MQ_MESSAGE_TOO_LARGE'));
    const offset = await target.send(batch, checkedOptions);
    return { topic: name, partition: 0, offset, id: batch.messageIds[0] ?? '', durability: 'memory' };
  }

  async sendBatch(topic: string, messages: readonly mq.Message[], options?: api.SendOptions): Promise<mq.BatchReceipt> {
    const name = this.#checkCall(topic);
    const checked = checkBatch('messages', messages, this.limits);
    sending.checkBatchOptions('messages', messages, this);
    const checkedOptions = sending.checkSendOptions(options, this);
    const batch = incomingBatch(checked, this.#ids);
    const target = this.#openTopic(name, (topic) => topic.checkFits(batch, 'MQ_BATCH_TOO_LARGE'));
    const baseOffset = await target.send(batch, checkedOptions);
    return {
      topic: name,
      partition: 0,
      baseOffset,
      count: batch.count,
      ids: batch.messageIds,
      durability: 'memory',
    };
  }

  async receive(topic: string, options?: api.ReceiveOptions): Promise<readonly mq.Delivery[]> {
    const name = this.#checkCall(topic);
    const checked = sending.checkReceiveOptions(options, this);
    const want = { ...checked, memberId: checked.memberId ?? this.#memberId };
    return this.#openTopic(name).receive(checked.group, want, checked);
  }

  async ack(deliveries: readonly mq.DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void> {
    this.#checkOpen();
    const refs = reading.checkRefs(deliveries, this);
    const isCumulative = reading.checkAckOptions(options);
    forEachRef(refs, (ref) => this.#existingTopic(ref.topic).existingDesk(ref.group).ack(ref, { isCumulative }));
  }

  async nack(delivery: mq.DeliveryRef, options?: api.NackOptions): Promise<void> {
    this.#checkOpen();
    const ref = reading.checkRef('delivery', delivery, this);
    const outcome = reading.checkNackOptions(options, this);
    forEachRef([ref], () => this.#existingTopic(ref.topic).existingDesk(ref.group).nack(ref, outcome));
  }

  async extendLease(delivery: mq.DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    this.#checkOpen();
    const ref = reading.checkRef('delivery', delivery, this);
    const leaseMs = reading.checkExtendOptions(options, this);
    forEachRef([ref], () => this.#existingTopic(ref.topic).existingDesk(ref.group).extend(ref, leaseMs));
    return this.#settings.clock.now() + leaseMs;
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    const { group, memberId = this.#memberId } = reading.checkLeaveOptions(options, this);
    this.#topicOf(topic).existingDesk(group).leave(memberId);
  }

  async browse(topic: string, options?: api.BrowseOptions): Promise<readonly mq.BrowsedRecord[]> {
    const checked = reading.checkBrowseOptions(options, this);
    return this.#topicOf(topic).existingDesk(checked.group).browse(checked);
  }

  async fetch(topic: string, options?: api.FetchOptions): Promise<api.FetchResult> {
    const checked = reading.checkFetchOptions(options, this);
    return this.#topicOf(topic).fetch(checked, checked);
  }

  async commit(topic: string, options: api.OffsetOptions & { readonly offset: number }): Promise<number> {
    const group = reading.checkOffsetOptions(options, this, ['offset']);
    return this.#topicOf(topic).commit(group, reading.checkOffset('options.offset', options.offset));
  }

  async committed(topic: string, options: api.OffsetOptions): Promise<number> {
    const group = reading.checkOffsetOptions(options, this);
    return this.#topicOf(topic).existingDesk(group).committed();
  }

  async seek(topic: string, options: api.OffsetOptions & { readonly to: SeekTarget }): Promise<number> {
    const group = reading.checkOffsetOptions(options, this, ['to']);
    return this.#topicOf(topic).seek(group, reading.checkSeekTarget('options.to', options.to, this));
  }

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

  async inspect(topic: string, options?: { readonly max?: number }): Promise<RingView> {
    const max = reading.checkInspectOptions(options, this);
    return inspectTopic(this.#topicOf(topic), { max, clock: this.#settings.clock });
  }

  async close(options?: api.CloseOptions): Promise<void> {
    sending.checkCloseOptions(options);
    this.#isClosed = true;
    for (const log of this.#topics.values()) log.close(refusals.closedError());
    this.#topics.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw refusals.closedError();
  }

  /** What every call on a topic begins with; the topic's name in NFC. */
  #checkCall(topic: string): string {
    this.#checkOpen();
    // The name of a topic was checked when the topic was made.
    return this.#topics.has(topic) ? topic : checkName('topic', topic, this.limits);
  }

  #checkTopicOptions(path: string, options: TopicOptions | undefined, defaults: TopicOptions): TopicOptions {
    return sending.checkTopicOptions(path, options, { capabilities: this.capabilities, limits: this.limits, defaults });
  }

  #existingTopic(name: string): TopicLog {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw refusals.unknownTopicError(name);
    return topic;
  }

  /** For all calls that do not create a topic. */
  #topicOf(topic: string): TopicLog {
    return this.#existingTopic(this.#checkCall(topic));
  }

  /** For send and receive, which create what does not exist, unless `check` refuses the call. */
  #openTopic(name: string, check: (topic: TopicLog) => void = () => undefined): TopicLog {
    const mayCreate = this.#autoCreateTopics && !this.#topics.has(name);
    const topic = mayCreate ? this.#newTopic(name, this.#topicDefaults) : this.#existingTopic(name);
    check(topic);
    if (mayCreate) this.#topics.set(name, topic);
    return topic;
  }

  /** Not one of the topics yet. */
  #newTopic(name: string, options: TopicOptions): TopicLog {
    if (this.#topics.size >= this.limits.topicsCountMax) throw refusals.topicsError(this.limits.topicsCountMax);
    return new TopicLog({ name, options, settings: this.#settings });
  }
}
