/** Subject: many producers and consumers at once; the history checker judges the record of all their calls. */
import type { Delivery } from '../../contract/message.ts';
import { equal, nextTurn, within } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, readLog, texts } from './steps.ts';

const PRODUCERS_COUNT = 8;
const CONSUMERS_COUNT = 8;
/** A whole workload in real time; a sound broker needs a tenth of it. */
const WORKLOAD_MS_MAX = 12_000;
/** Short, so that what a dead consumer held comes back within the time a test may wait. */
const LEASE_MS = 500;

export const concurrency: readonly ConformanceTest[] = [
  {
    name: 'with many producers and competing consumers every message is delivered exactly once',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await workload(context, topic, { decide: () => 'finish' });
      equal(texts(await drain(context, topic)), [], 'what is left when every consumer found nothing more');
      context.checkHistory({ drained: [{ topic, group: 'default' }] });
    },
  },
  {
    name: 'consumers that die, give back and leave lose nothing, and nothing comes twice without a reason',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic();
      await workload(context, topic, { decide: dieSometimes, leaseMs: LEASE_MS });
      await context.pass(LEASE_MS + 200);
      await drain(context, topic);
      context.checkHistory({ drained: [{ topic, group: 'default' }] });
      equal((await context.describe(topic)).lag, 0, 'lag after everything was finished');
    },
  },
  {
    name: 'a topic with little room under many producers and dying consumers loses nothing',
    capability: 'lease',
    run: async (context) => {
      const topic = await context.newTopic({ messagesMax: 16, overflow: 'wait' });
      await workload(context, topic, { decide: ({ random }) => (random.below(10) > 0 ? 'finish' : 'return') });
      await drain(context, topic);
      context.checkHistory({ drained: [{ topic, group: 'default' }] });
    },
  },
  {
    name: 'over several partitions too, consumers that die, give back and leave lose nothing',
    capability: 'partitions',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic({ partitionCount: 4 });
      await context.broker.createGroup(topic, 'default', context.has('dead-letter') ? { deliveriesMax: 0 } : {});
      await workload(context, topic, { decide: dieSometimes, leaseMs: LEASE_MS, keysCount: 20 });
      await context.pass(LEASE_MS + 200);
      await drain(context, topic);
      context.checkHistory({ drained: [{ topic, group: 'default' }] });
      equal((await context.describe(topic)).lag, 0, 'lag after everything was finished');
    },
  },
  {
    name: 'subscribers that forget, give back and close lose nothing, and nothing comes twice without a reason',
    capability: 'push',
    uses: ['lease'],
    run: pushToMany,
  },
  {
    name: 'several groups with several members each get every message, while producers send',
    capability: 'groups',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const groups = ['a', 'b', 'c'];
      for (const group of groups) await context.broker.createGroup(topic, group);
      await workload(context, topic, { groups, decide: dieSometimes, leaseMs: LEASE_MS });
      await context.pass(LEASE_MS + 200);
      for (const group of groups) await drain(context, topic, { group });
      context.checkHistory({ drained: groups.map((group) => ({ topic, group })) });
    },
  },
  {
    name: 'readers that follow the log while producers send see every record once, in one order',
    capability: 'offsets',
    run: followTheLog,
  },
  {
    name: 'a committed offset never moves back, however many members commit at once',
    capability: 'offsets',
    run: async (context) => {
      const topic = await context.newTopic();
      const count = 40;
      for (const body of bodies(count)) await context.broker.send(topic, { body });
      const commits = bodies(PRODUCERS_COUNT).map(async (client) => {
        const broker = context.as(client);
        for (let turn = 0; turn < 10; turn += 1) {
          const offset = context.random.below(count + 1);
          await broker.commit(topic, { group: 'g', offset });
          await broker.committed(topic, { group: 'g' });
        }
      });
      await within(WORKLOAD_MS_MAX, Promise.all(commits), 'all commits');
      context.checkHistory({});
    },
  },
];

/** What a consumer does with what it received; `forget` is what a dead one does. */
type Decision = 'finish' | 'forget' | 'return' | 'leave';

interface Workload {
  readonly groups?: readonly string[];
  /** Default: so long that no lease ends. */
  readonly leaseMs?: number;
  /** How many different keys there are. Default: messages have none. */
  readonly keysCount?: number;
  readonly decide: (context: TestContext) => Decision;
}

/** Of ten receives, seven are finished. */
function dieSometimes({ random }: TestContext): Decision {
  const others = ['forget', 'return', 'leave'] as const;
  return others[random.below(10)] ?? 'finish';
}

/** Producers send their shares one by one while consumers receive, until all was sent and nothing is found. */
async function workload(context: TestContext, topic: string, work: Workload): Promise<void> {
  const { groups = ['default'], leaseMs, decide, keysCount = 0 } = work;
  const messagesCount = context.clock === 'virtual' ? 1600 : 160;
  const share = messagesCount / PRODUCERS_COUNT;
  const producers = Array.from({ length: PRODUCERS_COUNT }, async (_, index) => {
    const producer = context.as(`producer-${index}`);
    for (const body of bodies(share, `p${index}`)) {
      await producer.send(topic, keysCount > 0 ? { body, key: `k-${context.random.below(keysCount)}` } : { body });
    }
  });
  let isSending = true;
  const sent = Promise.all(producers).then(() => {
    isSending = false;
  });
  const consumers = groups.flatMap((group) => {
    return Array.from({ length: CONSUMERS_COUNT / (groups.length > 1 ? 4 : 1) }, async (_, index) => {
      const client = `${group}-${index}`;
      const consumer = context.as(client);
      for (let mayHaveMore = true; mayHaveMore; ) {
        const wasSending = isSending;
        const max = 1 + context.random.below(4);
        const deliveries = await receiveAs(context, topic, { group, client, max, leaseMs });
        mayHaveMore = wasSending || deliveries.length > 0;
        if (deliveries.length === 0) await nextTurn();
        else await settle(context, deliveries, { consumer, decision: decide(context) });
      }
    });
  });
  await within(WORKLOAD_MS_MAX, Promise.all([sent, ...consumers]), 'all sends and receives of the workload');
}

function receiveAs(
  context: TestContext,
  topic: string,
  as: {
    readonly group: string;
    readonly client: string;
    readonly max: number;
    readonly leaseMs: number | undefined;
  },
): Promise<readonly Delivery[]> {
  const { group, client, max, leaseMs } = as;
  const consumer = context.as(client);
  if (!context.has('lease')) return consumer.receive(topic, { max });
  return consumer.receive(topic, { group, memberId: client, max, leaseMs });
}

async function settle(
  context: TestContext,
  deliveries: readonly Delivery[],
  { consumer, decision }: { readonly consumer: TestContext['broker']; readonly decision: Decision },
): Promise<void> {
  const [first] = deliveries;
  // On a real clock a lease of this length may end before the call arrives; then the message simply comes again.
  const late = (error: unknown): void => {
    if (context.clock === 'virtual') throw error;
  };
  if (decision === 'finish') await context.finish(deliveries, consumer).catch(late);
  else if (decision === 'return') {
    for (const delivery of deliveries) await consumer.nack(delivery, { outcome: 'return' }).catch(late);
  } else if (decision === 'leave' && first !== undefined) {
    await consumer.leave(first.topic, { group: first.group, memberId: first.memberId });
  }
}

/** Subscribers that come and go while producers send; what they leave is received in the end. */
async function pushToMany(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  await context.broker.createGroup(topic, 'g', context.has('dead-letter') ? { deliveriesMax: 0 } : {});
  const share = context.clock === 'virtual' ? 50 : 15;
  const producers = [0, 1, 2].map(async (index) => {
    const producer = context.as(`producer-${index}`);
    for (const body of bodies(share, `p${index}`)) await producer.send(topic, { body });
  });
  const late = (error: unknown): void => {
    if (context.clock === 'virtual') throw error;
  };
  const subscribers = [0, 1, 2].map(async (index) => {
    const memberId = `subscriber-${index}`;
    const subscriber = context.as(memberId);
    const options = { group: 'g', memberId, creditMax: 3, leaseMs: LEASE_MS };
    for (let turn = 0; turn < 3; turn += 1) {
      const held: Delivery[] = [];
      const subscription = await subscriber.subscribe(topic, options, (delivery) => held.push(delivery));
      for (let step = 0; step < 10; step += 1) {
        await nextTurn();
        for (const delivery of held.splice(0)) {
          const decision = dieSometimes(context);
          if (decision === 'finish') await subscriber.ack([delivery]).catch(late);
          else if (decision === 'return') await subscriber.nack(delivery, { outcome: 'return' }).catch(late);
        }
      }
      await subscription.close();
    }
  });
  await within(WORKLOAD_MS_MAX, Promise.all([...producers, ...subscribers]), 'all sends and subscriptions');
  await context.pass(LEASE_MS + 200);
  await drain(context, topic, { group: 'g' });
  context.checkHistory({ drained: [{ topic, group: 'g' }] });
}

async function followTheLog(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const share = context.clock === 'virtual' ? 100 : 20;
  const producers = Array.from({ length: PRODUCERS_COUNT }, async (_, index) => {
    const producer = context.as(`producer-${index}`);
    for (const body of bodies(share, `p${index}`)) await producer.send(topic, { body });
  });
  let isSending = true;
  const sent = Promise.all(producers).then(() => {
    isSending = false;
  });
  const readers = Array.from({ length: 3 }, async (_, index) => {
    const reader = context.as(`reader-${index}`);
    const seen: string[] = [];
    let offset = 0;
    for (let mayHaveMore = true; mayHaveMore; ) {
      const wasSending = isSending;
      const { records, nextOffset } = await reader.fetch(topic, { offset, max: 1 + context.random.below(7) });
      seen.push(...texts(records));
      offset = nextOffset;
      mayHaveMore = wasSending || records.length > 0;
      if (records.length === 0) await nextTurn();
    }
    return seen;
  });
  const [seen] = await within(WORKLOAD_MS_MAX, Promise.all([Promise.all(readers), sent]), 'all sends and fetches');
  context.checkHistory({ readWhole: [topic] });
  const log = texts(await readLog(context.broker, topic));
  equal(log.length, share * PRODUCERS_COUNT, 'records in the log');
  for (const ofReader of seen) equal(ofReader, log, 'what a reader saw, and a last reading of everything');
}
