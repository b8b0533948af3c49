/** Subject: looking at what a group has not finished, without taking it. */
import { equal, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { bodies, drain, offsetOf, receiveOne, sendAll, texts } from './steps.ts';

export const browsing: readonly ConformanceTest[] = [
  {
    name: 'browsing takes nothing: everything is received afterwards as if nobody had looked',
    capability: 'browse',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(3));
      await context.broker.createGroup(topic, 'g');
      for (const _ of [1, 2]) {
        equal(texts(await context.broker.browse(topic, { group: 'g', max: 10 })), bodies(3), 'what browse shows');
      }
      const deliveries = await drain(context, topic, { group: 'g' });
      equal(texts(deliveries), bodies(3), 'what is received');
      equal(
        deliveries.map((delivery) => delivery.deliveryCount),
        [1, 1, 1],
        'deliveryCount of each',
      );
    },
  },
  {
    name: 'browsing shows what is in flight, what is available, how often it was delivered, and nothing finished',
    capability: 'browse',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(4));
      await context.broker.ack([await receiveOne(context.broker, topic)]);
      await context.broker.nack(await receiveOne(context.broker, topic));
      await receiveOne(context.broker, topic);
      const shown = await context.broker.browse(topic, { max: 10 });
      equal(
        shown.map(({ state, deliveryCount }, index) => [texts(shown)[index], state, deliveryCount]),
        [
          ['m-1', 'in-flight', 2],
          ['m-2', 'available', 0],
          ['m-3', 'available', 0],
        ],
        'body, state and deliveryCount of what browse shows',
      );
    },
  },
  {
    name: 'browsing goes page by page with max and after',
    capability: 'browse',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, bodies(5));
      await context.broker.createGroup(topic, 'g');
      const pages: string[][] = [];
      let after: number | undefined;
      for (;;) {
        const page = await context.broker.browse(topic, {
          group: 'g',
          max: 2,
          after,
        });
        const last = page.at(-1);
        if (last === undefined) break;
        pages.push(texts(page));
        holds(pages.length <= 5, 'at most five pages of five messages', pages);
        after = offsetOf(last);
      }
      equal(pages, [['m-0', 'm-1'], ['m-2', 'm-3'], ['m-4']], 'pages of two');
    },
  },
  {
    name: 'browsing a group that does not exist is MQ_UNKNOWN_GROUP and creates none',
    capability: 'browse',
    uses: ['groups'],
    run: async (context) => {
      const topic = await context.newTopic();
      await refused(context.broker.browse(topic, { group: 'nobody' }), 'MQ_UNKNOWN_GROUP', 'browse');
      equal((await context.describe(topic)).groups, [], 'groups of the topic');
    },
  },
  {
    name: 'a browse outside its limits is refused',
    capability: 'browse',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.receive(topic);
      for (const options of [{ max: 0 }, { max: context.broker.limits.receiveCountMax + 1 }, { after: -2 }]) {
        await refused(context.broker.browse(topic, options), 'MQ_INVALID_ARGUMENT', 'browse');
      }
    },
  },
];
