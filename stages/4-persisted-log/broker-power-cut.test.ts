import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsNothing, seededFate } from '../../shared/power-cut.ts';
import { SeededRandom } from '../../shared/random.ts';
import { brokerCutRun, recoverAllBrokers } from './testing/broker-cuts.ts';

test('a power cut before every change of the disk: the broker that starts again keeps every promise', async () => {
  const run = await brokerCutRun({ seed: 5, operationCount: 24, fates: () => [keepsNothing] });
  const kinds = new Set(run.deeds.map((deed) => deed.kind));
  for (const kind of ['sent', 'acked', 'committed', 'rejected'] as const) assert.ok(kinds.has(kind), kind);
  await recoverAllBrokers(run);
});

test('a power cut in the second life of a broker that was closed in order, from its start to its end', async () => {
  const random = new SeededRandom(7);
  const fates = () => [seededFate(random)];
  const run = await brokerCutRun({ seed: 7, operationCount: 5, lifeCount: 2, fates });
  const second = run.cuts.slice(run.cuts.length / 2);
  await recoverAllBrokers({ ...run, cuts: second });
});

test('kill -9 at every change of the disk, and a power cut after the next start: every promise is kept', async () => {
  const run = await brokerCutRun({ seed: 2, operationCount: 10, fates: 'kill' });
  await recoverAllBrokers(run, { isCutAgain: true });
});

test('a power cut that tears, drops and reorders: the broker that starts again keeps every promise', async () => {
  const random = new SeededRandom(3);
  await recoverAllBrokers(await brokerCutRun({ seed: 3, operationCount: 14, fates: () => [seededFate(random)] }));
});

for (const flushPolicy of ['interval', 'never'] as const) {
  test(`flush ${flushPolicy}: kill -9 loses nothing that was answered`, async () => {
    const run = await brokerCutRun({ seed: 5, operationCount: 8, fates: 'kill', flushPolicy });
    await recoverAllBrokers(run);
  });

  test(`flush ${flushPolicy}: after a power cut there are no strangers, and the broker goes on`, async () => {
    const random = new SeededRandom(6);
    const run = await brokerCutRun({ seed: 6, operationCount: 8, fates: () => [seededFate(random)], flushPolicy });
    await recoverAllBrokers(run, { lostEnd: true });
  });
}

test('these tests see it when syncs are left out', async () => {
  const onCall = (call: { readonly kind: string }) => (call.kind === 'sync' ? { isLie: true } : undefined);
  const run = await brokerCutRun({ seed: 4, operationCount: 20, fates: () => [keepsNothing], onCall });
  await assert.rejects(recoverAllBrokers(run), /power cut/);
});
