/** Subject: producers that keep their name, producers that outlive the broker, and many that repeat what they send. */
import { isMqError } from '../../contract/errors.ts';
import type { Receipt } from '../../contract/message.ts';
import type { ProducerIdentity } from '../../contract/producer.ts';
import { awaitedLater, equal, holds, present, refused, within } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { send } from './numbered-sends.ts';
import { bodies, forAWhile, readLog, roundsOf, texts } from './steps.ts';

/** Restarts in the middle of a send, each at another moment. */
const ROUNDS_COUNT = 8;
const WORKLOAD_MS_MAX = 12_000;

export const namedProducers: readonly ConformanceTest[] = [
  {
    name: 'opening under a name again gives the same producer its next epoch, and other names another producer',
    capability: 'idempotence',
    run: async (context) => {
      const name = context.topicName();
      const first = await context.broker.openProducer({ name });
      const second = await context.broker.openProducer({ name });
      const expected = { producerId: first.producerId, epoch: first.epoch + 1 };
      equal({ producerId: second.producerId, epoch: second.epoch }, expected, 'who is opened the second time');
      const other = await context.broker.openProducer({ name: `${name}-b` });
      holds(other.producerId !== first.producerId, 'another producerId for another name', other);
    },
  },
  {
    name: 'an older owner of a name is fenced at once, in every partition, and nothing of it is stored',
    capability: 'idempotence',
    run: async (context) => {
      const [known, fresh] = [await context.newTopic(), await context.newTopic()];
      const name = context.topicName();
      const older = await context.broker.openProducer({ name });
      await send(context, known, { producer: older, sequence: 0 });
      const newer = await context.broker.openProducer({ name });
      for (const topic of [known, fresh]) {
        for (const sequence of [0, 1]) {
          const call = send(context, topic, { producer: older, sequence });
          await refused(call, 'MQ_PRODUCER_FENCED', `sequence ${sequence} of the older owner`);
        }
      }
      equal((await send(context, known, { producer: newer, sequence: 0 })).offset, 1, 'the offset of the newer owner');
      await refused(
        send(context, known, { producer: older, sequence: 1 }),
        'MQ_PRODUCER_FENCED',
        'the older one again',
      );
      equal(texts(await readLog(context.broker, known)), ['s-0', 's-0'], 'what is stored');
      equal((await context.describe(fresh)).logEndOffset, 0, 'messages in the other topic');
    },
  },
  {
    name: 'a new epoch begins to count from 0 again, and what the older one sent is no repetition of it',
    capability: 'idempotence',
    run: async (context) => {
      const topic = await context.newTopic();
      const name = context.topicName();
      const older = await context.broker.openProducer({ name });
      for (const sequence of [0, 1, 2]) await send(context, topic, { producer: older, sequence });
      const newer = await context.broker.openProducer({ name });
      const goesOn = send(context, topic, { producer: newer, sequence: 3 });
      await refused(goesOn, ['MQ_SEQUENCE_GAP', 'MQ_UNKNOWN_PRODUCER'], 'a new epoch that goes on with 3');
      for (const sequence of [0, 1]) {
        const { isDuplicate } = await send(context, topic, { producer: newer, sequence });
        equal(isDuplicate, undefined, `isDuplicate of sequence ${sequence} of the new epoch`);
      }
      equal(texts(await readLog(context.broker, topic)), [...bodies(3, 's'), ...bodies(2, 's')], 'what is stored');
    },
  },
  {
    name: 'a send that is repeated after a restart is known again, and its producer goes on where it was',
    capability: 'idempotence',
    uses: ['durable'],
    needs: ['restart'],
    run: (context) => goOnAfterRestart(context, { isClosedFirst: false }),
  },
  {
    name: 'a broker that was closed in order knows the numbers of its producers when it is opened again',
    capability: 'idempotence',
    uses: ['durable'],
    needs: ['restart'],
    run: (context) => goOnAfterRestart(context, { isClosedFirst: true }),
  },
  {
    name: 'a send that was under way when the broker stopped is stored once, however often it is repeated',
    capability: 'idempotence',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const producer = await context.broker.openProducer();
      const roundsCount = roundsOf(context, ROUNDS_COUNT);
      for (let sequence = 0; sequence < roundsCount; sequence += 1) {
        void awaitedLater(send(context, topic, { producer, sequence }));
        await forAWhile(context);
        await context.restart();
        for (let time = 0; time < 2; time += 1) {
          const { offset } = await send(context, topic, { producer, sequence });
          equal(offset, sequence, `the offset of sequence ${sequence}`);
        }
      }
      equal(texts(await readLog(context.broker, topic)), bodies(roundsCount, 's'), 'what is stored');
    },
  },
  {
    name: 'a restart gives no producer to two, and keeps names with their epochs',
    capability: 'idempotence',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      const name = context.topicName();
      const before = [await context.broker.openProducer(), await context.broker.openProducer({ name })];
      await context.restart();
      const after = [await context.broker.openProducer(), await context.broker.openProducer({ name })];
      const named = [before[1], after[1]].map((producer) => [producer?.producerId, producer?.epoch]);
      const [older, newer] = named;
      equal(newer, [older?.[0], (older?.[1] ?? 0) + 1], 'producerId and epoch under the name after the restart');
      const ids = [...before, ...after.slice(0, 1)].map(({ producerId }) => producerId);
      equal(new Set(ids).size, 3, 'different producerIds of three producers');
      const fenced = send(context, topic, { producer: before[1] as ProducerIdentity, sequence: 0 });
      await refused(fenced, 'MQ_PRODUCER_FENCED', 'a send of the owner before the restart');
    },
  },
  {
    name: 'many producers that repeat what they send, at any time, store everything once and in their order',
    capability: 'idempotence',
    run: repeatEverything,
  },
];

async function goOnAfterRestart(context: TestContext, how: { readonly isClosedFirst: boolean }): Promise<void> {
  const topic = await context.newTopic();
  const producer = await context.broker.openProducer();
  const receipts: Receipt[] = [];
  for (const sequence of [0, 1, 2]) receipts.push(await send(context, topic, { producer, sequence }));
  for (let time = 0; time < 2; time += 1) {
    await context.restart(how);
    const again = await send(context, topic, { producer, sequence: 2 });
    equal(
      again,
      { ...present(receipts[2], 'the receipt'), isDuplicate: true },
      'the receipt of the repetition after a restart',
    );
    equal((await send(context, topic, { producer, sequence: 1 })).offset, 1, 'the offset of the one before it');
  }
  await refused(send(context, topic, { producer, sequence: 4 }), 'MQ_SEQUENCE_GAP', 'a gap after the restart');
  equal((await send(context, topic, { producer, sequence: 3 })).isDuplicate, undefined, 'isDuplicate of the next one');
  equal(texts(await readLog(context.broker, topic)), bodies(4, 's'), 'what is stored');
}

/** Each call is made up to three times, together or one after the other; what is too old for it is refused. */
async function repeatEverything(context: TestContext): Promise<void> {
  const topic = await context.newTopic();
  const count = context.clock === 'virtual' ? 100 : 25;
  const producers = [0, 1, 2, 3].map(async (index) => {
    const broker = context.as(`producer-${index}`);
    const identity = await broker.openProducer();
    const sendOnce = (sequence: number) =>
      broker.send(topic, { body: `p${index}-${sequence}` }, { producer: { ...identity, sequence } });
    for (let sequence = 0; sequence < count; sequence += 1) {
      const times = Array.from({ length: 1 + context.random.below(3) }, () => sendOnce(sequence));
      const offsets = (await Promise.all(times)).map(({ offset }) => offset);
      equal(new Set(offsets).size, 1, `different offsets of ${times.length} equal sends`);
      const earlier = Math.max(0, sequence - context.random.below(8));
      if (context.random.below(3) === 0) await awaitedLater(sendOnce(earlier)).catch(acceptTooOld);
    }
  });
  await within(WORKLOAD_MS_MAX, Promise.all(producers), 'all sends of the workload');
  const stored = texts(await readLog(context.broker, topic));
  for (const [index] of producers.entries()) {
    const ofProducer = stored.filter((text) => text.startsWith(`p${index}-`));
    equal(ofProducer, bodies(count, `p${index}`), `what is stored of producer ${index}`);
  }
}

function acceptTooOld(error: unknown): void {
  if (!isMqError(error, 'MQ_SEQUENCE_TOO_OLD')) throw error;
}
