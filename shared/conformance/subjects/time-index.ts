/** Subject: finding the place in a log where a time begins. */
import { equal, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, sendAll, texts } from './steps.ts';

export const timeIndex: readonly ConformanceTest[] = [
  {
    name: 'seek to a time finds the first message accepted at that time or later',
    capability: 'time-index',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3, 'old'));
      await context.pass(50);
      await sendAll(context.broker, topic, bodies(3, 'new'));
      const { records } = await context.broker.fetch(topic, { max: 10 });
      const { timestamp } = present(records[3], 'the fourth record');
      await context.broker.createGroup(topic, 'g');
      equal(await context.broker.seek(topic, { group: 'g', to: { timestamp } }), 3, 'the offset found');
    },
  },
  {
    name: 'a time before everything is the start of the log, one after everything its end',
    capability: 'time-index',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'drop-oldest' });
      await sendAll(context.broker, topic, bodies(6));
      await context.broker.createGroup(topic, 'g');
      const seek = (timestamp: number): Promise<number> =>
        context.broker.seek(topic, { group: 'g', to: { timestamp } });
      equal(await seek(0), 2, 'the offset found for the beginning of time');
      const last = present((await readLog(context.broker, topic, { offset: 2 })).at(-1), 'the last record');
      equal(await seek(last.timestamp + 3_600_000), 6, 'the offset found for an hour after the last message');
      equal(await context.broker.committed(topic, { group: 'g' }), 6, 'committed after the seek');
    },
  },
  {
    name: 'of messages accepted in the same millisecond a seek finds the first',
    capability: 'time-index',
    uses: ['offsets'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'before' });
      await context.pass(10);
      const timestamp = context.now();
      await sendAll(context.broker, topic, bodies(5));
      await context.broker.createGroup(topic, 'g');
      equal(await context.broker.seek(topic, { group: 'g', to: { timestamp } }), 1, 'the offset found');
      const later = await context.broker.seek(topic, { group: 'g', to: { timestamp: timestamp + 1 } });
      equal(later, 6, 'the offset found for a millisecond later');
    },
  },
  {
    name: 'a seek to a time hands a queue group again what was accepted since, finished or not',
    capability: 'time-index',
    uses: ['offsets', 'lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2, 'old'));
      await context.pass(30);
      await sendAll(context.broker, topic, bodies(2, 'new'));
      const finished = await drain(context, topic, { group: 'g' });
      const { timestamp } = present(finished[2], 'the third delivery');
      await context.broker.seek(topic, { group: 'g', to: { timestamp } });
      equal(texts(await drain(context, topic, { group: 'g' })), ['new-0', 'new-1'], 'what comes again');
    },
  },
  {
    name: 'a group that starts at a time sees what was accepted then and later',
    capability: 'time-index',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2, 'old'));
      await context.pass(30);
      await sendAll(context.broker, topic, bodies(2, 'new'));
      const records = await drain(context, topic, { group: 'all' });
      const { timestamp } = present(records[2], 'the third message');
      await context.broker.createGroup(topic, 'g', { start: { timestamp } });
      await context.broker.send(topic, { body: 'newest' });
      equal(texts(await drain(context, topic, { group: 'g' })), ['new-0', 'new-1', 'newest'], 'what the group gets');
    },
  },
  {
    name: 'each partition has times of its own',
    capability: 'time-index',
    uses: ['offsets', 'partitions'],
    needs: ['virtual-clock'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 2 });
      for (const partition of [0, 1, 0, 0, 1]) {
        await context.broker.send(topic, { body: 'a' }, { partition });
        await context.pass(100);
      }
      await context.broker.createGroup(topic, 'g');
      const timestamp = context.now() - 250;
      const found: number[] = [];
      for (const partition of [0, 1]) {
        found.push(await context.broker.seek(topic, { group: 'g', partition, to: { timestamp } }));
      }
      equal(found, [2, 1], 'the offsets found in the two partitions, for the time before the last two messages');
    },
  },
  {
    name: 'a time that is no whole number from 0 is refused',
    capability: 'time-index',
    uses: ['offsets'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g');
      for (const timestamp of [-1, 0.5, Number.NaN, '2026' as unknown as number]) {
        const seek = context.broker.seek(topic, { group: 'g', to: { timestamp } });
        await refused(seek, 'MQ_INVALID_ARGUMENT', `seek to the time ${timestamp}`);
        const create = context.broker.createGroup(topic, 'h', { start: { timestamp } });
        await refused(create, 'MQ_INVALID_ARGUMENT', `a group that starts at the time ${timestamp}`);
      }
    },
  },
  {
    name: 'whatever the times of the messages, a seek finds the first at or after the time, also after a restart',
    capability: 'time-index',
    uses: ['offsets', 'durable', 'batch'],
    needs: ['virtual-clock', 'restart'],
    run: findAnyTime,
  },
];

async function findAnyTime(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const body = 'x'.repeat(700);
  for (let turn = 0; turn < 60; turn += 1) {
    await context.pass(context.random.below(5));
    const count = 1 + context.random.below(8);
    await context.broker.sendBatch(
      topic,
      Array.from({ length: count }, () => ({ body })),
    );
    // The wall clock may be set back; the time of a message never goes back.
    if (turn % 20 === 19) context.jumpWallClock(-20);
  }
  const times = (await readLog(context.broker, topic)).map(({ timestamp }) => timestamp);
  equal(times, times.toSorted(), 'the times of the messages, in order');
  await context.broker.createGroup(topic, 'g');
  for (const isRestarted of [false, true]) {
    if (isRestarted) await context.restart();
    for (let turn = 0; turn < 40; turn += 1) {
      const timestamp = (times[0] ?? 0) - 3 + context.random.below((times.at(-1) ?? 0) - (times[0] ?? 0) + 6);
      const index = times.findIndex((time) => time >= timestamp);
      const expected = index === -1 ? times.length : index;
      const found = await context.broker.seek(topic, { group: 'g', to: { timestamp } });
      equal(found, expected, `the offset found for ${timestamp - (times[0] ?? 0)} ms after the first message`);
    }
  }
}
