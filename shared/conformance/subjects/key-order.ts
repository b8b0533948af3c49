/** Subject: a group that keeps the order of each key, whoever works on it and whatever fails. */
import type { Delivery } from '../../contract/message.ts';
import { atOnce, equal, nextTurn, present, within } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { drain, readDeadLetters, receiveOne, textOf, texts } from './steps.ts';

/** A whole workload in real time; a sound broker needs a tenth of it. */
const WORKLOAD_MS_MAX = 12_000;

export const keyOrder: readonly ConformanceTest[] = [
  {
    name: 'in a key-ordered group one message of a key at a time is under way, and keys do not wait for each other',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1', 'b-0', 'a-2', 'b-1', 'c-0']);
      const first = await context.broker.receive(topic, { group: 'g', memberId: 'one', max: 2 });
      equal(texts(first), ['a-0', 'b-0'], 'what the first member gets');
      const second = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 10 });
      equal(texts(second), ['c-0'], 'what the second member gets meanwhile');
      await context.broker.ack(first.slice(0, 1));
      const next = await context.broker.receive(topic, { group: 'g', memberId: 'two', max: 10 });
      equal(texts(next), ['a-1'], 'what the second member gets after a-0 is finished');
      await context.broker.ack([...first.slice(1), ...second, ...next]);
      equal(texts(await drain(context, topic, { group: 'g' })), ['a-2', 'b-1'], 'what comes at the end');
    },
  },
  {
    name: 'a message that fails comes again before later ones of its key, and the other keys go on',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1', 'b-0', 'b-1']);
      const [first] = await context.broker.receive(topic, { group: 'g', max: 1 });
      await context.broker.nack(present(first, 'the first delivery'));
      const then = await context.broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(then), ['a-0', 'b-0'], 'what comes after the failure');
      await context.broker.nack(present(then[0], 'a delivery'), { delayMs: 900 });
      await context.broker.ack(then.slice(1));
      equal(texts(await drain(context, topic, { group: 'g' })), ['b-1'], 'what comes while a-0 waits');
      await context.pass(1100);
      equal(texts(await drain(context, topic, { group: 'g' })), ['a-0', 'a-1'], 'what comes after it waited');
    },
  },
  {
    name: 'a lease that ends blocks and frees its key like a failure',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1']);
      await receiveOne(context.broker, topic, { group: 'g', memberId: 'dies', leaseMs: 800 });
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive while the lease runs');
      await context.pass(1000);
      equal(texts(await drain(context, topic, { group: 'g' })), ['a-0', 'a-1'], 'what comes after it ended');
    },
  },
  {
    name: 'a message that dies frees its key for the next one',
    capability: 'group-modes',
    uses: ['lease', 'dead-letter'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1', 'b-0']);
      await context.broker.nack(await receiveOne(context.broker, topic, { group: 'g' }), { outcome: 'reject' });
      equal(texts(await readDeadLetters(context.broker, topic, 'g')), ['a-0'], 'the dead letters');
      equal(texts(await drain(context, topic, { group: 'g' })), ['a-1', 'b-0'], 'what the group gets');
    },
  },
  {
    name: 'a waiting receive wakes when the key of the next message is free',
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1']);
      const first = await receiveOne(context.broker, topic, { group: 'g', memberId: 'one' });
      const call = context.as('two').receive(topic, { group: 'g', memberId: 'two', waitMs: 20_000 });
      await context.untilWaiting(topic, 1);
      await context.broker.ack([first]);
      const deliveries = await atOnce(call, 'the waiting receive, after the ack');
      equal(texts(deliveries), ['a-1'], 'what it received');
    },
  },
  {
    name: "messages without a key are in nobody's way",
    capability: 'group-modes',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0']);
      for (const body of ['x', 'y', 'z']) await context.broker.send(topic, { body });
      await context.broker.send(topic, { body: 'a-1', key: 'a' });
      const held = await context.broker.receive(topic, { group: 'g', max: 10 });
      equal(texts(held), ['a-0', 'x', 'y', 'z'], 'what is handed out at once');
    },
  },
  {
    name: 'after a seek back the messages of a key come in order again',
    capability: 'group-modes',
    uses: ['lease', 'offsets'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'a-1', 'b-0', 'a-2']);
      const [first] = await context.broker.receive(topic, { group: 'g', max: 1 });
      await context.broker.ack([present(first, 'a delivery')]);
      await context.broker.receive(topic, { group: 'g', max: 1 });
      await context.broker.seek(topic, { group: 'g', to: 'earliest' });
      const again = await drain(context, topic, { group: 'g', max: 1 });
      const ofA = texts(again).filter((text) => text.startsWith('a'));
      equal(ofA, ['a-0', 'a-1', 'a-2'], 'the messages of one key');
      equal(again.length, 4, 'messages received');
    },
  },
  {
    name: 'a restart keeps the order of keys: what was under way comes before what was not',
    capability: 'group-modes',
    uses: ['lease', 'durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await newKeyedTopic(context, ['a-0', 'b-0', 'a-1', 'b-1']);
      const held = await context.broker.receive(topic, { group: 'g', max: 2, leaseMs: 300 });
      await context.broker.ack(held.slice(1));
      await context.restart();
      await context.pass(500);
      const lines = Map.groupBy(texts(await drain(context, topic, { group: 'g' })), ([key]) => key);
      equal(lines.get('a'), ['a-0', 'a-1'], 'the messages of the key whose first was under way');
      equal(lines.get('b'), ['b-1'], 'the messages of the key whose first was finished');
    },
  },
  {
    name: 'many members of a key-ordered group, some of which fail, finish the messages of each key in order',
    capability: 'group-modes',
    uses: ['lease', 'partitions'],
    run: workInOrder,
  },
];

/** A topic with a key-ordered group; the key of each message is what stands before the dash. */
async function newKeyedTopic(context: TestContext, texts: readonly string[]): Promise<string> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g', { mode: 'key-ordered' });
  for (const body of texts) await context.broker.send(topic, { body, key: keyOf(body) });
  return topic;
}

function keyOf(body: string): string {
  return body.slice(0, body.indexOf('-'));
}

async function workInOrder(context: TestContext): Promise<void> {
  const topic = await context.newTopic({ partitionCount: 2 });
  await context.broker.createGroup(topic, 'g', { mode: 'key-ordered', deliveriesMax: 0 });
  const perKey = context.clock === 'virtual' ? 30 : 8;
  const keys = ['a', 'b', 'c', 'd', 'e'];
  for (let turn = 0; turn < perKey; turn += 1) {
    for (const key of keys) await context.broker.send(topic, { body: `${key}-${turn}`, key });
  }
  const finished: string[] = [];
  const underWay = new Set<string>();
  const members = [0, 1, 2, 3].map((index) => workAs(context, topic, { name: `member-${index}`, finished, underWay }));
  await within(WORKLOAD_MS_MAX, Promise.all(members), 'all receives and acks');
  equal(finished.length, keys.length * perKey, 'messages finished');
  for (const [key, line] of Map.groupBy(finished, keyOf)) {
    equal(
      line,
      Array.from({ length: perKey }, (_, turn) => `${key}-${turn}`),
      `the messages of key ${key} in the order in which they were finished`,
    );
  }
}

/** Receives, and finishes or fails, until nothing is found. */
async function workAs(
  context: TestContext,
  topic: string,
  work: { readonly name: string; readonly finished: string[]; readonly underWay: Set<string> },
): Promise<void> {
  const member = context.as(work.name);
  const isLeft = async (): Promise<boolean> => (await context.describe(topic)).lag > 0;
  while (await isLeft()) {
    const held = await member.receive(topic, { group: 'g', memberId: work.name, max: 1 + context.random.below(3) });
    const together = held.map(textOf).map(keyOf);
    equal(
      together.filter((key) => work.underWay.has(key)),
      [],
      'keys that another delivery is under way of',
    );
    for (const key of together) work.underWay.add(key);
    await nextTurn();
    for (const delivery of held) await endWork(context, delivery, { ...work, member });
  }
}

async function endWork(
  context: TestContext,
  delivery: Delivery,
  work: { readonly member: TestContext['broker']; readonly finished: string[]; readonly underWay: Set<string> },
): Promise<void> {
  const body = textOf(delivery);
  const fails = context.random.below(5) === 0;
  // Noted before the call: when it answers, another member may have the next message of the key already.
  work.underWay.delete(keyOf(body));
  if (!fails) work.finished.push(body);
  if (fails) await work.member.nack(delivery);
  else await work.member.ack([delivery]);
}
