/** Subject: messages that nobody can process end in a topic of their own, with their history. */
import { DEAD_LETTER_HEADERS, deadLetterTopicOf } from '../../contract/message.ts';
import { equal, eventually, holds, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, offsetOf, readDeadLetters, receiveOne, sendAll, texts } from './steps.ts';

export const deadLetters: readonly ConformanceTest[] = [
  {
    name: 'a rejected delivery goes to the dead letters of its group and does not come again',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['bad', 'good']);
      const delivery = await receiveOne(context.broker, topic, { group: 'g' });
      await context.broker.nack(delivery, { outcome: 'reject', reason: 'cannot be read' });
      equal(texts(await readDeadLetters(context.broker, topic, 'g')), ['bad'], 'the dead letters');
      equal(texts(await drain(context, topic, { group: 'g' })), ['good'], 'what the group still gets');
      const { deadCount, lag } = present((await context.describe(topic)).groups[0], 'the group');
      equal([deadCount, lag], [1, 0], 'deadCount and lag of the group');
      const all = (await context.broker.describeTopics()).map((description) => description.topic);
      holds(all.includes(deadLetterTopicOf(topic, 'g')), 'the dead-letter topic among all topics', all);
      await refused(context.broker.ack([delivery]), 'MQ_LEASE_EXPIRED', 'an ack after the reject');
    },
  },
  {
    name: 'a dead letter has the body, key, id and headers of its message, and its history in headers of its own',
    capability: 'dead-letter',
    uses: ['lease', 'partitions'],
    needs: ['virtual-clock'],
    run: tellHistory,
  },
  {
    name: 'a group does not see what died for another, and each has dead letters of its own',
    capability: 'dead-letter',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(2));
      const bad = await receiveOne(context.broker, topic, { group: 'a' });
      await context.broker.nack(bad, { outcome: 'reject' });
      const held = await context.broker.receive(topic, { group: 'b', max: 2 });
      equal(texts(held), bodies(2), 'what the other group gets');
      await context.broker.nack(present(held[1], 'a delivery'), { outcome: 'reject' });
      equal(texts(await readDeadLetters(context.broker, topic, 'a')), ['m-0'], 'the dead letters of the first group');
      equal(texts(await readDeadLetters(context.broker, topic, 'b')), ['m-1'], 'the dead letters of the second group');
    },
  },
  {
    name: 'dead letters can be received and browsed like any message, and nothing can be sent among them',
    capability: 'dead-letter',
    uses: ['lease', 'browse'],
    run: async (context) => {
      const topic = await context.newTopic();
      await rejectAll(context, topic, 3);
      const dead = deadLetterTopicOf(topic, 'g');
      await context.broker.createGroup(dead, 'audit');
      const listed = await context.broker.browse(dead, { group: 'audit', max: 10 });
      equal(texts(listed), bodies(3), 'what browse lists');
      equal(texts(await drain(context, dead, { group: 'audit' })), bodies(3), 'what a group of that topic receives');
      const send = context.broker.send(dead, { body: 'a' });
      await refused(send, 'MQ_INVALID_ARGUMENT', 'a send to the dead letters');
      const batch = context.broker.sendBatch(dead, [{ body: 'a' }]);
      await refused(batch, 'MQ_INVALID_ARGUMENT', 'a batch to the dead letters');
      const create = context.broker.createTopic(deadLetterTopicOf(topic, 'made-by-hand'));
      await refused(create, 'MQ_INVALID_ARGUMENT', 'a dead-letter topic made by hand');
      equal((await readDeadLetters(context.broker, topic, 'g')).length, 3, 'dead letters afterwards');
    },
  },
  {
    name: 'names with slashes and percent signs have dead letters that cannot be mixed up',
    capability: 'dead-letter',
    uses: ['lease', 'groups'],
    run: async (context) => {
      const base = context.topicName();
      const pairs = [
        [`${base}/a`, 'b'],
        [base, 'a/b'],
        [`${base}%2Fa`, 'b'],
      ] as const;
      for (const [topic, group] of pairs) {
        await context.broker.createTopic(topic);
        await context.broker.send(topic, { body: `of ${topic} and ${group}` });
        await context.broker.nack(await receiveOne(context.broker, topic, { group }), { outcome: 'reject' });
      }
      for (const [topic, group] of pairs) {
        const found = texts(await readDeadLetters(context.broker, topic, group));
        equal(found, [`of ${topic} and ${group}`], `the dead letters of group ${group} of topic ${topic}`);
      }
      for (const [topic] of pairs) await context.broker.deleteTopic(topic);
    },
  },
  {
    name: 'a dead letter that is rejected again is not sent round: it is finished and counted',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await rejectAll(context, topic, 1);
      const dead = deadLetterTopicOf(topic, 'g');
      await context.broker.nack(await receiveOne(context.broker, dead, { group: 'audit' }), { outcome: 'reject' });
      equal(await context.broker.receive(dead, { group: 'audit' }), [], 'what the group still gets');
      const { deadCount, lag } = present(
        (await context.describe(dead)).groups.find(({ group }) => group === 'audit'),
        'the group on the dead letters',
      );
      equal([deadCount, lag], [1, 0], 'deadCount and lag of that group');
      const all = (await context.broker.describeTopics()).map((description) => description.topic);
      equal(
        all.filter((name) => name.startsWith('$dead/%24dead') || name.startsWith('$dead/$dead')),
        [],
        'dead letters of dead letters',
      );
      equal(texts(await readDeadLetters(context.broker, topic, 'g')), ['m-0'], 'the dead letter is still there');
    },
  },
  {
    name: 'what expires becomes a dead letter only where the group asks for it',
    capability: 'dead-letter',
    uses: ['ttl', 'groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'keeps', { deadLetterExpired: true });
      await context.broker.createGroup(topic, 'drops');
      await context.broker.send(topic, { body: 'short', ttlMs: 100, id: 'order-1' });
      await context.pass(300);
      for (const group of ['keeps', 'drops']) {
        equal(await context.broker.receive(topic, { group }), [], `what the group "${group}" gets`);
      }
      await eventually(
        async () => (await readDeadLetters(context.broker, topic, 'keeps')).length > 0,
        'the expired message among the dead letters',
      );
      const [letter] = await readDeadLetters(context.broker, topic, 'keeps');
      const { id, headers } = present(letter, 'the dead letter');
      equal([id, headers[DEAD_LETTER_HEADERS.reason]], ['order-1', 'expired'], 'its id and reason');
      equal(await readDeadLetters(context.broker, topic, 'drops'), [], 'dead letters of the other group');
      const { groups } = await context.describe(topic);
      const counts = groups.map(({ group, deadCount, expiredCount }) => [group, deadCount, expiredCount]);
      const expected = [
        ['drops', 0, 1],
        ['keeps', 1, 1],
      ];
      equal(counts.sort(), expected, 'deadCount and expiredCount of the groups');
    },
  },
  {
    name: 'what expired becomes one dead letter, however often the broker is restarted',
    capability: 'dead-letter',
    uses: ['ttl', 'groups', 'durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { deadLetterExpired: true });
      for (const body of bodies(3)) await context.broker.send(topic, { body, ttlMs: 100 });
      await context.pass(200);
      for (let round = 0; round < 3; round += 1) {
        equal(await context.broker.receive(topic, { group: 'g' }), [], 'what the group gets');
        await eventually(
          async () => (await readDeadLetters(context.broker, topic, 'g')).length >= 3,
          'three dead letters',
        );
        equal(texts(await readDeadLetters(context.broker, topic, 'g')), bodies(3), 'the dead letters');
        await context.restart();
      }
      equal((await context.describe(topic)).groups[0]?.deadCount, 3, 'deadCount');
    },
  },
  {
    name: 'dead letters and their history survive a restart, and no message dies twice',
    capability: 'dead-letter',
    uses: ['lease', 'durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await rejectAll(context, topic, 3);
      const before = await readDeadLetters(context.broker, topic, 'g');
      await context.restart();
      equal(
        await readDeadLetters(context.broker, topic, 'g'),
        before,
        'the dead letters after the restart, and before',
      );
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'what the group still gets');
      equal((await context.describe(topic)).groups[0]?.deadCount, 3, 'deadCount');
    },
  },
];

/** Sends `count` messages and rejects each in the group `g`. */
async function rejectAll(context: TestContext, topic: string, count: number): Promise<void> {
  await sendAll(context.broker, topic, bodies(count));
  for (const delivery of await context.broker.receive(topic, { group: 'g', max: count })) {
    await context.broker.nack(delivery, { outcome: 'reject' });
  }
}

async function tellHistory(context: TestContext): Promise<void> {
  const topic = await context.newTopic({ partitionCount: 2 });
  await sendAll(context.broker, topic, bodies(2));
  const message = { body: Uint8Array.of(0, 255, 128), key: 'k', id: 'order-1', headers: { h: 'x', 消: '息' } };
  const receipt = await context.broker.send(topic, message, { partition: 1 });
  await context.broker.createGroup(topic, 'g', { deliveriesMax: 2 });
  const isBad = ({ id }: { readonly id: string }): boolean => id === 'order-1';
  const held = await context.broker.receive(topic, { group: 'g', max: 3 });
  const firstAt = context.now();
  await context.broker.nack(present(held.find(isBad), 'the delivery'), { reason: 'first error' });
  await context.pass(1000);
  const [again] = await context.broker.receive(topic, { group: 'g', max: 1 });
  await context.pass(500);
  await context.broker.nack(present(again, 'the second delivery'), { reason: 'second error' });
  const [letter, ...more] = await readDeadLetters(context.broker, topic, 'g');
  equal(more, [], 'further dead letters');
  const { body, key, id, headers } = present(letter, 'the dead letter');
  equal({ body, key, id }, { body: message.body, key: 'k', id: 'order-1' }, 'body, key and id');
  const expected: Record<string, string> = {
    ...message.headers,
    [DEAD_LETTER_HEADERS.topic]: topic,
    [DEAD_LETTER_HEADERS.group]: 'g',
    [DEAD_LETTER_HEADERS.partition]: '1',
    [DEAD_LETTER_HEADERS.offset]: String(offsetOf(receipt)),
    [DEAD_LETTER_HEADERS.reason]: 'deliveries',
    [DEAD_LETTER_HEADERS.deliveryCount]: '2',
    [DEAD_LETTER_HEADERS.firstAt]: String(firstAt),
    [DEAD_LETTER_HEADERS.lastAt]: String(firstAt + 1500),
    [DEAD_LETTER_HEADERS.error]: 'second error',
  };
  equal({ ...headers }, expected, 'headers');
}
