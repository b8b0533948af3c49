/** Crowds of peers that are slow, or that come and go; `crowds.long.ts` sends larger ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { comeAndGo, comeSlowly } from '../../../3-http-server/testing/crowd.ts';
import { openForCrowds } from './testing/crowd.ts';

const nextTurn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

test('forty peers that say their frames a byte at a time are sent away, and others are answered meanwhile', async () => {
  await using broker = await createBroker({ topicDefaults: { messagesMax: 100 } });
  await using door = await openForCrowds(broker, { timeoutMs: 200 });
  await comeSlowly(door, { count: 40, pause: nextTurn });
  assert.deepEqual(
    (await broker.describeTopics()).map(({ topic }) => topic),
    ['control'],
  );
});

test('five hundred peers that come and go, half of them within their hello, leave nothing behind', async () => {
  await using broker = await createBroker({ topicDefaults: { messagesMax: 100 } });
  await using door = await openForCrowds(broker, { timeoutMs: 10_000 });
  await comeAndGo(door, { count: 500 });
});
