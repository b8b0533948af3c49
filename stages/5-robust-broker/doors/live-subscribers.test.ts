/** Subscribers that are there for a while, beside others that stay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openExchange, read } from './testing/doors-of.ts';

const NEWS = { kind: 'topic', name: 'news' } as const;
const BODIES = Array.from({ length: 20 }, (_, index) => String(index));

test('who looks on gets everything, however quick a durable subscriber is, and what all have finished is gone', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const live = await read(opened, { destination: NEWS, subscriber: { kind: 'ephemeral' }, creditMax: 2 });
  for (const withDurable of [true, false]) {
    const subscriber = { kind: 'durable', group: 'a/n' } as const;
    const durable = withDurable ? await read(opened, { destination: NEWS, subscriber, creditMax: 100 }) : undefined;
    const from = live.deliveries.length;
    for (const body of BODIES) await exchange.publish(broker, NEWS, { body });
    await clock.pass(0);
    for (const delivery of durable?.deliveries ?? []) await durable?.feed.ack(delivery);
    await clock.pass(1000);
    for (let index = from; index < from + BODIES.length; index += 1) {
      const delivery = live.deliveries[index];
      assert.ok(delivery !== undefined, `message ${index} came`);
      await live.feed.ack(delivery);
      await clock.pass(0);
    }
    assert.deepEqual(live.taken(), BODIES);
    await durable?.close();
    await exchange.forget(broker, 'a/n');
    const [description] = await broker.describeTopics({ topic: 'topic/news' });
    assert.equal(description?.bytes, 0);
  }
  await live.close();
});
