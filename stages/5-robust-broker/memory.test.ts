/** What many idle things take, and what a backlog takes that is larger than memory. memory.long.ts has the large numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureHeld, proveBacklog, proveTopics } from './testing/memory-proofs.ts';

test('a backlog of 300 MB lives on the disk: a process with 128 MB of heap holds it, and reads all of it', async () => {
  await proveBacklog({ bytes: 300_000_000, rssBytesMax: 280_000_000 });
});

test('1,000 topics are open with 512 files, each takes a few kilobytes, and close gives everything back', async () => {
  const { bytesPerTopic } = await proveTopics(1000);
  assert.ok(bytesPerTopic < 40_000, `${bytesPerTopic} bytes for each topic`);
});

test('an idle connection and an idle subscription take a few kilobytes, and nothing when they are closed', async () => {
  const { bytesPerConnection, bytesPerSubscription } = await measureHeld(200);
  assert.ok(bytesPerConnection < 40_000, `${bytesPerConnection} bytes for each connection`);
  assert.ok(bytesPerSubscription < 40_000, `${bytesPerSubscription} bytes for each subscription`);
});
