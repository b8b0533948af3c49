/** Runs a transformation on stage 5 and asserts that its output is the exact function of its input. For tests. */
import assert from 'node:assert/strict';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import { transform, transformed } from './transformation.ts';

const create: CreateOnDisk = (options) => createBroker({ ...options, dataFolder: '/data' });
const IDLE_ROUNDS_MAX = 200;

/** `faultsMin`: how many failures there are at least, so that the run says something. */
export async function isExactly({
  messagesCount,
  batchCount,
  seed,
  faultsMin,
}: {
  readonly messagesCount: number;
  readonly batchCount: number;
  readonly seed: number;
  readonly faultsMin: number;
}): Promise<void> {
  const options = { create, seed, messagesCount, batchCount, idleRoundsMax: IDLE_ROUNDS_MAX };
  const { input, byPosition, byAck, faults } = await transform(options);
  const told = `seed ${seed}, ${JSON.stringify(faults)}`;
  const sent = Array.from({ length: messagesCount }, (_, index) => `message ${index}`);
  assert.deepEqual(input.flat().sort(), sent.sort(), `the input has each message once (${told})`);
  const expected = input.map((bodies) => bodies.map(transformed));
  assert.deepEqual(byPosition, expected, `read by position: each once and in order, in every partition (${told})`);
  const asSet = (partitions: readonly (readonly string[])[]): string[][] =>
    partitions.map((bodies) => [...bodies].sort());
  assert.deepEqual(asSet(byAck), asSet(expected), `by acks: each once, in its partition (${told})`);
  const faultCount = Object.values(faults).reduce((sum, count) => sum + count, 0);
  assert.ok(faultCount >= faultsMin && faults.power > 0 && faults.consumer > 0, `enough went wrong (${told})`);
}
