/** Crowds of peers that are slow, or that come and go; `crowds.long.ts` sends larger ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comeAndGo, comeSlowly } from './testing/crowd.ts';
import { openForCrowds, openTlsForCrowds } from './testing/crowd-of-http.ts';

const nextTurn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

test('forty peers that say their requests a byte at a time are sent away, and others are answered meanwhile', async () => {
  await using door = await openForCrowds({ timeoutMs: 200 });
  await comeSlowly(door, { count: 40, pause: nextTurn });
  assert.deepEqual(
    (await door.broker.describeTopics()).map(({ topic }) => topic),
    ['control'],
  );
});

test('five hundred peers that come and go, half of them within a request, leave nothing behind', async () => {
  await using door = await openForCrowds({ timeoutMs: 10_000 });
  await comeAndGo(door, { count: 500 });
});

test('forty peers that say their handshake of TLS a byte at a time, or never, are sent away, and others are answered', async () => {
  await using door = await openTlsForCrowds({ timeoutMs: 200 });
  await comeSlowly(door, { count: 40, pause: nextTurn });
});

test('three hundred peers that come and go, half of them within their handshake of TLS, leave nothing behind', async () => {
  await using door = await openTlsForCrowds({ timeoutMs: 10_000 });
  await comeAndGo(door, { count: 300 });
});
