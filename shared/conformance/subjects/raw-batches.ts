/**
 * Subject: batches as the bytes they are stored as. What is in them is looked at by storing them once more: bytes that
 * were fetched from one topic and appended to another are the same messages there.
 */
import type { Broker } from '../../contract/broker.ts';
import type { Message, StoredRecord } from '../../contract/message.ts';
import { equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, sendAll, texts } from './steps.ts';

/** Why bytes may be refused, whatever is wrong with them. */
const REFUSALS = ['MQ_CORRUPT', 'MQ_INVALID_ARGUMENT', 'MQ_BATCH_TOO_LARGE', 'MQ_MESSAGE_TOO_LARGE'] as const;

export const rawBatches: readonly ConformanceTest[] = [
  {
    name: 'a batch fetched as bytes and appended to another topic is the same messages there, with offsets of that topic',
    capability: 'raw-batches',
    uses: ['offsets', 'batch', 'ttl', 'priority'],
    run: async (context) => {
      const [from, to] = [await context.newTopic(), await context.newTopic()];
      const messages: Message[] = [
        { body: Uint8Array.from({ length: 256 }, (_, index) => index), key: 'schlüssel', headers: { 名: '值' } },
        { body: '' },
        { body: 'urgent', id: 'order-1', priority: 9, ttlMs: 60_000 },
      ];
      await context.broker.sendBatch(from, messages);
      await context.broker.send(to, { body: 'before' });
      const receipt = await raw(context.broker).append(to, await batchOf(context, from));
      const { topic, partition, baseOffset, count } = receipt;
      equal({ topic, partition, baseOffset, count }, { topic: to, partition: 0, baseOffset: 1, count: 3 }, 'receipt');
      const originals = await readLog(context.broker, from);
      const copies = (await readLog(context.broker, to)).slice(1);
      equal(copies.map(content), originals.map(content), 'messages in the second topic, and in the first');
      equal(
        copies.map(({ offset }) => offset),
        [1, 2, 3],
        'offsets in the second topic',
      );
    },
  },
  {
    name: 'fetchBatches answers whole batches from the one with the offset on, and where to go on',
    capability: 'raw-batches',
    uses: ['offsets', 'batch'],
    run: async (context) => {
      const [from, to] = [await context.newTopic(), await context.newTopic()];
      for (const prefix of ['a', 'b']) {
        await context.broker.sendBatch(
          from,
          bodies(3, prefix).map((body) => ({ body })),
        );
      }
      const result = await raw(context.broker).fetch(from, { offset: 4, max: 100 });
      const { nextOffset, logStartOffset, highWatermark } = result;
      equal([nextOffset, logStartOffset, highWatermark], [6, 0, 6], 'nextOffset, logStartOffset and highWatermark');
      await raw(context.broker).append(to, result.bytes);
      equal(texts(await readLog(context.broker, to)), bodies(3, 'b'), 'the batch with offset 4');
      const atEnd = await raw(context.broker).fetch(from, { offset: 6 });
      equal([atEnd.bytes.length, atEnd.nextOffset], [0, 6], 'bytes and nextOffset at the end of the log');
      const beyond = raw(context.broker).fetch(from, { offset: 7 });
      await refused(beyond, 'MQ_OFFSET_OUT_OF_RANGE', 'fetchBatches beyond the end');
    },
  },
  {
    name: 'a batch of which any one bit was changed is refused, or is still exactly what it was',
    capability: 'raw-batches',
    uses: ['offsets', 'batch'],
    run: flipEveryByte,
  },
  {
    name: 'a batch that was cut short, or has something behind it, or is empty, is refused and nothing of it is stored',
    capability: 'raw-batches',
    uses: ['offsets', 'batch'],
    run: async (context) => {
      const [from, to] = [await context.newTopic(), await context.newTopic()];
      await sendSmallBatch(context, from);
      const bytes = await batchOf(context, from);
      for (let length = 0; length < bytes.length; length += 1) {
        const call = raw(context.broker).append(to, bytes.slice(0, length));
        await refused(call, REFUSALS, `the first ${length} of ${bytes.length} bytes`);
      }
      for (const [name, more] of Object.entries({ 'a zero': Uint8Array.of(0), 'a second batch': bytes })) {
        const call = raw(context.broker).append(to, Uint8Array.from([...bytes, ...more]));
        await refused(call, REFUSALS, `a batch with ${name} behind it`);
      }
      equal((await context.describe(to)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'what was stored of a batch stays as it was when its sender writes over the bytes, or has given them away',
    capability: 'raw-batches',
    uses: ['offsets', 'batch'],
    run: async (context) => {
      const [from, to] = [await context.newTopic(), await context.newTopic()];
      await sendSmallBatch(context, from);
      const original = (await readLog(context.broker, from)).map(content);
      const bytes = await batchOf(context, from);
      const [mine, given] = [Uint8Array.from(bytes), Uint8Array.from(bytes)];
      await raw(context.broker).append(to, mine);
      mine.fill(0);
      await raw(context.broker).append(to, given, { isGiven: true });
      equal((await readLog(context.broker, to)).map(content), [...original, ...original], 'the messages of both');
      const unclear = raw(context.broker).append(to, bytes, { isGiven: 'yes' as unknown as boolean });
      await refused(unclear, 'MQ_INVALID_ARGUMENT', 'isGiven that is not true or false');
    },
  },
  {
    name: 'a batch with a message above a limit of the broker is refused whole',
    capability: 'raw-batches',
    uses: ['offsets', 'batch'],
    needs: ['broker-options'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.sendBatch(topic, [
        { body: 'small' },
        { body: 'x'.repeat(100), key: 'k'.repeat(40), id: 'i'.repeat(50), headers: { h: 'v'.repeat(60) } },
      ]);
      const bytes = await batchOf(context, topic);
      const limits = [
        { bodyBytesMax: 99 },
        { keyBytesMax: 39 },
        { idBytesMax: 49 },
        { headersBytesMax: 60 },
        { batchCountMax: 1 },
        { batchBytesMax: 200 },
      ];
      for (const limit of limits) {
        const broker = await context.openBroker({ limits: limit });
        await broker.createTopic('topic');
        await refused(raw(broker).append('topic', bytes), REFUSALS, `a batch above ${Object.keys(limit)[0]}`);
        const [description] = await broker.describeTopics({ topic: 'topic' });
        equal(description?.logEndOffset, 0, 'messages stored');
      }
      const broker = await context.openBroker({ limits: { bodyBytesMax: 100, keyBytesMax: 40, idBytesMax: 50 } });
      equal((await raw(broker).append('topic', bytes)).count, 2, 'messages of a batch exactly at the limits');
    },
  },
  {
    name: 'an appended batch goes to the partition that is named, and waits for room like any other',
    capability: 'raw-batches',
    uses: ['offsets', 'batch', 'partitions'],
    run: async (context) => {
      const from = await context.newTopic();
      await sendSmallBatch(context, from);
      const bytes = await batchOf(context, from);
      const wide = await context.newTopic({ partitionCount: 3 });
      const receipt = await raw(context.broker).append(wide, bytes, { partition: 2 });
      equal([receipt.partition, receipt.baseOffset], [2, 0], 'partition and baseOffset');
      equal((await readLog(context.broker, wide, { partition: 2 })).length, 3, 'records in that partition');
      const none = raw(context.broker).append(wide, bytes, { partition: 3 });
      await refused(none, 'MQ_INVALID_ARGUMENT', 'a partition that does not exist');
      const small = await context.newTopic({ messagesMax: 4, overflow: 'reject' });
      await raw(context.broker).append(small, bytes);
      const full = raw(context.broker).append(small, bytes);
      await refused(full, 'MQ_QUEUE_FULL', 'a second batch of three where there is room for four');
      equal((await context.describe(small)).logEndOffset, 3, 'messages stored');
    },
  },
  {
    name: 'receiveBatches hands out runs of offsets under leases, whose token opens each of its offsets',
    capability: 'raw-batches',
    uses: ['lease', 'offsets', 'batch'],
    run: receiveRuns,
  },
  {
    name: 'receiveBatches and receive hand out the same: what one has in flight the other does not get',
    capability: 'raw-batches',
    uses: ['lease', 'batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(6));
      const plain = await context.broker.receive(topic, { group: 'g', max: 2 });
      equal(await receivedOffsets(context, topic, 10), [2, 3, 4, 5], 'offsets handed out as runs');
      equal(await receivedOffsets(context, topic, 10), [], 'offsets handed out once more');
      await context.broker.nack(plain[1] ?? fail(), { outcome: 'retry' });
      const [again] = await raw(context.broker).receive(topic, { group: 'g', max: 10 });
      const [run] = again?.runs ?? [];
      const facts = [run?.fromOffset, run?.count, run?.deliveryCount, run?.redeliveryReason];
      equal(facts, [1, 1, 2, 'retry'] as unknown, 'offset, count, deliveryCount and reason of what was given back');
    },
  },
];

interface RawBroker {
  readonly append: NonNullable<Broker['appendBatch']>;
  readonly fetch: NonNullable<Broker['fetchBatches']>;
  readonly receive: NonNullable<Broker['receiveBatches']>;
}

/** The three operations of the capability. */
function raw(broker: Broker): RawBroker {
  const { appendBatch, fetchBatches, receiveBatches } = broker;
  holds(
    appendBatch !== undefined && fetchBatches !== undefined && receiveBatches !== undefined,
    'appendBatch, fetchBatches and receiveBatches on a broker with the capability',
    [typeof appendBatch, typeof fetchBatches, typeof receiveBatches],
  );
  return { append: appendBatch, fetch: fetchBatches, receive: receiveBatches };
}

function fail(): never {
  throw new RangeError('a delivery is missing');
}

/** What the sender gave a message. */
function content({ id, key, headers, body, priority }: StoredRecord): unknown {
  return { id, key, headers, body, priority };
}

async function sendSmallBatch(context: TestContext, topic: string): Promise<void> {
  await context.broker.sendBatch(topic, [{ body: 'a', key: 'k' }, { body: 'b', headers: { h: 'v' } }, { body: 'c' }]);
}

/** The bytes of the first batch of a topic that has one. */
async function batchOf(context: TestContext, topic: string): Promise<Uint8Array> {
  const { bytes } = await raw(context.broker).fetch(topic, { max: 100 });
  holds(bytes.length > 0, 'bytes of a batch', bytes.length);
  return bytes;
}

/** One random bit of each byte is changed; a bit that the broker fills in itself may change nothing. */
async function flipEveryByte(context: TestContext): Promise<void> {
  const [from, to] = [await context.newTopic(), await context.newTopic()];
  await sendSmallBatch(context, from);
  const bytes = await batchOf(context, from);
  const original = (await readLog(context.broker, from)).map(content);
  let storedCount = 0;
  for (const [position, byte] of bytes.entries()) {
    const changed = Uint8Array.from(bytes);
    changed[position] = byte ^ (1 << context.random.below(8));
    const call = raw(context.broker).append(to, changed);
    // The last record stands at the end, so the last bytes are the sender's.
    const isContent = position >= bytes.length - 10;
    if (isContent) await refused(call, 'MQ_CORRUPT', `a batch with a changed bit in its content, byte ${position}`);
    else storedCount += await storedOf(call);
  }
  const stored = await readLog(context.broker, to);
  equal(stored.length, storedCount, 'messages stored, and messages of batches that were accepted');
  for (let index = 0; index < stored.length; index += original.length) {
    const batch = stored.slice(index, index + original.length);
    equal(batch.map(content), original, 'the messages of a batch with a changed bit that was accepted');
  }
  holds(stored.length < bytes.length, 'most of the changed batches refused', `${stored.length} messages stored`);
}

/** How many messages were stored; 0 when the batch was refused for what it is. */
async function storedOf(call: Promise<{ readonly count: number }>): Promise<number> {
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof Error) await refused(Promise.reject(outcome), REFUSALS, 'a batch with a changed bit');
  return outcome instanceof Error ? 0 : (outcome as { readonly count: number }).count;
}

async function receiveRuns(context: TestContext): Promise<void> {
  const [topic, copy] = [await context.newTopic(), await context.newTopic()];
  await context.broker.sendBatch(
    topic,
    bodies(5).map((body) => ({ body })),
  );
  const [first, ...more] = await raw(context.broker).receive(topic, { group: 'g', memberId: 'm', max: 5 });
  holds(first !== undefined && more.length === 0, 'the deliveries of one partition', more.length);
  const { partition, group, memberId, runs } = first;
  equal({ partition, group, memberId }, { partition: 0, group: 'g', memberId: 'm' }, 'partition, group and member');
  await raw(context.broker).append(copy, first.bytes);
  equal(texts(await readLog(context.broker, copy)), bodies(5), 'the messages in the bytes');
  const refs = runs.flatMap(({ fromOffset, count, leaseToken }) =>
    Array.from({ length: count }, (_, index) => {
      return { topic, partition, offset: fromOffset + index, group, memberId, leaseToken };
    }),
  );
  equal(
    refs.map(({ offset }) => offset),
    [0, 1, 2, 3, 4],
    'offsets of the runs',
  );
  equal((await context.describe(topic)).inFlightCount, 5, 'inFlightCount');
  await context.broker.ack([refs[3] ?? fail(), refs[0] ?? fail()]);
  equal(await context.broker.committed(topic, { group: 'g' }), 1, 'committed after the acks of offsets 3 and 0');
  await context.broker.nack(refs[1] ?? fail());
  equal(texts(await drain(context, topic, { group: 'g' })), ['m-1'], 'what comes again after a nack of one offset');
  await context.broker.ack([refs[2] ?? fail(), refs[4] ?? fail()]);
  equal((await context.describe(topic)).lag, 0, 'lag after all is finished');
  const wrong = context.broker.ack([{ ...(refs[0] ?? fail()), offset: 5 }]);
  await refused(wrong, 'MQ_LEASE_EXPIRED', 'an ack of an offset that is not of the run');
}

/** The offsets that one receiveBatches of the group `g` hands out. */
async function receivedOffsets(context: TestContext, topic: string, max: number): Promise<number[]> {
  const deliveries = await raw(context.broker).receive(topic, { group: 'g', max });
  return deliveries.flatMap(({ runs }) =>
    runs.flatMap(({ fromOffset, count }) => Array.from({ length: count }, (_, index) => fromOffset + index)),
  );
}
