import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { createBroker } from '../index.ts';
import { limitedBroker } from './limited-broker.ts';
import { ClientAllowance, TopicAllowances } from './quotas.ts';
import { checkClientQuota } from './users.ts';

async function limited(transactionsCountMax: number) {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, flushPolicy: 'never' });
  const client = new ClientAllowance('shop', checkClientQuota('quota', { transactionsCountMax }), clock);
  const topics = new TopicAllowances([], { clock, topicsCountMax: 10 });
  return { clock, broker, seen: limitedBroker(broker, { client, topics, clock }) };
}

test('a client has so many transactions open and no more, and others have theirs', async () => {
  const { clock, broker, seen } = await limited(2);
  await using _ = broker;
  const [first, second] = await Promise.all([seen.begin(), seen.begin({ timeoutMs: 5000 })]);
  const refused = { code: 'MQ_LIMIT_EXCEEDED', details: { retryAfterMs: 1000 } };
  await assert.rejects(seen.begin(), refused);
  await (await broker.begin()).abort();
  await first.commit();
  await (await seen.findTransaction((await seen.begin()).id)).abort();
  const third = await seen.begin();
  await assert.rejects(seen.begin(), refused);
  await clock.pass(5000);
  await assert.rejects(second.commit(), { code: 'MQ_TRANSACTION_ENDED' });
  const fourth = await seen.begin();
  await assert.rejects(seen.begin(), refused);
  for (const open of [third, fourth]) await open.abort();
});

test('whoever begins again under the same name has one transaction, and what could not begin is not counted', async () => {
  const { broker, seen } = await limited(1);
  await using _ = broker;
  for (let time = 0; time < 3; time += 1) await seen.begin({ transactionalId: 'jobs' });
  await assert.rejects(seen.begin(), { code: 'MQ_LIMIT_EXCEEDED' });
  await (await seen.begin({ transactionalId: 'jobs' })).abort();
  await assert.rejects(seen.begin({ timeoutMs: -1 }), { code: 'MQ_INVALID_ARGUMENT' });
  await (await seen.begin()).commit();
});
