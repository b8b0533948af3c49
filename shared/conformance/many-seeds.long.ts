/**
 * Long: everything that depends on chance, again and again with other seeds. A seed that fails is in the message, with
 * the line that replays it; it stays a defect until its cause is found.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker as createStage1 } from '../../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../stages/2-ring-buffer/index.ts';
import { createBroker as createStage3 } from '../../stages/3-http-server/index.ts';
import { createBroker as createStage4 } from '../../stages/4-persisted-log/index.ts';
import { createBroker as createStage5 } from '../../stages/5-robust-broker/index.ts';
import { keepsAll, keepsNothing, seededFate } from '../power-cut.ts';
import { SeededRandom } from '../random.ts';
import { describeResult } from './conformance.ts';
import type { ConformanceTarget } from './conformance-test.ts';
import { runConformance } from './run.ts';
import { onSimulatedDisks, type SimulatedTarget } from './simulated-target.ts';
import { concurrency } from './subjects/concurrency.ts';
import { manyTransactions } from './subjects/many-transactions.ts';
import { properties } from './subjects/properties.ts';
import { ALL_TESTS } from './subjects.ts';

/** The stages that keep what they have, and what of their tests depends on chance. */
const ON_DISKS = [
  { stage: 4, create: createStage4, random: [...concurrency, ...properties] },
  { stage: 5, create: createStage5, random: [...concurrency, ...properties, ...manyTransactions] },
] as const;

/** On disks of which a power cut leaves nothing, everything or, by chance, a part of what was not synced. */
function onDisks(create: (typeof ON_DISKS)[number]['create'], seed: number): SimulatedTarget {
  const fates = [keepsNothing, keepsAll, seededFate(new SeededRandom(seed))];
  return onSimulatedDisks((options) => create({ ...options, dataFolder: '/data' }), fates[seed % fates.length]);
}

async function nothingFails(target: ConformanceTarget): Promise<void> {
  const { tests } = await runConformance(target);
  const wrong = tests.filter(({ verdict }) => verdict === 'failed' || verdict === 'couldNotTest');
  assert.deepEqual(wrong.map(describeResult), [], `seed ${target.seed}`);
}

describe('whatever the seed', () => {
  for (const [stage, createBroker] of [createStage1, createStage2].entries()) {
    test(`stage ${stage + 1}: 60 seeds of everything random`, async () => {
      for (let seed = 0; seed < 60; seed += 1) {
        for (const { name } of [...concurrency, ...properties]) {
          await nothingFails({ name: `${stage + 1}`, createBroker, clock: 'virtual', seed, only: name });
        }
      }
    });
  }

  for (const { stage, create, random } of ON_DISKS) {
    test(`stage ${stage}: 15 seeds of everything random and of every restart, whatever a power cut leaves`, async () => {
      const restarts = ALL_TESTS.filter(({ needs }) => needs?.includes('restart'));
      for (let seed = 0; seed < 15; seed += 1) {
        for (const { name } of new Set([...random, ...restarts])) {
          const target = onDisks(create, seed);
          await nothingFails({ name: `${stage}`, ...target, clock: 'virtual', stage, seed, only: name });
        }
      }
    });
  }

  test('stage 3: 10 seeds of the whole suite', async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      await nothingFails({ name: '3', createBroker: createStage3, clock: 'real', stage: 3, seed });
    }
  });
});
