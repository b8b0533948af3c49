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
  /** It has nothing to do any more. */
  readonly onIdle: () => void;
}

interface Waiting {
  readonly message: Message;
  readonly options: SendOptions;
  readonly resolve: (receipt: Receipt | null | Promise<Receipt>) => void;
  readonly reject: (error: unknown) => void;
}

/** True for a message that may share a batch: no key that asks for a partition, no time of its own. */
export function mayShareBatch({ key, delayMs, deliverAt }: Message, { partition, producer }: SendOptions): boolean {
  return key === undefined && delayMs === undefined && deliverAt === undefined && (partition ?? producer) === undefined;
}

export class PublishLane {
  readonly #options: PublishLaneOptions;
  #waiting: Waiting[] = [];

  constructor(options: PublishLaneOptions) {
    this.#options = options;
    queueMicrotask(() => void this.#run());
  }

  /** Resolves to null when nobody awaits the topic. */
  add(message: Message, options: SendOptions): Promise<Receipt | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, options, resolve, reject });
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { isAwaited, onIdle } = this.#options;
    while (this.#waiting.length > 0) {
      const awaited = isAwaited();
      const now = this.#waiting;
      this.#waiting = [];
      try {
        if (awaited !== true && !(await awaited)) for (const { resolve } of now) resolve(null);
        else this.#sendAll(now);
      } catch (error) {
        for (const { reject } of now) reject(error);
      }
    }
    onIdle();
  }

  /** Given to the broker before this returns, all of them. */
  #sendAll(all: readonly Waiting[]): void {
    for (let from = 0; from < all.length; ) {
      const batch = batchAt(all, from);
      const [first] = batch;
      if (batch.length > 1) void this.#sendBatch(batch);
      else if (first !== undefined) first.resolve(this.#send(first));
      from += batch.length;
    }
  }

  #send({ message, options }: Waiting): Promise<Receipt> {
    return this.#options.view.send(this.#options.topic, message, options);
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const { view, topic } = this.#options;
    try {
      const messages = batch.map(({ message }) => message);
      const receipt = await view.sendBatch(topic, messages, batch[0]?.options);
      for (const [index, { resolve }] of batch.entries()) resolve(receiptAt(receipt, index));
    } catch (error) {
      const isOfSome = isMqError(error) && OF_SOME.has(error.code);
      for (const waiting of batch) {
        if (isOfSome) waiting.resolve(this.#send(waiting));
        else waiting.reject(error);
      }
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
