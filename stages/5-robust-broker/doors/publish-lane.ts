/**
 * What one caller publishes to one topic: messages that come in one turn leave as one batch.
 *
 *     a b c -- one turn --> [ awaited? ] --> sendBatch(a b c) --> each has its receipt, or its own refusal
 *     d     -- alone -----> [ awaited? ] --> send(d)
 *
 * Always true (I29): messages are given to the broker in the order in which they came; each is told what became of itself: a
 * batch that is refused because of some of its messages is sent again one by one; nothing waits longer than the turn in which
 * it came, but for the question whether anybody awaits the topic. Only the Exchange uses it.
 */
import type { Broker, SendOptions } from '../../../shared/contract/broker.ts';
import { type ErrorCode, isMqError } from '../../../shared/contract/errors.ts';
import type { BatchReceipt, Message, Receipt } from '../../../shared/contract/message.ts';

/** Of one batch: enough to share what a batch costs, and too little to keep others waiting. */
const BATCH_COUNT_MAX = 512;
const BATCH_BYTES_MAX = 1024 * 1024;
/** What a batch is refused for because of one of its messages: alone, each gets what it deserves. */
const OF_SOME: ReadonlySet<ErrorCode> = new Set([
  'MQ_BATCH_TOO_LARGE',
  'MQ_DUPLICATE_ID',
  'MQ_INVALID_ARGUMENT',
  'MQ_LIMIT_EXCEEDED',
  'MQ_MESSAGE_TOO_LARGE',
  'MQ_NOT_SUPPORTED',
  'MQ_QUEUE_FULL',
  'MQ_RATE_LIMITED',
]);

export interface PublishLaneOptions {
  /** As the caller may use it. */
  readonly view: Broker;
  readonly topic: string;
  /** False: whatever waits is dropped. */
  readonly isAwaited: () => Promise<boolean> | true;
  /** It has nothing to do until the next message. */
  readonly onIdle: () => void;
}

/** Who published a message: one of the two is called once. Neither throws. */
export interface Awaiting {
  /** Null: nobody awaits the topic. */
  published(receipt: Receipt | null): void;
  refused(error: unknown): void;
}

interface Waiting {
  readonly message: Message;
  readonly options: SendOptions;
  readonly awaiting: Awaiting;
}

/** True for a message that may share a batch: no key that asks for a partition, no time of its own. */
export function mayShareBatch({ key, delayMs, deliverAt }: Message, { partition, producer }: SendOptions): boolean {
  return key === undefined && delayMs === undefined && deliverAt === undefined && (partition ?? producer) === undefined;
}

export class PublishLane {
  readonly #options: PublishLaneOptions;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(options: PublishLaneOptions) {
    this.#options = options;
  }

  /** It has nothing to do now. */
  get isIdle(): boolean {
    return !this.#isRunning;
  }

  add(message: Message, options: SendOptions, awaiting: Awaiting): void {
    this.#waiting.push({ message, options, awaiting });
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => void this.#run());
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { isAwaited, onIdle } = this.#options;
    while (this.#waiting.length > 0) {
      const awaited = isAwaited();
      const now = this.#waiting;
      this.#waiting = [];
      try {
        if (awaited !== true && !(await awaited)) for (const { awaiting } of now) awaiting.published(null);
        else this.#sendAll(now);
      } catch (error) {
        for (const { awaiting } of now) awaiting.refused(error);
      }
    }
    this.#isRunning = false;
    onIdle();
  }

  /** Given to the broker before this returns, all of them. */
  #sendAll(all: readonly Waiting[]): void {
    for (let from = 0; from < all.length; ) {
      const batch = batchAt(all, from);
      const [first] = batch;
      if (batch.length > 1) void this.#sendBatch(batch);
      else if (first !== undefined) void this.#send(first);
      from += batch.length;
    }
  }

  /** Never rejects. */
  async #send({ message, options, awaiting }: Waiting): Promise<void> {
    const { view, topic } = this.#options;
    let receipt: Receipt;
    try {
      receipt = await view.send(topic, message, options);
    } catch (error) {
      awaiting.refused(error);
      return;
    }
    awaiting.published(receipt);
  }

  /** Never rejects. */
  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const { view, topic } = this.#options;
    let receipt: BatchReceipt;
    try {
      const messages = batch.map(({ message }) => message);
      receipt = await view.sendBatch(topic, messages, batch[0]?.options);
    } catch (error) {
      this.#refused(batch, error);
      return;
    }
    for (const [index, { awaiting }] of batch.entries()) awaiting.published(receiptAt(receipt, index));
  }

  #refused(batch: readonly Waiting[], error: unknown): void {
    const isOfSome = isMqError(error) && OF_SOME.has(error.code);
    for (const waiting of batch) {
      if (isOfSome) void this.#send(waiting);
      else waiting.awaiting.refused(error);
    }
  }
}

/** As many neighbours as may share a batch, and one at least. */
function batchAt(all: readonly Waiting[], from: number): readonly Waiting[] {
  const first = all[from];
  if (first === undefined || !mayShareBatch(first.message, first.options)) return all.slice(from, from + 1);
  let bytes = 0;
  let end = from;
  for (; end < Math.min(all.length, from + BATCH_COUNT_MAX); end += 1) {
    const { message, options } = all[end] ?? first;
    bytes += message.body.length;
    const isAlike = options.signal === first.options.signal && options.timeoutMs === first.options.timeoutMs;
    if (end > from && (!isAlike || bytes > BATCH_BYTES_MAX || !mayShareBatch(message, options))) break;
  }
  return all.slice(from, end);
}

function receiptAt({ topic, partition, baseOffset, ids, durability }: BatchReceipt, index: number): Receipt {
  const offset = baseOffset === null ? null : baseOffset + index;
  return { topic, partition, offset, id: ids[index] ?? '', durability };
}
