/** Subject: how often a message may fail before nobody gets it any more. */
import { DEFAULTS } from '../../contract/limits.ts';
import { DEAD_LETTER_HEADERS } from '../../contract/message.ts';
import { equal, eventually, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { newTopicWith, readDeadLetters, receiveOne, texts } from './steps.ts';

export const failing: readonly ConformanceTest[] = [
  {
    name: 'a message that failed as often as deliveriesMax allows is dead, not one time earlier or later',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      for (const deliveriesMax of [1, 2, 5]) {
        const topic = await newTopicWith(context, { deliveriesMax });
        const counts: number[] = [];
        for (let attempt = 0; attempt < deliveriesMax; attempt += 1) {
          const delivery = await receiveOne(context.broker, topic, { group: 'g' });
          counts.push(delivery.deliveryCount);
          equal(await readDeadLetters(context.broker, topic, 'g'), [], `dead letters after ${attempt} failures`);
          await context.broker.nack(delivery, { reason: `failure ${attempt + 1}` });
        }
        equal(
          counts,
          Array.from({ length: deliveriesMax }, (_, index) => index + 1),
          'deliveryCount of each delivery',
        );
        equal(await context.broker.receive(topic, { group: 'g' }), [], `a receive after ${deliveriesMax} failures`);
        const [letter] = await readDeadLetters(context.broker, topic, 'g');
        const { headers } = present(letter, 'the dead letter');
        const facts = [DEAD_LETTER_HEADERS.reason, DEAD_LETTER_HEADERS.deliveryCount, DEAD_LETTER_HEADERS.error];
        const expected = ['deliveries', String(deliveriesMax), `failure ${deliveriesMax}`];
        equal(
          facts.map((name) => headers[name]),
          expected,
          'reason, count and last error',
        );
      }
    },
  },
  {
    name: 'without a number of its own a group gives a message sixteen deliveries, with 0 any number',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const [usual, endless] = [await newTopicWith(context, {}), await newTopicWith(context, { deliveriesMax: 0 })];
      for (let count = 1; count <= DEFAULTS.deliveriesMax; count += 1) {
        await context.broker.nack(await receiveOne(context.broker, usual, { group: 'g' }));
        await context.broker.nack(await receiveOne(context.broker, endless, { group: 'g' }));
      }
      equal(await context.broker.receive(usual, { group: 'g' }), [], 'a receive after sixteen failures');
      equal(texts(await readDeadLetters(context.broker, usual, 'g')), ['m-0'], 'the dead letters');
      const delivery = await receiveOne(context.broker, endless, { group: 'g' });
      equal(delivery.deliveryCount, DEFAULTS.deliveriesMax + 1, 'deliveryCount where there is no limit');
      const groups = [await context.describe(usual), await context.describe(endless)].map(({ groups: [g] }) => g);
      equal(
        groups.map((group) => group?.deliveriesMax),
        [DEFAULTS.deliveriesMax, 0],
        'deliveriesMax as the descriptions say it',
      );
    },
  },
  {
    name: 'a lease that ends counts as a failure, a return and a departure do not',
    capability: 'dead-letter',
    uses: ['lease'],
    run: async (context) => {
      const topic = await newTopicWith(context, { deliveriesMax: 2 });
      const take = (memberId = 'm'): ReturnType<typeof receiveOne> =>
        receiveOne(context.broker, topic, { group: 'g', memberId, leaseMs: 600 });
      for (let turn = 0; turn < 3; turn += 1) {
        await context.broker.nack(await take(), { outcome: 'return' });
        await take('goes');
        await context.broker.leave(topic, { group: 'g', memberId: 'goes' });
      }
      equal((await take()).deliveryCount, 1, 'deliveryCount after three returns and three departures');
      await context.pass(700);
      equal((await take()).deliveryCount, 2, 'deliveryCount after a lease ended');
      await context.pass(700);
      equal(await context.broker.receive(topic, { group: 'g' }), [], 'a receive after a second lease ended');
      await eventually(
        async () => (await readDeadLetters(context.broker, topic, 'g')).length === 1,
        'the message among the dead letters',
      );
    },
  },
  {
    name: 'a deliveriesMax that is no whole number from 0 is refused',
    capability: 'dead-letter',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      for (const deliveriesMax of [-1, 1.5, Number.NaN]) {
        const call = context.broker.createGroup(topic, 'g', { deliveriesMax });
        await refused(call, 'MQ_INVALID_ARGUMENT', `a group with deliveriesMax ${deliveriesMax}`);
      }
    },
  },
];
