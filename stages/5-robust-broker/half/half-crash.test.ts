/** Half messages through crashes: at every change of the disk, exactly once or never, as the caller was told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { HalfOutcome, HalfReceipt } from '../../../shared/contract/half-message.ts';
import { keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { type PowerCutOptions, PowerCuts } from '../../../shared/testing/power-cuts.ts';
import { DATA_FOLDER } from '../../4-persisted-log/testing/virtual-life.ts';
import { verifyFolder } from '../../4-persisted-log/tools/verify.ts';
import { openHalf } from './testing/half-broker.ts';

/** What became of a half message, as its producer knows. */
interface Deed {
  readonly body: string;
  readonly outcome: HalfOutcome;
  receipt?: HalfReceipt;
  isBegun: boolean;
  isAnswered: boolean;
}

type Known = readonly Readonly<Deed>[];

/** Six half messages, decided or not, with another message between, and a question. */
async function work(disk: SimulatedDisk, deeds: Deed[]): Promise<void> {
  const { broker, clock, half, end, ask } = await openHalf({}, { disk });
  await broker.createTopic('t');
  for (const [index, outcome] of (['commit', 'abort', 'unknown', 'commit', 'abort', 'unknown'] as const).entries()) {
    const deed: Deed = { body: `half ${index}`, outcome, isBegun: false, isAnswered: false };
    deeds.push(deed);
    deed.receipt = await half('t', deed.body);
    if (index === 2) await broker.send('t', { body: 'plain' });
    if (index === 3) {
      await clock.pass(6000);
      await ask();
    }
    if (outcome === 'unknown') continue;
    deed.isBegun = true;
    await end('t', deed.receipt, outcome);
    deed.isAnswered = true;
  }
  await broker.close();
}

async function cutsOf(fates: PowerCutOptions<Known>['fates']) {
  const disk = new SimulatedDisk();
  const deeds: Deed[] = [];
  const cuts = new PowerCuts<Known>(disk, { known: () => deeds.map((deed) => ({ ...deed })), fates });
  await work(disk, deeds);
  return cuts.end();
}

/** Starts again; what was told holds, and whoever asks again for the same gets it once. */
async function check(disk: SimulatedDisk, known: Known): Promise<void> {
  const { broker, end, read } = await openHalf({}, { disk });
  for (const { body, outcome, receipt, isBegun, isAnswered } of known) {
    const count = async (): Promise<number> => (await read('t')).filter((text) => text === body).length;
    const isThere = await count();
    assert.ok(isThere <= 1, `${body} is there ${isThere} times`);
    if (isAnswered) assert.equal(isThere, outcome === 'commit' ? 1 : 0, `${body} was told to be so`);
    if (!isBegun) assert.equal(isThere, 0, `${body} was never committed`);
    if (receipt === undefined) continue;
    const last = outcome === 'unknown' ? 'commit' : outcome;
    await end('t', receipt, last);
    assert.equal(await count(), last === 'commit' ? 1 : 0, `${body} after its producer said ${last} again`);
    const opposite = last === 'commit' ? 'abort' : 'commit';
    await assert.rejects(end('t', receipt, opposite), (error) => isMqError(error, 'MQ_TRANSACTION_ENDED'));
  }
  await broker.close();
  assert.deepEqual((await verifyFolder({ disk, folder: DATA_FOLDER })).findings, [], 'verify finds nothing wrong');
}

async function checkAll(fates: PowerCutOptions<Known>['fates'], { isCutAgain = false } = {}): Promise<void> {
  const cuts = await cutsOf(fates);
  assert.ok(cuts.length > 50, `${cuts.length} moments`);
  for (const { disk, known, place } of cuts) {
    try {
      if (isCutAgain) {
        const { broker } = await openHalf({}, { disk });
        await check(disk.remains(), known);
        await broker.close();
      }
      await check(disk, known);
    } catch (error) {
      throw new Error(`power cut ${place}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

test('a power cut before every change of the disk: each is there exactly once or never, as was told', async () => {
  await checkAll(() => [keepsNothing]);
});

test('kill -9 at every change of the disk, and a power cut after the next start: the same', async () => {
  await checkAll('kill', { isCutAgain: true });
});

test('a power cut that tears, drops and reorders: the same', async () => {
  const random = new SeededRandom(11);
  await checkAll(() => [seededFate(random)]);
});

test('a crash at every change of the disk while a half message is given up: put aside once, never delivered', async () => {
  const halfCheck = { intervalMs: 100, checksMax: 1 };
  for (const fates of ['kill', () => [keepsNothing]] as const) {
    const { broker, clock, half, ask, disk, on } = await openHalf({ halfCheck });
    const receipt = await half('t', 'tea');
    await clock.pass(6000);
    assert.equal((await ask()).length, 1);
    const cuts = new PowerCuts(disk, { known: () => undefined, fates });
    await clock.pass(100);
    await broker.close();
    for (const cut of cuts.end()) {
      const after = await on(cut.disk);
      await after.clock.pass(2000);
      assert.deepEqual([await after.read('t'), await after.read('$unresolved/t')], [[], ['tea']], cut.place);
      await assert.rejects(after.end('t', receipt, 'commit'), { code: 'MQ_TRANSACTION_ENDED' });
      await after.broker.close();
    }
  }
});

test('a restart keeps what was asked and when, also by a power cut', async () => {
  for (const restart of ['afterClose', 'afterKill', 'afterPowerCut'] as const) {
    let now = await openHalf();
    const receipt = await now.half('t', 'tea');
    for (let count = 1; count <= 15; count += 1) {
      await now.clock.pass(count === 1 ? 6000 : 30_000);
      const [check] = await now.ask();
      assert.equal(check?.checkCount, count, restart);
      now = await now[restart]();
      assert.deepEqual(await now.ask(), [], 'a question that was handed out is not handed out again after a restart');
    }
    await now.clock.pass(30_000);
    assert.deepEqual([await now.read('t'), await now.read('$unresolved/t')], [[], ['tea']]);
    now = await now[restart]();
    assert.deepEqual(await now.read('$unresolved/t'), ['tea']);
    await assert.rejects(now.end('t', receipt, 'commit'), { code: 'MQ_TRANSACTION_ENDED' });
  }
});

test('ends are remembered over a restart', async () => {
  let now = await openHalf();
  const [committed, aborted] = [await now.half('t', 'a'), await now.half('t', 'b')];
  const stored = await now.end('t', committed, 'commit');
  await now.end('t', aborted, 'abort');
  for (const restart of ['afterKill', 'afterClose', 'afterPowerCut'] as const) {
    now = await now[restart]();
    assert.deepEqual(await now.end('t', committed, 'commit'), stored, restart);
    await assert.rejects(now.end('t', aborted, 'commit'), { code: 'MQ_TRANSACTION_ENDED' });
  }
});

test('a message whose end is not written yet stays on the disk though it is finished: a start knows that it was delivered', async () => {
  const disk = new SimulatedDisk();
  const { broker, clock, half, end } = await openHalf({}, { disk });
  await broker.createTopic('t', { deleteFinished: true });
  const receipt = await half('t', 'once');
  disk.onCall = ({ kind, path }) => (kind === 'write' && path.includes('/half/') ? { code: 'ENOSPC' } : undefined);
  await end('t', receipt, 'commit');
  await broker.ack(await broker.receive('t'));
  await clock.pass(500);
  for (const fate of [keepsNothing, keepsAll]) {
    const next = await openHalf({}, { disk: disk.remains(fate) });
    const [described] = await next.broker.describeTopics({ topic: 't' });
    assert.deepEqual([described?.halfCount, described?.availableCount], [0, 0]);
    await next.end('t', receipt, 'commit');
    assert.deepEqual(await next.broker.receive('t'), []);
    await next.broker.close();
  }
  disk.onCall = undefined;
  await broker.close();
});
