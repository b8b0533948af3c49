import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Broker } from '../contract/broker.ts';
import { onSimulatedDisks } from './simulated-target.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A broker that answers each `fetch` by the next of `answers`, and `close` by nothing. */
function answering(answers: readonly Promise<unknown>[]): Broker {
  let count = 0;
  const fetch = (): Promise<unknown> => {
    count += 1;
    return answers[count - 1] ?? Promise.reject(new Error('no answer is left'));
  };
  return { fetch, close: async () => undefined } as unknown as Broker;
}

const FETCH = { offset: 0 };

test('a call that has ended is forgotten while its broker goes on', async () => {
  const broker = { fetch: async () => 'an answer', close: async () => undefined };
  const { createBroker } = onSimulatedDisks(async () => broker as unknown as Broker);
  const reached = await createBroker();
  const heapAfter = async (callCount: number): Promise<number> => {
    for (let count = 0; count < callCount; count += 1) await reached.fetch('t', FETCH);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(1000);
  const grownBytes = (await heapAfter(20_000)) - before;
  assert.ok(grownBytes < 1024 * 1024, `20,000 calls that are over hold ${grownBytes} bytes`);
  await reached.close();
});

test('a restart cuts off what is under way, and what is asked of the old broker later', async () => {
  const { promise: never } = Promise.withResolvers<unknown>();
  const { createBroker, restartBroker } = onSimulatedDisks(async () => answering([Promise.resolve('one'), never]));
  const old = await createBroker();
  assert.equal(await old.fetch('t', FETCH), 'one');
  const cut = assert.rejects(old.fetch('t', FETCH), { code: 'MQ_CONNECTION_LOST' });
  const next = await restartBroker(old, {});
  await cut;
  await assert.rejects(old.fetch('t', FETCH), { code: 'MQ_CONNECTION_LOST' });
  assert.equal(await next.fetch('t', FETCH), 'one');
});
