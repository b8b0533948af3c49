/**
 * The spine of stage 4: topics, each one partitions of a log on the disk; what was acknowledged survives.
 *
 *     send --> [ topic "orders": partitions ] --> receive, ack      queue groups: members share, under leases
 *     send --> [ topic "mails":  partitions ] --> fetch, commit     log groups: the reader remembers where it is
 *
 * Always true: a message is in exactly one place (a waiting send, the delayed log, a partition), and a call is answered when
 * what it did is as safe as the flush policy says. Made by `createBroker`, used through the contract.
 */
import type * as api from '../../shared/contract/broker.ts';
import { capabilitiesOfStage, unsupported } from '../../shared/contract/capabilities.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LogView } from '../../shared/contract/inside.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type * as mq from '../../shared/contract/message.ts';
import type * as raw from '../../shared/contract/raw-batches.ts';
import { checkBatch, checkMessage, checkName, checkOptions } from '../../shared/contract/validation.ts';
import * as sending from '../1-blocking-queue/checked-options.ts';
import * as refusals from '../1-blocking-queue/topic-refusals.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import type { BrokerParts } from './broker-parts.ts';
import { explainMessage } from './explain.ts';
import * as timing from './message-options.ts';
import * as redriving from './policies/redrive.ts';
import { checkRawBatch, rawDeliveriesOf } from './raw-batches.ts';
import * as settling from './settled-refs.ts';
import { batchReceiptOf, receiptOf, storeBatch, storeMessages } from './storing.ts';
import { checkSubscribeOptions, type OnDelivery } from './subscriptions.ts';
import type { Topic } from './topic.ts';
import { describeTopic, inspectTopic } from './topic-view.ts';

export class PersistedLogBroker implements api.Broker {
  readonly name: string = 'persisted-log';
  readonly capabilities = capabilitiesOfStage(4);
  readonly limits: Limits;
  readonly #parts: BrokerParts;
  readonly #memberId: string;
  #closing: Promise<void> | undefined;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.limits = parts.limits;
    this.#memberId = parts.memberId;
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const name = this.#checkNewName(topic);
    await this.#parts.topics.createOnce(name, this.#parts.checkTopicOptions('options', options));
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#parts.topics.delete(this.#checkNewName(topic));
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    checkOptions('options', options, ['topic']);
    if (options?.topic !== undefined) return [describeTopic(await this.#topicOf(options.topic))];
    return (await this.#parts.topics.all()).map(describeTopic);
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
    this.#checkOpen();
    const refs = reading.checkRefs(deliveries, this);
    await settling.ackAll(this.#parts.topics, refs, { isCumulative: reading.checkAckOptions(options) });
  }

  async nack(delivery: mq.DeliveryRef, options?: api.NackOptions): Promise<void> {
    this.#checkOpen();
    const ref = reading.checkRef('delivery', delivery, this);
    await settling.nack(this.#parts.topics, ref, timing.checkNack(options));
  }

  async extendLease(delivery: mq.DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    this.#checkOpen();
    const ref = reading.checkRef('delivery', delivery, this);
    return await settling.extend(this.#parts.topics, ref, reading.checkExtendOptions(options, this));
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    const { group, memberId = this.#memberId } = reading.checkLeaveOptions(options, this);
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

  openProducer = unsupported('idempotence', 'openProducer');
  begin = unsupported('transactions', 'begin');
  findTransaction = unsupported('transactions', 'findTransaction');
  sendHalf = unsupported('half-message', 'sendHalf');
  endHalf = unsupported('half-message', 'endHalf');
  receiveHalfChecks = unsupported('half-message', 'receiveHalfChecks');
  lookup = unsupported('filters', 'lookup');
  createTemporaryTopic = unsupported('filters', 'createTemporaryTopic');

  async pause(topic: string, options?: { readonly group?: string }): Promise<void> {
    const group = timing.checkPauseOptions(options, this.limits);
    await (await this.#topicOf(topic)).groups.setPaused(group, true);
  }

  async resume(topic: string, options?: { readonly group?: string }): Promise<void> {
    const group = timing.checkPauseOptions(options, this.limits);
    await (await this.#topicOf(topic)).groups.setPaused(group, false);
  }

  async redrive(topic: string, options?: api.DeadLetterOptions): Promise<number> {
    const checked = redriving.checkDeadLetterOptions(options, this.limits);
    return await redriving.redrive(this.#parts.topics, await this.#topicOf(topic), checked);
  }

  async dropDeadLetters(topic: string, options?: api.DeadLetterOptions): Promise<number> {
    const checked = redriving.checkDeadLetterOptions(options, this.limits);
    return await redriving.drop(this.#parts.topics, await this.#topicOf(topic), checked);
  }

  async subscribe(topic: string, options: api.SubscribeOptions, onDelivery: OnDelivery): Promise<api.Subscription> {
    const checked = checkSubscribeOptions(options, this);
    const want = { ...checked, memberId: checked.memberId ?? this.#memberId };
    return await this.#parts.subscriptions.add(await this.#topicOf(topic), want, onDelivery);
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

  async explain(topic: string, options: { readonly id: string }): Promise<Explanation | null> {
    const id = timing.checkExplainOptions(options);
    return await explainMessage(await this.#topicOf(topic), id);
  }

  async inspect(topic: string, options?: { readonly max?: number }): Promise<LogView> {
    const max = reading.checkInspectOptions(options, this);
    return await inspectTopic(await this.#topicOf(topic), { max, clock: this.#parts.clock });
  }

  async close(options?: api.CloseOptions): Promise<void> {
    sending.checkCloseOptions(options);
    this.#closing ??= this.#parts.close(refusals.closedError());
    await this.#parts.patience(this.#closing, options?.timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw refusals.closedError();
  }

  /** What every call on a topic begins with; the topic's name in NFC. Dead letters may be read under theirs. */
  #checkCall(topic: string): string {
    this.#checkOpen();
    return timing.checkReadableName('topic', topic, this.limits);
  }

  /** For what is made, stored in or deleted: the names the broker makes itself are its own. */
  #checkNewName(topic: string): string {
    this.#checkOpen();
    return this.#parts.topics.has(topic) && !topic.startsWith('$') ? topic : checkName('topic', topic, this.limits);
  }

  /** For both kinds of receive, which create the topic and the group that do not exist. */
  async #deskFor(topic: string, options: api.ReceiveOptions | undefined) {
    const name = this.#checkCall(topic);
    const checked = sending.checkReceiveOptions(options, this);
    const want = { ...checked, memberId: checked.memberId ?? this.#memberId };
    return { want, desk: await (await this.#parts.topics.open(name)).groups.openToReceive(want.group, want) };
  }

  /** For all calls that do not create a topic. */
  #topicOf(topic: string): Topic | Promise<Topic> {
    return this.#parts.topics.find(this.#checkCall(topic));
  }
}
