/**
 * Messages that go to the broker as one batch, and each of them as the send that waits for it.
 *
 *     send a --\                                    /--> receipt of a: baseOffset
 *     send b ---+--> [ a b c ] -- sendBatch --> receipt --> receipt of b: baseOffset + 1
 *     send c --/                                    \--> receipt of c: baseOffset + 2
 *
 * Always true: every send is settled once, with its own receipt or error; a batch is repeated as a whole, with the same
 * ids in the same order. One that the broker refuses for what is in it is taken apart in halves until the guilty message
 * is alone: its neighbours are not refused for it. All sends of a batch wait for one promise, each with its place: what
 * waits longest in a busy process is what its memory is collected for. Producer calls it.
 */
import type { Broker, SendOptions } from '../contract/broker.ts';
import { type ErrorCode, isMqError } from '../contract/errors.ts';
import type { BatchReceipt, Message, Receipt } from '../contract/message.ts';
import type { SentCopy } from './sent-copy.ts';
import type { Round } from './tally.ts';

/** What became of the message at a place of a batch; throws why it was refused. */
export type Outcome = (place: number) => Receipt | Promise<Receipt>;

export class MessageBatch {
  readonly messages: SentCopy[] = [];
  /** Of the send of each message. */
  readonly rounds: Round[] = [];
  /** Of the contents together. */
  bytes = 0;
  readonly #outcome = Promise.withResolvers<Outcome>();

  get count(): number {
    return this.messages.length;
  }

  /** Settles when the batch is told. */
  add(message: SentCopy, { round, bytes }: { readonly round: Round; readonly bytes: number }): Promise<Receipt> {
    const place = this.messages.length;
    this.messages.push(message);
    this.rounds.push(round);
    this.bytes += bytes;
    return this.#outcome.promise.then((outcome) => outcome(place));
  }

  /** Gives an id to those that have none: of numbers that follow each other, which take no room in a stored batch. */
  identify(idOf: (place: number) => string): void {
    for (let place = 0; place < this.count; place += 1) {
      const message = this.messages[place] as SentCopy;
      if (message.id === undefined) message.id = idOf(place);
    }
  }

  tell(outcome: Outcome): void {
    this.#outcome.resolve(outcome);
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
  /** Called just before the sends at these places are told. */
  readonly onSettled: (from: number, below: number) => void;
  /** What a send is told instead of `error`. */
  readonly errorOf: (error: unknown) => unknown;
}

/** Messages of a batch that follow each other. */
export interface BatchPart {
  readonly messages: readonly Message[];
  /** Place of the first of them. */
  readonly from: number;
}

/** Sends them all and tells what became of each; never rejects. Resolves to the last error there was, if any. */
export async function sendAll(part: BatchPart, call: BatchCall, tell: (outcome: Outcome) => void): Promise<unknown> {
  const { messages, from } = part;
  const { onSettled, errorOf } = call;
  try {
    const outcome = await sendPart(part, call);
    onSettled(from, from + messages.length);
    tell(outcome);
    return undefined;
  } catch (error) {
    if (messages.length > 1 && isMqError(error) && ABOUT_CONTENT.has(error.code)) {
      return await sendHalves(part, call, tell);
    }
    const told = errorOf(error);
    onSettled(from, from + messages.length);
    tell(() => {
      throw told;
    });
    return error;
  }
}

async function sendPart({ messages, from }: BatchPart, { broker, topic, make }: BatchCall): Promise<Outcome> {
  const [first] = messages;
  if (first !== undefined && messages.length === 1) {
    const receipt = await make(1, (options) => broker.send(topic, first, options));
    return () => receipt;
  }
  const receipt = await make(messages.length, (options) => broker.sendBatch(topic, messages, options));
  return (place) => receiptAt(receipt, place - from, messages);
}

/** One after the other: the order stays. */
async function sendHalves({ messages, from }: BatchPart, call: BatchCall, tell: (outcome: Outcome) => void) {
  const count = Math.ceil(messages.length / 2);
  const middle = from + count;
  const [before, after] = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
  tell((place) => (place < middle ? before : after).promise.then((outcome) => outcome(place)));
  const earlier = await sendAll({ messages: messages.slice(0, count), from }, call, before.resolve);
  return (await sendAll({ messages: messages.slice(count), from: middle }, call, after.resolve)) ?? earlier;
}

function receiptAt(receipt: BatchReceipt, index: number, messages: readonly Message[]): Receipt {
  const { topic, partition, baseOffset, ids, durability, isDuplicate } = receipt;
  const offset = baseOffset === null ? null : baseOffset + index;
  const id = ids[index] ?? String(messages[index]?.id);
  if (isDuplicate === undefined) return { topic, partition, offset, id, durability };
  return { topic, partition, offset, id, durability, isDuplicate };
}
