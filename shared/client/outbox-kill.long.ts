/** The outbox example with real processes that are really killed, and its simulation with many seeds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOutbox } from '../../docs/examples/outbox/run.ts';
import { World } from '../../docs/examples/outbox/testing/world.ts';

for (const seed of [1, 2]) {
  test(`1,000 orders while real processes are killed with -9 (seed ${seed}): one invoice for each`, async () => {
    const { orders, invoices, killCounts } = await runOutbox({ seed, orderCount: 1000, killCount: 40 });
    for (const count of Object.values(killCounts)) assert.ok(count > 0, JSON.stringify(killCounts));
    assert.equal(orders.length, 1000);
    assert.deepEqual(invoices, orders);
  });
}

for (let seed = 2; seed < 12; seed += 1) {
  test(`1,000 orders while everything dies in virtual time (seed ${seed}): one invoice for each`, async () => {
    const world = new World({ seed, orderCount: 1000 });
    await world.run();
    assert.equal(world.shop.orderCount, 1000);
    assert.deepEqual(world.billing.invoices(), world.shop.orders());
  });
}
