/**
 * The spine of stage 5: every message ends somewhere known, all or nothing, for any client.
 *
 *     send --> [ topic "orders": partitions ] --> receive, ack, or fetch, commit      one by one
 *     begin --> sends, acks and commits of any topics --> commit                      all of them take effect, or none
 *
 * Always true: a message is in exactly one place (a waiting send, the delayed log, a partition), and a call is answered when
 * what it did is as safe as the flush policy says. Made by `createBroker`, used through the contract.
 */
import type * as api from '../../shared/contract/broker.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type * as mq from '../../shared/contract/message.ts';
import type * as raw from '../../shared/contract/raw-batches.ts';
import { checkBatch, checkMessage, checkName, checkOptions } from '../../shared/contract/validation.ts';
import * as sending from '../1-blocking-queue/checked-options.ts';
import * as refusals from '../1-blocking-queue/topic-refusals.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import * as timing from '../4-persisted-log/message-options.ts';
import * as redriving from '../4-persisted-log/policies/redrive.ts';
import { checkRawBatch, rawDeliveriesOf } from '../4-persisted-log/raw-batches.ts';
import * as settling from '../4-persisted-log/settled-refs.ts';
import { batchReceiptOf, receiptOf, storeBatch, storeMessages } from '../4-persisted-log/storing.ts';
import { checkSubscribeOptions, type OnDelivery } from '../4-persisted-log/subscriptions.ts';
import type { RobustParts } from './broker-parts.ts';
import { checkLookupOptions, lookUp } from './filters/lookup.ts';
import * as looking from './looking.ts';
import { checkOpenProducer } from './producers/producer-options.ts';
import { isTemporary } from './temporary-topics.ts';

type Calls = api.Broker;

export class RobustBroker implements api.Broker {
  readonly name: string = 'robust-broker';
  readonly capabilities: RobustParts['capabilities'];
  readonly limits: RobustParts['limits'];
  readonly #parts: RobustParts;
  #closing: Promise<void> | undefined;

  constructor(parts: RobustParts) {
    this.#parts = parts;
    this.capabilities = parts.capabilities;
    this.limits = parts.limits;
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const { topics } = this.#open;
    const name = checkName('topic', topic, this.limits);
    await topics.createOnce(name, this.#parts.checkTopicOptions('options', options));
  }

  async deleteTopic(topic: string): Promise<void> {
    const name = this.#checkNewName(topic);
    await this.#parts.topics.delete(name);
    await this.#parts.halves.forgetTopic(name);
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    const { topics } = this.#open;
    checkOptions('options', options, ['topic']);
    const all = options?.topic === undefined ? await topics.all() : [await this.#topicOf(options.topic)];
    return all.map((topic) => looking.describe(this.#parts, topic));
  }

  async createGroup(topic: string, group: string, options?: GroupOptions): Promise<void> {
    const name = checkName('group', group, this.limits);
    await (await this.#topicOf(topic)).groups.create(name, reading.checkGroupOptions(options, this));
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    const name = checkName('group', group, this.limits);
    const owner = await this.#topicOf(topic);
    await owner.groups.delete(name);
    await this.#parts.topics.deleteDeadLettersOf(owner.name, name);
  }

  async send(topic: string, message: mq.Message, options?: api.SendOptions): Promise<mq.Receipt> {
    const name = this.#checkNewName(topic);
    const contents = [checkMessage('message', message, this.limits)];
    const messages = timing.checkTimes('message', [message], { contents, clock: this.#parts.clock });
    const what = { name, path: 'message', messages, code: 'MQ_MESSAGE_TOO_LARGE' } as const;
    return receiptOf(name, await storeMessages(this.#parts, what, timing.checkStoringOptions(options, this)));
  }

  async sendBatch(topic: string, messages: readonly mq.Message[], options?: api.SendOptions): Promise<mq.BatchReceipt> {
    const name = this.#checkNewName(topic);
    const contents = checkBatch('messages', messages, this.limits);
    const timed = timing.checkTimes('messages', messages, { contents, clock: this.#parts.clock });
    const what = { name, path: 'messages', messages: timed, code: 'MQ_BATCH_TOO_LARGE' } as const;
    return batchReceiptOf(name, await storeMessages(this.#parts, what, timing.checkStoringOptions(options, this)));
  }

  async receive(topic: string, options?: api.ReceiveOptions): Promise<readonly mq.Delivery[]> {
    const { desk, want } = await this.#deskFor(topic, options);
    return await desk.receive(want, want);
  }

  async ack(deliveries: readonly mq.DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void> {
    const { topics } = this.#open;
    const refs = reading.checkRefs(deliveries, this);
    await settling.ackAll(topics, refs, { isCumulative: reading.checkAckOptions(options) });
  }

  async nack(delivery: mq.DeliveryRef, options?: api.NackOptions): Promise<void> {
    const { topics } = this.#open;
    const ref = reading.checkRef('delivery', delivery, this);
    await settling.nack(topics, ref, timing.checkNack(options));
  }

  async extendLease(delivery: mq.DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    const { topics } = this.#open;
    const ref = reading.checkRef('delivery', delivery, this);
    return await settling.extend(topics, ref, reading.checkExtendOptions(options, this));
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    const { group, memberId = this.#parts.memberId } = reading.checkLeaveOptions(options, this);
    (await this.#topicOf(topic)).groups.existing(group).leave(memberId);
  }

  async browse(topic: string, options?: api.BrowseOptions): Promise<readonly mq.BrowsedRecord[]> {
    const checked = reading.checkBrowseOptions(options, this);
    const owner = await this.#topicOf(topic);
    owner.partition(checked.partition);
    return await owner.groups.existing(checked.group).browse(checked);
  }

  async fetch(topic: string, options?: api.FetchOptions): Promise<api.FetchResult> {
    const checked = reading.checkFetchOptions(options, this);
    return await (await this.#topicOf(topic)).partition(checked.partition).fetch(checked, checked);
  }

  async commit(topic: string, options: api.OffsetOptions & { readonly offset: number }): Promise<number> {
    const { group, partition } = timing.checkPlace(options, this.limits, ['offset']);
    const offset = reading.checkOffset('options.offset', options.offset);
    const owner = await this.#topicOf(topic);
    return await owner.groups.commit(group, owner.partition(partition), offset);
  }

  async committed(topic: string, options: api.OffsetOptions): Promise<number> {
    const { group, partition } = timing.checkPlace(options, this.limits);
    const owner = await this.#topicOf(topic);
    return owner.groups.committed(group, owner.partition(partition));
  }

  async seek(topic: string, options: api.OffsetOptions & { readonly to: SeekTarget }): Promise<number> {
    const { group, partition } = timing.checkPlace(options, this.limits, ['to']);
    const target = reading.checkSeekTarget('options.to', options.to, this);
    const owner = await this.#topicOf(topic);
    return await owner.groups.seek(group, owner.partition(partition), target);
  }

  openProducer: Calls['openProducer'] = async (options) =>
    await this.#open.producers.open(checkOpenProducer(options, this.limits));
  begin: Calls['begin'] = async (options) => await this.#open.transactions.begin(options);
  findTransaction: Calls['findTransaction'] = async (id) => await this.#open.transactions.find(id);
  sendHalf: Calls['sendHalf'] = async (topic, ...call) => this.#open.halves.send(this.#checkNewName(topic), ...call);
  endHalf: Calls['endHalf'] = async (topic, options) => this.#open.halves.decide(this.#checkNewName(topic), options);
  receiveHalfChecks: Calls['receiveHalfChecks'] = async (...call) => this.#open.halves.receiveChecks(...call);
  lookup: Calls['lookup'] = async (topic, options) =>
    await lookUp(await this.#topicOf(topic), checkLookupOptions(options, this));
  createTemporaryTopic: Calls['createTemporaryTopic'] = async () => await this.#open.filtering.temporary.create();

  pause: Calls['pause'] = async (topic, options) => await this.#setPaused(topic, options, true);
  resume: Calls['resume'] = async (topic, options) => await this.#setPaused(topic, options, false);
  redrive: Calls['redrive'] = async (topic, options) => await this.#move(redriving.redrive, topic, options);
  dropDeadLetters: Calls['redrive'] = async (topic, options) => await this.#move(redriving.drop, topic, options);

  async subscribe(topic: string, options: api.SubscribeOptions, onDelivery: OnDelivery): Promise<api.Subscription> {
    const checked = checkSubscribeOptions(options, this);
    const want = { ...checked, memberId: checked.memberId ?? this.#parts.memberId };
    return await this.#open.filtering.subscribe({ name: topic, find: () => this.#topicOf(topic) }, want, onDelivery);
  }

  async appendBatch(topic: string, batch: Uint8Array, options?: api.AppendOptions): Promise<raw.RawBatchReceipt> {
    const name = this.#checkNewName(topic);
    const where = timing.checkAppendOptions(options, this);
    return await storeBatch(this.#parts, { name, ...checkRawBatch(batch, { ...where, limits: this.limits }) }, where);
  }

  async fetchBatches(topic: string, options?: api.FetchOptions): Promise<raw.RawFetchResult> {
    const checked = reading.checkFetchOptions(options, this);
    return await (await this.#topicOf(topic)).partition(checked.partition).fetchBatches(checked, checked);
  }

  async receiveBatches(topic: string, options?: api.ReceiveOptions): Promise<readonly raw.RawDeliveries[]> {
    const { desk, want } = await this.#deskFor(topic, options);
    return rawDeliveriesOf(await desk.receiveRuns(want, want), want);
  }

  explain: NonNullable<Calls['explain']> = async (topic, options) =>
    await looking.explain(this.#open, await this.#topicOf(topic), timing.checkExplainOptions(options));

  inspect: NonNullable<Calls['inspect']> = async (topic, options) =>
    await looking.inspect(this.#open, await this.#topicOf(topic), reading.checkInspectOptions(options, this));

  health = () => this.#parts.observation.health();
  metrics = () => this.#parts.observation.metrics();

  async close(options?: api.CloseOptions): Promise<void> {
    sending.checkCloseOptions(options);
    this.#closing ??= this.#parts.close(refusals.closedError());
    await this.#parts.patience(this.#closing, options?.timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What it is made of, for whoever may still use it. */
  get #open(): RobustParts {
    if (this.#closing !== undefined) throw refusals.closedError();
    return this.#parts;
  }

  async #setPaused(topic: string, options: Parameters<Calls['pause']>[1], isPaused: boolean): Promise<void> {
    const group = timing.checkPauseOptions(options, this.limits);
    await (await this.#topicOf(topic)).groups.setPaused(group, isPaused);
  }

  async #move(move: typeof redriving.redrive, topic: string, options?: api.DeadLetterOptions): Promise<number> {
    const checked = redriving.checkDeadLetterOptions(options, this.limits);
    return await move(this.#parts.topics, await this.#topicOf(topic), checked);
  }

  /** What every call on a topic begins with; the topic's name in NFC. Dead letters may be read under theirs. */
  #checkCall(topic: string): string {
    return this.#open.filtering.temporary.noteUse(timing.checkReadableName('topic', topic, this.limits));
  }

  /** For what is made, stored in or deleted: the names the broker makes itself are its own. */
  #checkNewName(topic: string): string {
    const { filtering, topics } = this.#open;
    if (isTemporary(topic)) return filtering.temporary.noteUse(topic); // anybody may send there
    return topics.has(topic) && !topic.startsWith('$') ? topic : checkName('topic', topic, this.limits);
  }

  /** For both kinds of receive, which create the topic and the group that do not exist. */
  async #deskFor(topic: string, options: api.ReceiveOptions | undefined) {
    const name = this.#checkCall(topic);
    const checked = sending.checkReceiveOptions(options, this);
    const matcher = this.#parts.filtering.matcherOf(checked.filter);
    const want = { ...checked, memberId: checked.memberId ?? this.#parts.memberId, matcher };
    return { want, desk: await (await this.#parts.topics.open(name)).groups.openToReceive(want.group, want) };
  }

  /** For all calls that do not create a topic. */
  #topicOf(topic: string): ReturnType<RobustParts['topics']['find']> {
    return this.#parts.topics.find(this.#checkCall(topic));
  }
}
