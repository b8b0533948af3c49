/** What a feed promises to one subscriber who gives credit, looks, and gives back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../../shared/contract/message.ts';
import { viewOf } from '../armour/broker-view.ts';
import { createExchange } from './exchange.ts';
import { openExchange, read, textOf } from './testing/doors-of.ts';

const BOTH = { covers: (topic: string) => topic.startsWith('topic/') } as const;
const QUEUE = { kind: 'queue', name: 'orders' } as const;

test('a look finds what is there, and resolves when there is nothing or no credit', async () => {
  await using opened = await openExchange(5);
  const { exchange, broker } = opened;
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 1 });
  await reader.feed.look();
  assert.deepEqual(reader.taken(), []);
  for (const body of ['a', 'b']) await exchange.publish(broker, QUEUE, { body });
  await reader.feed.look();
  assert.deepEqual(reader.taken(), ['a']);
  await reader.feed.look();
  assert.deepEqual(reader.taken(), [], 'no credit');
  await reader.close();
  await reader.feed.look();
});

test('who is handed one and gives credit for more gets those after it', async () => {
  await using opened = await openExchange(5);
  const { exchange, broker, clock } = opened;
  for (const body of ['a', 'b', 'c', 'd', 'e']) await exchange.publish(broker, QUEUE, { body });
  const texts: string[] = [];
  const { feed, close } = await exchange.subscribe(broker, {
    ...{ destination: QUEUE, subscriber: { kind: 'queue' }, memberId: 'm', creditMax: 0 },
    onDelivery: (delivery) => {
      texts.push(textOf(delivery));
      feed.setCredit(feed.heldCount + 2);
    },
  });
  feed.setCredit(2);
  while (texts.length < 5) {
    await feed.look();
    await clock.pass(0);
  }
  assert.deepEqual(texts, ['a', 'b', 'c', 'd', 'e']);
  await close();
});

test('who acks each as it is handed out gets all of a long queue, in order, on a short stack', async () => {
  await using opened = await openExchange(2);
  const { exchange, broker, clock } = opened;
  const count = 5000;
  await broker.sendBatch(
    'orders',
    Array.from({ length: count }, (_, number) => ({ body: String(number) })),
  );
  const texts: string[] = [];
  const { feed, close } = await exchange.subscribe(broker, {
    ...{ destination: QUEUE, subscriber: { kind: 'queue' }, memberId: 'm', creditMax: 0 },
    onDelivery: (delivery) => {
      texts.push(textOf(delivery));
      void feed.ack(delivery);
    },
  });
  feed.setCredit(1024);
  for (let turn = 0; turn < count && texts.length < count; turn += 1) await clock.pass(0);
  assert.deepEqual(
    texts,
    Array.from({ length: count }, (_, number) => String(number)),
  );
  await close();
});

test('what is held back and given back comes again in its order', async () => {
  await using opened = await openExchange(5);
  const { exchange, broker, clock } = opened;
  for (const body of ['a', 'b', 'c', 'd']) await exchange.publish(broker, QUEUE, { body });
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' }, creditMax: 3 });
  assert.deepEqual(reader.taken(), ['a', 'b', 'c']);
  await reader.feed.ack(reader.deliveries[0] as Delivery);
  await reader.feed.hold();
  const [, ...rest] = reader.deliveries;
  await Promise.all(rest.map((delivery) => reader.feed.nack(delivery)));
  reader.taken();
  await clock.pass(0);
  assert.deepEqual(reader.taken(), [], 'nothing comes until it goes on');
  reader.feed.resume();
  await reader.feed.look();
  assert.deepEqual(reader.taken(), ['b', 'c', 'd']);
});

test('a feed that is closed while a topic is on its way to it has no group there afterwards', async () => {
  await using opened = await openExchange(5);
  const { clock } = opened;
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow = viewOf(opened.broker, {
    createGroup: async (...args) => {
      asked.resolve();
      await goOn.promise;
      await opened.broker.createGroup(...args);
    },
  });
  const exchange = createExchange(slow, { clock });
  const reader = await read({ exchange, broker: slow }, { ...BOTH, subscriber: { kind: 'ephemeral' } });
  await opened.broker.send('topic/new', { body: 'a' });
  await clock.pass(1000);
  await asked.promise;
  const closed = reader.close();
  goOn.resolve();
  await closed;
  await clock.pass(0);
  const [topic] = await opened.broker.describeTopics({ topic: 'topic/new' });
  assert.deepEqual(topic?.groups, []);
  exchange.close();
});
