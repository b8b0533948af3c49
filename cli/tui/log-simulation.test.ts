/** Stage 4 at work on virtual time, its process killed: a broker on a disk in memory, of which a kill leaves what was written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLog } from './testing/log-run.ts';

test('what was acknowledged is there after a kill, acks too, and work goes on', async () => {
  const run = await runLog();
  run.simulation.producers[0]?.burst();
  await run.pass(3000);
  await run.drill.toggle();
  assert.match(run.story().at(-1) ?? '', /^kill -9 100: the broker is dead/);
  const before = run.simulation.view;
  await run.pass(1000);
  assert.deepEqual(run.simulation.view.inside, before.inside, 'the last look stays');
  await run.drill.toggle();
  assert.ok(run.story().some((line) => line.startsWith('a new broker, pid 101, on the same data')));
  const survived = run.simulation.view.promises.survived;
  assert.ok(survived !== undefined && survived.acknowledgedCount >= 10);
  assert.equal(survived.foundCount, survived.acknowledgedCount);
  assert.ok(
    run
      .story()
      .includes(`SURVIVED: all ${survived.acknowledgedCount} acknowledged messages are there, same ids, same offsets`),
  );
  const finishedCount = () => run.simulation.view.readers.reduce((sum, reader) => sum + reader.finishedCount, 0);
  const finishedBefore = finishedCount();
  await run.pass(12_000);
  assert.ok(finishedCount() > finishedBefore);
  assert.ok(!run.story().some((line) => line.includes('which had acked it')), run.story().join('\n'));
  assert.ok(!run.story().some((line) => /MQ_[A-Z]/.test(line)), run.story().join('\n'));
  await run.close();
});

test('a consumer finishes after the kill what it got before, with the lease it has', async () => {
  const run = await runLog();
  run.simulation.producers[0]?.burst();
  await run.pass(1000);
  const held = run.simulation.view.readers[0]?.held ?? [];
  assert.ok(held.length > 0);
  await run.drill.toggle();
  await run.pass(500);
  await run.drill.toggle();
  await run.pass(2000);
  assert.ok(!run.story().some((line) => line.includes('too late')), run.story().join('\n'));
  assert.equal(run.simulation.view.readers[0]?.redeliveredCount, 0);
  await run.close();
});

test('what was acknowledged and is not there is said to be lost', async () => {
  // Written and not synced, and then not a process ends but the power goes.
  const run = await runLog({ flushPolicy: 'never', remains: (disk) => disk.crash() });
  await run.pass(2000);
  await run.drill.toggle();
  await run.drill.toggle();
  const { acknowledgedCount = 0, foundCount } = run.simulation.view.promises.survived ?? {};
  assert.ok(acknowledgedCount >= 4);
  assert.equal(foundCount, 0);
  const told = `LOST: ${acknowledgedCount} of ${acknowledgedCount} acknowledged messages are not there`;
  assert.ok(run.story().includes(told), run.story().join('\n'));
  await run.close();
});

test('a delayed message survives the kill and comes at its time', async () => {
  const run = await runLog();
  run.simulation.producers[0]?.sendDelayed();
  await run.pass(1000);
  assert.equal(run.simulation.view.description?.delayedCount, 1);
  await run.drill.toggle();
  await run.drill.toggle();
  await run.pass(1000);
  assert.equal(run.simulation.view.description?.delayedCount, 1);
  await run.pass(8000);
  assert.equal(run.simulation.view.description?.delayedCount, 0);
  await run.close();
});

test('what fails three times is dead, with a while between, and comes back when it is asked for', async () => {
  const run = await runLog();
  const [producer] = run.simulation.producers;
  assert.ok(producer);
  await run.pass(100);
  run.simulation.cast.removeProducer(producer);
  assert.equal(run.simulation.view.description?.logEndOffset, 1);
  const [, , consumer] = run.simulation.readers;
  assert.ok(consumer);
  for (let failed = 0; failed < 3; failed += 1) {
    for (let tries = 0; consumer.view.held.length === 0; tries += 1) {
      assert.ok(tries < 200, 'it comes again');
      await run.pass(50);
    }
    await consumer.giveBack('retry');
  }
  await run.pass(1500);
  assert.ok(
    run.story().some((line) => line.startsWith('1 DEAD in group mail')),
    run.story().join('\n'),
  );
  await run.simulation.redrive(consumer);
  await run.pass(2000);
  assert.ok(run.story().some((line) => line.includes('back from the dead letters, to c3')));
  await run.close();
});

test('a message whose ack is on its way is not given back any more', async () => {
  const run = await runLog();
  const [, , consumer] = run.simulation.readers;
  assert.ok(consumer);
  for (let tries = 0; consumer.view.held.length !== 1; tries += 1) {
    assert.ok(tries < 200, 'it gets one');
    await run.pass(50);
  }
  // Nobody answers the ack before the broker is back.
  await run.drill.toggle();
  await run.pass(1000);
  assert.equal(consumer.view.held.length, 1);
  await consumer.giveBack('reject');
  assert.equal(run.story().at(-1), 'c3 holds nothing to give back');
  await run.drill.toggle();
  await run.pass(1000);
  assert.ok(!run.story().some((line) => /MQ_|too late/.test(line)), run.story().join('\n'));
  await run.close();
});

test('who holds nothing can give nothing back, and says so', async () => {
  const run = await runLog();
  const [reader] = run.simulation.readers;
  reader?.toggleCrash();
  await reader?.giveBack('reject');
  assert.equal(run.story().at(-1), 'c1 holds nothing to give back');
  await run.close();
});

test('with another flush policy it starts again in good order, and receipts promise less', async () => {
  const run = await runLog();
  await run.pass(500);
  await run.drill.changeFlushPolicy();
  assert.match(run.story().at(-1) ?? '', /flush policy: interval$/);
  await run.pass(800);
  const { inside } = run.simulation.view;
  assert.equal(inside?.kind === 'log' && inside.flushPolicy, 'interval');
  await run.close();
});

test('a process that ends by itself is told once; one that cannot start is told in its own words', async () => {
  const run = await runLog({ failsToStart: true });
  await run.pass(500);
  await run.child.kill();
  await run.pass(200);
  assert.equal(run.story().filter((line) => line.includes('nobody had killed it')).length, 1);
  await assert.rejects(run.drill.toggle(), /the disk is gone/, 'what is no error of ours is not hidden');
  await run.close();
});

test('keys that come while one is at work do nothing', async () => {
  const run = await runLog();
  await run.pass(500);
  await Promise.all([run.drill.toggle(), run.drill.toggle(), run.drill.changeFlushPolicy()]);
  assert.equal(run.child.view.state, 'dead');
  assert.equal(run.story().filter((line) => line.startsWith('kill -9')).length, 1);
  await run.close();
});
