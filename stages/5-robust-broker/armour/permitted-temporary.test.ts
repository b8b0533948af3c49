import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { createBroker } from '../index.ts';
import { Access } from './access.ts';
import { Belongings } from './belongings.ts';
import { permittedBroker } from './permitted-broker.ts';
import { Principal } from './principal.ts';

test('a temporary topic is shown to who made it and to who knows its name, and to nobody else', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  const belongings = new Belongings(LIMITS);
  const access = new Access([{ topics: 'orders', verbs: ['publish'] }]);
  const principal = (name: string) => new Principal({ name, accessNow: () => access, belongings });
  const own = permittedBroker(broker, principal('own'));
  const other = permittedBroker(broker, principal('other'));
  const topic = await own.createTemporaryTopic();
  const namesSeenBy = async (seen: Broker) => (await seen.describeTopics()).map((description) => description.topic);
  assert.deepEqual(await namesSeenBy(own), [topic]);
  assert.deepEqual(await namesSeenBy(other), []);
  await own.receive(topic, { group: 'g' });
  const [told] = await other.describeTopics({ topic });
  assert.deepEqual([told?.topic, told?.groups], [topic, []]);
  await other.send(topic, { body: 'an answer' });
});
