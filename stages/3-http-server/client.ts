/**
 * The Broker contract over HTTP.
 *
 *     caller --> HttpClient --> requests of docs/protocol-http.md --> server --> its Broker
 *
 * Always true: what the broker behind the server promises, a caller here gets, with the errors a wire adds
 * (`MQ_UNREACHABLE`, `MQ_CONNECTION_LOST`, `MQ_TIMEOUT`, `MQ_PROTOCOL`). A message has its id before it is first sent and
 * keeps it. A send whose answer is lost is repeated here only when a producer numbered it; another one might be stored twice,
 * and only the caller knows whether that matters. Made by `createClient`.
 */
import type { Clock } from '../../shared/clock.ts';
import type * as calls from '../../shared/contract/broker.ts';
import { type Capability, unsupported } from '../../shared/contract/capabilities.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type {
  BatchReceipt,
  BrowsedRecord,
  Delivery,
  DeliveryRef,
  Message,
  Receipt,
} from '../../shared/contract/message.ts';
import { checkInteger, checkOptions } from '../../shared/contract/validation.ts';
import * as sending from '../1-blocking-queue/checked-options.ts';
import { checkProducer } from '../1-blocking-queue/routing-options.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import { ackByTopic, refOf } from './client-ack.ts';
import * as answers from './client-answers.ts';
import { fetchedIn } from './client-fetch.ts';
import { ClientHalves } from './client-halves.ts';
import { ClientOperator } from './client-operator.ts';
import * as asking from './client-options.ts';
import { Outbox } from './client-outbox.ts';
import { type Closable, DONE, Requests, SAFE, SAFE_DONE } from './client-requests.ts';
import { ClientRules } from './client-rules.ts';
import { type RoomOptions, Sender } from './client-send.ts';
import { ClientTransactions } from './client-transactions.ts';
import { filterOrNone } from './later-options.ts';
import { MESSAGES_TYPE } from './message-codec.ts';
import type { Call, Transport } from './transport.ts';
import { queryOf } from './wire.ts';

const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 5000 };

export interface HttpClientOptions {
  readonly transport: Transport;
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Random, so that ids and members of two clients never meet. */
  readonly instanceId: string;
  /** What can be reached through this client alone, and is closed with it, in this order. */
  readonly behind: readonly Closable[];
}

export class HttpClient implements calls.Broker {
  readonly name: string = 'http-client';
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #requests: Requests;
  readonly #rules: ClientRules;
  readonly #operator: ClientOperator;
  readonly #outbox: Outbox;
  readonly #transactions: ClientTransactions;
  readonly #halves: ClientHalves;
  readonly #memberId: string;

  constructor({ transport, capabilities, limits, clock, instanceId, behind }: HttpClientOptions) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#requests = new Requests({ transport, clock, behind });
    this.#rules = new ClientRules(this, this.#requests);
    this.#operator = new ClientOperator(this.#rules, this.#requests);
    this.#outbox = new Outbox({ rules: this, sender: new Sender(transport, clock), instanceId });
    const parts = { rules: this.#rules, requests: this.#requests, outbox: this.#outbox };
    this.#transactions = new ClientTransactions(parts);
    this.#halves = new ClientHalves(parts);
    this.#memberId = `member-${instanceId}`;
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const path = this.#rules.pathOf(topic);
    await this.#requests.put(path, asking.topicOptions(options), SAFE_DONE);
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#requests.delete(this.#rules.pathOf(topic), DONE);
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#requests.checkOpen();
    checkOptions('options', options, ['topic']);
    if (options?.topic === undefined) return answers.readDescriptions(await this.#requests.get('/topics'));
    return [answers.readDescription(await this.#requests.get(this.#rules.pathOf(options.topic)))];
  }

  async createGroup(topic: string, group: string, options?: GroupOptions): Promise<void> {
    const path = this.#rules.groupPath(topic, group);
    await this.#requests.put(path, asking.groupOptions(options), SAFE_DONE);
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    await this.#requests.delete(this.#rules.groupPath(topic, group), DONE);
  }

  async send(topic: string, message: Message, options?: calls.SendOptions): Promise<Receipt> {
    return this.#outbox.one(this.#rules.pathOf(topic, 'messages'), message, this.#roomOf(options));
  }

  async sendBatch(topic: string, messages: readonly Message[], options?: calls.SendOptions): Promise<BatchReceipt> {
    return this.#outbox.many(this.#rules.pathOf(topic, 'messages'), messages, this.#roomOf(options));
  }

  async receive(topic: string, options: calls.ReceiveOptions = {}): Promise<readonly Delivery[]> {
    const path = this.#rules.pathOf(topic, 'deliveries');
    const { signal, waitMs, filter } = sending.checkReceiveOptions(options, this);
    const { memberId = this.#memberId, signal: _, ...rest } = options;
    const answer = await this.#requests.claim(
      path,
      { ...rest, memberId, filter: filterOrNone(filter) },
      { waitMs, signal },
    );
    return answer === undefined ? [] : answers.readDeliveries(answer);
  }

  async ack(deliveries: readonly DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void> {
    this.#rules.need('lease', 'ack');
    reading.checkRefs(deliveries, this);
    const cumulative = reading.checkAckOptions(options);
    await ackByTopic(deliveries, async (topic, refs) => {
      await this.#requests.post(
        this.#rules.pathOf(topic, 'deliveries', 'ack'),
        { deliveries: refs, cumulative },
        SAFE_DONE,
      );
    });
  }

  async nack(delivery: DeliveryRef, options?: calls.NackOptions): Promise<void> {
    this.#rules.need('lease', 'nack');
    reading.checkRefs([delivery], this);
    reading.checkNackOptions(options, this);
    const path = this.#rules.pathOf(delivery.topic, 'deliveries', 'nack');
    await this.#requests.post(path, { ...options, delivery: refOf(delivery) }, DONE);
  }

  async extendLease(delivery: DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    this.#rules.need('lease', 'extendLease');
    reading.checkRefs([delivery], this);
    const leaseMs = reading.checkExtendOptions(options, this);
    const path = this.#rules.pathOf(delivery.topic, 'deliveries', 'extend');
    return answers.readLeaseEnd(await this.#requests.post(path, { leaseMs, delivery: refOf(delivery) }, SAFE));
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    this.#rules.need('lease', 'leave');
    const { group, memberId = this.#memberId } = reading.checkLeaveOptions(options, this);
    const path = this.#rules.pathOf(topic, 'groups', group, 'members', memberId);
    await this.#requests.delete(path, SAFE_DONE);
  }

  async browse(topic: string, options?: calls.BrowseOptions): Promise<readonly BrowsedRecord[]> {
    this.#rules.need('browse', 'browse');
    const { group } = reading.checkBrowseOptions(options, this);
    const { partition, max, after } = options ?? {};
    const path = this.#rules.pathOf(topic, 'groups', group, 'messages') + queryOf({ partition, max, after });
    return answers.readBrowsed(await this.#requests.get(path));
  }

  async fetch(topic: string, options?: calls.FetchOptions): Promise<calls.FetchResult> {
    this.#rules.need('offsets', 'fetch');
    const name = asking.nameOf('topic', topic, this.limits);
    const { signal, waitMs, partition, offset } = reading.checkFetchOptions(options, this);
    const { signal: _, ...query } = options ?? {};
    const path = this.#rules.pathOf(topic, 'messages');
    const headers = { accept: `${MESSAGES_TYPE}, application/json` };
    const callOf = (leftMs: number): Call => {
      const asked = path + queryOf({ ...query, waitMs: leftMs === 0 ? undefined : leftMs });
      return { method: 'GET', path: asked, headers, signal, isRepeatable: true };
    };
    const answer = await this.#requests.poll({ waitMs, signal, callOf });
    // Closed while it waited: nothing was read, and nothing is known of the log but that the offset was in it.
    if (answer === undefined) return { records: [], nextOffset: offset, logStartOffset: offset, highWatermark: offset };
    return fetchedIn(answer, { topic: name, partition });
  }

  async commit(topic: string, options: calls.OffsetOptions & { readonly offset: number }): Promise<number> {
    this.#rules.need('offsets', 'commit');
    const path = this.#offsetPath(topic, options, ['offset']);
    const { partition } = options;
    const offset = reading.checkOffset('options.offset', options.offset);
    return answers.readOffset(await this.#requests.put(path, { op: 'commit', partition, offset }, SAFE));
  }

  async committed(topic: string, options: calls.OffsetOptions): Promise<number> {
    this.#rules.need('offsets', 'committed');
    const path = this.#offsetPath(topic, options);
    return answers.readOffset(await this.#requests.get(path + queryOf({ partition: options.partition })));
  }

  async seek(topic: string, options: calls.OffsetOptions & { readonly to: SeekTarget }): Promise<number> {
    this.#rules.need('offsets', 'seek');
    const path = this.#offsetPath(topic, options, ['to']);
    const { partition } = options;
    const to = reading.checkSeekTarget('options.to', options.to, this);
    return answers.readOffset(await this.#requests.put(path, { op: 'seek', partition, to }));
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
  subscribe = unsupported('push', 'subscribe');

  explain: Required<calls.Broker>['explain'] = (...args) => this.#operator.explain(...args);
  inspect: Required<calls.Broker>['inspect'] = (...args) => this.#operator.inspect(...args);

  async close(options?: calls.CloseOptions): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const timeoutMs = checkInteger('options.timeoutMs', options?.timeoutMs, CLOSE_TIMEOUT);
    await this.#requests.close(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A partition that nobody asked for is not asked for: which one it is then, the broker decides. */
  #roomOf(options: calls.SendOptions | undefined): RoomOptions {
    const { signal, timeoutMs } = sending.checkSendOptions(options, this);
    const room = { partition: options?.partition, signal, timeoutMs };
    const stamp = checkProducer('options.producer', options?.producer, this);
    return stamp === undefined ? room : { ...room, query: { ...stamp }, isRepeatable: true };
  }

  #offsetPath(topic: string, options: calls.OffsetOptions, more: readonly string[] = []): string {
    return this.#rules.pathOf(topic, 'groups', reading.checkOffsetOptions(options, this, more), 'offset');
  }
}
