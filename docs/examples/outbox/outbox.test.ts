/** 1,000 orders while the shop, the relay, billing and the broker die at moments chosen by a seed: one invoice for each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './testing/world.ts';

test('1,000 orders while everything dies: one invoice for each, however often they are delivered', async () => {
  const world = new World({ seed: 1, orderCount: 1000 });
  await world.run();
  const { shop, relay, billing, broker } = world.deaths;
  for (const count of [shop, relay, billing, broker]) assert.ok(count >= 5, JSON.stringify(world.deaths));
  assert.ok(
    world.repeatedCount > 5,
    `${world.repeatedCount} were delivered again: without an inbox they had two invoices`,
  );
  assert.equal(world.shop.outbox.waitingCount, 0);
  assert.equal(world.shop.orderCount, 1000);
  assert.deepEqual(world.billing.invoices(), world.shop.orders());
});
