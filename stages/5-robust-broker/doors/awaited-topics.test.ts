/** What becomes of messages of topics that nobody awaits, and what callers with few rights may have made for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { Access } from '../armour/access.ts';
import { Belongings } from '../armour/belongings.ts';
import { permittedBroker } from '../armour/permitted-broker.ts';
import { Principal } from '../armour/principal.ts';
import { type OpenedExchange, openExchange, read } from './testing/doors-of.ts';

const NEWS = { kind: 'topic', name: 'news' } as const;

function viewOf({ broker }: OpenedExchange, verbs: readonly ('publish' | 'consume')[]): Broker {
  const access = new Access([{ topics: 'topic/news*', verbs }]);
  const principal = new Principal({
    name: verbs.join('-'),
    accessNow: () => access,
    belongings: new Belongings(LIMITS),
  });
  return permittedBroker(broker, principal);
}

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: names that nobody awaits are published to, and no topic is made for them`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const some = await read(opened, {
      covers: (topic) => topic.startsWith('topic/a.'),
      subscriber: { kind: 'ephemeral' },
    });
    for (let n = 0; n < 100; n += 1) {
      assert.equal(await exchange.publish(broker, { kind: 'topic', name: `b.${n}` }, { body: 'x' }), null);
    }
    assert.notEqual(await exchange.publish(broker, { kind: 'topic', name: 'a.1' }, { body: 'y' }), null);
    await clock.pass(0);
    assert.deepEqual(some.taken(), ['y']);
    const topics = (await broker.describeTopics()).map(({ topic }) => topic);
    assert.deepEqual(topics, ['topic/a.1']);
  });

  test(`stage ${stage}: a topic that another program deleted is made again for whoever covers it`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const covers = (topic: string): boolean => topic.startsWith('topic/');
    const stop = await exchange.watchFor(broker, { group: 'anna/n', covers });
    await exchange.publish(broker, NEWS, { body: '1' });
    await broker.deleteTopic('topic/news');
    assert.notEqual(await exchange.publish(broker, NEWS, { body: '2' }), null);
    const back = await read(opened, { covers, subscriber: { kind: 'durable', group: 'anna/n' } });
    await clock.pass(0);
    assert.deepEqual(back.taken(), ['2']);
    stop();
  });
}

test('to publish and to subscribe it takes the right to do that, and none to manage topics', async () => {
  await using opened = await openExchange();
  const { exchange, clock } = opened;
  const [publisher, consumer] = [viewOf(opened, ['publish']), viewOf(opened, ['consume'])];
  const reader = await read({ exchange, broker: consumer }, { destination: NEWS, subscriber: { kind: 'ephemeral' } });
  await exchange.publish(publisher, NEWS, { body: 'a' });
  await clock.pass(0);
  assert.deepEqual(reader.taken(), ['a']);
  const forbidden = { code: 'MQ_FORBIDDEN' };
  await assert.rejects(exchange.publish(consumer, NEWS, { body: 'b' }), forbidden);
  await assert.rejects(
    read({ exchange, broker: publisher }, { destination: NEWS, subscriber: { kind: 'ephemeral' } }),
    forbidden,
  );
});

test('whoever may not publish is refused also where nobody awaits it', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  await broker.createTopic('topic/news');
  const forbidden = { code: 'MQ_FORBIDDEN' };
  await assert.rejects(exchange.publish(viewOf(opened, ['consume']), NEWS, { body: 'a' }), forbidden);
  const other = { kind: 'topic', name: 'secret' } as const;
  await assert.rejects(exchange.publish(viewOf(opened, ['publish']), other, { body: 'a' }), forbidden);
  await assert.rejects(
    read({ exchange, broker: viewOf(opened, ['consume']) }, { destination: other, subscriber: { kind: 'ephemeral' } }),
    forbidden,
  );
  assert.deepEqual(
    (await broker.describeTopics()).map(({ topic }) => topic),
    ['topic/news'],
  );
});

test('one caller that is refused is no reason to refuse another one who asks at the same time', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  const results = await Promise.allSettled(
    [viewOf(opened, ['publish']), broker].map((view) =>
      read({ exchange, broker: view }, { destination: NEWS, subscriber: { kind: 'ephemeral' } }),
    ),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
});

test('who may read a topic may end its own durable subscription, and come with another selector', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  const consumer = viewOf(opened, ['consume']);
  const subscriber = { kind: 'durable', group: 'anna/n' } as const;
  for (const kind of ['a', 'b']) {
    const filter = { selector: `kind = '${kind}'` };
    const reader = await read({ exchange, broker: consumer }, { destination: NEWS, subscriber, filter });
    await reader.close();
  }
  await assert.rejects(exchange.forget(viewOf(opened, ['publish']), 'anna/n'), { code: 'MQ_FORBIDDEN' });
  assert.equal(await exchange.forget(consumer, 'anna/n'), 1);
  assert.deepEqual((await broker.describeTopics())[0]?.groups, []);
});
