/** Numbered sends and windows of ids through the broker: crashes, failing disks, full topics. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Receipt } from '../../../shared/contract/message.ts';
import type { ProducerIdentity } from '../../../shared/contract/producer.ts';
import { failNth, HeldSyncs } from '../../../shared/disk-faults.ts';
import { everySubset, keepsAll, keepsNothing, seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { PowerCuts } from '../../../shared/testing/power-cuts.ts';
import { encodeBatch } from '../../4-persisted-log/bytes/record-batch.ts';
import { createBroker, type RobustBrokerOptions } from '../index.ts';

const WINDOW_MS = 60_000;

async function openOn(
  disk: SimulatedDisk,
  clock = new VirtualClock(),
  more: RobustBrokerOptions = {},
): Promise<Broker> {
  return await createBroker({ disk, clock, dataFolder: '/data', random: new SeededRandom(5), ...more });
}

async function storedIn(broker: Broker, topic: string): Promise<string[]> {
  const { records } = await broker.fetch(topic, { max: 1000 });
  return records.map(({ body }) => new TextDecoder().decode(body));
}

function numbered(
  identity: ProducerIdentity,
  sequence: number,
): { readonly producer: ProducerIdentity & { readonly sequence: number } } {
  return { producer: { ...identity, sequence } };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

describe('a repetition while the first is on its way', () => {
  for (const kind of ['number', 'id'] as const) {
    const send = (broker: Broker, identity: ProducerIdentity): Promise<Receipt> =>
      kind === 'number'
        ? broker.send('t', { body: 'a' }, numbered(identity, 0))
        : broker.send('t', { body: 'a', id: 'a' });

    test(`it is answered when the first is safe, and not before (${kind})`, async () => {
      const disk = new SimulatedDisk();
      const broker = await openOn(disk);
      await broker.createTopic('t', { dedupWindowMs: WINDOW_MS });
      const identity = await broker.openProducer();
      const syncs = new HeldSyncs();
      disk.onCall = syncs.watch;
      const answers: Receipt[] = [];
      const sends = Array.from({ length: 5 }, async () => answers.push(await send(broker, identity)));
      await turns();
      assert.equal(answers.length, 0);
      syncs.open();
      await Promise.all(sends);
      assert.deepEqual(
        answers.map(({ offset, isDuplicate = false }) => [offset, isDuplicate]),
        [
          [0, false],
          [0, true],
          [0, true],
          [0, true],
          [0, true],
        ],
      );
      await broker.close();
    });

    test(`it fails when the first does, and then neither is there (${kind})`, async () => {
      const disk = new SimulatedDisk();
      const broker = await openOn(disk);
      await broker.createTopic('t', { dedupWindowMs: WINDOW_MS });
      const identity = await broker.openProducer();
      disk.onCall = failNth(1, { isMeant: ({ kind: call }) => call === 'sync' });
      const outcomes = await Promise.allSettled([send(broker, identity), send(broker, identity)]);
      for (const one of outcomes) assert.ok(one.status === 'rejected' && isMqError(one.reason, 'MQ_STORAGE_FAILED'));
      disk.onCall = undefined;
      const again = await send(broker, identity);
      assert.deepEqual([again.offset, again.isDuplicate], [0, undefined]);
      assert.equal((await send(broker, identity)).isDuplicate, true);
      assert.deepEqual(await storedIn(broker, 't'), ['a']);
      await broker.close();
    });
  }
});

test('a repetition needs no room: it is answered though the topic is full', async () => {
  const broker = await openOn(new SimulatedDisk());
  await broker.createTopic('t', { messagesMax: 2, dedupWindowMs: WINDOW_MS });
  const identity = await broker.openProducer();
  await broker.send('t', { body: 'a' }, numbered(identity, 0));
  await broker.send('t', { body: 'b', id: 'b' });
  assert.equal((await broker.send('t', { body: 'a' }, numbered(identity, 0))).isDuplicate, true);
  assert.equal((await broker.send('t', { body: 'b', id: 'b' })).isDuplicate, true);
  const waiting = [
    broker.send('t', { body: 'c' }, numbered(identity, 1)),
    broker.send('t', { body: 'd' }, numbered(identity, 2)),
  ];
  const repeated = broker.send('t', { body: 'c' }, numbered(identity, 1));
  await turns();
  await broker.ack(await broker.receive('t', { max: 2 }));
  const receipts = await Promise.all([...waiting, repeated]);
  assert.deepEqual(
    receipts.map(({ offset, isDuplicate = false }) => [offset, isDuplicate]),
    [
      [2, false],
      [3, false],
      [2, true],
    ],
  );
  assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.duplicateCount, 3);
  await broker.close();
});

test('a zombie that wakes after its name was opened again stores nothing, also what waited for room since before', async () => {
  const broker = await openOn(new SimulatedDisk());
  await broker.createTopic('t', { messagesMax: 1 });
  const zombie = await broker.openProducer({ name: 'billing' });
  await broker.send('t', { body: 'a' }, numbered(zombie, 0));
  const waiting = broker.send('t', { body: 'zombie' }, numbered(zombie, 1));
  await turns();
  const owner = await broker.openProducer({ name: 'billing' });
  await broker.ack(await broker.receive('t'));
  await assert.rejects(waiting, (error) => isMqError(error, 'MQ_PRODUCER_FENCED'));
  await broker.send('t', { body: 'b' }, numbered(owner, 0));
  await assert.rejects(broker.send('t', { body: 'zombie' }, numbered(zombie, 0)), (error) =>
    isMqError(error, 'MQ_PRODUCER_FENCED'),
  );
  assert.deepEqual(
    (await broker.receive('t', { max: 9 })).map(({ offset }) => offset),
    [1],
  );
  await broker.close();
});

test('a batch that comes encoded is known again by its number and by its ids', async () => {
  const broker = await openOn(new SimulatedDisk());
  await broker.createTopic('t', { dedupWindowMs: WINDOW_MS });
  const identity = await broker.openProducer();
  const encoded = (id: string): Uint8Array =>
    encodeBatch([{ body: Uint8Array.of(1), id }], { idPrefix: '', firstIdNumber: 0 });
  const append = broker.appendBatch?.bind(broker);
  assert.ok(append !== undefined);
  const first = await append('t', encoded('a'), numbered(identity, 0));
  assert.deepEqual(await append('t', encoded('a'), numbered(identity, 0)), { ...first, isDuplicate: true });
  assert.equal((await append('t', encoded('a'))).isDuplicate, true);
  assert.equal((await append('t', encoded('b'))).isDuplicate, undefined);
  await broker.close();
});

describe('crashes', () => {
  const fates = {
    'loses all that was not synced': () => [keepsNothing],
    'keeps all of it': () => [keepsAll],
    'keeps any part of it': (unsynced: Parameters<typeof everySubset>[0]) =>
      unsynced.length <= 4 ? everySubset(unsynced) : [keepsNothing, keepsAll],
    'tears and reorders': () => [seededFate(new SeededRandom(4))],
  };
  for (const [name, fate] of Object.entries(fates)) {
    test(`a power cut at every change of the disk that ${name}: whatever is sent again is there once, in order`, async () => {
      const disk = new SimulatedDisk();
      const clock = new VirtualClock();
      const state = { begunCount: 0, answeredCount: 0, identity: undefined as ProducerIdentity | undefined };
      const cuts = new PowerCuts(disk, { known: () => ({ ...state }), fates: fate });
      const broker = await openOn(disk, clock);
      await broker.createTopic('n');
      await broker.createTopic('i', { dedupWindowMs: WINDOW_MS });
      state.identity = await broker.openProducer();
      for (; state.begunCount < 7; ) {
        const sequence = state.begunCount;
        state.begunCount += 1;
        await Promise.all([
          broker.send('n', { body: String(sequence) }, numbered(state.identity, sequence)),
          broker.send('i', { body: String(sequence), id: `id-${sequence}` }),
        ]);
        state.answeredCount += 1;
      }
      await broker.close();
      for (const { disk: left, known, place } of cuts.end()) {
        const { identity, begunCount, answeredCount } = known;
        if (identity === undefined) continue;
        const next = await openOn(left, clock);
        const expected = Array.from({ length: begunCount + 1 }, (_, sequence) => String(sequence));
        // Whoever had no answer sends again, twice; and then goes on.
        for (let sequence = Math.max(answeredCount - 1, 0); sequence <= begunCount; sequence += 1) {
          const receipts: Receipt[] = [
            await next.send('n', { body: String(sequence) }, numbered(identity, sequence)),
            await next.send('n', { body: String(sequence) }, numbered(identity, sequence)),
            await next.send('i', { body: String(sequence), id: `id-${sequence}` }),
            await next.send('i', { body: String(sequence), id: `id-${sequence}` }),
          ];
          assert.deepEqual(
            receipts.map(({ offset }) => offset),
            Array.from({ length: 4 }, () => sequence),
            place,
          );
        }
        assert.deepEqual(await storedIn(next, 'n'), expected, place);
        assert.deepEqual(await storedIn(next, 'i'), expected, place);
        await next.close();
      }
    });
  }

  test('a delayed message is known by its id after restarts, before and after it was due, with its time', async () => {
    const clock = new VirtualClock();
    let disk = new SimulatedDisk();
    let broker = await openOn(disk, clock);
    await broker.createTopic('t', { dedupWindowMs: WINDOW_MS });
    const message = { body: 'late', id: 'late', delayMs: 5000 };
    const first = await broker.send('t', message);
    for (const passMs of [0, 4000, 2000, 10_000]) {
      await clock.pass(passMs);
      disk = disk.crash();
      broker = await openOn(disk, clock);
      await clock.pass(0);
      assert.deepEqual(await broker.send('t', message), { ...first, isDuplicate: true }, `${passMs}`);
    }
    await clock.pass(WINDOW_MS);
    assert.equal((await broker.send('t', { body: 'new', id: 'late' })).isDuplicate, undefined);
    assert.deepEqual(await storedIn(broker, 't'), ['late', 'new']);
    await broker.close();
  });

  test('a topic with more ids than are remembered knows the last ones after a restart', async () => {
    const clock = new VirtualClock();
    const disk = new SimulatedDisk();
    const limits = { dedupIdsMax: 5 };
    const broker = await openOn(disk, clock, { limits });
    await broker.createTopic('t', { dedupWindowMs: WINDOW_MS, partitionCount: 2 });
    for (let index = 0; index < 12; index += 1) {
      await broker.send('t', { body: 'x', id: `id-${index}` }, { partition: index % 2 });
      await clock.pass(1);
    }
    const next = await openOn(disk.crash(), clock, { limits });
    for (let index = 11; index >= 7; index -= 1) {
      assert.equal((await next.send('t', { body: 'x', id: `id-${index}` })).isDuplicate, true, String(index));
    }
    assert.equal((await next.send('t', { body: 'x', id: 'id-6' })).isDuplicate, undefined);
    await next.close();
  });
});

test('a producer that was silent for the time-out has to begin again; repeated calls of others do not wait for that', async () => {
  const clock = new VirtualClock();
  const disk = new SimulatedDisk();
  const options = { producerTimeoutMs: 10_000 };
  const broker = await openOn(disk, clock, options);
  const [silent, busy] = [await broker.openProducer(), await broker.openProducer()];
  for (const identity of [silent, busy]) await broker.send('t', { body: 'a' }, numbered(identity, 0));
  await clock.pass(6000);
  await broker.send('t', { body: 'b' }, numbered(busy, 1));
  await clock.pass(6000);
  const next = await openOn(disk.crash(), clock, options);
  await assert.rejects(next.send('t', { body: 'b' }, numbered(silent, 1)), (error) =>
    isMqError(error, 'MQ_UNKNOWN_PRODUCER'),
  );
  assert.equal((await next.send('t', { body: 'c' }, numbered(busy, 2))).isDuplicate, undefined);
  await next.close();
});
