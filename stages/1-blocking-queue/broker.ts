/**
 * The spine of stage 1: topics, each one bounded queue; a message goes to whoever takes it first, and is gone.
 *
 *     send --> [ topic "orders": BlockingQueue ] --> receive      producers and consumers compete at both ends
 *     send --> [ topic "mails":  BlockingQueue ] --> receive
 *
 * Always true: a message is in exactly one place (a waiting send, the queue, one receiver), and what a call checked
 * still holds when it acts, because nothing is awaited in between. Made by `createBroker`, used through the contract.
 */
import { type BrokerOptions, limitsWith } from '../../shared/broker-options.ts';
import { checkClock } from '../../shared/clock.ts';
import type * as api from '../../shared/contract/broker.ts';
import { capabilitiesOfStage, unsupported } from '../../shared/contract/capabilities.ts';
import type { TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type { QueueView } from '../../shared/contract/inside.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { BatchReceipt, Delivery, Message, Receipt } from '../../shared/contract/message.ts';
import { checkBatch, checkInteger, checkMessage, checkName, checkOptions } from '../../shared/contract/validation.ts';
import { checkRandom } from '../../shared/random.ts';
import * as sending from './checked-options.ts';
import { MessageIds } from './message-ids.ts';
import { type QueuedMessage, TOPIC_DEFAULTS, Topic, type TopicSettings } from './topic.ts';
import * as refusals from './topic-refusals.ts';

/** Cells of an `inspect` whose caller does not say. */
const INSPECT_CELLS = 64;

export class BlockingQueueBroker implements api.Broker {
  readonly name: string = 'blocking-queue';
  readonly capabilities = capabilitiesOfStage(1);
  readonly limits: Limits;
  readonly #autoCreateTopics: boolean;
  readonly #topicDefaults: TopicOptions;
  /** What all topics share. */
  readonly #settings: TopicSettings;
  readonly #ids: MessageIds;
  readonly #memberId: string;
  /** By name in NFC. A Map and not an object: `__proto__` is a legal name. */
  readonly #topics = new Map<string, Topic>();
  #isClosed = false;

  constructor(options: BrokerOptions = {}) {
    sending.checkBrokerOptions(options, this.capabilities);
    this.limits = limitsWith(options.limits);
    this.#autoCreateTopics = options.autoCreateTopics ?? true;
    this.#topicDefaults = this.#checkTopicOptions('options.topicDefaults', options.topicDefaults, TOPIC_DEFAULTS);
    const instanceId = checkRandom('options.random', options.random).hex(8);
    this.#ids = new MessageIds(instanceId);
    this.#memberId = `member-${instanceId}`;
    this.#settings = { limits: this.limits, clock: checkClock('options.clock', options.clock) };
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const name = this.#checkCall(topic);
    const checked = this.#checkTopicOptions('options', options, this.#topicDefaults);
    const existing = this.#topics.get(name);
    if (existing === undefined) this.#topics.set(name, this.#newTopic(name, checked));
    else if (!sending.isSameTopicOptions(existing.options, checked)) throw refusals.topicExistsError(name);
  }

  async deleteTopic(topic: string): Promise<void> {
    const { name, queue } = this.#topicOf(topic);
    this.#topics.delete(name);
    queue.close({ error: refusals.deletedTopicError(name) });
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    checkOptions('options', options, ['topic']);
    if (options?.topic !== undefined) return [this.#topicOf(options.topic).describe()];
    const names = [...this.#topics.keys()].sort();
    return names.map((name) => this.#existingTopic(name).describe());
  }

  createGroup = unsupported('groups', 'createGroup');
  deleteGroup = unsupported('groups', 'deleteGroup');

  async send(topic: string, message: Message, options?: api.SendOptions): Promise<Receipt> {
    const name = this.#checkCall(topic);
    const checked = checkMessage('message', message, this.limits);
    sending.checkMessageOptions('message', message, this);
    const { signal, timeoutMs } = sending.checkSendOptions(options, this);
    const target = this.#openTopic(name);
    const queued = target.messageOf(checked, checked.id ?? this.#ids.next());
    await target.queue.put(queued, { signal, timeoutMs });
    return { topic: name, partition: 0, offset: queued.offset, id: queued.id, durability: 'memory' };
  }

  async sendBatch(topic: string, messages: readonly Message[], options?: api.SendOptions): Promise<BatchReceipt> {
    const name = this.#checkCall(topic);
    const checked = checkBatch('messages', messages, this.limits);
    sending.checkBatchOptions('messages', messages, this);
    const { signal, timeoutMs } = sending.checkSendOptions(options, this);
    const target = this.#openTopic(name, ({ queue }) => queue.checkFits(checked.length));
    const queued = checked.map((message) => target.messageOf(message, message.id ?? this.#ids.next()));
    await target.queue.putAll(queued, { signal, timeoutMs });
    const ids = queued.map(({ id }) => id);
    const baseOffset = queued[0]?.offset ?? null;
    return { topic: name, partition: 0, baseOffset, count: ids.length, ids, durability: 'memory' };
  }

  async receive(topic: string, options?: api.ReceiveOptions): Promise<readonly Delivery[]> {
    const name = this.#checkCall(topic);
    const { memberId = this.#memberId, max, bytesMax, waitMs, signal } = sending.checkReceiveOptions(options, this);
    const source = this.#openTopic(name);
    let bytes = 0;
    const fits = (message: QueuedMessage): boolean => {
      bytes += message.bytes;
      return bytes <= bytesMax || bytes === message.bytes; // the first one always
    };
    const messages = source.queue.drain(max, fits);
    if (messages.length === 0) {
      const first = await source.queue.poll({ timeoutMs: waitMs, signal, who: memberId });
      if (first !== undefined && fits(first)) messages.push(first, ...source.queue.drain(max - 1, fits));
    }
    return messages.map((message) => source.deliveryOf(message, memberId));
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

  async inspect(topic: string, options?: { readonly max?: number }): Promise<QueueView> {
    checkOptions('options', options, ['max']);
    const range = { min: 1, max: this.limits.receiveCountMax, fallback: INSPECT_CELLS };
    const max = checkInteger('options.max', options?.max, range);
    return this.#topicOf(topic).inspect(max);
  }

  async close(options?: api.CloseOptions): Promise<void> {
    sending.checkCloseOptions(options);
    this.#isClosed = true;
    for (const { queue } of this.#topics.values()) queue.close();
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

  #existingTopic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw refusals.unknownTopicError(name);
    return topic;
  }

  /** For all calls that do not create a topic. */
  #topicOf(topic: string): Topic {
    return this.#existingTopic(this.#checkCall(topic));
  }

  /** For send and receive, which create what does not exist, unless `check` refuses the call. */
  #openTopic(name: string, check: (topic: Topic) => void = () => undefined): Topic {
    const mayCreate = this.#autoCreateTopics && !this.#topics.has(name);
    const topic = mayCreate ? this.#newTopic(name, this.#topicDefaults) : this.#existingTopic(name);
    check(topic);
    if (mayCreate) this.#topics.set(name, topic);
    return topic;
  }

  /** Not one of the topics yet. */
  #newTopic(name: string, options: TopicOptions): Topic {
    if (this.#topics.size >= this.limits.topicsCountMax) throw refusals.topicsError(this.limits.topicsCountMax);
    return new Topic({ name, options, settings: this.#settings });
  }
}
