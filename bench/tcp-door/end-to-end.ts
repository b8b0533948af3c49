/**
 * The ways of a message through stage 4, from a client to the disk and back to the client:
 *
 *     opaque    appendBatch  -> fetchBatches             bytes made before the load begins, never taken apart
 *     log       Producer     -> LogConsumer              a Message in, a StoredRecord out
 *     queue     sendBatch    -> receive, ack one by one  a Message in, a Delivery out, each named in an ack of its own
 *     comfort   Producer     -> Consumer                 the same by the classes people use
 *
 * Always true: all start with the first message and end when the last one has come; sends are bounded by a window, as a
 * Producer's are.
 */
import { Consumer, LogConsumer, Producer } from '../../shared/client/index.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { numberIn } from '../tally.ts';
import { FETCH_BYTES_MAX, IDLE_MS_MAX, type Place } from './door-run.ts';
import { BATCH_COUNT, forEachNumber, numberedMessages } from './numbered-batches.ts';

/** Batches without an answer. */
const BATCHES_COUNT_MAX = 64;
/** Messages without an answer: half of what a Producer may hold. */
const SENDS_COUNT_MAX = 32 * 1024;
const RECEIVE_COUNT = 1024;
/** Receives at the same time: one is answered while another one is worked on. */
const RECEIVERS_COUNT = 4;
const GROUP = 'bench';

/** Stored bytes in, stored bytes out. */
export async function passBatches(place: Place, batches: readonly Uint8Array[]): Promise<undefined> {
  const reading = readBatches(place);
  await appendBatches(place, batches);
  await reading;
  return undefined;
}

/** Appends all of them, a window of them without an answer. */
export async function appendBatches(
  { sender, topic, tally }: Pick<Place, 'sender' | 'topic' | 'tally'>,
  batches: readonly Uint8Array[],
): Promise<void> {
  let number = 0;
  const rest = batches.values();
  const appendRest = async (): Promise<void> => {
    for (const batch of rest) {
      const first = number;
      number += forEachNumber(batch, () => {});
      const { count } = (await sender.appendBatch?.(topic, batch)) ?? { count: 0 };
      for (let each = first; each < first + count; each += 1) tally.sent(each);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_COUNT_MAX }, appendRest));
}

/** As much of a broker as reading stored bytes needs. */
export type BatchReader = Pick<Broker, 'fetchBatches'>;

/** Reads `count` messages from `offset` on. */
export async function readBatches(
  { reader, topic, tally, count }: Pick<Place, 'topic' | 'tally' | 'count'> & { readonly reader: BatchReader },
  offset = 0,
): Promise<void> {
  let next = offset;
  let receivedCount = 0;
  while (receivedCount < count) {
    const want = { offset: next, max: RECEIVE_COUNT, bytesMax: FETCH_BYTES_MAX, waitMs: IDLE_MS_MAX };
    const fetched = await reader.fetchBatches?.(topic, want);
    if (fetched === undefined || fetched.nextOffset === next) return;
    receivedCount += forEachNumber(fetched.bytes, (number) => tally.received(number));
    next = fetched.nextOffset;
  }
}

/** As objects, in the order of the log. */
export async function passLog(place: Place): Promise<undefined> {
  const { sender, reader, topic, tally, count } = place;
  await using producer = new Producer({ broker: sender });
  const waitMs = IDLE_MS_MAX;
  await using consumer = new LogConsumer({ broker: reader, topic, group: GROUP, fetchCount: RECEIVE_COUNT, waitMs });
  using watch = new IdleWatch(() => consumer.close());
  const reading = (async () => {
    for await (const records of consumer.batches()) {
      for (const { body } of records) tally.received(numberIn(body));
      if (watch.count(records.length) >= count) break;
    }
  })();
  await produce(producer, place);
  await reading;
  return undefined;
}

/** As deliveries, each finished by an ack of its own. */
export async function passQueue(place: Place): Promise<undefined> {
  const { reader, topic, tally, count } = place;
  const done = new AbortController();
  const want = { group: GROUP, max: RECEIVE_COUNT, waitMs: IDLE_MS_MAX, signal: done.signal };
  let openCount = count;
  const receiveRest = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const deliveries = await reader.receive(topic, want).catch(emptyWhenAborted);
      if (deliveries.length === 0) return;
      for (const { body } of deliveries) tally.received(numberIn(body));
      await reader.ack(deliveries);
      openCount -= deliveries.length;
      if (openCount <= 0) done.abort();
    }
  };
  const receiving = Promise.all(Array.from({ length: RECEIVERS_COUNT }, receiveRest));
  await sendInBatches(place);
  await receiving;
  return undefined;
}

function emptyWhenAborted(error: unknown): readonly Delivery[] {
  if (isMqError(error, 'MQ_ABORTED')) return [];
  throw error;
}

/** The same with the classes people use. */
export async function passQueueInComfort(place: Place): Promise<undefined> {
  const { sender, reader, topic, tally, count } = place;
  await using producer = new Producer({ broker: sender });
  await using consumer = new Consumer({
    broker: reader,
    topic,
    group: GROUP,
    prefetchCount: 4 * RECEIVE_COUNT,
    concurrency: RECEIVE_COUNT,
  });
  const done = Promise.withResolvers<void>();
  using watch = new IdleWatch(() => done.resolve());
  const consuming = consumer.onMessage(async ({ delivery }) => {
    tally.received(numberIn(delivery.body));
    if (watch.count() === count) done.resolve();
  });
  await produce(producer, place);
  await done.promise;
  await consumer.close();
  await consuming;
  return undefined;
}

async function sendInBatches({ sender, topic, tally, count }: Place): Promise<void> {
  const messages = numberedMessages(count);
  let next = 0;
  const sendRest = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + BATCH_COUNT);
      const batch = messages.slice(first, next);
      await sender.sendBatch(topic, batch);
      for (let each = first; each < first + batch.length; each += 1) tally.sent(each);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_COUNT_MAX / 2 }, sendRest));
}

/** One `send` for each message; a window of them is without an answer. */
async function produce(producer: Producer, { topic, tally, count }: Place): Promise<void> {
  const messages = numberedMessages(count);
  const window: Promise<void>[] = [];
  for (let first = 0; first < count; first += BATCH_COUNT) {
    const sends: Promise<unknown>[] = [];
    const end = Math.min(count, first + BATCH_COUNT);
    for (const message of messages.slice(first, end)) sends.push(producer.send(topic, message));
    window.push(
      Promise.all(sends).then(() => {
        for (let number = first; number < end; number += 1) tally.sent(number);
      }),
    );
    if (window.length * BATCH_COUNT > SENDS_COUNT_MAX) await window.shift();
  }
  await Promise.all(window);
}

/** Counts what comes, and says so when for long nothing has. */
class IdleWatch implements Disposable {
  #count = 0;
  #seenCount = -1;
  readonly #timer: NodeJS.Timeout;

  constructor(onIdle: () => void) {
    this.#timer = setInterval(() => {
      if (this.#count === this.#seenCount) onIdle();
      this.#seenCount = this.#count;
    }, IDLE_MS_MAX);
  }

  /** So many more; answers how many there were. */
  count(more = 1): number {
    this.#count += more;
    return this.#count;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
