/**
 * A broker with partitions, in a few lines, that a test can hold back and make fail: it keeps what was sent per partition
 * and writes down every call.
 */

import type { Broker, SendOptions } from '../../contract/broker.ts';
import type { Capability } from '../../contract/capabilities.ts';
import { MqError } from '../../contract/errors.ts';
import { LIMITS, type Limits } from '../../contract/limits.ts';
import type { BatchReceipt, Message, Receipt } from '../../contract/message.ts';
import { crc32cOfText } from '../../crc32c.ts';

/** One call of `send` or `sendBatch`, as it came. */
export interface SendCall {
  readonly operation: 'send' | 'sendBatch';
  readonly bodies: readonly string[];
  readonly ids: readonly (string | undefined)[];
  readonly partition: number | undefined;
  readonly timeoutMs: number | undefined;
}

export interface PartitionedBrokerOptions {
  readonly partitionCount?: number;
  /** False: the topic comes into being with the first send. */
  readonly isKnown?: boolean;
  readonly capabilities?: readonly Capability[];
  readonly limits?: Partial<Limits>;
}

export class PartitionedBroker {
  readonly calls: SendCall[] = [];
  describeCount = 0;
  /** Bodies by partition, in the order of their offsets. */
  partitions: string[][];
  /** Called before each send takes effect; may throw. */
  beforeSend: (call: SendCall) => unknown = () => undefined;
  /** Called when it has taken effect; may throw. */
  afterSend: () => unknown = () => undefined;
  beforeDescribe: () => unknown = () => undefined;
  isKnown: boolean;
  readonly broker: Broker;
  #turn = 0;

  constructor({ partitionCount = 1, isKnown = true, capabilities, limits }: PartitionedBrokerOptions = {}) {
    this.partitions = Array.from({ length: partitionCount }, () => []);
    this.isKnown = isKnown;
    const refuse = () => Promise.reject(new MqError('MQ_INTERNAL', 'this broker only takes'));
    const others = [
      'createTopic',
      'deleteTopic',
      'createGroup',
      'deleteGroup',
      'receive',
      'ack',
      'nack',
      'extendLease',
    ];
    const more = ['leave', 'browse', 'fetch', 'commit', 'committed', 'seek', 'begin', 'subscribe', 'close'];
    this.broker = {
      ...Object.fromEntries([...others, ...more].map((name) => [name, refuse])),
      capabilities: new Set(capabilities ?? ['send', 'receive', 'batch', 'partitions', 'delay']),
      limits: { ...LIMITS, ...limits },
      send: (_topic: string, message: Message, options?: SendOptions) => this.#send(message, options),
      sendBatch: (_topic: string, messages: readonly Message[], options?: SendOptions) =>
        this.#sendBatch(messages, options),
      describeTopics: () => this.#describe(),
    } as unknown as Broker;
  }

  /** What was sent in each call, such as `a+b`. */
  get sent(): string[] {
    return this.calls.map(({ bodies }) => bodies.join('+'));
  }

  async #send(message: Message, options: SendOptions | undefined): Promise<Receipt> {
    const { baseOffset, ...receipt } = await this.#store('send', [message], options);
    const offset = message.delayMs === undefined ? baseOffset : null;
    const deliverAt = message.delayMs === undefined ? {} : { deliverAt: message.delayMs };
    return { ...receipt, offset, id: message.id ?? '', ...deliverAt };
  }

  async #sendBatch(messages: readonly Message[], options: SendOptions | undefined): Promise<BatchReceipt> {
    const receipt = await this.#store('sendBatch', messages, options);
    return { ...receipt, count: messages.length, ids: messages.map(({ id }) => id ?? '') };
  }

  async #store(operation: SendCall['operation'], messages: readonly Message[], options: SendOptions | undefined) {
    const bodies = messages.map(({ body }) => String(body));
    const call = {
      operation,
      bodies,
      ids: messages.map(({ id }) => id),
      partition: options?.partition,
      timeoutMs: options?.timeoutMs,
    };
    this.calls.push(call);
    await this.beforeSend(call);
    this.isKnown = true;
    const partition = call.partition ?? this.#choose(messages);
    const stored = this.partitions[partition];
    if (stored === undefined) throw invalid('options.partition');
    stored.push(...bodies);
    const baseOffset = stored.length - bodies.length;
    await this.afterSend();
    return { topic: 't', partition, baseOffset, durability: 'memory' } as const;
  }

  #choose(messages: readonly Message[]): number {
    const count = this.partitions.length;
    if (count === 1) return 0;
    const chosen = new Set(messages.map(({ key }) => (key === undefined ? -1 : crc32cOfText(key) % count)));
    if (chosen.size > 1) throw invalid('messages');
    const [partition = -1] = chosen;
    if (partition >= 0) return partition;
    this.#turn += 1;
    return this.#turn % count;
  }

  async #describe(): Promise<unknown> {
    this.describeCount += 1;
    await this.beforeDescribe();
    if (!this.isKnown) throw new MqError('MQ_UNKNOWN_TOPIC', 'there is no topic "t"');
    return [{ topic: 't', partitionCount: this.partitions.length, groups: [] }];
  }
}

function invalid(path: string): MqError {
  return new MqError('MQ_INVALID_ARGUMENT', `${path} is wrong`, { details: { path } });
}
