/** The real process of stage 4: killed, started again on its data, and nothing left of it at the end. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { afterEach, test } from 'node:test';
import { isMqError } from '../../shared/contract/errors.ts';
import { openConnectionsReader, openTarget } from '../target.ts';
import { BrokerChild } from './broker-child.ts';

const onWindows = { skip: process.platform === 'win32' && 'Windows has no kill -9' };
const open: BrokerChild[] = [];

async function openChild(signal = new AbortController().signal, stage = 4): Promise<BrokerChild> {
  const child = await BrokerChild.open({ stage, openTarget, openConnectionsReader, signal });
  open.push(child);
  return child;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((child) => child.close()));
});

test('what it acknowledged is there after a kill, under the same broker object', onWindows, async () => {
  const child = await openChild();
  const { broker } = child;
  const receipt = await broker.send('t', { body: 'tea' });
  assert.equal(receipt.durability, 'synced');
  const polling = broker
    .receive('t', { group: 'other', waitMs: 30_000 })
    .then(() => broker.receive('t', { group: 'other', waitMs: 30_000 }));
  const lost = assert.rejects(polling, (error) => isMqError(error, 'MQ_CONNECTION_LOST'));
  const { pid } = child.view;
  await child.kill();
  await lost;
  assert.equal(child.view.state, 'dead');
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  const waiting = broker.fetch('t', { max: 10 });
  await child.start();
  assert.deepEqual([child.view.state, child.view.lifeCount], ['running', 2]);
  assert.notEqual(child.view.pid, pid);
  assert.ok(
    child.view.notices.some((notice) => notice.includes('not closed in order')),
    String(child.view.notices),
  );
  assert.equal((await waiting).records.length, 1);
});

test('with another flush policy it ends in good order, and its receipts say so', async () => {
  const child = await openChild();
  await child.restartWith('never');
  assert.deepEqual([child.view.flushPolicy, child.view.notices], ['never', []]);
  assert.equal((await child.broker.send('t', { body: 'tea' })).durability, 'written');
});

test('a process that ends by itself is seen', onWindows, async () => {
  const child = await openChild();
  await child.broker.createTopic('t');
  process.kill(child.view.pid, 'SIGKILL');
  await assert.rejects(child.broker.receive('t', { waitMs: 30_000 }), (error) =>
    isMqError(error, 'MQ_CONNECTION_LOST'),
  );
  while (child.view.state === 'running') await new Promise((resolve) => setImmediate(resolve));
  const waiting = child.broker.describeTopics();
  await child.start();
  assert.deepEqual(
    (await waiting).map(({ topic }) => topic),
    ['t'],
  );
});

test('closed, nothing is left of it: no process, no folder; calls that waited are told', onWindows, async () => {
  const child = await openChild();
  const { pid, dataFolder } = child.view;
  assert.ok(existsSync(dataFolder));
  await child.kill();
  const waiting = assert.rejects(child.broker.describeTopics(), (error) => isMqError(error, 'MQ_CLOSED'));
  await child.close();
  await waiting;
  assert.ok(!existsSync(dataFolder));
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('whoever leaves while it starts leaves nothing behind', async () => {
  const abort = new AbortController();
  const opening = BrokerChild.open({ stage: 4, openTarget, openConnectionsReader, signal: abort.signal });
  abort.abort(new Error('the user left'));
  await assert.rejects(opening, /the user left/);
});

test(
  'of stage 5 each has doors of its own, the same ones after a kill, and sees who is at them',
  onWindows,
  async () => {
    const children = await Promise.all([openChild(undefined, 5), openChild(undefined, 5)]);
    const urls = children.flatMap(({ view }) => view.doors.places.map(({ url }) => url));
    assert.equal(new Set(urls).size, 6);
    const [child] = children;
    assert.ok(child);
    const { places } = child.view.doors;
    assert.deepEqual(
      places.map(({ title }) => title),
      ['STOMP', 'MQTT', 'OpenWire'],
    );
    await child.lookAtDoors();
    assert.ok(child.view.doors.connections.some(({ door }) => door === 'tcp'));
    await child.kill();
    assert.deepEqual(child.view.doors.connections, []);
    await child.lookAtDoors();
    await child.start();
    assert.deepEqual(child.view.doors.places, places);
  },
);
