/** A full ring: wait for the slowest group, reject, or overwrite; by slots and by bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { TopicOptions } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { OVERHEAD } from '../../shared/contract/limits.ts';
import { createBroker } from './index.ts';
import { abortable, describeTopic, isPending, offsetsOf, rejectsWith, setup } from './testing/setup.ts';

/** Receives and acks up to `max` messages for a group. */
async function finish(broker: Broker, group: string, max: number): Promise<void> {
  await broker.ack(await broker.receive('t', { group, max }));
}

describe('wait', () => {
  test('with no group a full topic makes sends wait', async () => {
    const { broker } = await setup(2, { topic: { messagesMax: 2 } });
    const waiting = broker.send('t', { body: 'x' });
    assert.ok(await isPending(waiting));
    assert.equal((await describeTopic(broker)).waiterCount, 1);
    await finish(broker, 'g', 1);
    assert.equal((await waiting).offset, 2);
  });

  test('a send waits for the slowest group, durable or live, whoever it is', async () => {
    const { broker } = await setup(2, { topic: { messagesMax: 2 } });
    await broker.createGroup('t', 'slow');
    await finish(broker, 'quick', 2);
    const waiting = broker.send('t', { body: 'x' });
    assert.ok(await isPending(waiting));
    await finish(broker, 'slow', 1);
    assert.equal((await waiting).offset, 2);
    assert.equal((await describeTopic(broker)).logStartOffset, 1);
  });

  test('a gap does not free its slot before the floor has come so far', async () => {
    const { broker } = await setup(2, { topic: { messagesMax: 2 } });
    const [first, second] = await broker.receive('t', { max: 2 });
    assert.ok(first !== undefined && second !== undefined);
    const waiting = broker.send('t', { body: 'x' });
    await broker.ack([second]);
    assert.ok(await isPending(waiting));
    await broker.ack([first]);
    assert.equal((await waiting).offset, 2);
  });

  test('what all groups have finished goes only when room is needed', async () => {
    const { broker } = await setup(2, { topic: { messagesMax: 3 } });
    await finish(broker, 'g', 2);
    await broker.send('t', { body: 'x' });
    assert.equal((await describeTopic(broker)).logStartOffset, 0);
    await broker.send('t', { body: 'y' });
    assert.equal((await describeTopic(broker)).logStartOffset, 1);
    assert.equal((await describeTopic(broker)).droppedCount, 0);
  });

  test('commit, seek and the end of a group make room as well', async () => {
    for (const free of [
      (broker: Broker) => broker.commit('t', { group: 'g', offset: 1 }),
      (broker: Broker) => broker.seek('t', { group: 'g', to: 'latest' }),
      (broker: Broker) => broker.deleteGroup('t', 'g'),
    ]) {
      const { broker } = await setup(2, { topic: { messagesMax: 2 } });
      await broker.createGroup('t', 'g');
      await finish(broker, 'quick', 2);
      const waiting = broker.send('t', { body: 'x' });
      assert.ok(await isPending(waiting));
      await free(broker);
      assert.equal((await waiting).offset, 2);
    }
  });

  test('a group that begins behind all that is held frees the ring for those who wait, though it has no reader yet', async () => {
    for (const start of ['latest', { offset: 1 }] as const) {
      const { broker } = await setup(2, { topic: { messagesMax: 2 } });
      const waiting = broker.send('t', { body: 'x' });
      assert.ok(await isPending(waiting));
      await broker.createGroup('t', 'g', { start });
      assert.equal((await waiting).offset, 2);
    }
  });

  test('a dead ephemeral group does not hold the ring up', async () => {
    const { broker, clock } = await setup(2, { topic: { messagesMax: 2 } });
    await finish(broker, 'quick', 2);
    await broker.createGroup('t', 'live', { isEphemeral: true, start: 'earliest' });
    const waiting = broker.send('t', { body: 'x' });
    assert.ok(await isPending(waiting));
    await clock.pass(30_000);
    assert.equal((await waiting).offset, 2);
  });

  test('blocked sends and batches enter in the order they came, a batch when all of it fits', async () => {
    const { broker } = await setup(3, { topic: { messagesMax: 3 } });
    const batch = broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }]);
    const single = broker.send('t', { body: 'c' });
    await finish(broker, 'g', 1);
    assert.ok((await isPending(batch)) && (await isPending(single)));
    await finish(broker, 'g', 2);
    assert.equal((await batch).baseOffset, 3);
    assert.equal((await single).offset, 5);
  });

  test('one signal that aborts several blocked sends lets none of them in, and hands nothing to its own receive', async () => {
    const { broker } = await setup(1, { topic: { messagesMax: 2 } });
    await finish(broker, 'g', 1);
    await broker.createGroup('t', 'slow');
    const { signal, abort } = abortable();
    const batch = broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }], { signal });
    const receive = broker.receive('t', { group: 'g', waitMs: 1000, signal });
    const single = broker.send('t', { body: 'c' }, { signal });
    const behind = broker.send('t', { body: 'd' });
    const refusals = [batch, receive, single].map((call) => rejectsWith(call, 'MQ_ABORTED'));
    abort();
    await Promise.all(refusals);
    assert.equal((await behind).offset, 1);
    const { logEndOffset, groups } = await describeTopic(broker);
    assert.deepEqual([logEndOffset, groups[0]?.availableCount, groups[0]?.inFlightCount], [2, 1, 0]);
  });

  test('a blocked send that gives up leaves nothing behind and lets the next one in', async () => {
    const { broker, clock } = await setup(2, { topic: { messagesMax: 2 } });
    const abort = new AbortController();
    const aborted = broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }], { signal: abort.signal });
    const timedOut = broker.sendBatch('t', [{ body: 'c' }, { body: 'd' }], { timeoutMs: 100 });
    const single = broker.send('t', { body: 'e' });
    await finish(broker, 'g', 1);
    abort.abort();
    await rejectsWith(aborted, 'MQ_ABORTED');
    assert.ok(await isPending(single));
    const expiry = rejectsWith(timedOut, 'MQ_QUEUE_FULL');
    await clock.pass(100);
    await expiry;
    assert.equal((await single).offset, 2);
    assert.equal((await describeTopic(broker)).logEndOffset, 3);
  });
});

describe('reject', () => {
  test('a full topic refuses at once, and takes again when its groups have finished', async () => {
    const { broker } = await setup(2, { topic: { messagesMax: 2, overflow: 'reject' } });
    await rejectsWith(broker.send('t', { body: 'x' }), 'MQ_QUEUE_FULL');
    await finish(broker, 'g', 1);
    await rejectsWith(broker.sendBatch('t', [{ body: 'x' }, { body: 'y' }]), 'MQ_QUEUE_FULL');
    assert.equal((await broker.send('t', { body: 'x' })).offset, 2);
  });
});

describe('drop-oldest', () => {
  const ring4: TopicOptions = { messagesMax: 4, overflow: 'drop-oldest' };

  test('the oldest record is overwritten, and a log reader that fell behind is told the valid range', async () => {
    const { broker } = await setup(6, { topic: ring4 });
    await assert.rejects(broker.fetch('t', { offset: 0 }), (error) => {
      assert.ok(isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'));
      assert.deepEqual(error.details, { logStartOffset: 2, logEndOffset: 6 });
      return true;
    });
    assert.equal((await describeTopic(broker)).droppedCount, 2);
  });

  test('a queue group goes on at the earliest, and counts what it missed', async () => {
    const { broker } = await setup(0, { topic: ring4 });
    await broker.createGroup('t', 'g');
    for (let number = 0; number < 6; number += 1) await broker.send('t', { body: `${number}` });
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'g', max: 9 })), [2, 3, 4, 5]);
    assert.equal((await describeTopic(broker)).groups[0]?.droppedCount, 2);
  });

  test('or at the latest', async () => {
    const { broker } = await setup(0, { topic: ring4 });
    await broker.createGroup('t', 'g', { onOutOfRange: 'latest' });
    for (let number = 0; number < 5; number += 1) await broker.send('t', { body: `${number}` });
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'g', max: 9 })), [4]);
    assert.equal((await describeTopic(broker)).groups[0]?.droppedCount, 4);
  });

  test('or refuses until a seek', async () => {
    const { broker } = await setup(0, { topic: ring4 });
    await broker.createGroup('t', 'g', { onOutOfRange: 'error' });
    for (let number = 0; number < 6; number += 1) await broker.send('t', { body: `${number}` });
    await assert.rejects(broker.receive('t', { group: 'g', waitMs: 100 }), (error) => {
      assert.ok(isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE'));
      assert.deepEqual(error.details, { logStartOffset: 2, logEndOffset: 6 });
      return true;
    });
    assert.equal(await broker.seek('t', { group: 'g', to: 'earliest' }), 2);
    assert.deepEqual(offsetsOf(await broker.receive('t', { group: 'g', max: 9 })), [2, 3, 4, 5]);
  });

  test('a stranded group fails the receives that wait for room in flight', async () => {
    const clock = new VirtualClock();
    const broker = await createBroker({ clock, limits: { inFlightCountMax: 1 } });
    await broker.createTopic('t', { messagesMax: 2, overflow: 'drop-oldest' });
    await broker.createGroup('t', 'g', { onOutOfRange: 'error' });
    for (const body of ['0', '1']) await broker.send('t', { body });
    await broker.receive('t', { group: 'g' });
    const waiting = broker.receive('t', { group: 'g', waitMs: 1000 });
    assert.ok(await isPending(waiting));
    await broker.send('t', { body: '2' });
    await rejectsWith(waiting, 'MQ_OFFSET_OUT_OF_RANGE');
  });

  test('an in-flight record that is overwritten ends its lease', async () => {
    const { broker } = await setup(4, { topic: ring4 });
    const [first, second] = await broker.receive('t', { max: 2 });
    assert.ok(first !== undefined && second !== undefined);
    await broker.send('t', { body: '4' });
    await rejectsWith(broker.ack([first]), 'MQ_LEASE_EXPIRED');
    await broker.ack([second]);
    const { groups } = await describeTopic(broker);
    assert.deepEqual([groups[0]?.committedOffset, groups[0]?.droppedCount, groups[0]?.inFlightCount], [2, 1, 0]);
  });

  test('what every group has finished is not counted as dropped', async () => {
    const { broker } = await setup(4, { topic: ring4 });
    await finish(broker, 'g', 2);
    for (let number = 4; number < 8; number += 1) await broker.send('t', { body: `${number}` });
    assert.equal((await describeTopic(broker)).droppedCount, 2);
  });

  test('nor is a gap: finished above the floor, and overwritten together with what held the floor', async () => {
    const { broker } = await setup(4, { topic: ring4 });
    const held = await broker.receive('t', { max: 2 });
    await broker.ack(held.slice(1));
    await broker.sendBatch('t', [{ body: '4' }, { body: '5' }]);
    const { droppedCount, logStartOffset, groups } = await describeTopic(broker);
    assert.deepEqual([droppedCount, logStartOffset, groups[0]?.droppedCount], [1, 2, 1]);
  });
});

describe('bytes', () => {
  const bytesMax = 3 * (OVERHEAD.recordBytes + 10);

  test('a topic is full by bytes as well, and says how many it holds', async () => {
    const { broker } = await setup(0, { topic: { bytesMax, overflow: 'reject' } });
    for (const id of ['a', 'b', 'c']) await broker.send('t', { body: '123456789', id });
    assert.equal((await describeTopic(broker)).bytes, bytesMax);
    await rejectsWith(broker.send('t', { body: '', id: 'd' }), 'MQ_QUEUE_FULL');
  });

  test('one large message overwrites several small ones', async () => {
    const { broker } = await setup(3, { topic: { bytesMax, overflow: 'drop-oldest' } });
    const { offset } = await broker.send('t', { body: 'x'.repeat(bytesMax - OVERHEAD.recordBytes - 1), id: 'z' });
    const { logStartOffset, droppedCount } = await describeTopic(broker);
    assert.deepEqual([offset, logStartOffset, droppedCount], [3, 3, 3]);
  });

  test('what can never fit is refused at once: a message by its size, a batch by size or count', async () => {
    const { broker } = await setup(0, { topic: { messagesMax: 2, bytesMax } });
    await rejectsWith(broker.send('t', { body: 'x'.repeat(bytesMax) }), 'MQ_MESSAGE_TOO_LARGE');
    await rejectsWith(broker.sendBatch('t', [{ body: 'x'.repeat(bytesMax) }]), 'MQ_BATCH_TOO_LARGE');
    await rejectsWith(broker.sendBatch('t', [{ body: '' }, { body: '' }, { body: '' }]), 'MQ_BATCH_TOO_LARGE');
    assert.equal((await describeTopic(broker)).logEndOffset, 0);
  });
});
