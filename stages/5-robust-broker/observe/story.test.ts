import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker } from '../index.ts';

async function open() {
  const clock = new VirtualClock();
  return { clock, broker: await createBroker({ dataFolder: '/data', disk: new SimulatedDisk(), clock }) };
}

async function story(broker: Broker, id: string): Promise<unknown> {
  const told = await broker.explain?.('orders', { id });
  return told?.events.map(({ what, reason }) => (reason === undefined ? what : `${what}: ${reason}`));
}

test('the story of a message tells of its transaction: that it is open, and how it ended', async () => {
  const { broker, clock } = await open();
  const committed = await broker.begin();
  await committed.send('orders', { body: 'a', id: 'one' });
  const aborted = await broker.begin();
  await aborted.send('orders', { body: 'b', id: 'two' });
  await broker.send('orders', { body: 'c', id: 'plain' });
  await clock.pass(10);
  await committed.commit();
  await aborted.abort();
  const told = (await story(broker, 'one')) as string[];
  assert.match(told[0] ?? '', /^accepted: in transaction \d+-\d+$/);
  assert.match(told[1] ?? '', /^committed: transaction \d+-\d+$/);
  assert.match(String(((await story(broker, 'two')) as string[])[1]), /^aborted: transaction/);
  assert.deepEqual(await story(broker, 'plain'), ['accepted']);
  await broker.close();
});

test('one story from the send in a transaction over retries and death to redrive and the end', async () => {
  const { broker, clock } = await open();
  await broker.createTopic('orders');
  await broker.createGroup('orders', 'g', { deliveriesMax: 2 });
  const transaction = await broker.begin();
  await transaction.send('orders', { body: 'a', id: 'one' });
  await clock.pass(10);
  await transaction.commit();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await clock.pass(10);
    const [delivery] = await broker.receive('orders', { group: 'g' });
    assert.ok(delivery !== undefined);
    await clock.pass(10);
    await broker.nack(delivery, { outcome: 'retry', reason: 'no stock' });
  }
  await clock.pass(10);
  assert.equal(await broker.redrive('orders', { group: 'g' }), 1);
  await clock.pass(10);
  const again = await broker.receive('orders', { group: 'g' });
  await broker.ack(again);
  const told = (await story(broker, 'one')) as string[];
  const words = told.map((event) => event.split(':')[0]);
  assert.deepEqual(words.slice(-4), ['dead', 'redriven', 'delivered', 'acked'], told.join('\n'));
  assert.ok(words.filter((word) => word === 'delivered').length >= 3, told.join('\n'));
  await broker.close();
});
