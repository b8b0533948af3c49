/** Stage 5 at work on virtual time: transactions, half messages, numbers and filters, with producers and brokers that die. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Producer } from './producer.ts';
import { runLog } from './testing/log-run.ts';

type Run = Awaited<ReturnType<typeof runLog>>;

async function runRobust(options: Parameters<typeof runLog>[0] = {}) {
  const run = await runLog({ ...options, stage: 5 });
  const [first, second] = run.simulation.producers;
  assert.ok(first && second, 'two producers, so that one can answer for the other');
  return { ...run, first, second };
}

function told(run: Run, wanted: RegExp): boolean {
  return run.story().some((line) => wanted.test(line));
}

async function untilTold(run: Run, wanted: RegExp): Promise<void> {
  for (let tries = 0; !told(run, wanted); tries += 1) {
    assert.ok(tries < 800, `${wanted} in\n${run.story().join('\n')}`);
    await run.pass(50);
  }
}

function inside(run: Run) {
  const view = run.simulation.view.inside;
  assert.ok(view?.kind === 'log');
  const [partition] = view.partitions;
  assert.ok(partition);
  return { view, partition };
}

/** It begins a transaction and sends in it for a while; the other one goes on by itself. */
async function inTransaction(run: Run, producer: Producer, ms = 3000): Promise<void> {
  producer.toggleTransaction();
  await run.pass(ms);
  assert.ok((producer.view.transactionCount ?? 0) >= 2, run.story().join('\n'));
}

test('what is sent in a transaction is undecided, holds up what is behind it, and is seen at its commit', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  const { view, partition } = inside(run);
  const [open] = view.transactions ?? [];
  assert.ok(open?.transactionalId === 'p1' && open.state === 'open' && open.recordCount >= 2);
  assert.ok((partition.lastStableOffset ?? 0) < partition.highWatermark, 'what p2 sent behind it made it to the disk');
  const before = run.simulation.view.promises.acknowledgedCount;
  const count = run.first.view.transactionCount ?? 0;
  run.first.toggleTransaction();
  await run.pass(1000);
  assert.ok(told(run, new RegExp(`^p1 COMMITTED: ${count} orders and ${count} ledger lines`)), run.story().join('\n'));
  assert.ok(told(run, /^marker C at #\d+: \S+ committed, \d records$/), run.story().join('\n'));
  assert.ok(run.simulation.view.promises.acknowledgedCount >= before + count);
  const marker = inside(run).partition.markers?.at(-1);
  assert.equal(marker?.outcome, 'committed');
  await run.pass(5000);
  for (const { nextOffset } of run.simulation.view.readers) assert.ok((nextOffset ?? 0) > (marker?.offset ?? 0));
  await run.close();
});

test('what was aborted is marked in the log, and nobody gets it', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  run.first.abortTransaction();
  await run.pass(6000);
  assert.ok(told(run, /^p1 ABORTED: nobody gets its \d orders/), run.story().join('\n'));
  assert.ok(told(run, /^marker A at #\d+/));
  assert.ok(!told(run, /never committed$/));
  const { partition } = inside(run);
  assert.ok(partition.cells.filter(({ isAborted }) => isAborted).length >= 2);
  assert.ok(partition.cells.every(({ id, isAborted }) => !isAborted || id?.startsWith('p1-')));
  run.first.abortTransaction();
  await run.pass(50);
  assert.ok(told(run, /^p1 has no transaction open/));
  await run.close();
});

test('what is acked in a transaction is finished at its commit, and comes again when it is aborted', async () => {
  const run = await runRobust();
  const [, , consumer] = run.simulation.readers;
  assert.ok(consumer);
  for (const outcome of ['aborted', 'committed']) {
    for (let tries = 0; consumer.view.held.length < 2; tries += 1) {
      assert.ok(tries < 400, 'it gets two');
      await run.pass(50);
    }
    run.first.toggleTransaction();
    await run.pass(50);
    const heldCount: number = consumer.view.held.length;
    run.first.ackTogether(consumer);
    await run.pass(50);
    const acked = inside(run).view.transactions?.[0]?.ackCount ?? 0;
    assert.ok(acked > 0 && acked <= heldCount, run.story().join('\n'));
    if (outcome === 'aborted') run.first.abortTransaction();
    else run.first.toggleTransaction();
    await run.pass(10_000);
    const again = run.story().filter((line) => / again, to c3: given back as failed \(delivery 2\)$/.test(line));
    assert.equal(again.length, 1, `${outcome}: only what was aborted comes again\n${run.story().join('\n')}`);
  }
  run.first.ackTogether(consumer);
  await run.pass(50);
  assert.ok(told(run, /^p1 has no transaction open/));
  assert.ok(!told(run, /which had acked it/), run.story().join('\n'));
  await run.close();
});

test('a producer that dies leaves its transaction open until its time is over', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  run.first.toggleCrash();
  assert.ok(told(run, /^p1 left \S+ open/));
  run.first.toggleTransaction();
  assert.ok(told(run, /^p1 is dead/), 'a dead one does nothing');
  await run.pass(5000);
  assert.equal(inside(run).view.transactions?.length, 1);
  await run.pass(14_000);
  assert.equal(inside(run).view.transactions?.length, 0);
  assert.ok(told(run, /^marker A/));
  await run.close();
});

test('a producer that comes back ends what it left open, by beginning under its name', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  run.first.toggleCrash();
  await run.pass(500);
  run.first.toggleCrash();
  await run.pass(500);
  assert.ok(told(run, /^p1 begins under its name again/), run.story().join('\n'));
  assert.equal(inside(run).view.transactions?.length, 0);
  const { sentCount } = run.first.view;
  await run.pass(3000);
  assert.ok(run.first.view.sentCount > sentCount, 'it sends again');
  await run.close();
});

test('a kill takes the open transaction along, and what was committed before survives', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  run.first.toggleTransaction();
  await run.pass(500);
  await inTransaction(run, run.first);
  await run.drill.toggle();
  await run.pass(1500);
  assert.ok(told(run, /^p1: its transaction died with the broker/), run.story().join('\n'));
  await run.drill.toggle();
  await run.pass(3000);
  assert.ok(told(run, /^SURVIVED/), run.story().join('\n'));
  assert.ok(!told(run, /^LOST|never committed$/));
  assert.equal(inside(run).partition.markers?.at(-1)?.outcome, 'aborted');
  await run.close();
});

test('a commit that nobody answered is asked about at the next broker', async () => {
  const run = await runRobust();
  await inTransaction(run, run.first);
  await run.drill.toggle();
  run.first.toggleTransaction();
  await run.pass(500);
  assert.ok(told(run, /^p1: no answer how it ended/), run.story().join('\n'));
  await run.drill.toggle();
  await untilTold(run, /^p1: its transaction is over, the broker had aborted it/);
  await run.close();
});

test('the survivors are counted also while a transaction is open again', async () => {
  const run = await runRobust();
  await run.pass(1000);
  await run.drill.toggle();
  run.second.toggleTransaction();
  await run.drill.toggle();
  await inTransaction(run, run.first);
  const report = await run.simulation.survival.check(run.broker, 'orders');
  assert.equal(report.foundCount, report.acknowledgedCount);
  await run.close();
});

test('a half message is seen by nobody until its work is done', async () => {
  const run = await runRobust();
  run.first.sendHalf();
  await run.pass(1000);
  const [half] = inside(run).view.halves ?? [];
  assert.ok(half?.producerGroup === 'shop' && half.checkCount === 0 && half.checksMax === 15);
  assert.equal(run.first.view.halfCount, 1);
  await untilTold(run, new RegExp(`^p1: half ${half.id} COMMITTED, it is #\\d+ now`));
  assert.ok(!told(run, /^the broker asks/));
  await run.pass(100);
  assert.equal(inside(run).view.halves?.length, 0);
  await run.close();
});

test('when its producer dies in the middle of the work, another one is asked and answers abort', async () => {
  const run = await runRobust();
  run.first.sendHalf();
  await run.pass(1000);
  run.first.toggleCrash();
  await untilTold(run, /^the broker asks p2: how did p1-\d+ end\? \(1\/15\)/);
  await untilTold(run, /^p2: half p1-\d+ ABORTED, never delivered/);
  await run.close();
});

test('when it dies with the work done, another one answers commit, also after a kill of the broker', async () => {
  const run = await runRobust();
  run.first.sendHalf();
  await untilTold(run, /^p1: the work of p1-\d+ is done/);
  run.first.toggleCrash();
  await run.drill.toggle();
  await run.pass(1000);
  await run.drill.toggle();
  await untilTold(run, /^p2: half p1-\d+ COMMITTED/);
  await run.close();
});

test('a half message is decided by a key, once', async () => {
  const run = await runRobust();
  run.first.sendHalf();
  await run.pass(1000);
  const half = run.simulation.nextHalf;
  assert.ok(half);
  run.second.decideHalf(half, 'abort');
  await untilTold(run, /^p2: half p1-\d+ ABORTED/);
  await untilTold(run, /^p1: too late, the half message is decided the other way/);
  await run.close();
});

test('the last number once more is a duplicate, also for the next broker', async () => {
  const run = await runRobust();
  run.first.repeat();
  await run.pass(50);
  assert.ok(told(run, /^p1 has no numbered send to repeat/));
  for (const number of [0, 1]) {
    run.first.sendOne();
    await untilTold(run, new RegExp(`^p1 sent #\\d+ as number ${number}$`));
  }
  const [, offset] = /^p1 sent #(\d+) as number 1$/m.exec(run.story().join('\n')) ?? [];
  await run.drill.toggle();
  await run.drill.toggle();
  run.first.repeat();
  await untilTold(run, new RegExp(`^p1 repeats number 1: DUPLICATE, offset ${offset}, not stored again$`));
  run.first.toggleCrash();
  run.first.toggleCrash();
  run.first.sendOne();
  await untilTold(run, /^p1 sent #\d+ as number 0$/);
  await run.close();
});

test('a consumer with a tag or a selector takes what matches, the rest is for the others of its group', async () => {
  const run = await runRobust();
  const [chooser, , other] = run.simulation.readers;
  assert.ok(chooser && other);
  await run.pass(2000);
  chooser.changeFilter();
  assert.equal(chooser.view.filter, 'card');
  await run.pass(500);
  const before = chooser.view.finishedCount;
  await run.pass(6000);
  assert.ok(chooser.view.finishedCount > before);
  assert.equal(run.simulation.view.description?.groups.find(({ group }) => group === 'pay')?.availableCount, 0);
  chooser.changeFilter();
  assert.match(chooser.view.filter, /amount > 50/);
  await run.pass(3000);
  chooser.changeFilter();
  assert.equal(chooser.view.filter, '');
  assert.ok(!told(run, /MQ_[A-Z]/), run.story().join('\n'));
  chooser.toggleIsolation();
  assert.ok(told(run, /^c1 gets committed ones only/));
  await run.close();
});

test('a log reader that reads uncommitted goes past the last stable offset', async () => {
  const run = await runRobust();
  run.simulation.cast.addLogReader();
  const reader = run.simulation.readers.at(-1);
  assert.ok(reader);
  await run.pass(1000);
  await inTransaction(run, run.first);
  const stable = inside(run).partition.lastStableOffset ?? 0;
  assert.ok((reader.view.nextOffset ?? 0) <= stable);
  reader.toggleIsolation();
  await run.pass(3000);
  assert.ok(reader.view.isUncommitted && (reader.view.nextOffset ?? 0) > stable);
  reader.toggleIsolation();
  await run.pass(500);
  assert.equal(reader.view.isUncommitted, false);
  reader.changeFilter();
  assert.ok(told(run, /^r1 reads the log as it is/));
  await run.close();
});
