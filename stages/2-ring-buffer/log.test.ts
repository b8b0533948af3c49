/** Reading as a log through the contract: fetch, commit, committed, seek. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMqError } from '../../shared/contract/errors.ts';
import { offsetsOf, rejectsWith, setup } from './testing/setup.ts';

describe('fetch', () => {
  test('records come in offset order with the place to go on and the range', async () => {
    const { broker } = await setup(5);
    const result = await broker.fetch('t', { offset: 1, max: 3 });
    assert.deepEqual(offsetsOf(result.records), [1, 2, 3]);
    assert.deepEqual([result.nextOffset, result.logStartOffset, result.highWatermark], [4, 0, 5]);
    assert.deepEqual(await broker.fetch('t', { offset: 1, max: 3 }), result, 'fetching again gives the same');
  });

  test('a record keeps key, headers, id and bytes', async () => {
    const { broker, clock } = await setup(0);
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await broker.send('t', { body, key: 'k', id: 'mine', headers: { ['__proto__']: 'x' } });
    const { records } = await broker.fetch('t');
    const [record] = records;
    assert.ok(record !== undefined);
    assert.deepEqual(record.body, body);
    assert.equal(Object.getPrototypeOf(record.headers), null);
    assert.deepEqual([record.key, record.id, Object.entries(record.headers)], ['k', 'mine', [['__proto__', 'x']]]);
    assert.equal(record.timestamp, clock.now());
  });

  test('bytesMax stops early, but at least one record comes', async () => {
    const { broker } = await setup(0);
    for (const body of ['12345', '12345', '12345']) await broker.send('t', { body, id: 'i' });
    assert.deepEqual(offsetsOf((await broker.fetch('t', { max: 3, bytesMax: 12 })).records), [0, 1]);
    assert.deepEqual(offsetsOf((await broker.fetch('t', { max: 3, bytesMax: 1 })).records), [0]);
  });

  test('at the end it waits for a record, and answers empty when none comes in time', async () => {
    const { broker, clock } = await setup(1);
    const waiting = broker.fetch('t', { offset: 1, waitMs: 1000 });
    const two = broker.fetch('t', { offset: 1, max: 2, waitMs: 1000 });
    await broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
    assert.deepEqual(offsetsOf((await waiting).records), [1]);
    assert.deepEqual(offsetsOf((await two).records), [1, 2], 'a fetch takes nothing away from another');
    const late = broker.fetch('t', { offset: 3, waitMs: 1000 });
    await clock.pass(1000);
    assert.deepEqual(await late, { records: [], nextOffset: 3, logStartOffset: 0, highWatermark: 3 });
  });

  test('below the start and above the end is out of range, also when it would wait', async () => {
    const { broker } = await setup(2);
    await rejectsWith(broker.fetch('t', { offset: 3, waitMs: 100 }), 'MQ_OFFSET_OUT_OF_RANGE');
    await rejectsWith(broker.fetch('t', { offset: -1 }), 'MQ_INVALID_ARGUMENT');
    await rejectsWith(broker.fetch('nothing'), 'MQ_UNKNOWN_TOPIC');
    assert.deepEqual(offsetsOf((await broker.fetch('t', { offset: 2 })).records), []);
  });

  test('timestamps never decrease, also when the wall clock is set back', async () => {
    const { broker, clock } = await setup(1);
    clock.jumpWallClock(-3_600_000);
    await broker.send('t', { body: 'back then' });
    clock.jumpWallClock(7_200_000);
    await broker.send('t', { body: 'later' });
    const [first, second, third] = (await broker.fetch('t', { max: 3 })).records.map(({ timestamp }) => timestamp);
    assert.equal(second, first);
    assert.equal(third, clock.now());
  });
});

describe('commit and committed', () => {
  test('a first commit makes the group; committed is the next offset to read', async () => {
    const { broker } = await setup(5);
    await rejectsWith(broker.committed('t', { group: 'g' }), 'MQ_UNKNOWN_GROUP');
    assert.equal(await broker.commit('t', { group: 'g', offset: 2 }), 2);
    assert.equal(await broker.committed('t', { group: 'g' }), 2);
    const [topic] = await broker.describeTopics({ topic: 't' });
    assert.deepEqual([topic?.lag, topic?.availableCount], [3, 3]);
  });

  test('a commit never moves back, and not beyond the end', async () => {
    const { broker } = await setup(5);
    await broker.commit('t', { group: 'g', offset: 4 });
    assert.equal(await broker.commit('t', { group: 'g', offset: 1 }), 4);
    await rejectsWith(broker.commit('t', { group: 'g', offset: 6 }), 'MQ_OFFSET_OUT_OF_RANGE');
    await rejectsWith(broker.commit('t', { group: 'new', offset: 6 }), 'MQ_OFFSET_OUT_OF_RANGE');
    await rejectsWith(broker.committed('t', { group: 'new' }), 'MQ_UNKNOWN_GROUP');
    assert.equal(await broker.commit('t', { group: 'g', offset: 5 }), 5);
  });

  test('a log group whose place was overwritten goes on as it declared', async () => {
    const { broker } = await setup(0);
    await broker.createTopic('ring', { messagesMax: 3, overflow: 'drop-oldest' });
    for (const onOutOfRange of ['earliest', 'latest', 'error'] as const) {
      await broker.createGroup('ring', onOutOfRange, { onOutOfRange });
    }
    for (const body of ['0', '1', '2', '3', '4']) await broker.send('ring', { body });
    const committed = (group: string): Promise<number> => broker.committed('ring', { group });
    assert.deepEqual([await committed('earliest'), await committed('latest'), await committed('error')], [2, 3, 0]);
    await rejectsWith(broker.fetch('ring', { offset: await committed('error') }), 'MQ_OFFSET_OUT_OF_RANGE');
    await rejectsWith(broker.commit('ring', { group: 'error', offset: 1 }), 'MQ_OFFSET_OUT_OF_RANGE');
    assert.equal(await broker.commit('ring', { group: 'error', offset: 3 }), 3);
  });
});

describe('seek', () => {
  test('a log group moves to the earliest, the latest or an offset, also back', async () => {
    const { broker } = await setup(5);
    await broker.commit('t', { group: 'g', offset: 4 });
    assert.equal(await broker.seek('t', { group: 'g', to: { offset: 1 } }), 1);
    assert.equal(await broker.committed('t', { group: 'g' }), 1);
    assert.equal(await broker.seek('t', { group: 'g', to: 'latest' }), 5);
    assert.equal(await broker.seek('t', { group: 'g', to: 'earliest' }), 0);
    await rejectsWith(broker.seek('t', { group: 'g', to: { offset: 6 } }), 'MQ_OFFSET_OUT_OF_RANGE');
    await rejectsWith(broker.seek('t', { group: 'nobody', to: 'latest' }), 'MQ_UNKNOWN_GROUP');
  });

  test('a queue group moves too: leases are void, and acks from the target on do not count', async () => {
    const { broker } = await setup(4);
    const held = await broker.receive('t', { group: 'g', max: 3 });
    const [first, second, third] = held;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await broker.ack([first, second]);
    const waiting = broker.receive('t', { group: 'g', max: 9, waitMs: 1000 });
    assert.deepEqual(offsetsOf(await waiting), [3]);
    await broker.seek('t', { group: 'g', to: { offset: 1 } });
    await rejectsWith(broker.ack([third]), 'MQ_LEASE_EXPIRED');
    await rejectsWith(broker.ack([second]), 'MQ_LEASE_EXPIRED');
    await broker.ack([first]); // below the target: still accepted
    const again = await broker.receive('t', { group: 'g', max: 9 });
    assert.deepEqual(
      again.map(({ offset, redeliveryReason }) => [offset, redeliveryReason]),
      [
        [1, 'seek'],
        [2, 'seek'],
        [3, 'seek'],
      ],
    );
  });

  test('a receive that waits at the end wakes when a seek puts records before it', async () => {
    const { broker } = await setup(1);
    await broker.ack(await broker.receive('t'));
    const waiting = broker.receive('t', { waitMs: 1000 });
    await broker.seek('t', { group: 'default', to: 'earliest' });
    assert.deepEqual(offsetsOf(await waiting), [0]);
  });

  test('a seek by time needs a capability this stage has not', async () => {
    const { broker } = await setup(1);
    await broker.commit('t', { group: 'g', offset: 1 });
    await assert.rejects(
      broker.seek('t', { group: 'g', to: { timestamp: 0 } }),
      (error) => isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === 'time-index',
    );
  });
});
