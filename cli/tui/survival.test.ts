import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { openTarget } from '../target.ts';
import { Survival } from './survival.ts';

/** A broker with a topic that holds at most four. */
async function openLog(): Promise<{ readonly broker: Broker; readonly clock: VirtualClock } & AsyncDisposable> {
  const clock = new VirtualClock();
  const disk = new SimulatedDisk();
  const { broker } = await openTarget('4', { brokerOptions: { clock, disk, dataFolder: '/data' } });
  await broker.createTopic('t', { messagesMax: 4 });
  return { broker, clock, [Symbol.asyncDispose]: () => broker.close() };
}

test('what was acknowledged is looked for in the log, by its id and its offset', async () => {
  await using log = await openLog();
  const survival = new Survival();
  for (const id of ['a', 'b']) survival.acknowledged(await log.broker.send('t', { id, body: id }));
  survival.acknowledged({ id: 'never stored', offset: 2 });
  survival.acknowledged({ id: 'a', offset: 1 });
  const report = await survival.check(log.broker, 't');
  assert.deepEqual([report.acknowledgedCount, report.foundCount], [3, 1], 'only b is where its receipt said');
  assert.deepEqual(survival.view, { acknowledgedCount: 3, survived: report });
});

test('what nobody answered is counted apart, and once', async () => {
  await using log = await openLog();
  const survival = new Survival();
  await log.broker.send('t', { id: 'stored', body: '' });
  for (const id of ['stored', 'not stored']) survival.unanswered(id);
  const first = await survival.check(log.broker, 't');
  assert.deepEqual([first.unansweredCount, first.unansweredFoundCount, first.acknowledgedCount], [2, 1, 0]);
  assert.equal((await survival.check(log.broker, 't')).unansweredCount, 0);
});

test('what was finished and then made room is no part of the promise any more', async () => {
  await using log = await openLog();
  const survival = new Survival();
  await log.broker.createGroup('t', 'g');
  for (const id of ['a', 'b', 'c', 'd']) survival.acknowledged(await log.broker.send('t', { id, body: id }));
  await log.broker.ack(await log.broker.receive('t', { group: 'g', max: 2 }));
  survival.acknowledged(await log.broker.send('t', { id: 'e', body: 'e' }));
  const { acknowledgedCount, foundCount } = await survival.check(log.broker, 't');
  assert.equal(acknowledgedCount, foundCount);
  assert.ok(acknowledgedCount < 5, 'the first of them is released');
});

test('a delayed message is known by its id until it has an offset', async () => {
  await using log = await openLog();
  const survival = new Survival();
  survival.acknowledged(await log.broker.send('t', { id: 'later', body: '', delayMs: 1000 }));
  survival.acknowledged({ id: 'forgotten', offset: null });
  const before = await survival.check(log.broker, 't');
  assert.deepEqual([before.acknowledgedCount, before.foundCount], [2, 1]);
  await log.clock.pass(1000);
  const [delivery] = await log.broker.receive('t', { group: 'g' });
  assert.ok(delivery);
  survival.delivered(delivery);
  const after = await survival.check(log.broker, 't');
  assert.deepEqual([after.acknowledgedCount, after.foundCount], [2, 1]);
});

test('an ack that was answered is remembered for its group alone', () => {
  const survival = new Survival();
  survival.finished('pay', 'a');
  assert.deepEqual([survival.isFinished('pay', 'a'), survival.isFinished('mail', 'a')], [true, false]);
});

test('it remembers five thousand of a kind and no more', () => {
  const survival = new Survival();
  for (let index = 0; index <= 5000; index += 1) {
    survival.acknowledged({ id: `m${index}`, offset: index });
    survival.finished('g', `m${index}`);
  }
  assert.equal(survival.view.acknowledgedCount, 5000);
  assert.deepEqual([survival.isFinished('g', 'm0'), survival.isFinished('g', 'm5000')], [false, true]);
});
