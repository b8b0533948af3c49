/** Subject: a producer that numbers what it sends, so that sending it again stores nothing twice. */
import type { SendOptions } from '../../contract/broker.ts';
import type { Receipt } from '../../contract/message.ts';
import { CALLS_REMEMBERED_COUNT, EPOCH_MAX, type ProducerIdentity, SEQUENCE_MAX } from '../../contract/producer.ts';
import { equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readLog, receiveOne, texts } from './steps.ts';

/** Sequences that a producer may have used, out of range or of no kind. */
const NO_SEQUENCES = [-1, 0.5, SEQUENCE_MAX + 1, Number.NaN, '0', null];
/** A producer that no broker has given away. */
const STRANGER: ProducerIdentity = { producerId: Number.MAX_SAFE_INTEGER, epoch: 0 };

export const numberedSends: readonly ConformanceTest[] = [
  {
    name: 'no two producers are the same, and each begins with an epoch',
    capability: 'idempotence',
    run: async ({ broker }) => {
      const opened = await Promise.all(Array.from({ length: 20 }, () => broker.openProducer()));
      opened.push(await broker.openProducer({}));
      equal(new Set(opened.map(({ producerId }) => producerId)).size, 21, 'different producerIds of 21 producers');
      const areInRange = opened.every(
        ({ producerId, epoch }) =>
          Number.isSafeInteger(producerId) && producerId >= 0 && epoch >= 0 && epoch <= EPOCH_MAX,
      );
      holds(areInRange, 'producerIds and epochs within their ranges', opened);
    },
  },
  {
    name: 'a send repeated with its sequence is stored once, and answered with the receipt of the first',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      const first = await send(context, topic, { producer, sequence: 0 });
      const second = await send(context, topic, { producer, sequence: 0 });
      equal(first.isDuplicate, undefined, 'isDuplicate of the first');
      equal(second, { ...first, isDuplicate: true }, 'the receipt of the repetition');
      equal(texts(await readLog(context.broker, topic)), ['s-0'], 'what is stored');
      equal(texts(await drain(context, topic)), ['s-0'], 'what is received');
      equal((await context.describe(topic)).duplicateCount, 1, 'duplicateCount');
    },
  },
  {
    name: 'one send five times at once is stored once, and all five get its offset',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      for (let sequence = 0; sequence < 4; sequence += 1) {
        const five = Array.from({ length: 5 }, () => send(context, topic, { producer, sequence }));
        const receipts = await Promise.all(five);
        equal(
          receipts.map(offsetOf),
          Array.from({ length: 5 }, () => sequence),
          'the offsets on the receipts',
        );
        equal(receipts.filter(({ isDuplicate }) => isDuplicate === undefined).length, 1, 'receipts of the one stored');
      }
      equal(texts(await readLog(context.broker, topic)), bodies(4, 's'), 'what is stored');
    },
  },
  {
    name: 'a sequence further on than the next is refused as a gap, and nothing is stored',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      await send(context, topic, { producer, sequence: 0 });
      for (const sequence of [2, 7, SEQUENCE_MAX]) {
        await refused(send(context, topic, { producer, sequence }), 'MQ_SEQUENCE_GAP', `sequence ${sequence} after 0`);
      }
      await send(context, topic, { producer, sequence: 1 });
      equal(texts(await readLog(context.broker, topic)), ['s-0', 's-1'], 'what is stored');
    },
  },
  {
    name: 'the last 5 calls of a producer can be repeated, an older one is refused and not stored',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      const count = CALLS_REMEMBERED_COUNT + 2;
      for (let sequence = 0; sequence < count; sequence += 1) await send(context, topic, { producer, sequence });
      for (let sequence = count - CALLS_REMEMBERED_COUNT; sequence < count; sequence += 1) {
        const { offset, isDuplicate } = await send(context, topic, { producer, sequence });
        equal([offset, isDuplicate], [sequence, true] as const, `offset and isDuplicate of sequence ${sequence} again`);
      }
      for (const sequence of [0, 1]) {
        const again = send(context, topic, { producer, sequence });
        await refused(again, 'MQ_SEQUENCE_TOO_OLD', `sequence ${sequence} again`);
      }
      equal(texts(await readLog(context.broker, topic)), bodies(count, 's'), 'what is stored');
    },
  },
  {
    name: 'a numbered batch takes a sequence for each message, and is known again as a whole',
    capability: 'idempotence',
    uses: ['batch'],
    run: repeatBatches,
  },
  {
    name: 'a producer counts in each partition of each topic by itself',
    capability: 'idempotence',
    uses: ['partitions'],
    run: async (context) => {
      const [first, second] = [await context.newTopic({ partitionCount: 2 }), await context.newTopic()];
      const producer = await context.broker.openProducer();
      for (const sequence of [0, 1]) {
        for (const partition of [0, 1]) await send(context, first, { producer, sequence, partition });
        await send(context, second, { producer, sequence });
      }
      await refused(send(context, second, { producer, sequence: 4 }), 'MQ_SEQUENCE_GAP', 'a gap in one topic');
      for (const partition of [0, 1]) {
        const stored = texts(await readLog(context.broker, first, { partition }));
        equal(stored, ['s-0', 's-1'], `what partition ${partition} has`);
      }
      equal(texts(await readLog(context.broker, second)), ['s-0', 's-1'], 'what the other topic has');
    },
  },
  {
    name: 'two producers count apart from each other in one partition',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const [one, two] = [await context.broker.openProducer(), await context.broker.openProducer()];
      for (const sequence of [0, 1]) {
        for (const producer of [one, two])
          equal((await send(context, topic, { producer, sequence })).isDuplicate, undefined, 'isDuplicate');
      }
      equal(texts(await readLog(context.broker, topic)), ['s-0', 's-0', 's-1', 's-1'], 'what is stored');
    },
  },
  {
    name: 'a numbered send that was refused has used no sequence',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 1, overflow: 'reject' });
      const producer = await context.broker.openProducer();
      await send(context, topic, { producer, sequence: 0 });
      await refused(send(context, topic, { producer, sequence: 1 }), 'MQ_QUEUE_FULL', 'a send to a full topic');
      await context.finish([await receiveOne(context.broker, topic)]);
      const { isDuplicate } = await send(context, topic, { producer, sequence: 1 });
      equal(isDuplicate, undefined, 'isDuplicate of the send that now finds room');
      equal(texts(await drain(context, topic)), ['s-1'], 'what is received');
    },
  },
  {
    name: 'a numbered send whose partition is not known before the call is refused',
    capability: 'idempotence',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 3 });
      const producer = { ...(await context.broker.openProducer()), sequence: 0 };
      const anywhere = context.broker.send(topic, { body: 'a' }, { producer });
      await refused(anywhere, 'MQ_INVALID_ARGUMENT', 'a numbered send without key and partition');
      const { partition } = await context.broker.send(topic, { body: 's-0', key: 'k' }, { producer });
      const again = await context.broker.send(topic, { body: 's-0', key: 'k' }, { producer });
      equal([again.partition, again.isDuplicate], [partition, true] as const, 'partition and isDuplicate by the key');
      equal((await context.describe(topic)).logEndOffset, 1, 'messages stored');
    },
  },
  {
    name: 'who sends and with which number has to be right in shape, or nothing is stored',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      const stamps: unknown[] = NO_SEQUENCES.map((sequence) => ({ ...producer, sequence }));
      stamps.push(
        producer,
        { ...producer, epoch: EPOCH_MAX + 1, sequence: 0 },
        { ...producer, producerId: -1, sequence: 0 },
      );
      stamps.push({ epoch: 0, sequence: 0 }, { ...producer, sequence: 0, sequenze: 0 }, 'me', null, []);
      for (const stamp of stamps) {
        const call = context.broker.send(topic, { body: 'a' }, { producer: stamp } as unknown as SendOptions);
        await refused(call, 'MQ_INVALID_ARGUMENT', `a send by ${JSON.stringify(stamp)}`);
      }
      const wrong = context.broker.openProducer({ nmae: 'a' } as object);
      await refused(wrong, 'MQ_INVALID_ARGUMENT', 'openProducer with an option that does not exist');
      equal((await context.describe(topic)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'a producer nobody knows cannot go on with a number, only begin',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const call = send(context, topic, { producer: STRANGER, sequence: 3 });
      await refused(call, 'MQ_UNKNOWN_PRODUCER', 'sequence 3 of a producer nobody opened');
      equal((await context.describe(topic)).logEndOffset, 0, 'messages stored');
    },
  },
  {
    name: 'of more producers than a partition remembers the one silent for longest is forgotten',
    capability: 'idempotence',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { producersCountMax: 2 } });
      const topic = context.topicName();
      const sendAs = (producer: ProducerIdentity, sequence: number): Promise<Receipt> =>
        broker.send(topic, { body: `s-${sequence}` }, { producer: { ...producer, sequence } });
      const [one, two, three] = [await broker.openProducer(), await broker.openProducer(), await broker.openProducer()];
      await sendAs(one, 0);
      await sendAs(two, 0);
      await sendAs(one, 1);
      await sendAs(three, 0);
      await refused(sendAs(two, 1), 'MQ_UNKNOWN_PRODUCER', 'the producer that was silent for longest');
      equal((await sendAs(one, 1)).isDuplicate, true, 'isDuplicate of a repetition by one that was not');
      await sendAs(three, 1);
      equal(texts(await readLog(broker, topic)), ['s-0', 's-0', 's-1', 's-0', 's-1'], 'what is stored');
    },
  },
];

async function repeatBatches(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const producer = await context.broker.openProducer();
  const sendBatch = (sequence: number, count: number) => {
    const messages = Array.from({ length: count }, (_, index) => ({ body: `s-${sequence + index}` }));
    return context.broker.sendBatch(topic, messages, { producer: { ...producer, sequence } });
  };
  const first = await sendBatch(0, 3);
  equal(await sendBatch(0, 3), { ...first, isDuplicate: true }, 'the receipt of the batch again');
  await refused(sendBatch(4, 1), 'MQ_SEQUENCE_GAP', 'a batch that leaves one out');
  const parts = ['MQ_SEQUENCE_GAP', 'MQ_SEQUENCE_TOO_OLD', 'MQ_INVALID_ARGUMENT'] as const;
  await refused(sendBatch(1, 2), parts, 'a part of the batch');
  await refused(sendBatch(2, 3), parts, 'a batch that begins within the one before');
  equal((await sendBatch(3, 2)).baseOffset, 3, 'baseOffset of the next batch');
  equal((await send(context, topic, { producer, sequence: 5 })).offset, 5, 'the offset of a send after it');
  equal((await sendBatch(3, 2)).isDuplicate, true, 'isDuplicate of the batch before it');
  equal(texts(await readLog(context.broker, topic)), bodies(6, 's'), 'what is stored');
}

/** Sends `s-<sequence>`. */
export function send(
  { broker }: Pick<TestContext, 'broker'>,
  topic: string,
  stamp: { readonly producer: ProducerIdentity; readonly sequence: number; readonly partition?: number },
): Promise<Receipt> {
  const { producer, sequence, partition } = stamp;
  const where = partition === undefined ? {} : { partition };
  return broker.send(topic, { body: `s-${sequence}` }, { ...where, producer: { ...producer, sequence } });
}
