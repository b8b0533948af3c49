import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Capability } from '../../shared/contract/capabilities.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import type { DeliveryRef } from '../../shared/contract/message.ts';
import { createBroker } from './index.ts';

describe('what this stage does not have', () => {
  test('an operation without its capability rejects with MQ_NOT_SUPPORTED naming it', async () => {
    const broker = await createBroker();
    const ref: DeliveryRef = { topic: 't', partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 'x' };
    const calls: [Capability, () => Promise<unknown>][] = [
      ['groups', () => broker.createGroup('t', 'g')],
      ['groups', () => broker.deleteGroup('t', 'g')],
      ['lease', () => broker.ack([ref])],
      ['lease', () => broker.nack(ref)],
      ['lease', () => broker.extendLease(ref)],
      ['lease', () => broker.leave('t', {})],
      ['browse', () => broker.browse('t')],
      ['offsets', () => broker.fetch('t')],
      ['offsets', () => broker.commit('t', { group: 'g', offset: 0 })],
      ['offsets', () => broker.committed('t', { group: 'g' })],
      ['offsets', () => broker.seek('t', { group: 'g', to: 'earliest' })],
      ['transactions', () => broker.begin()],
      ['push', () => broker.subscribe('t', { creditMax: 1 }, () => undefined)],
      ['groups', () => broker.receive('t', { group: 'g' })],
      ['lease', () => broker.receive('t', { leaseMs: 1000 })],
      ['partitions', () => broker.send('t', { body: '' }, { partition: 1 })],
      ['partitions', () => broker.createTopic('t', { partitionCount: 2 })],
      ['offsets', () => broker.createTopic('t', { bytesMax: 1000 })],
      ['delay', () => broker.send('t', { body: '', delayMs: 1 })],
      ['delay', () => broker.sendBatch('t', [{ body: '', deliverAt: 1 }])],
      ['ttl', () => broker.send('t', { body: '', ttlMs: 1 })],
      ['priority', () => broker.send('t', { body: '', priority: 1 })],
      ['groups', () => createBroker({ memberTimeoutMs: 1 })],
      ['offsets', () => createBroker({ topicDefaults: { bytesMax: 1 } })],
    ];
    for (const [capability, run] of calls) {
      assert.ok(!broker.capabilities.has(capability));
      await assert.rejects(run(), (error) => {
        return isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === capability;
      });
    }
    assert.deepEqual(await broker.describeTopics(), []);
  });

  test('what asks for nothing special is no use of a capability', async () => {
    const broker = await createBroker();
    await broker.createTopic('t', { partitionCount: 1 });
    await broker.send('t', { body: 'x' }, { partition: 0 });
    assert.equal((await broker.receive('t', { group: 'default' })).length, 1);
  });
});

describe('mistakes of the caller', () => {
  test('a bad argument rejects with MQ_INVALID_ARGUMENT and its path, and changes nothing', async () => {
    const broker = await createBroker();
    const wrong = (value: unknown): never => value as never;
    const calls: [string, () => Promise<unknown>][] = [
      ['topic', () => broker.send('', { body: '' })],
      ['topic', () => broker.receive(wrong(7))],
      ['message.boddy', () => broker.send('t', wrong({ body: '', boddy: 1 }))],
      ['options.timeout', () => broker.send('t', { body: '' }, wrong({ timeout: 1 }))],
      ['options.timeoutMs', () => broker.send('t', { body: '' }, { timeoutMs: -1 })],
      ['options.signal', () => broker.send('t', { body: '' }, wrong({ signal: {} }))],
      ['options.max', () => broker.receive('t', { max: 0 })],
      ['options.max', () => broker.receive('t', { max: 1025 })],
      ['options.waitMs', () => broker.receive('t', { waitMs: 60_001 })],
      ['options.memberId', () => broker.receive('t', { memberId: '' })],
      ['options.messagesMax', () => broker.createTopic('t', { messagesMax: 0 })],
      ['options.overflow', () => broker.createTopic('t', wrong({ overflow: 'explode' }))],
      ['options.clok', () => createBroker(wrong({ clok: 1 }))],
      ['options.clock', () => createBroker({ clock: wrong(1) })],
      ['options.random', () => createBroker({ random: wrong({}) })],
      ['options.autoCreateTopics', () => createBroker(wrong({ autoCreateTopics: 'yes' }))],
      ['options.topicDefaults.messagesMax', () => createBroker({ topicDefaults: { messagesMax: 0.5 } })],
      ['options.timeoutMs', async () => (await createBroker()).close({ timeoutMs: Number.NaN })],
      ['limits', () => createBroker({ limits: wrong(null) })],
      ['limits.bodyBytesMax', () => createBroker({ limits: { bodyBytesMax: 0 } })],
    ];
    for (const [path, run] of calls) {
      await assert.rejects(run(), (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === path);
    }
    assert.deepEqual(await broker.describeTopics(), []);
  });

  test('a call that is refused makes no topic', async () => {
    const broker = await createBroker({ topicDefaults: { messagesMax: 2 } });
    const signal = AbortSignal.abort();
    const calls: [ErrorCode, Promise<unknown>][] = [
      ['MQ_ABORTED', broker.send('t', { body: 'x' }, { signal })],
      ['MQ_ABORTED', broker.sendBatch('t', [{ body: 'x' }], { signal })],
      ['MQ_ABORTED', broker.receive('t', { signal })],
      ['MQ_BATCH_TOO_LARGE', broker.sendBatch('t', [{ body: '' }, { body: '' }, { body: '' }])],
    ];
    for (const [code, call] of calls) await assert.rejects(call, (error) => isMqError(error, code));
    assert.deepEqual(await broker.describeTopics(), []);
  });

  test('topics and waiters have a limit', async () => {
    const broker = await createBroker({ limits: { topicsCountMax: 1, waitersCountMax: 1 } });
    const waiting = broker.receive('t', { waitMs: 1000 });
    await assert.rejects(broker.receive('t', { waitMs: 1000 }), (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'));
    await assert.rejects(broker.createTopic('another'), (error) => isMqError(error, 'MQ_LIMIT_EXCEEDED'));
    await broker.close();
    assert.deepEqual(await waiting, []);
  });
});
