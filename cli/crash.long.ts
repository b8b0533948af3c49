/** The same as crash.test.ts, at many moments. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { SeededRandom } from '../shared/random.ts';
import { sendThroughACrash } from './testing/crash-run.ts';

const CRASH_COUNT = 10;

for (const door of ['mq', 'http'] as const) {
  test(`over ${door}://, ${CRASH_COUNT} files survive a kill -9 in the middle of each`, {
    skip: process.platform === 'win32' && 'Windows has no kill -9',
  }, async (context) => {
    const seed = Math.floor(performance.now() * 1000) % 2 ** 31;
    context.diagnostic(`seed ${seed}`);
    const random = new SeededRandom(seed);
    for (let crash = 0; crash < CRASH_COUNT; crash += 1) {
      const dataFolder = await mkdtemp(join(tmpdir(), 'stagemq-crash-'));
      context.after(() => rm(dataFolder, { recursive: true, force: true }));
      await sendThroughACrash({ dataFolder, door, seed: random.below(2 ** 31) });
    }
  });
}
