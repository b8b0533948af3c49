/** The same as memory.test.ts with the numbers a broker is made for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureHeld, proveBacklog, proveTopics } from './testing/memory-proofs.ts';

test('a backlog of 1 GB lives on the disk: a process with 128 MB of heap holds it, and reads all of it', async () => {
  await proveBacklog({ bytes: 1_000_000_000, rssBytesMax: 300_000_000, isFast: false });
});

test('10,000 topics are open with 512 files, each takes a few kilobytes, and close gives everything back', async () => {
  const { bytesPerTopic } = await proveTopics(10_000, { heapMebibytes: 1024 });
  assert.ok(bytesPerTopic < 40_000, `${bytesPerTopic} bytes for each topic`);
});

test('10,000 idle connections and 10,000 idle subscriptions take a few kilobytes each, and nothing when closed', async () => {
  const { bytesPerConnection, bytesPerSubscription } = await measureHeld(10_000, { heapMebibytes: 1024 });
  assert.ok(bytesPerConnection < 40_000, `${bytesPerConnection} bytes for each connection`);
  assert.ok(bytesPerSubscription < 40_000, `${bytesPerSubscription} bytes for each subscription`);
});
