/** The limits of this stage, which show, and those of stage 3, which do not any more. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LimitReport } from '../../shared/lesson.ts';
import { createRelay } from '../3-http-server/relay.ts';
import { createTcpClient } from './doors/tcp/create-client.ts';
import { createTcpServer } from './doors/tcp/server.ts';
import { createBroker } from './index.ts';
import { showLimits } from './limit.ts';

const SEND_COUNT = 1000;

const reports: readonly LimitReport[] = await showLimits();

test('a lost answer plus a retry stores a duplicate', () => {
  const [duplicate] = reports;
  assert.equal(duplicate?.isShown, true);
  assert.match(duplicate?.steps[0]?.en ?? '', /MQ_CONNECTION_LOST/);
  assert.match(duplicate?.steps[2]?.en ?? '', /2 records, with the ids bill-1 and bill-1/);
});

test('two topics cannot be written all or nothing', () => {
  const [, topics] = reports;
  assert.equal(topics?.isShown, true);
  assert.match(topics?.steps[0]?.en ?? '', /MQ_NOT_SUPPORTED/);
  assert.match(topics?.steps[2]?.en ?? '', /"payments" has 1 record and "deliveries" 0/);
});

test('a STOMP client cannot talk to it', () => {
  const [, , stomp, ...others] = reports;
  assert.equal(others.length, 0);
  assert.equal(stomp?.isShown, true);
  assert.match(stomp?.steps[1]?.en ?? '', /it gets MQ_PROTOCOL/);
});

test('every step and claim is told in both languages', () => {
  for (const { claim, next, steps } of reports) {
    for (const text of [claim, next, ...steps]) {
      assert.ok(text.en.length > 0);
      assert.match(text.zh, /\p{Script=Han}/u);
    }
  }
});

test('stage 3 forgot everything at a restart; here the topic and the message are there', async () => {
  await using folder = await temporaryFolder();
  const before = await createBroker({ dataFolder: folder.path });
  const receipt = await before.send('orders', { body: 'one tea' });
  await before.close();
  await using after = await createBroker({ dataFolder: folder.path });
  const topics = await after.describeTopics();
  const deliveries = await after.receive('orders', { max: 10 });
  assert.equal(receipt.durability, 'synced');
  assert.deepEqual(
    topics.map(({ topic }) => topic),
    ['orders'],
  );
  assert.deepEqual(
    deliveries.map(({ offset, body }) => [offset, new TextDecoder().decode(body)]),
    [[receipt.offset, 'one tea']],
  );
});

test('stage 3 needed 1,000 turns for 1,000 sends on one connection; here many share a turn', async () => {
  await using broker = await createBroker();
  await using server = await createTcpServer(broker);
  await using relay = await createRelay(server.url);
  await using client = await createTcpClient(relay.url.replace('http:', 'mq:'));
  const turnsBefore = relay.turnCount;
  const sends = Array.from({ length: SEND_COUNT }, (_, index) => client.send('orders', { body: `order ${index}` }));
  const receipts = await Promise.all(sends);
  assert.deepEqual(
    receipts.map(({ offset }) => offset),
    Array.from({ length: SEND_COUNT }, (_, index) => index),
  );
  assert.equal(relay.connectionCount, 1);
  const turnCount = relay.turnCount - turnsBefore;
  assert.ok(turnCount <= SEND_COUNT / 10, `${turnCount} turns`);
});

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'stagemq-limit-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
