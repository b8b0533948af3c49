/** Subject: reading by offset: nothing is consumed, everything stays where it is, and positions belong to groups. */
import { atOnce, equal, holds, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { abortable, bodies, drain, offsetOf, readLog, receiveOne, sendAll, texts } from './steps.ts';

export const logReading: readonly ConformanceTest[] = [
  {
    name: 'fetch answers the records from an offset on, in order',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const receipts = await sendAll(context.broker, topic, bodies(6));
      const offset = offsetOf(present(receipts[2], 'the third receipt'));
      const { records, nextOffset } = await context.broker.fetch(topic, { offset, max: 3 });
      equal(texts(records), ['m-2', 'm-3', 'm-4'], 'the records');
      const expected = receipts.slice(2, 5).map((receipt) => receipt.offset);
      equal(
        records.map((record) => record.offset),
        expected,
        'their offsets',
      );
      const next = await context.broker.fetch(topic, { offset: nextOffset, max: 3 });
      equal(texts(next.records), ['m-5'], 'the records from nextOffset on');
    },
  },
  {
    name: 'fetching consumes nothing: the same offset gives the same record again',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      for (const _ of [1, 2, 3]) {
        const { records } = await context.broker.fetch(topic, { offset: 1, max: 2 });
        equal(texts(records), ['m-1', 'm-2'], 'the records at offset 1');
      }
      equal(texts(await drain(context, topic)), bodies(3), 'what a queue group gets');
    },
  },
  {
    name: 'a record carries key, id, headers and timestamp of its message',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: 'a', key: 'k', id: 'i', headers: { h: 'v' } });
      const record = present((await context.broker.fetch(topic)).records[0], 'the record');
      equal([record.topic, record.key, record.id, { ...record.headers }], [topic, 'k', 'i', { h: 'v' }], 'the record');
      equal(record.timestamp, (await receiveOne(context.broker, topic)).timestamp, 'the timestamp in both families');
    },
  },
  {
    name: 'a fetch at the end of the log is an empty answer',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const nothing = await context.broker.fetch(topic, { offset: 0 });
      equal([nothing.records, nothing.nextOffset], [[], 0], 'a fetch from an empty log');
      await sendAll(context.broker, topic, bodies(3));
      const end = await context.broker.fetch(topic, { offset: 3, max: 10 });
      equal([end.records, end.nextOffset, end.highWatermark], [[], 3, 3], 'a fetch at the end');
    },
  },
  {
    name: 'a fetch that waits at the end wakes as soon as a record exists',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      const call = context.as('reader').fetch(topic, { offset: 1, max: 10, waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      equal(await isSettled(call), false, 'an answer before there is a record');
      await sendAll(context.broker, topic, ['b']);
      const { records, nextOffset } = await atOnce(call, 'the waiting fetch, after the send');
      equal([texts(records), nextOffset], [['b'], 2], 'records and nextOffset');
    },
  },
  {
    name: 'one record wakes every waiting fetch',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const calls = bodies(5).map((name) => context.as(name).fetch(topic, { waitMs: 20_000 }));
      await context.untilWaiting(topic, 5);
      await sendAll(context.broker, topic, ['a']);
      const answers = await atOnce(Promise.all(calls), 'the five waiting fetches');
      equal(
        answers.map(({ records }) => texts(records)),
        answers.map(() => ['a']),
        'what each of them read',
      );
    },
  },
  {
    name: 'a fetch that waits in vain answers empty when its time is over, and one that is aborted is refused',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const { signal, abort } = abortable();
      const patient = context.as('patient').fetch(topic, { waitMs: 300 });
      const aborted = context.as('aborted').fetch(topic, { waitMs: 20_000, signal });
      await context.untilWaiting(topic, 2);
      abort();
      await refused(aborted, 'MQ_ABORTED', 'the aborted fetch');
      await context.pass(400);
      const { records, nextOffset } = await atOnce(patient, 'the fetch, after its waiting time');
      equal([records, nextOffset], [[], 0], 'records and nextOffset');
      await context.untilWaiting(topic, 0);
    },
  },
  {
    name: 'an offset beyond the end is MQ_OFFSET_OUT_OF_RANGE with the valid range',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(3));
      await broker.createGroup(topic, 'g');
      const calls = [
        broker.fetch(topic, { offset: 4, waitMs: 20_000 }),
        broker.commit(topic, { group: 'g', offset: 4 }),
        broker.seek(topic, { group: 'g', to: { offset: 4 } }),
      ];
      for (const call of calls) {
        const { details } = await refused(call, 'MQ_OFFSET_OUT_OF_RANGE', 'offset 4 in a log of 3 records');
        equal([details.logStartOffset, details.logEndOffset], [0, 3], 'the valid range');
      }
    },
  },
  {
    name: 'an offset that is no whole number from 0 is refused',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(3));
      for (const offset of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number]) {
        await refused(broker.fetch(topic, { offset }), 'MQ_INVALID_ARGUMENT', 'fetch');
        await refused(broker.commit(topic, { group: 'g', offset }), 'MQ_INVALID_ARGUMENT', 'commit');
        await refused(broker.seek(topic, { group: 'g', to: { offset } }), 'MQ_INVALID_ARGUMENT', 'seek');
      }
    },
  },
  {
    name: 'bytesMax ends a fetch early but never below one record',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const body = 'x'.repeat(1000);
      await sendAll(context.broker, topic, [body, body, body]);
      equal(
        (await context.broker.fetch(topic, { max: 3, bytesMax: 2500 })).records.length,
        2,
        'records in 2,500 bytes',
      );
      equal((await context.broker.fetch(topic, { max: 3, bytesMax: 1 })).records.length, 1, 'records in 1 byte');
    },
  },
  {
    name: 'fetching twice and committing once skips nothing',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(3));
      await broker.fetch(topic, { offset: 0, max: 1 });
      const { nextOffset } = await broker.fetch(topic, { offset: 0, max: 1 });
      await broker.commit(topic, { group: 'g', offset: nextOffset });
      const offset = await broker.committed(topic, { group: 'g' });
      equal(
        texts(await readLog(broker, topic, { offset })),
        ['m-1', 'm-2'],
        'what is read from the committed offset on',
      );
    },
  },
  {
    name: 'fetching moves no committed offset',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(3));
      await broker.commit(topic, { group: 'g', offset: 1 });
      await readLog(broker, topic);
      equal(await broker.committed(topic, { group: 'g' }), 1, 'committed after reading everything');
    },
  },
  {
    name: 'a committed offset is the next to read and never moves back by a commit',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(5));
      equal(await broker.commit(topic, { group: 'g', offset: 3 }), 3, 'the answer of the first commit');
      equal(await broker.commit(topic, { group: 'g', offset: 1 }), 3, 'the answer of a commit of a lower offset');
      equal(await broker.committed(topic, { group: 'g' }), 3, 'committed');
      equal(await broker.commit(topic, { group: 'g', offset: 5 }), 5, 'the answer of a commit of the end');
      equal((await context.describe(topic)).lag, 0, 'lag');
    },
  },
  {
    name: 'two log groups of one topic have positions of their own',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await sendAll(broker, topic, bodies(4));
      await broker.commit(topic, { group: 'a', offset: 3 });
      await broker.commit(topic, { group: 'b', offset: 1 });
      equal(await broker.committed(topic, { group: 'a' }), 3, 'committed of group a');
      equal(await broker.committed(topic, { group: 'b' }), 1, 'committed of group b');
      equal((await context.describe(topic)).lag, 3, 'lag of the topic: that of its slowest group');
    },
  },
  {
    name: 'the position of a group that does not exist is MQ_UNKNOWN_GROUP',
    capability: 'offsets',
    run: async (context) => {
      const { broker } = context;
      const topic = await context.newTopic();
      await refused(broker.committed(topic, { group: 'nobody' }), 'MQ_UNKNOWN_GROUP', 'committed');
      await refused(broker.seek(topic, { group: 'nobody', to: 'earliest' }), 'MQ_UNKNOWN_GROUP', 'seek');
    },
  },
  {
    name: 'a topic of few slots keeps counting offsets however often its slots are used again',
    capability: 'offsets',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 4, overflow: 'wait' });
      const seen: (number | null)[] = [];
      for (let round = 0; round < 10; round += 1) {
        const sent = bodies(3, `r${round}`);
        await sendAll(context.broker, topic, sent);
        const { logEndOffset } = await context.describe(topic);
        const fetched = await readLog(context.broker, topic, { offset: logEndOffset - 3 });
        equal(texts(fetched), sent, 'the three latest records');
        seen.push(...(await drain(context, topic)).map((delivery) => delivery.offset));
      }
      equal(
        seen,
        Array.from({ length: 30 }, (_, index) => index),
        'offsets of 30 messages through 4 slots',
      );
      const { logStartOffset, logEndOffset } = await context.describe(topic);
      holds(logEndOffset === 30 && logStartOffset >= 26, 'a log of at most 4 records that ends at 30', logStartOffset);
    },
  },
];
