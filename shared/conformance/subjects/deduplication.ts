/** Subject: a message that is sent twice because its answer was lost, known again by its id for a while. */
import type { Message } from '../../contract/message.ts';
import { equal, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, readLog, receiveOne, texts } from './steps.ts';

const WINDOW_MS = 60_000;
/** So short that a real clock may wait for its end. */
const SHORT_MS = 400;

/** Ids that look alike and are not. */
const LOOKALIKES = ['é', 'e\u0301', 'É', 'Å', 'A\u030a', '\u212b', 'order', 'Order', 'order ', '1', '01', '１'];

export const deduplication: readonly ConformanceTest[] = [
  {
    name: 'a message sent again with the same id, because its answer was lost, is stored once',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context);
      const first = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      const second = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal(first.isDuplicate, undefined, 'isDuplicate of the first');
      equal(second, { ...first, isDuplicate: true }, 'the receipt of the second');
      equal(texts(await drain(context, topic)), ['a'], 'what is received');
      equal((await context.describe(topic)).duplicateCount, 1, 'duplicateCount');
    },
  },
  {
    name: 'one message five times at once is stored once, and all five get its offset',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context);
      for (const id of ['a', 'b', 'c']) {
        const five = Array.from({ length: 5 }, () => context.broker.send(topic, { body: id, id }));
        const receipts = await Promise.all(five);
        equal(new Set(receipts.map(({ offset }) => offset)).size, 1, 'different offsets on five receipts');
        equal(receipts.filter(({ isDuplicate }) => isDuplicate === undefined).length, 1, 'receipts of the one stored');
      }
      equal(texts(await readLog(context.broker, topic)), ['a', 'b', 'c'], 'what is stored');
    },
  },
  {
    name: 'after its window an id is new again',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context, SHORT_MS);
      const first = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      await context.pass(SHORT_MS);
      const second = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal([first.isDuplicate, second.isDuplicate], [undefined, undefined], 'isDuplicate of both');
      equal(texts(await drain(context, topic)), ['a', 'a'], 'what is received');
    },
  },
  {
    name: 'the window of an id ends to the millisecond, counted from the first message with it',
    capability: 'dedup',
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await newTopic(context, 1000);
      const again = async (): Promise<boolean> => {
        const { isDuplicate = false } = await context.broker.send(topic, { body: 'a', id: 'order-1' });
        return isDuplicate;
      };
      await again();
      await context.pass(600);
      equal(await again(), true, 'isDuplicate after 600 ms of 1,000');
      await context.pass(399);
      equal(await again(), true, 'isDuplicate after 999 ms');
      await context.pass(1);
      equal(await again(), false, 'isDuplicate after 1,000 ms, whatever came in between');
      await context.pass(999);
      equal(await again(), true, 'isDuplicate 999 ms later');
    },
  },
  {
    name: 'where no window was asked for, and in another topic, an id is compared with nothing',
    capability: 'dedup',
    run: async (context) => {
      const [plain, first, second] = [await context.newTopic(), await newTopic(context), await newTopic(context)];
      for (const topic of [plain, plain, first, second]) await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal((await context.describe(plain)).logEndOffset, 2, 'messages in the topic without a window');
      for (const topic of [first, second])
        equal((await context.describe(topic)).logEndOffset, 1, 'messages in another');
    },
  },
  {
    name: 'ids are compared byte by byte: those that only look alike are different',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context);
      for (const id of LOOKALIKES) {
        const { isDuplicate } = await context.broker.send(topic, { body: id, id });
        equal(isDuplicate, undefined, `isDuplicate of ${JSON.stringify(id)}`);
      }
      for (const id of LOOKALIKES) {
        const { isDuplicate } = await context.broker.send(topic, { body: id, id });
        equal(isDuplicate, true, `isDuplicate of ${JSON.stringify(id)} again`);
      }
      equal(texts(await readLog(context.broker, topic)), LOOKALIKES, 'what is stored');
    },
  },
  {
    name: 'an id is known in all partitions of its topic, and answered with where it is',
    capability: 'dedup',
    uses: ['partitions'],
    run: async (context) => {
      const topic = await newTopic(context, WINDOW_MS, { partitionCount: 3 });
      const first = await context.broker.send(topic, { body: 'a', id: 'order-1' }, { partition: 2 });
      const second = await context.broker.send(topic, { body: 'a', id: 'order-1' }, { partition: 0 });
      equal(second, { ...first, isDuplicate: true }, 'the receipt of the send to another partition');
      equal((await context.describe(topic)).logEndOffset, 1, 'messages stored');
    },
  },
  {
    name: 'an id stays known when its message was received and finished',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context);
      await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal(texts(await drain(context, topic)), ['a'], 'what is received');
      equal((await context.broker.send(topic, { body: 'a', id: 'order-1' })).isDuplicate, true, 'isDuplicate');
      equal(await context.broker.receive(topic), [], 'what is received afterwards');
    },
  },
  {
    name: 'the id of a message that was refused is not known',
    capability: 'dedup',
    run: async (context) => {
      const topic = await newTopic(context, WINDOW_MS, { messagesMax: 1, overflow: 'reject' });
      await context.broker.send(topic, { body: 'a', id: 'order-1' });
      const call = context.broker.send(topic, { body: 'b', id: 'order-2' });
      await refused(call, 'MQ_QUEUE_FULL', 'a send to a full topic');
      await context.finish([await receiveOne(context.broker, topic)]);
      const receipt = await context.broker.send(topic, { body: 'b', id: 'order-2' });
      equal(receipt.isDuplicate, undefined, 'isDuplicate when there is room');
      equal(texts(await drain(context, topic)), ['b'], 'what is received');
    },
  },
  {
    name: 'a batch sent again with its ids is answered as the first was, one that is new in part is refused whole',
    capability: 'dedup',
    uses: ['batch'],
    run: async (context) => {
      const topic = await newTopic(context);
      const sendBatch = (...ids: readonly string[]) => context.broker.sendBatch(topic, ids.map(messageOf));
      const first = await sendBatch('a', 'b', 'c');
      equal(await sendBatch('a', 'b', 'c'), { ...first, isDuplicate: true }, 'the receipt of the batch again');
      await context.broker.send(topic, messageOf('d'));
      for (const ids of [
        ['c', 'e'],
        ['e', 'a'],
        ['c', 'd'],
        ['c', 'b', 'a'],
      ]) {
        await refused(sendBatch(...ids), 'MQ_DUPLICATE_ID', `a batch of ${ids.join(', ')}`);
      }
      equal((await sendBatch('e', 'f')).isDuplicate, undefined, 'isDuplicate of a batch of new ones');
      equal(texts(await readLog(context.broker, topic)), ['a', 'b', 'c', 'd', 'e', 'f'], 'what is stored');
    },
  },
  {
    name: 'a delayed message is known by its id from its acceptance on, and delivered once',
    capability: 'dedup',
    uses: ['delay'],
    run: async (context) => {
      const topic = await newTopic(context);
      const message: Message = { body: 'a', id: 'order-1', delayMs: SHORT_MS };
      const first = await context.broker.send(topic, message);
      const second = await context.broker.send(topic, message);
      equal(second, { ...first, isDuplicate: true }, 'the receipt of the second');
      await context.pass(SHORT_MS);
      const third = await context.broker.send(topic, messageOf('order-1'));
      equal(third.isDuplicate, true, 'isDuplicate of the message without a delay, after it');
      equal(texts([await receiveOne(context.broker, topic, { waitMs: 1000 })]), ['a'], 'what is received');
      equal(await context.broker.receive(topic), [], 'what is received afterwards');
    },
  },
  {
    name: 'a window goes on through a restart, also for a message that is delayed',
    capability: 'dedup',
    uses: ['durable', 'delay'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await newTopic(context);
      await context.broker.send(topic, messageOf('a'));
      await context.broker.send(topic, { ...messageOf('b'), delayMs: 30_000 });
      for (const isClosedFirst of [false, true]) {
        await context.restart({ isClosedFirst });
        for (const id of ['a', 'b']) {
          const { isDuplicate } = await context.broker.send(topic, messageOf(id));
          equal(isDuplicate, true, `isDuplicate of ${id} after a restart`);
        }
      }
      equal(texts(await readLog(context.broker, topic)), ['a'], 'what is stored');
    },
  },
  {
    name: 'at most as many ids are known as the limit says, the latest ones',
    capability: 'dedup',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { dedupIdsMax: 2 } });
      const topic = context.topicName();
      await broker.createTopic(topic, { dedupWindowMs: WINDOW_MS });
      for (const id of ['a', 'b', 'c']) await broker.send(topic, messageOf(id));
      for (const [id, expected] of [
        ['c', true],
        ['b', true],
        ['a', undefined],
      ] as const) {
        equal((await broker.send(topic, messageOf(id))).isDuplicate, expected, `isDuplicate of ${id}`);
      }
    },
  },
  {
    name: 'the id of a message whose transaction was aborted is free again',
    capability: 'dedup',
    uses: ['transactions'],
    run: async (context) => {
      const topic = await newTopic(context);
      const aborted = await context.broker.begin();
      await aborted.send(topic, messageOf('a'));
      await aborted.abort();
      equal((await context.broker.send(topic, messageOf('a'))).isDuplicate, undefined, 'isDuplicate after the abort');
      const committed = await context.broker.begin();
      await committed.send(topic, messageOf('b'));
      await committed.commit();
      equal((await context.broker.send(topic, messageOf('b'))).isDuplicate, true, 'isDuplicate after a commit');
      equal(texts(await drain(context, topic)), ['a', 'b'], 'what is received');
    },
  },
];

function newTopic(context: TestContext, dedupWindowMs = WINDOW_MS, options: object = {}): Promise<string> {
  return context.newTopic({ ...options, dedupWindowMs });
}

/** A message whose body is its id. */
function messageOf(id: string): Message {
  return { body: id, id };
}
