/** Topics that nobody awaits any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OpenedExchange, openExchange, read } from './testing/doors-of.ts';

const NEWS = { kind: 'topic', name: 'news' } as const;
const EPHEMERAL = { destination: NEWS, subscriber: { kind: 'ephemeral' } } as const;
const MINUTE_MS = 60_000;

async function names({ broker }: OpenedExchange): Promise<readonly string[]> {
  return (await broker.describeTopics()).map(({ topic }) => topic);
}

for (const stage of [2, 5] as const) {
  test(`stage ${stage}: a topic that was made for a subscriber goes a while after it, and comes again with the next one`, async () => {
    await using opened = await openExchange(stage);
    const { exchange, broker, clock } = opened;
    const first = await read(opened, EPHEMERAL);
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news'], 'as long as somebody reads it, it stays');
    await first.close();
    await clock.pass(MINUTE_MS - 1);
    assert.deepEqual(await names(opened), ['topic/news']);
    await clock.pass(1);
    assert.deepEqual(await names(opened), []);
    assert.equal(await exchange.publish(broker, NEWS, { body: 'a' }), null);
    const next = await read(opened, EPHEMERAL);
    await exchange.publish(broker, NEWS, { body: 'b' });
    await clock.pass(0);
    assert.deepEqual(next.taken(), ['b']);
    await next.close();
  });

  test(`stage ${stage}: a topic that somebody comes back to in time stays, and one with a group too`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    await (await read(opened, EPHEMERAL)).close();
    await clock.pass(MINUTE_MS / 2);
    const again = await read(opened, EPHEMERAL);
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
    await broker.createGroup('topic/news', 'of another program');
    await again.close();
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
  });

  test(`stage ${stage}: a topic that somebody else made stays`, async () => {
    await using opened = await openExchange(stage);
    const { broker, clock } = opened;
    await broker.createTopic('topic/news');
    await (await read(opened, EPHEMERAL)).close();
    await clock.pass(10 * MINUTE_MS);
    assert.deepEqual(await names(opened), ['topic/news']);
  });
}

test('so does the topic of a durable subscriber that is forgotten', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  await (await read(opened, { destination: NEWS, subscriber: { kind: 'durable', group: 'anna/n' } })).close();
  await clock.pass(10 * MINUTE_MS);
  assert.deepEqual(await names(opened), ['topic/news']);
  assert.equal(await exchange.forget(broker, 'anna/n'), 1);
  await clock.pass(MINUTE_MS);
  assert.deepEqual(await names(opened), []);
});

test('whoever comes while a topic is being deleted gets a new one', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  for (let round = 0; round < 10; round += 1) {
    await (await read(opened, EPHEMERAL)).close();
    const passing = clock.pass(MINUTE_MS);
    for (let turn = 0; turn < round; turn += 1) await Promise.resolve();
    const reader = await read(opened, EPHEMERAL);
    await passing;
    await exchange.publish(broker, NEWS, { body: String(round) });
    await clock.pass(0);
    assert.deepEqual(reader.taken(), [String(round)]);
    await reader.close();
  }
});
