/** 200 lives of brokers that are killed under load with -9: five folders, forty lives each. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { liveMany } from './testing/kill-run.ts';

const FOLDER_COUNT = 5;
const LIFE_COUNT = 40;
const FIRST_SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

for (let seed = FIRST_SEED; seed < FIRST_SEED + FOLDER_COUNT; seed += 1) {
  test(`seed ${seed}: kill -9 at ${LIFE_COUNT} random moments under load`, async (context) => {
    const root = await mkdtemp(join(tmpdir(), 'stagemq-kill-'));
    context.after(() => rm(root, { recursive: true, force: true }));
    await liveMany(root, { seed, lifeCount: LIFE_COUNT });
  });
}
