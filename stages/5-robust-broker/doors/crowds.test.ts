/** Crowds of peers that are slow, or that come and go, at each door of others; `crowds.long.ts` sends larger ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { comeAndGo, comeSlowly } from '../../3-http-server/testing/crowd.ts';
import { CROWDED_DOORS } from './testing/crowds.ts';

const nextTurn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
const BOUNDED = { topicDefaults: { messagesMax: 100 } };

for (const [name, openForCrowds] of Object.entries(CROWDED_DOORS)) {
  test(`${name}: forty peers that say a byte at a time are sent away, and others are answered meanwhile`, async () => {
    await using broker = await createBroker(BOUNDED);
    await using door = await openForCrowds(broker, { timeoutMs: 200 });
    await comeSlowly(door, { count: 40, pause: nextTurn });
    const topics = (await broker.describeTopics()).map(({ topic }) => topic);
    assert.ok(topics.length === 1 && topics[0]?.endsWith('control'), topics.join());
  });

  test(`${name}: five hundred peers that come and go, half of them within their greeting, leave nothing`, async () => {
    await using broker = await createBroker(BOUNDED);
    await using door = await openForCrowds(broker, { timeoutMs: 10_000 });
    await comeAndGo(door, { count: 500 });
  });
}
