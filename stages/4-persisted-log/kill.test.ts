import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isMqError } from '../../shared/contract/errors.ts';
import { createBroker } from './index.ts';
import { BrokerPromises } from './testing/broker-promises.ts';
import { checkFolder, foldersIn, KillWorker, liveMany } from './testing/kill-run.ts';

/** `kill.long.ts` lives two hundred times. */
const LIFE_COUNT = 8;

async function freshFolder(context: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'stagemq-kill-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

test(`kill -9 at ${LIFE_COUNT} random moments under load: each start finds what was promised`, async (context) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  context.diagnostic(`seed ${seed}`);
  await liveMany(await freshFolder(context), { seed, lifeCount: LIFE_COUNT });
});

test('a second process on the folder is refused, and the first is not disturbed', async (context) => {
  const root = await freshFolder(context);
  const { data } = foldersIn(root);
  const worker = new KillWorker(root, { run: 'first', seed: 1 });
  context.after(() => worker.kill('SIGKILL'));
  await worker.ready();
  await assert.rejects(createBroker({ dataFolder: data }), (error) => isMqError(error, 'MQ_DATA_LOCKED'));
  assert.equal(worker.process.exitCode, null);
  assert.deepEqual(await worker.kill('SIGTERM'), [0, null]);
  await (await createBroker({ dataFolder: data })).close();
});

test('SIGTERM under load: what was begun is answered, the process ends by itself, every promise is kept', async (context) => {
  const root = await freshFolder(context);
  const promises = new BrokerPromises();
  const worker = new KillWorker(root, { run: 'only', seed: 2 });
  context.after(() => worker.kill('SIGKILL'));
  await worker.ready();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(await worker.kill('SIGTERM'), [0, null]);
  const deeds = worker.deeds();
  assert.ok(
    deeds.some((deed) => deed.kind === 'acked'),
    'it was under load',
  );
  for (const deed of deeds) promises.add(deed);
  assert.ok(existsSync(join(foldersIn(root).data, 'clean')), 'the next start need not look through anything');
  await checkFolder(root, promises);
});
