/** Subject: topics are created, described and deleted, and what is said about them is true. */
import { atOnce, equal, eventually, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, receiveOne, sendAll, texts } from './steps.ts';

export const topics: readonly ConformanceTest[] = [
  {
    name: 'creating a topic again with equal options changes nothing',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 5, overflow: 'reject' });
      await context.broker.send(topic, { body: 'a' });
      await context.broker.createTopic(topic, { overflow: 'reject', messagesMax: 5 });
      equal((await context.describe(topic)).logEndOffset, 1, 'logEndOffset after the second createTopic');
    },
  },
  {
    name: 'creating a topic again with other options is MQ_TOPIC_EXISTS',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 5 });
      for (const other of [{ messagesMax: 6 }, { messagesMax: 5, overflow: 'reject' as const }]) {
        await refused(context.broker.createTopic(topic, other), 'MQ_TOPIC_EXISTS', 'createTopic with other options');
      }
      equal((await context.describe(topic)).options.messagesMax, 5, 'messagesMax in force');
    },
  },
  {
    name: 'send and receive create the topic they name',
    capability: 'receive',
    run: async (context) => {
      const [sentTo, receivedFrom] = [context.topicName(), context.topicName()];
      await context.broker.send(sentTo, { body: 'a' });
      equal((await context.describe(sentTo)).logEndOffset, 1, 'logEndOffset of the topic that send created');
      equal(await context.broker.receive(receivedFrom), [], 'a receive from a topic that did not exist');
      equal((await context.describe(receivedFrom)).logEndOffset, 0, 'logEndOffset of the topic that receive created');
    },
  },
  {
    name: 'a send or receive that is refused creates no topic and no group',
    capability: 'receive',
    run: async (context) => {
      const { broker } = context;
      const [unknown, known] = [context.topicName(), await context.newTopic()];
      const signal = AbortSignal.abort();
      await refused(broker.send(unknown, { body: 'a' }, { signal }), 'MQ_ABORTED', 'a send that was aborted before');
      await refused(broker.receive(unknown, { signal }), 'MQ_ABORTED', 'a receive that was aborted before');
      const tooLarge = new Uint8Array(broker.limits.bodyBytesMax + 1);
      await refused(broker.send(unknown, { body: tooLarge }), 'MQ_MESSAGE_TOO_LARGE', 'a send of too much');
      await refused(broker.describeTopics({ topic: unknown }), 'MQ_UNKNOWN_TOPIC', 'describeTopics of it afterwards');
      await refused(broker.receive(known, { signal }), 'MQ_ABORTED', 'a receive that was aborted before');
      equal((await context.describe(known)).groups, [], 'groups of the topic nobody received from');
    },
  },
  {
    name: 'every other call on an unknown topic is MQ_UNKNOWN_TOPIC',
    capability: 'send',
    run: async (context) => {
      const { broker } = context;
      const topic = context.topicName();
      const calls: Record<string, () => Promise<unknown>> = {
        describeTopics: () => broker.describeTopics({ topic }),
        deleteTopic: () => broker.deleteTopic(topic),
      };
      if (context.has('groups')) calls.createGroup = () => broker.createGroup(topic, 'g');
      if (context.has('groups')) calls.deleteGroup = () => broker.deleteGroup(topic, 'g');
      if (context.has('browse')) calls.browse = () => broker.browse(topic);
      if (context.has('offsets')) {
        calls.fetch = () => broker.fetch(topic);
        calls.commit = () => broker.commit(topic, { group: 'g', offset: 0 });
        calls.committed = () => broker.committed(topic, { group: 'g' });
        calls.seek = () => broker.seek(topic, { group: 'g', to: 'earliest' });
      }
      for (const [name, call] of Object.entries(calls)) await refused(call(), 'MQ_UNKNOWN_TOPIC', name);
      const all = await broker.describeTopics();
      equal(
        all.some((description) => description.topic === topic),
        false,
        'the topic was created by one of them',
      );
    },
  },
  {
    name: 'a broker told not to create topics refuses to send to and receive from an unknown one',
    capability: 'receive',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ autoCreateTopics: false });
      const topic = context.topicName();
      await refused(broker.send(topic, { body: 'a' }), 'MQ_UNKNOWN_TOPIC', 'send');
      if (context.has('batch')) {
        await refused(broker.sendBatch(topic, [{ body: 'a' }]), 'MQ_UNKNOWN_TOPIC', 'sendBatch');
      }
      await refused(broker.receive(topic), 'MQ_UNKNOWN_TOPIC', 'receive');
      await broker.createTopic(topic);
      await broker.send(topic, { body: 'a' });
    },
  },
  {
    name: 'the messages of a deleted topic do not come back when it is created again',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.broker.deleteTopic(topic);
      await refused(context.broker.describeTopics({ topic }), 'MQ_UNKNOWN_TOPIC', 'describeTopics after deleteTopic');
      await context.broker.createTopic(topic);
      equal(await context.broker.receive(topic, { max: 10 }), [], 'what the new topic holds');
      const { offset } = await context.broker.send(topic, { body: 'new' });
      holds(offset === null || offset === 0, 'offset 0: a new topic counts from the beginning', offset);
      equal(texts(await drain(context, topic)), ['new'], 'what the new topic holds');
    },
  },
  {
    name: 'calls that wait on a topic are rejected with MQ_UNKNOWN_TOPIC when it is deleted',
    capability: 'receive',
    run: async (context) => {
      const [empty, full] = [await context.newTopic(), await context.newTopic({ messagesMax: 1, overflow: 'wait' })];
      const receive = context.as('consumer').receive(empty, { waitMs: 20_000 });
      await context.untilWaiting(empty, 1);
      await context.broker.send(full, { body: 'a' });
      const send = context.as('producer').send(full, { body: 'b' });
      await context.untilWaiting(full, 1);
      await context.broker.deleteTopic(empty);
      await context.broker.deleteTopic(full);
      await refused(receive, 'MQ_UNKNOWN_TOPIC', 'the waiting receive');
      await refused(send, 'MQ_UNKNOWN_TOPIC', 'the blocked send');
    },
  },
  {
    name: 'topics are described in the order of their names',
    capability: 'send',
    run: async (context) => {
      const base = context.topicName();
      const own = ['b', 'a', 'C', 'ü', '10', '9'].map((suffix) => `${base}-${suffix}`);
      for (const name of own) await context.namedTopic(name);
      const all = (await context.broker.describeTopics()).map((description) => description.topic);
      const listed = all.filter((name) => own.includes(name));
      equal(listed, [...own].sort(), 'the topics of this test in the list of all');
    },
  },
  {
    name: 'a topic counts what is available and where its log begins and ends',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 50 });
      const empty = await context.describe(topic);
      equal([empty.availableCount, empty.waiterCount, empty.logEndOffset], [0, 0, 0], 'the counts of a new topic');
      await sendAll(context.broker, topic, bodies(5));
      const full = await context.describe(topic);
      equal([full.availableCount, full.inFlightCount, full.lag], [5, 0, 5], 'availableCount, inFlightCount and lag');
      equal([full.logStartOffset, full.logEndOffset], [0, 5], 'logStartOffset and logEndOffset');
      equal([full.options.messagesMax, full.partitionCount], [50, 1], 'messagesMax and partitionCount');
      await context.finish([await receiveOne(context.broker, topic)]);
      const after = await context.describe(topic);
      equal([after.availableCount, after.inFlightCount, after.lag], [4, 0, 4], 'the counts after one was finished');
    },
  },
  {
    name: 'what is in flight is counted as in flight, and what came again as redelivered',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const [first, second] = await context.broker.receive(topic, { max: 2 });
      const { availableCount, inFlightCount, lag, groups } = await context.describe(topic);
      equal([availableCount, inFlightCount, lag], [1, 2, 3], 'availableCount, inFlightCount and lag of the topic');
      equal([groups[0]?.availableCount, groups[0]?.inFlightCount], [1, 2], 'the same counts of its one group');
      await context.broker.ack([present(first, 'the first delivery')]);
      await context.broker.nack(present(second, 'the second delivery'));
      await receiveOne(context.broker, topic);
      const after = await context.describe(topic);
      equal([after.availableCount, after.inFlightCount, after.lag], [1, 1, 2], 'the counts after an ack and a nack');
      equal(after.redeliveredCount, 1, 'redeliveredCount');
    },
  },
  {
    name: 'a description and an inside are plain JSON',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      const description = await context.describe(topic);
      equal(JSON.parse(JSON.stringify(description)), { ...description }, 'the description as JSON and back');
      if (context.broker.inspect === undefined) return;
      const inside = await context.broker.inspect(topic, { max: 2 });
      equal(JSON.parse(JSON.stringify(inside)), { ...inside }, 'the inside as JSON and back');
      equal(inside.topic, topic, 'the topic of the inside');
      const cells = inside.kind === 'queue' ? inside.slots : inside.kind === 'ring' ? inside.cells : [];
      holds(cells.length <= 2, 'at most two cells', cells.length);
    },
  },
  {
    name: 'more topics than topicsCountMax is MQ_LIMIT_EXCEEDED',
    capability: 'send',
    needs: ['broker-options'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { topicsCountMax: 2 } });
      await broker.createTopic('one');
      await broker.send('two', { body: 'a' });
      await refused(broker.createTopic('three'), 'MQ_LIMIT_EXCEEDED', 'createTopic of a third topic');
      await refused(broker.send('three', { body: 'a' }), 'MQ_LIMIT_EXCEEDED', 'send to a third topic');
      await broker.deleteTopic('one');
      await atOnce(broker.createTopic('three'), 'createTopic after another was deleted');
    },
  },
  {
    name: 'more waiting calls than waitersCountMax is MQ_LIMIT_EXCEEDED',
    capability: 'receive',
    needs: ['broker-options', 'virtual-clock'],
    run: async (context) => {
      const broker = await context.openBroker({ limits: { waitersCountMax: 2 } });
      await broker.createTopic('topic');
      const calls = [1, 2].map(() => broker.receive('topic', { waitMs: 20_000 }));
      await eventually(async () => {
        const [description] = await broker.describeTopics({ topic: 'topic' });
        return description?.waiterCount === 2;
      }, 'two calls waiting on the topic');
      await refused(broker.receive('topic', { waitMs: 20_000 }), 'MQ_LIMIT_EXCEEDED', 'a third waiting receive');
      await sendAll(broker, 'topic', ['a', 'b']);
      const received = await atOnce(Promise.all(calls), 'the two waiting receives');
      equal(received.flatMap(texts), ['a', 'b'], 'what the two waiting receives got');
    },
  },
];
