/**
 * Messages that go to the broker as one batch, and each of them as the send that waits for it.
 *
 *     send a --\                                    /--> receipt of a: baseOffset
 *     send b ---+--> [ a b c ] -- sendBatch --> receipt --> receipt of b: baseOffset + 1
 *     send c --/                                    \--> receipt of c: baseOffset + 2
 *
 * Always true: every send is settled once, with its own receipt or error; a batch is repeated as a whole, with the same
 * ids in the same order. One that the broker refuses for what is in it is taken apart in halves until the guilty message
 * is alone: its neighbours are not refused for it. Producer calls it.
 */
import type { Broker, SendOptions } from '../contract/broker.ts';
import { type ErrorCode, isMqError } from '../contract/errors.ts';
import type { BatchReceipt, Message, Receipt } from '../contract/message.ts';
import type { Round } from './tally.ts';

/** A send that waits for its receipt. */
export interface WaitingSend {
  readonly message: Message;
  readonly round: Round;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

export class MessageBatch {
  readonly sends: WaitingSend[] = [];
  /** Of the contents together. */
  bytes = 0;

  get count(): number {
    return this.sends.length;
  }

  add(send: WaitingSend, bytes: number): void {
    this.sends.push(send);
    this.bytes += bytes;
  }
}

/** Said of what is in a batch, or of how much: one of its messages alone may be welcome. Nothing of it was stored. */
const ABOUT_CONTENT: ReadonlySet<ErrorCode> = new Set([
  ...(['MQ_INVALID_ARGUMENT', 'MQ_NOT_SUPPORTED', 'MQ_MESSAGE_TOO_LARGE', 'MQ_BATCH_TOO_LARGE'] as const),
  // Some of its ids were accepted before: each message alone is answered with its own receipt.
  'MQ_DUPLICATE_ID',
]);

export interface BatchCall {
  readonly broker: Broker;
  readonly topic: string;
  /** Calls the broker for `count` messages, again and again where that is sensible. */
  readonly make: <T>(count: number, call: (options: SendOptions) => Promise<T>) => Promise<T>;
  /** Called just before a send is settled. */
  readonly onSettled: (send: WaitingSend) => void;
  /** What a send is told instead of `error`. */
  readonly errorOf: (error: unknown) => unknown;
}

/** Sends them all and settles each; never rejects. Resolves to the last error there was, if any. */
export async function sendAll(sends: readonly WaitingSend[], call: BatchCall): Promise<unknown> {
  const { broker, topic, make, onSettled, errorOf } = call;
  const [first] = sends;
  if (first === undefined) return undefined;
  try {
    if (sends.length === 1) {
      const receipt = await make(1, (options) => broker.send(topic, first.message, options));
      onSettled(first);
      first.resolve(receipt);
    } else {
      const messages = sends.map(({ message }) => message);
      const receipt = await make(sends.length, (options) => broker.sendBatch(topic, messages, options));
      resolveAll(sends, receipt, onSettled);
    }
    return undefined;
  } catch (error) {
    if (sends.length > 1 && isMqError(error) && ABOUT_CONTENT.has(error.code)) {
      const middle = Math.ceil(sends.length / 2);
      // One after the other: the order stays.
      const before = await sendAll(sends.slice(0, middle), call);
      return (await sendAll(sends.slice(middle), call)) ?? before;
    }
    for (const send of sends) {
      onSettled(send);
      send.reject(errorOf(error));
    }
    return error;
  }
}

function resolveAll(sends: readonly WaitingSend[], receipt: BatchReceipt, onSettled: BatchCall['onSettled']): void {
  const { topic, partition, baseOffset, ids, durability, isDuplicate } = receipt;
  const again = isDuplicate === undefined ? {} : { isDuplicate };
  for (let index = 0; index < sends.length; index += 1) {
    const send = sends[index] as WaitingSend;
    const offset = baseOffset === null ? null : baseOffset + index;
    onSettled(send);
    send.resolve({ topic, partition, offset, id: ids[index] ?? String(send.message.id), durability, ...again });
  }
}
