/**
 * The Broker contract over HTTP.
 *
 *     caller --> HttpClient --> requests of docs/protocol-http.md --> server --> its Broker
 *
 * Always true: what the broker behind the server promises, a caller here gets, with the errors a wire adds
 * (`MQ_UNREACHABLE`, `MQ_CONNECTION_LOST`, `MQ_TIMEOUT`, `MQ_PROTOCOL`). A message has its id before it is first sent and
 * keeps it. A send whose answer is lost is never repeated here: it might be stored twice, and only the caller knows
 * whether that matters. Made by `createClient`.
 */
import type { Clock } from '../../shared/clock.ts';
import type * as calls from '../../shared/contract/broker.ts';
import { type Capability, unsupported } from '../../shared/contract/capabilities.ts';
import type { GroupOptions, SeekTarget, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Inside } from '../../shared/contract/inside.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type {
  BatchReceipt,
  BrowsedRecord,
  Delivery,
  DeliveryRef,
  Message,
  Receipt,
} from '../../shared/contract/message.ts';
import { checkBatch, checkInteger, checkMessage, checkName, checkOptions } from '../../shared/contract/validation.ts';
import * as sending from '../1-blocking-queue/checked-options.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import { ackByTopic, refOf } from './client-ack.ts';
import { fetchedIn } from './client-fetch.ts';
import { outgoing, Sender } from './client-send.ts';
import { type Json, recordOf } from './json-message.ts';
import { MESSAGES_TYPE } from './message-codec.ts';
import type { Answer, Call, Transport } from './transport.ts';
import { arrayIn, JSON_HEADERS, numberIn, objectIn, pathOf, queryOf } from './wire.ts';

const CLOSE_TIMEOUT = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 5000 };

type Repeatable = Pick<Call, 'isRepeatable'>;
const REPEATABLE: Repeatable = { isRepeatable: true };

export interface HttpClientOptions {
  readonly transport: Transport;
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Random, so that ids and members of two clients never meet. */
  readonly instanceId: string;
}

export class HttpClient implements calls.Broker {
  readonly name: string = 'http-client';
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #transport: Transport;
  readonly #sender: Sender;
  readonly #instanceId: string;
  readonly #memberId: string;
  #idCount = 0;
  #isClosed = false;

  constructor({ transport, capabilities, limits, clock, instanceId }: HttpClientOptions) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#transport = transport;
    this.#sender = new Sender(transport, clock);
    this.#instanceId = instanceId;
    this.#memberId = `member-${instanceId}`;
  }

  async createTopic(topic: string, options?: TopicOptions): Promise<void> {
    const path = this.#pathOf(topic);
    checkOptions('options', options, ['messagesMax', 'bytesMax', 'overflow', 'partitionCount']);
    await this.#put(path, options ?? {});
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#transport.request({ method: 'DELETE', path: this.#pathOf(topic) });
  }

  async describeTopics(options?: { readonly topic?: string }): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    checkOptions('options', options, ['topic']);
    if (options?.topic === undefined) return arrayIn(await this.#get('/topics'), 'topics');
    return [objectIn(await this.#get(this.#pathOf(options.topic))) as unknown as TopicDescription];
  }

  async createGroup(topic: string, group: string, options?: GroupOptions): Promise<void> {
    const path = this.#groupPath(topic, group);
    checkOptions('options', options, ['start', 'isEphemeral', 'onOutOfRange', 'mode']);
    await this.#put(path, options ?? {});
  }

  async deleteGroup(topic: string, group: string): Promise<void> {
    await this.#transport.request({ method: 'DELETE', path: this.#groupPath(topic, group) });
  }

  async send(topic: string, message: Message, options?: calls.SendOptions): Promise<Receipt> {
    const path = this.#pathOf(topic, 'messages');
    const checked = checkMessage('message', message, this.limits);
    sending.checkMessageOptions('message', message, this);
    const room = sending.checkSendOptions(options, this);
    const leaving = outgoing(message, checked, this.#nextId);
    return objectIn(await this.#sender.sendOne(path, leaving, room)) as unknown as Receipt;
  }

  async sendBatch(topic: string, messages: readonly Message[], options?: calls.SendOptions): Promise<BatchReceipt> {
    const path = this.#pathOf(topic, 'messages');
    const leaving = checkBatch('messages', messages, this.limits).map((checked, index) => {
      const message = messages[index] ?? checked;
      sending.checkMessageOptions(`messages[${index}]`, message, this);
      return outgoing(message, checked, this.#nextId);
    });
    const room = sending.checkSendOptions(options, this);
    return objectIn(await this.#sender.sendMany(path, leaving, room)) as unknown as BatchReceipt;
  }

  async receive(topic: string, options: calls.ReceiveOptions = {}): Promise<readonly Delivery[]> {
    const path = this.#pathOf(topic, 'deliveries');
    const { signal, waitMs } = sending.checkReceiveOptions(options, this);
    const { memberId = this.#memberId, signal: _, ...rest } = options;
    const body = JSON.stringify({ ...rest, memberId });
    const answer = await this.#poll({ method: 'POST', path, headers: JSON_HEADERS, body, signal, waitMs });
    return answer === undefined ? [] : arrayIn<Json<Delivery>>(answer, 'deliveries').map(recordOf<Delivery>);
  }

  async ack(deliveries: readonly DeliveryRef[], options?: { readonly cumulative?: boolean }): Promise<void> {
    this.#need('lease', 'ack');
    reading.checkRefs(deliveries, this);
    const cumulative = reading.checkAckOptions(options);
    await ackByTopic(deliveries, async (topic, refs) => {
      await this.#post(this.#pathOf(topic, 'deliveries', 'ack'), { deliveries: refs, cumulative }, REPEATABLE);
    });
  }

  async nack(delivery: DeliveryRef, options?: calls.NackOptions): Promise<void> {
    this.#need('lease', 'nack');
    reading.checkRefs([delivery], this);
    reading.checkNackOptions(options, this);
    const path = this.#pathOf(delivery.topic, 'deliveries', 'nack');
    await this.#post(path, { ...options, delivery: refOf(delivery) });
  }

  async extendLease(delivery: DeliveryRef, options?: { readonly leaseMs?: number }): Promise<number> {
    this.#need('lease', 'extendLease');
    reading.checkRefs([delivery], this);
    const leaseMs = reading.checkExtendOptions(options, this);
    const path = this.#pathOf(delivery.topic, 'deliveries', 'extend');
    return numberIn(await this.#post(path, { leaseMs, delivery: refOf(delivery) }, REPEATABLE), 'leaseExpiresAt');
  }

  async leave(topic: string, options?: { readonly group?: string; readonly memberId?: string }): Promise<void> {
    this.#need('lease', 'leave');
    const { group, memberId = this.#memberId } = reading.checkLeaveOptions(options, this);
    const path = this.#pathOf(topic, 'groups', group, 'members', memberId);
    await this.#transport.request({ method: 'DELETE', path, isRepeatable: true });
  }

  async browse(topic: string, options?: calls.BrowseOptions): Promise<readonly BrowsedRecord[]> {
    this.#need('browse', 'browse');
    const { group } = reading.checkBrowseOptions(options, this);
    const { partition, max, after } = options ?? {};
    const path = this.#pathOf(topic, 'groups', group, 'messages') + queryOf({ partition, max, after });
    return arrayIn<Json<BrowsedRecord>>(await this.#get(path), 'records').map(recordOf<BrowsedRecord>);
  }

  async fetch(topic: string, options?: calls.FetchOptions): Promise<calls.FetchResult> {
    this.#need('offsets', 'fetch');
    const name = this.#nameOf('topic', topic);
    const { signal, waitMs, partition, offset } = reading.checkFetchOptions(options, this);
    const { signal: _, ...query } = options ?? {};
    const path = this.#pathOf(topic, 'messages') + queryOf(query);
    const headers = { accept: `${MESSAGES_TYPE}, application/json` };
    const answer = await this.#poll({ method: 'GET', path, headers, signal, waitMs, isRepeatable: true });
    // Closed while it waited: nothing was read, and nothing is known of the log but that the offset was in it.
    if (answer === undefined) return { records: [], nextOffset: offset, logStartOffset: offset, highWatermark: offset };
    return fetchedIn(answer, { topic: name, partition });
  }

  async commit(topic: string, options: calls.OffsetOptions & { readonly offset: number }): Promise<number> {
    this.#need('offsets', 'commit');
    const path = this.#offsetPath(topic, options, ['offset']);
    const { partition } = options;
    const offset = reading.checkOffset('options.offset', options.offset);
    return numberIn(await this.#put(path, { op: 'commit', partition, offset }), 'offset');
  }

  async committed(topic: string, options: calls.OffsetOptions): Promise<number> {
    this.#need('offsets', 'committed');
    const path = this.#offsetPath(topic, options);
    return numberIn(await this.#get(path + queryOf({ partition: options.partition })), 'offset');
  }

  async seek(topic: string, options: calls.OffsetOptions & { readonly to: SeekTarget }): Promise<number> {
    this.#need('offsets', 'seek');
    const path = this.#offsetPath(topic, options, ['to']);
    const { partition } = options;
    const to = reading.checkSeekTarget('options.to', options.to, this);
    return numberIn(await this.#put(path, { op: 'seek', partition, to }, {}), 'offset');
  }

  begin = unsupported('transactions', 'begin');
  subscribe = unsupported('push', 'subscribe');

  async inspect(topic: string, options?: { readonly max?: number }): Promise<Inside> {
    const path = this.#pathOf(topic, 'inside');
    reading.checkInspectOptions(options, this);
    return objectIn(await this.#get(path + queryOf({ max: options?.max }))) as unknown as Inside;
  }

  async close(options?: calls.CloseOptions): Promise<void> {
    checkOptions('options', options, ['timeoutMs']);
    const timeoutMs = checkInteger('options.timeoutMs', options?.timeoutMs, CLOSE_TIMEOUT);
    this.#isClosed = true;
    await this.#transport.close(timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #nextId = (): string => {
    this.#idCount += 1;
    return `${this.#instanceId}-${this.#idCount}`;
  };

  #checkOpen(): void {
    if (this.#isClosed) throw new MqError('MQ_CLOSED', 'the client is closed');
  }

  #need(capability: Capability, operation: string): void {
    this.#checkOpen();
    sending.need(this, capability, operation);
  }

  /** A name as the broker will know it. Names with a `$` are the broker's own, and it says which of them exist. */
  #nameOf(path: string, name: string): string {
    return typeof name === 'string' && name.startsWith('$') ? name : checkName(path, name, this.limits);
  }

  #pathOf(topic: string, ...parts: string[]): string {
    this.#checkOpen();
    return pathOf('topics', this.#nameOf('topic', topic), ...parts);
  }

  #groupPath(topic: string, group: string): string {
    this.#need('groups', 'a group');
    return this.#pathOf(topic, 'groups', this.#nameOf('group', group));
  }

  #offsetPath(topic: string, options: calls.OffsetOptions, more: readonly string[] = []): string {
    return this.#pathOf(topic, 'groups', reading.checkOffsetOptions(options, this, more), 'offset');
  }

  #get(path: string): Promise<Answer> {
    return this.#transport.request({ method: 'GET', path, isRepeatable: true });
  }

  #put(path: string, body: object, repeatable: Repeatable = REPEATABLE): Promise<Answer> {
    return this.#transport.request({
      method: 'PUT',
      path,
      headers: JSON_HEADERS,
      body: JSON.stringify(body),
      ...repeatable,
    });
  }

  #post(path: string, body: object, repeatable: Repeatable = {}): Promise<Answer> {
    return this.#transport.request({
      method: 'POST',
      path,
      headers: JSON_HEADERS,
      body: JSON.stringify(body),
      ...repeatable,
    });
  }

  /** A request that may wait at the server; undefined when this client was closed meanwhile. */
  async #poll(call: Call): Promise<Answer | undefined> {
    try {
      return await this.#transport.request({ ...call, lane: call.waitMs === 0 ? 'calls' : 'polls' });
    } catch (error) {
      if (this.#isClosed && isMqError(error, 'MQ_CLOSED')) return undefined;
      throw error;
    }
  }
}
