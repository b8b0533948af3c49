/** Subject: who gets which messages of a topic: filters of groups, and filters of single receives. */
import type { Filter } from '../../contract/filter.ts';
import type { Message } from '../../contract/message.ts';
import { atOnce, equal, isSettled, present, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { bodies, drain, receiveOne, sendAll, texts } from './steps.ts';

/** More than one look at a log passes over. */
const MANY_COUNT = 3000;
const RED: Filter = { tags: ['red'] };
const BLUE: Filter = { tags: ['blue'] };

export const filters: readonly ConformanceTest[] = [
  {
    name: 'a group with a filter is handed what matches, in order, and the rest is finished for it',
    capability: 'filters',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'red', { filter: RED });
      await sendTagged(context, topic, ['blue', 'red', 'none', 'red', 'blue']);
      const deliveries = await context.broker.receive(topic, { group: 'red', max: 10 });
      equal(texts(deliveries), ['red-1', 'red-3'], 'what the group is handed');
      await context.broker.ack(deliveries);
      equal(await context.broker.receive(topic, { group: 'red', max: 10 }), [], 'what it is handed then');
      const group = present(
        (await context.describe(topic)).groups.find((each) => each.group === 'red'),
        'the group',
      );
      equal(
        [group.lag, group.availableCount, group.committedOffset],
        [0, 0, 5],
        'lag, availableCount, committedOffset',
      );
      equal(group.filter, RED, 'the filter in its description');
      const all = texts(await drain(context, topic, { group: 'all' }));
      equal(all, ['blue-0', 'red-1', 'none-2', 'red-3', 'blue-4'], 'what a group without a filter is handed');
    },
  },
  {
    name: 'a group with a filter for what nobody sends has no lag, and waits',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { filter: RED });
      await sendTagged(context, topic, ['blue', 'blue']);
      const received = context.broker.receive(topic, { group: 'g', waitMs: 1000 });
      received.catch(() => undefined);
      await context.untilWaiting(topic, 1);
      await sendTagged(context, topic, ['blue', 'blue']);
      equal(await isSettled(received), false, 'a receive has an answer before something matches');
      equal((await context.describe(topic)).groups[0]?.lag, 0, 'lag of the group');
      await sendTagged(context, topic, ['red']);
      equal(texts(await atOnce(received, 'the receive')), ['red-0'], 'what it gets');
    },
  },
  {
    name: 'several tags of a filter are alternatives, and a tag and a selector have to match both',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'either', { filter: { tags: ['red', 'blue'] } });
      await context.broker.createGroup(topic, 'both', { filter: { tags: ['red', 'blue'], selector: "size = 'L'" } });
      const sent = [
        ['red', 'S'],
        ['blue', 'L'],
        ['green', 'L'],
        ['red', 'L'],
        ['Red', 'L'],
      ] as const;
      for (const [tag, size] of sent)
        await context.broker.send(topic, { body: `${tag} ${size}`, headers: { tag, size } });
      equal(texts(await drain(context, topic, { group: 'either' })), ['red S', 'blue L', 'red L'], 'with tags only');
      equal(texts(await drain(context, topic, { group: 'both' })), ['blue L', 'red L'], 'with a selector too');
    },
  },
  {
    name: 'what does not match the filter of a receive stays for others, in its place',
    capability: 'filters',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendTagged(context, topic, ['blue', 'red', 'blue', 'red']);
      const red = await context.broker.receive(topic, { memberId: 'r', max: 10, filter: RED });
      equal(texts(red), ['red-1', 'red-3'], 'what is received with a filter');
      equal((await context.describe(topic)).groups[0]?.availableCount, 2, 'availableCount then');
      equal(texts(await context.broker.receive(topic, { memberId: 'r', filter: RED })), [], 'what more of it there is');
      await context.broker.nack(present(red[0], 'a delivery'));
      const rest = await context.broker.receive(topic, { memberId: 'a', max: 10 });
      equal(texts(rest), ['blue-0', 'red-1', 'blue-2'], 'what is received without a filter, in order');
    },
  },
  {
    name: 'a receive with a filter looks past however many that do not match',
    capability: 'filters',
    uses: ['batch'],
    run: async (context) => {
      const topic = await context.newTopic();
      const messages = bodies(MANY_COUNT, 'blue').map((body): Message => ({ body, headers: { tag: 'blue' } }));
      await context.broker.sendBatch(topic, messages);
      await sendTagged(context, topic, ['red']);
      const deliveries = await context.broker.receive(topic, { filter: RED, max: 10, waitMs: 1000 });
      equal(texts(deliveries), ['red-0'], 'what is received');
      await context.finish(deliveries);
      const first = await receiveOne(context.broker, topic);
      equal(texts([first]), ['blue-0'], 'what is received without a filter');
    },
  },
  {
    name: 'a receive that waits with a filter sleeps on past what does not match and wakes for what does',
    capability: 'filters',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const red = context.broker.receive(topic, { memberId: 'r', filter: RED, waitMs: 1000, max: 10 });
      const blue = context.broker.receive(topic, { memberId: 'b', filter: BLUE, waitMs: 1000, max: 10 });
      for (const call of [red, blue]) call.catch(() => undefined);
      await context.untilWaiting(topic, 2);
      await sendTagged(context, topic, ['none', 'blue']);
      equal(texts(await atOnce(blue, 'the receive for blue')), ['blue-1'], 'what the second in line gets first');
      equal(await isSettled(red), false, 'the receive for red has an answer');
      await sendTagged(context, topic, ['none', 'red']);
      equal(texts(await atOnce(red, 'the receive for red')), ['red-1'], 'what the first in line gets');
    },
  },
  {
    name: 'what comes back by a nack or at the end of a lease wakes only who wants it',
    capability: 'filters',
    uses: ['lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      await sendTagged(context, topic, ['blue', 'red']);
      const held = await context.broker.receive(topic, { memberId: 'a', max: 2 });
      const red = context.broker.receive(topic, { memberId: 'r', filter: RED, waitMs: 1000 });
      red.catch(() => undefined);
      await context.untilWaiting(topic, 1);
      await context.broker.nack(present(held[0], 'the blue one'));
      equal(await isSettled(red), false, 'the receive for red has an answer');
      await context.broker.nack(present(held[1], 'the red one'));
      equal(texts(await atOnce(red, 'the receive for red')), ['red-1'], 'what it gets');
    },
  },
  {
    name: 'a subscription with a filter is pushed what matches, and the rest stays for others',
    capability: 'filters',
    uses: ['push', 'lease'],
    run: async (context) => {
      const topic = await context.newTopic();
      const pushed: string[] = [];
      const options = { memberId: 'r', creditMax: 10, filter: RED };
      const subscription = await context.broker.subscribe(topic, options, (delivery) => {
        pushed.push(...texts([delivery]));
      });
      await sendTagged(context, topic, ['blue', 'red', 'blue', 'red']);
      await context.pass(30);
      equal(pushed, ['red-1', 'red-3'], 'what is pushed');
      const rest = await context.broker.receive(topic, { memberId: 'a', max: 10 });
      equal(texts(rest), ['blue-0', 'blue-2'], 'what is received without a filter');
      await subscription.close();
    },
  },
  {
    name: 'filters of group and of receive both hold',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { filter: { tags: ['red', 'blue'] } });
      await sendTagged(context, topic, ['green', 'blue', 'red']);
      const filter: Filter = { tags: ['red', 'green'] };
      equal(texts(await context.broker.receive(topic, { group: 'g', max: 9, filter })), ['red-2'], 'with both');
      equal(texts(await context.broker.receive(topic, { group: 'g', max: 9 })), ['blue-1'], 'with that of the group');
    },
  },
  {
    name: 'a group is the same again only with the same filter',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      const filter: Filter = { tags: ['red'], selector: 'a = 1' };
      await context.broker.createGroup(topic, 'g', { filter });
      await context.broker.createGroup(topic, 'g', { filter: { selector: 'a = 1', tags: ['red'] } });
      for (const other of [{ tags: ['red'] }, { selector: 'a = 1' }, { ...filter, selector: 'a = 2' }]) {
        await refused(context.broker.createGroup(topic, 'g', { filter: other }), 'MQ_GROUP_EXISTS', 'another filter');
      }
      await refused(context.broker.createGroup(topic, 'g'), 'MQ_GROUP_EXISTS', 'no filter');
    },
  },
  {
    name: 'a restart keeps the filter of a group, and what it has finished by it',
    capability: 'filters',
    uses: ['durable'],
    needs: ['restart'],
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.createGroup(topic, 'g', { filter: RED });
      await sendTagged(context, topic, ['blue', 'red']);
      for (const isClosedFirst of [false, true]) {
        await context.restart({ isClosedFirst });
        equal((await context.describe(topic)).groups[0]?.filter, RED, 'the filter after the restart');
        await sendTagged(context, topic, ['blue', 'red']);
        equal(texts(await drain(context, topic, { group: 'g' })).length, isClosedFirst ? 1 : 2, 'how many it gets');
        equal((await context.describe(topic)).groups[0]?.lag, 0, 'its lag');
      }
    },
  },
  {
    name: 'a filter has to be one: known members, tags that are texts, and something to match',
    capability: 'filters',
    run: async (context) => {
      const topic = await context.newTopic();
      await sendAll(context.broker, topic, ['a']);
      const wrong = [{ tags: 'red' }, { tags: [7] }, { tag: ['red'] }, { selector: 7 }, 'red', [], 7, null];
      for (const filter of wrong as Filter[]) {
        const codes = ['MQ_INVALID_ARGUMENT', 'MQ_INVALID_SELECTOR'] as const;
        const shown = JSON.stringify(filter);
        await refused(context.broker.createGroup(topic, 'g', { filter }), codes, `createGroup with ${shown}`);
        await refused(context.broker.receive(topic, { filter }), codes, `receive with ${shown}`);
      }
      equal(
        (await context.describe(topic)).groups.filter(({ group }) => group === 'g'),
        [],
        'groups that were made',
      );
      equal(texts(await drain(context, topic)), ['a'], 'what is received without a filter');
    },
  },
];

/** Sends `<tag>-<index>` with this tag; the tag `none` is no tag. */
export async function sendTagged(context: TestContext, topic: string, tags: readonly string[]): Promise<void> {
  for (const [index, tag] of tags.entries()) {
    const body = `${tag}-${index}`;
    await context.broker.send(topic, tag === 'none' ? { body } : { body, headers: { tag } });
  }
}
