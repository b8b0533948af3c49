import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsAll, keepsNothing, seededFate } from '../../shared/power-cut.ts';
import { SeededRandom } from '../../shared/random.ts';
import { brokerCutRun, recoverAllBrokers } from './testing/broker-cuts.ts';

test('a power cut before every change of the disk: the broker that starts again keeps every promise', async () => {
  const run = await brokerCutRun({ seed: 1, operationCount: 40, fates: () => [keepsNothing] });
  const kinds = new Set(run.deeds.map((deed) => deed.kind));
  assert.equal(kinds.size, 8, 'the load does everything');
  await recoverAllBrokers(run);
});

test('kill -9 at every change of the disk: the broker that starts again keeps every promise', async () => {
  await recoverAllBrokers(await brokerCutRun({ seed: 2, operationCount: 20, fates: () => [keepsAll] }));
});

test('a power cut that tears, drops and reorders: the broker that starts again keeps every promise', async () => {
  const random = new SeededRandom(3);
  await recoverAllBrokers(await brokerCutRun({ seed: 3, operationCount: 20, fates: () => [seededFate(random)] }));
});

test('these tests see it when syncs are left out', async () => {
  const onCall = (call: { readonly kind: string }) => (call.kind === 'sync' ? { isLie: true } : undefined);
  const run = await brokerCutRun({ seed: 4, operationCount: 20, fates: () => [keepsNothing], onCall });
  await assert.rejects(recoverAllBrokers(run), /power cut/);
});
