/**
 * The Broker contract over TCP.
 *
 *     caller --> TcpClient --> frames of docs/protocol-tcp.md --> server --> its Broker
 *
 * Always true: what the broker behind the server promises, a caller here gets, with the errors a wire adds
 * (`MQ_UNREACHABLE`, `MQ_CONNECTION_LOST`, `MQ_PROTOCOL`). I26: a send whose answer is lost is repeated here only when a
 * producer numbered it; another one might be stored twice, and only the caller knows whether that matters. Sends made one after the other leave in that
 * order. Made by `createTcpClient`.
 */
import type * as calls from '../../../../shared/contract/broker.ts';
import type { Capability } from '../../../../shared/contract/capabilities.ts';
import type {
  GroupOptions,
  SeekTarget,
  TopicDescription,
  TopicOptions,
} from '../../../../shared/contract/description.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import type * as messages from '../../../../shared/contract/message.ts';
import { checkInteger, checkOptions, invalidArgument } from '../../../../shared/contract/validation.ts';
import * as sending from '../../../1-blocking-queue/checked-options.ts';
import * as reading from '../../../2-ring-buffer/reading-options.ts';
import { nameOf } from '../../../3-http-server/client-options.ts';
import { ClientRules } from '../../../3-http-server/client-rules.ts';
import { type Json, recordOf } from '../../../3-http-server/json-message.ts';
import { checkPattern, filterOrNone } from '../../../3-http-server/later-options.ts';
import type { SentAnswer } from './answers.ts';
import { ackRequestsOf, askAll, checkDeliveries } from './client-ack.ts';
import type { ClientCalls } from './client-calls.ts';
import { ClientHalves } from './client-halves.ts';
import { ClientOperator } from './client-operator.ts';
import type { ClientPolls } from './client-polls.ts';
import { ClientRawBatches } from './client-raw-batches.ts';
import * as decoding from './client-reading.ts';
import { batchReceiptOf, type Outbox, receiptOf } from './client-sending.ts';
import type { ClientSubscriptions } from './client-subscriptions.ts';
import { ClientTransactions } from './client-transactions.ts';
import type { Request } from './connection.ts';
import type { ConnectionState } from './link.ts';
import type { AckRequest } from './requests.ts';

const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 5000 };

export interface TcpClientParts {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly memberId: string;
  readonly calls: ClientCalls;
  readonly outbox: Outbox;
  readonly polls: ClientPolls;
  readonly subscriptions: ClientSubscriptions;
}

export class TcpClient implements calls.Broker {
  readonly name: string = 'tcp-client';
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #calls: ClientCalls;
  readonly #rules: ClientRules;
  readonly #operator: ClientOperator;
  readonly #rawBatches: ClientRawBatches;
  readonly #transactions: ClientTransactions;
  readonly #halves: ClientHalves;
  readonly #outbox: Outbox;
  readonly #polls: ClientPolls;
  readonly #subscriptions: ClientSubscriptions;
  readonly #memberId: string;

  constructor({ capabilities, limits, memberId, calls: clientCalls, outbox, polls, subscriptions }: TcpClientParts) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#memberId = memberId;
    this.#calls = clientCalls;
    this.#rules = new ClientRules(this, clientCalls);
    this.#operator = new ClientOperator(this.#rules, clientCalls);
    this.#rawBatches = new ClientRawBatches({ rules: this.#rules, calls: clientCalls, outbox, polls });
    const parts = { rules: this.#rules, calls: clientCalls, outbox };
    this.#transactions = new ClientTransactions(parts);
    this.#halves = new ClientHalves(parts);
    this.#outbox = outbox;
    this.#polls = polls;
    this.#subscriptions = subscriptions;
  }

  /** Where the connection stands. */
  get connection(): { readonly state: ConnectionState } {
    return { state: this.#calls.link.state };
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    await this.#calls.call('createTopic', this.#rules.nameOf(topic), options);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#calls.call('deleteTopic', this.#rules.nameOf(topic));
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#calls.checkOpen();
    checkOptions('options', options, ['topic']);
    return (await this.#calls.callForList('describeTopics', options)) as readonly TopicDescription[];
  }

  async createGroup(topic: string, group: string, options?: GroupOptions): Promise<void> {
    this.#rules.need('groups', 'a group');
    await this.#calls.call('createGroup', this.#rules.nameOf(topic), nameOf('group', group, this.limits), options);
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    this.#rules.need('groups', 'a group');
    await this.#calls.call('deleteGroup', this.#rules.nameOf(topic), nameOf('group', group, this.limits));
  }

  async send(topic: string, message: messages.Message, options?: calls.SendOptions): Promise<messages.Receipt> {
    const name = this.#rules.nameOf(topic);
    const { request, ids } = this.#outbox.one(name, message, options);
    return receiptOf(name, await this.#ask(request, options), ids);
  }

  async sendBatch(
    topic: string,
    some: readonly messages.Message[],
    options?: calls.SendOptions,
  ): Promise<messages.BatchReceipt> {
    const name = this.#rules.nameOf(topic);
    const { request, ids } = this.#outbox.many(name, some, options);
    return batchReceiptOf(name, await this.#ask(request, options), ids);
  }

  async receive(topic: string, options?: calls.ReceiveOptions): Promise<readonly messages.Delivery[]> {
    const name = this.#rules.nameOf(topic);
    const checked = sending.checkReceiveOptions(options, this);
    const answer = await this.#polls.receive(name, checked, { leaseMs: options?.leaseMs, takesOnlyBatches: false });
    return answer === undefined ? [] : decoding.deliveriesOf(name, answer);
  }

  async ack(deliveries: readonly messages.DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void> {
    this.#rules.need('lease', 'ack');
    const refs = checkDeliveries(deliveries, this);
    const requests = ackRequestsOf(refs, reading.checkAckOptions(options));
    await askAll(requests, (request) => this.#ack(request));
  }

  async nack(delivery: messages.DeliveryRef, options?: calls.NackOptions): Promise<void> {
    this.#rules.need('lease', 'nack');
    const { token, ...ref } = reading.checkRef('delivery', delivery, this);
    reading.checkNackOptions(options, this);
    await this.#calls.call('nack', { ...ref, leaseToken: token }, options);
    this.#subscriptions.finish(token, ref.offset, 1);
  }

  async extendLease(delivery: messages.DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    this.#rules.need('lease', 'extendLease');
    const { token, ...ref } = reading.checkRef('delivery', delivery, this);
    const leaseMs = reading.checkExtendOptions(options, this);
    const endsAt = await this.#calls.callForNumber('extendLease', { ...ref, leaseToken: token }, { leaseMs });
    this.#subscriptions.prolong(token, leaseMs);
    return endsAt;
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    this.#rules.need('lease', 'leave');
    const { group, memberId = this.#memberId } = reading.checkLeaveOptions(options, this);
    await this.#calls.call('leave', this.#rules.nameOf(topic), { group, memberId });
  }

  async browse(topic: string, options?: calls.BrowseOptions): Promise<readonly messages.BrowsedRecord[]> {
    this.#rules.need('browse', 'browse');
    reading.checkBrowseOptions(options, this);
    const records = await this.#calls.callForList('browse', this.#rules.nameOf(topic), options);
    return (records as readonly Json<messages.BrowsedRecord>[]).map((record) => recordOf(record));
  }

  async fetch(topic: string, options?: calls.FetchOptions): Promise<calls.FetchResult> {
    const name = this.#rules.nameOf(topic);
    const checked = reading.checkFetchOptions(options, this);
    const answer = await this.#polls.fetch(name, checked, { ...options, takesOnlyBatches: false });
    const { offset } = checked;
    // Closed while it waited: nothing was read, and nothing is known of the log but that the offset was in it.
    if (answer === undefined) return { records: [], nextOffset: offset, logStartOffset: offset, highWatermark: offset };
    return decoding.fetchedOf(answer, { topic: name, ...checked });
  }

  async commit(topic: string, options: calls.OffsetOptions & { readonly offset: number }): Promise<number> {
    this.#rules.need('offsets', 'commit');
    const group = reading.checkOffsetOptions(options, this, ['offset']);
    reading.checkOffset('options.offset', options.offset);
    return this.#calls.callForNumber('commit', this.#rules.nameOf(topic), { ...options, group });
  }

  async committed(topic: string, options: calls.OffsetOptions): Promise<number> {
    this.#rules.need('offsets', 'committed');
    const group = reading.checkOffsetOptions(options, this);
    return this.#calls.callForNumber('committed', this.#rules.nameOf(topic), { ...options, group });
  }

  async seek(topic: string, options: calls.OffsetOptions & { readonly to: SeekTarget }): Promise<number> {
    this.#rules.need('offsets', 'seek');
    const group = reading.checkOffsetOptions(options, this, ['to']);
    const to = reading.checkSeekTarget('options.to', options.to, this);
    return this.#calls.callForNumber('seek', this.#rules.nameOf(topic), { ...options, group, to });
  }

  pause: calls.Broker['pause'] = (...args) => this.#operator.pause(...args);
  resume: calls.Broker['resume'] = (...args) => this.#operator.resume(...args);
  redrive: calls.Broker['redrive'] = (...args) => this.#operator.redrive(...args);
  dropDeadLetters: calls.Broker['dropDeadLetters'] = (...args) => this.#operator.dropDeadLetters(...args);

  openProducer: calls.Broker['openProducer'] = (...args) => this.#transactions.openProducer(...args);
  begin: calls.Broker['begin'] = (...args) => this.#transactions.begin(...args);
  findTransaction: calls.Broker['findTransaction'] = (...args) => this.#transactions.findTransaction(...args);

  sendHalf: calls.Broker['sendHalf'] = (...args) => this.#halves.sendHalf(...args);
  endHalf: calls.Broker['endHalf'] = (...args) => this.#halves.endHalf(...args);
  receiveHalfChecks: calls.Broker['receiveHalfChecks'] = (...args) => this.#halves.receiveHalfChecks(...args);

  lookup: calls.Broker['lookup'] = (...args) => this.#halves.lookup(...args);
  createTemporaryTopic: calls.Broker['createTemporaryTopic'] = () => this.#halves.createTemporaryTopic();

  async subscribe(
    topic: string,
    options: calls.SubscribeOptions,
    onDelivery: (delivery: messages.Delivery) => void,
  ): Promise<calls.Subscription> {
    this.#rules.need('push', 'subscribe');
    const name = this.#rules.nameOf(topic);
    checkOptions('options', options, ['group', 'memberId', 'creditMax', 'leaseMs', 'filter', 'pattern']);
    if (typeof onDelivery !== 'function') throw invalidArgument('onDelivery', 'a function', onDelivery);
    const { creditMax = Number.NaN, pattern, ...rest } = options ?? {};
    const { group, memberId = this.#memberId, filter } = sending.checkReceiveOptions(rest, this);
    if (pattern !== undefined) checkPattern(pattern, this.#rules);
    const range = { min: 1, max: this.limits.inFlightCountMax, fallback: 1 };
    checkInteger('options.creditMax', creditMax, range);
    const wanted = {
      topic: name,
      group,
      memberId,
      creditMax,
      leaseMs: rest.leaseMs,
      filter: filterOrNone(filter),
      pattern,
    };
    return this.#subscriptions.open(wanted, onDelivery, (some) => void this.#polls.giveBack(some));
  }

  appendBatch: Required<calls.Broker>['appendBatch'] = (...args) => this.#rawBatches.appendBatch(...args);
  fetchBatches: Required<calls.Broker>['fetchBatches'] = (...args) => this.#rawBatches.fetchBatches(...args);
  receiveBatches: Required<calls.Broker>['receiveBatches'] = (...args) => this.#rawBatches.receiveBatches(...args);

  explain: Required<calls.Broker>['explain'] = (...args) => this.#operator.explain(...args);
  inspect: Required<calls.Broker>['inspect'] = (...args) => this.#operator.inspect(...args);

  async close(options?: calls.CloseOptions): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const timeoutMs = checkInteger('options.timeoutMs', options?.timeoutMs, CLOSE_TIMEOUT);
    this.#subscriptions.stop();
    await this.#calls.close(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** I26: only a send that a producer numbered is recognised when it comes again. */
  #ask(request: Request<SentAnswer>, options: calls.SendOptions | undefined): Promise<SentAnswer> {
    return options?.producer === undefined ? this.#calls.request(request) : this.#calls.safely(request);
  }

  async #ack(request: AckRequest): Promise<void> {
    try {
      await this.#polls.ack(request);
    } catch (error) {
      this.#subscriptions.acked(request, error);
      throw error;
    }
    this.#subscriptions.acked(request);
  }
}
