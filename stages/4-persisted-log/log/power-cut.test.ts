import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallWatcher } from '../../../shared/disk-faults.ts';
import { keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { cutRun, recoverAll, recoverFromCutRecovery, tearsOfEachWrite } from '../testing/log-cuts.ts';

test('a power cut before every change of the disk: what was acked is there, each at its offset, and nothing else', async () => {
  const run = await cutRun({ seed: 1, operationCount: 200, fates: () => [keepsNothing] });
  const { ackedCount, released } = run.history.promised();
  assert.ok(run.cuts.length > 400 && ackedCount > 150 && released > 0, 'the script does a bit of everything');
  await recoverAll(run, { secondLifeEvery: 5 });
});

test('kill -9 at every change of the disk: what was written is there or cut off, never half', async () => {
  await recoverAll(await cutRun({ seed: 2, operationCount: 50, fates: 'kill' }), { isKill: true });
});

test('a power cut that tears, drops and reorders what was not synced', async () => {
  const random = new SeededRandom(3);
  const fates = () => [seededFate(random), seededFate(random)];
  await recoverAll(await cutRun({ seed: 3, operationCount: 30, fates }));
});

test('a power cut that tears any write after any of its bytes', async () => {
  await recoverAll(await cutRun({ seed: 4, operationCount: 12, fates: tearsOfEachWrite(41) }));
});

test('a power cut while a crash is recovered from ends in the same log', async () => {
  const random = new SeededRandom(5);
  const run = await cutRun({ seed: 5, operationCount: 50, fates: () => [seededFate(random)] });
  const fates = () => [keepsNothing, keepsAll, seededFate(random)];
  const some = run.cuts.filter((_cut, index) => index % 25 === 0);
  for (const cut of some) await recoverFromCutRecovery(cut, run, fates);
});

for (const flushPolicy of ['interval', 'never'] as const) {
  test(`flush ${flushPolicy}: kill -9 loses nothing that was answered`, async () => {
    const run = await cutRun({ seed: 7, operationCount: 40, fates: 'kill', flushPolicy });
    await recoverAll(run, { isKill: true, secondLifeEvery: 5 });
  });

  test(`flush ${flushPolicy}: a power cut loses an end, and never leaves a hole, a stranger or half a batch`, async () => {
    const random = new SeededRandom(8);
    const fates = () => [keepsNothing, seededFate(random)];
    await recoverAll(await cutRun({ seed: 8, operationCount: 40, fates, flushPolicy }), { secondLifeEvery: 5 });
  });
}

const LIES: Readonly<Record<string, CallWatcher>> = {
  'of a file': (call) => (call.kind === 'sync' ? { isLie: true } : undefined),
  'of a folder': (call) => (call.kind === 'syncFolder' ? { isLie: true } : undefined),
};
for (const [what, onCall] of Object.entries(LIES)) {
  test(`these tests see it when a sync ${what} is left out`, async () => {
    const run = await cutRun({ seed: 6, operationCount: 20, fates: () => [keepsNothing], onCall });
    await assert.rejects(recoverAll(run), /power cut/);
  });
}
