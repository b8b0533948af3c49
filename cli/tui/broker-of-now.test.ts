import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { openTarget } from '../target.ts';
import { BrokerOfNow } from './broker-of-now.ts';

async function ring(): Promise<Broker> {
  return (await openTarget('2')).broker;
}

const isCode = (code: Parameters<typeof isMqError>[1]) => (error: unknown) => isMqError(error, code);

test('a call while there is no broker waits for the next, and those who hold it do not notice', async () => {
  const now = new BrokerOfNow(await ring());
  await now.broker.send('t', { body: 'to the first' });
  now.gone();
  const waiting = now.broker.send('t', { body: 'to the second' });
  const second = await ring();
  now.become(second);
  assert.equal((await waiting).offset, 0);
  assert.equal((await second.fetch('t', { max: 10 })).records.length, 1);
  assert.ok(now.broker.capabilities.has('lease'));
  assert.equal(now.broker.name, second.name);
});

test('a call that waits for the next broker is ended by its signal, before and after it began', async () => {
  const now = new BrokerOfNow(await ring());
  now.gone();
  const controller = new AbortController();
  const waiting = now.broker.receive('t', { waitMs: 1000, signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, isCode('MQ_ABORTED'));
  await assert.rejects(now.broker.send('t', { body: '' }, { signal: AbortSignal.abort() }), isCode('MQ_ABORTED'));
});

test('a client that is closed because its broker died is a lost connection; at the end it is closed', async () => {
  const first = await ring();
  const now = new BrokerOfNow(first);
  await first.close();
  await assert.rejects(now.broker.describeTopics(), isCode('MQ_CONNECTION_LOST'));
  now.gone();
  const waiting = now.broker.describeTopics();
  now.end();
  await assert.rejects(waiting, isCode('MQ_CLOSED'));
  await assert.rejects(now.broker.describeTopics(), isCode('MQ_CLOSED'));
  now.gone();
  await assert.rejects(now.broker.describeTopics(), isCode('MQ_CLOSED'));
});
