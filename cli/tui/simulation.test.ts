import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Overflow } from '../../shared/contract/description.ts';
import { openTarget } from '../target.ts';
import { translateRecorded } from './messages.ts';
import { PausableClock } from './pausable-clock.ts';
import { Simulation } from './simulation.ts';

/** A stage at work on virtual time: `pass` lets so many ms go by, looking 20 times a second as the screen does. */
async function runStage(stage: number, options: { readonly overflow?: Overflow } = {}) {
  const base = new VirtualClock();
  const clock = new PausableClock({ base });
  const target = await openTarget(String(stage), { brokerOptions: { clock } });
  const simulation = new Simulation({ broker: target.broker, clock, ...options });
  await simulation.start();
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      await base.pass(50);
      await simulation.sample();
    }
  };
  const story = (): string[] => simulation.view.events.map((event) => translateRecorded('en', event));
  const close = async (): Promise<void> => {
    clock.resume();
    simulation.close();
    await target.close();
  };
  return { simulation, clock, pass, story, close };
}

/** Lets time pass until the reader holds something. */
async function untilItHolds(run: Awaited<ReturnType<typeof runStage>>, name: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((run.simulation.view.readers.find((reader) => reader.name === name)?.held.length ?? 0) > 0) return;
    await run.pass(50);
  }
  assert.fail(`${name} never got a message`);
}

test('messages flow from the producer through the queue to the consumers, in numbers that agree', async () => {
  const run = await runStage(1);
  await run.pass(5000);
  const { producers, readers, inside, measurements } = run.simulation.view;
  const sentCount = producers[0]?.sentCount ?? 0;
  const finishedCount = readers.reduce((sum, reader) => sum + reader.finishedCount, 0);
  const heldCount = readers.reduce((sum, reader) => sum + reader.held.length, 0);
  assert.ok(sentCount >= 14 && sentCount <= 16, `${sentCount} sent at three a second for five seconds`);
  assert.equal(inside?.kind, 'queue');
  assert.equal(finishedCount + heldCount + (inside?.kind === 'queue' ? inside.size : 0), sentCount);
  assert.ok((measurements.endToEndTime.p50Ms ?? 0) >= 440, 'the work itself takes 450 ms');
  assert.equal(measurements.sendTime.p50Ms, 0.001, 'with room a send does not wait');
  await run.close();
});

test('in stage 1 the messages of a crashed consumer are gone, and the screen says so after it has looked', async () => {
  const run = await runStage(1);
  await untilItHolds(run, 'c1');
  const [consumer] = run.simulation.readers;
  const held = run.simulation.view.readers[0]?.held ?? [];
  consumer?.toggleCrash();
  assert.match(run.story().at(-1) ?? '', /^c1 CRASHED holding #\d+/);
  await run.pass(4000);
  assert.ok(!run.story().some((line) => line.includes('GONE')), 'not said before a lease would have ended');
  await run.pass(1000);
  const gone = run.story().find((line) => line.includes('GONE'));
  assert.match(gone ?? '', new RegExp(`^#${held[0]?.offset} .*GONE: 4\\.5 s after c1 crashed`));
  assert.ok(!run.story().some((line) => line.includes('CAME BACK')));
  await run.close();
});

test('in stage 2 the messages of a crashed consumer come back to its group when the lease ends', async () => {
  const run = await runStage(2);
  await untilItHolds(run, 'c1');
  const held = run.simulation.view.readers[0]?.held ?? [];
  run.simulation.readers[0]?.toggleCrash();
  await run.pass(6000);
  const back = run.story().find((line) => line.includes('CAME BACK'));
  assert.match(
    back ?? '',
    new RegExp(`^#${held[0]?.offset}\\b.* CAME BACK [34]\\.\\d s after c1 crashed: now with c2 \\(delivery 2\\)`),
  );
  assert.ok(!run.story().some((line) => line.includes('GONE')));
  assert.equal(run.simulation.view.readers.find(({ name }) => name === 'c2')?.redeliveredCount, held.length);
  await run.close();
});

test('a crashed consumer restarts as a new member and goes on receiving', async () => {
  const run = await runStage(2);
  await untilItHolds(run, 'c3');
  const consumer = run.simulation.readers.find(({ name }) => name === 'c3');
  consumer?.toggleCrash();
  assert.equal(consumer?.view.state, 'crashed');
  consumer?.toggleCrash();
  const before = consumer?.view.finishedCount ?? 0;
  await run.pass(3000);
  assert.ok((consumer?.view.finishedCount ?? 0) > before);
  const members = run.simulation.view.description?.groups.find(({ group }) => group === 'mail')?.members;
  assert.ok(members?.some(({ memberId }) => memberId === 'c3.2'));
  await run.close();
});

test('a full queue makes sends wait, which is told once, and the burst arrives when there is room', async () => {
  const run = await runStage(1);
  const [producer] = run.simulation.producers;
  for (const consumer of run.simulation.readers) consumer.togglePause();
  producer?.burst();
  producer?.burst();
  await run.pass(1000);
  const { inside } = run.simulation.view;
  assert.equal(inside?.kind === 'queue' && inside.size, 10);
  assert.ok(inside?.kind === 'queue' && inside.waitingSendsCount >= 10);
  assert.ok(inside?.kind === 'queue' && inside.waitingReceivesCount === 0, 'never two lines at once');
  assert.equal(run.story().filter((line) => line.startsWith('full:')).length, 1);
  for (const consumer of run.simulation.readers) consumer.togglePause();
  await run.pass(8000);
  assert.equal(producer?.view.waitingCount, 0);
  assert.ok(run.story().includes('room again: no send waits'));
  await run.close();
});

test('a queue that rejects refuses what does not fit, and the producer says so', async () => {
  const run = await runStage(1, { overflow: 'reject' });
  for (const consumer of run.simulation.readers) consumer.togglePause();
  for (let bursts = 0; bursts < 3; bursts += 1) run.simulation.producers[0]?.burst();
  await run.pass(500);
  assert.ok((run.simulation.view.producers[0]?.refusedCount ?? 0) >= 20);
  assert.ok(run.story().some((line) => line.includes('refused') && line.includes('MQ_QUEUE_FULL')));
  await run.close();
});

test('a consumer that is slower than its lease acks too late, and somebody else gets the message', async () => {
  const run = await runStage(2);
  const slow = run.simulation.readers.find(({ name }) => name === 'c3');
  run.simulation.cast.addConsumer('mail');
  slow?.toggleSlow();
  for (let bursts = 0; bursts < 2; bursts += 1) run.simulation.producers[0]?.burst();
  await run.pass(12_000);
  assert.ok(
    run.story().some((line) => /^c3 acked #\d+ too late/.test(line)),
    run.story().join('\n'),
  );
  assert.ok(run.story().some((line) => /^#\d+.* again, to c4: the lease had ended \(delivery 2\)/.test(line)));
  await run.close();
});

test('two groups both get every message, a log reader too', async () => {
  const run = await runStage(2);
  run.simulation.cast.addLogReader();
  await run.pass(6000);
  const [producer] = run.simulation.producers;
  assert.ok(producer);
  run.simulation.cast.removeProducer(producer);
  await run.pass(6000);
  const view = run.simulation.view;
  const logEndOffset = view.description?.logEndOffset;
  for (const group of view.description?.groups ?? []) assert.equal(group.committedOffset, logEndOffset, group.group);
  assert.equal(view.description?.groups.length, 3);
  await run.close();
});

test('a log reader that crashed starts again at its commit and reads the rest once more', async () => {
  const run = await runStage(2);
  run.simulation.cast.addLogReader();
  await untilItHolds(run, 'r1');
  const reader = run.simulation.readers.find(({ name }) => name === 'r1');
  reader?.toggleCrash();
  assert.match(run.story().at(-1) ?? '', /^r1 CRASHED; it had read up to #\d+/);
  reader?.toggleCrash();
  await run.pass(2000);
  assert.ok(run.story().some((line) => /^r1 starts again at its commit, #\d+/.test(line)));
  assert.ok((reader?.view.redeliveredCount ?? 0) > 0);
  await run.close();
});

test('a reader that fell behind in an overwriting ring is told where it goes on', async () => {
  const run = await runStage(2, { overflow: 'drop-oldest' });
  run.simulation.cast.addLogReader();
  await run.pass(1000);
  const reader = run.simulation.readers.find(({ name }) => name === 'r1');
  reader?.togglePause();
  for (let bursts = 0; bursts < 4; bursts += 1) {
    run.simulation.producers[0]?.burst();
    await run.pass(100);
  }
  reader?.togglePause();
  await run.pass(2000);
  assert.ok(
    run.story().some((line) => /^r1 fell behind: #\d+ is overwritten, goes on at #\d+/.test(line)),
    run.story().join('\n'),
  );
  await run.close();
});

test('what an overwriting ring took from a group is told once a second, not once a message', async () => {
  const run = await runStage(2, { overflow: 'drop-oldest' });
  for (const consumer of run.simulation.readers) consumer.togglePause();
  for (let bursts = 0; bursts < 6; bursts += 1) {
    run.simulation.producers[0]?.burst();
    await run.pass(50);
  }
  await run.pass(2000);
  const told = run.story().filter((line) => line.includes('OVERWRITTEN before group mail'));
  assert.ok(told.length >= 1 && told.length <= 3, run.story().join('\n'));
  const { inside, description } = run.simulation.view;
  const droppedCount = description?.groups.find(({ group }) => group === 'mail')?.droppedCount;
  assert.equal(
    told.reduce((sum, line) => sum + Number.parseInt(line, 10), 0),
    droppedCount,
  );
  assert.ok(inside?.kind === 'ring' && inside.cells.some(({ state }) => state === 'overwritten'));
  await run.close();
});

test('a queue that drops its oldest says how many it dropped', async () => {
  const run = await runStage(1, { overflow: 'drop-oldest' });
  for (const consumer of run.simulation.readers) consumer.togglePause();
  for (let bursts = 0; bursts < 3; bursts += 1) run.simulation.producers[0]?.burst();
  await run.pass(100);
  assert.ok(
    run.story().some((line) => /^\d+ DROPPED to make room/.test(line)),
    run.story().join('\n'),
  );
  await run.close();
});

test('a pause freezes producers, consumers and leases together; a step moves them together', async () => {
  const run = await runStage(2);
  await untilItHolds(run, 'c1');
  run.simulation.readers[0]?.toggleCrash();
  run.clock.pause();
  await run.pass(100);
  const frozen = run.simulation.view;
  await run.pass(20_000);
  const later = run.simulation.view;
  assert.deepEqual(later.producers, frozen.producers);
  assert.deepEqual(later.readers, frozen.readers);
  assert.deepEqual(later.inside, frozen.inside, 'even the time left of a lease');
  assert.equal(later.atMs, frozen.atMs);
  for (let steps = 0; steps < 6; steps += 1) await run.clock.stepBy(1000);
  await run.simulation.sample();
  assert.ok(
    run.story().some((line) => line.includes('CAME BACK')),
    'six seconds of steps end the lease',
  );
  await run.close();
});

test('a consumer that leaves gives back what it holds, and the last of a group takes the group along', async () => {
  const run = await runStage(2);
  await untilItHolds(run, 'c3');
  const consumer = run.simulation.readers.find(({ name }) => name === 'c3');
  assert.ok(consumer);
  await run.simulation.cast.removeReader(consumer);
  await run.pass(100);
  assert.ok(run.story().some((line) => /^c3 left in good order, gave back: #\d+/.test(line)));
  assert.ok(run.story().includes('group mail deleted: nothing waits for it'));
  assert.ok(!run.simulation.view.description?.groups.some(({ group }) => group === 'mail'));
  await run.close();
});

test('what a member that left gave back is passed on in the same delivery, and both languages say why', async () => {
  const run = await runStage(2);
  await untilItHolds(run, 'c1');
  const consumer = run.simulation.readers.find(({ name }) => name === 'c1');
  assert.ok(consumer);
  await run.simulation.cast.removeReader(consumer);
  await run.pass(3000);
  const told = run.simulation.view.events.find(({ key }) => key === 'event.again.member-left');
  assert.ok(told, run.story().join('\n'));
  assert.match(
    translateRecorded('en', told),
    /^#\d+.* passed on to c2: the member before had left \(still delivery 1\)$/,
  );
  assert.match(translateRecorded('zh', told), /^#\d+.* 转交给 c2：原来的成员已离开（仍算第 1 次投递）$/);
  await run.close();
});

test('messages that are gone together are told together, in words that fit one and many', async () => {
  const run = await runStage(1);
  run.simulation.producers[0]?.burst();
  await run.pass(600);
  for (const consumer of run.simulation.readers) consumer.toggleCrash();
  await run.pass(5000);
  const several = /^#\d+ #\d+.* GONE: 4\.5 s after c\d crashed, neither inside nor redelivered$/m;
  assert.match(run.story().join('\n'), several);
  await run.close();
});

test('the screen has room for eight of a kind and says so to the ninth', async () => {
  const run = await runStage(1);
  for (let count = 0; count < 10; count += 1) run.simulation.cast.addProducer();
  for (let count = 0; count < 10; count += 1) run.simulation.cast.addConsumer();
  assert.equal(run.simulation.view.producers.length, 8);
  assert.equal(run.simulation.view.readers.length, 8);
  assert.ok(run.story().includes('the screen has room for 8, no more'));
  run.simulation.cast.addLogReader();
  assert.match(run.story().at(-1) ?? '', /^stage 1 has no offsets/);
  await run.close();
});
