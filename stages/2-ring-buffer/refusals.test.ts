/** What the broker refuses: misspelt and ill-shaped options, and what its stage cannot do. Nothing is changed by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Capability } from '../../shared/contract/capabilities.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import { createBroker } from './index.ts';

/** A call as untyped code would make it. */
type LooseBroker = Record<string, (...args: unknown[]) => Promise<unknown>>;

async function looseBroker(): Promise<{ broker: Broker; loose: LooseBroker }> {
  const broker = await createBroker();
  await broker.send('t', { body: 'x' });
  await broker.receive('t', { group: 'g' });
  return { broker, loose: broker as unknown as LooseBroker };
}

function refusedWith(code: ErrorCode, path: string): (error: unknown) => boolean {
  return (error) => isMqError(error, code) && (error.details.path ?? '').startsWith(path);
}

test('every wrong argument is refused with its path, and nothing is thrown synchronously', async () => {
  const { broker, loose } = await looseBroker();
  const ref = { topic: 't', partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 'x' };
  const cases: readonly (readonly [operation: string, args: readonly unknown[], path: string])[] = [
    ['createGroup', ['t', ''], 'group'],
    ['createGroup', ['t', 'x', { begin: 'latest' }], 'options.begin'],
    ['createGroup', ['t', 'x', { start: 'newest' }], 'options.start'],
    ['createGroup', ['t', 'x', { start: { offset: -1 } }], 'options.start.offset'],
    ['createGroup', ['t', 'x', { start: { offset: 1, more: 2 } }], 'options.start'],
    ['createGroup', ['t', 'x', { isEphemeral: 'yes' }], 'options.isEphemeral'],
    ['createGroup', ['t', 'x', { onOutOfRange: 'skip' }], 'options.onOutOfRange'],
    ['createGroup', ['t', 'x', { mode: 'solo' }], 'options.mode'],
    ['deleteGroup', ['t', '$x'], 'group'],
    ['send', ['t', { body: 'x' }, { timeout: 5 }], 'options.timeout'],
    ['send', ['t', { text: 'x' }], 'message.text'],
    ['receive', ['t', { leaseMs: 0 }], 'options.leaseMs'],
    ['receive', ['t', { max: 1025 }], 'options.max'],
    ['ack', [ref], 'deliveries'],
    ['ack', [[null]], 'deliveries[0]'],
    ['ack', [new Array(1)], 'deliveries[0]'],
    ['sendBatch', ['t', new Array(2)], 'messages[0]'],
    ['ack', [[{ ...ref, leaseToken: null }]], 'deliveries[0].leaseToken'],
    ['ack', [[{ ...ref, offset: 1.5 }]], 'deliveries[0].offset'],
    ['ack', [[ref], { cumulative: 1 }], 'options.cumulative'],
    ['nack', [ref, { outcome: 'never' }], 'options.outcome'],
    ['nack', [ref, { reason: 7 }], 'options.reason'],
    ['extendLease', [ref, { leaseMs: -1 }], 'options.leaseMs'],
    ['extendLease', [undefined], 'delivery'],
    ['leave', ['t', { member: 'x' }], 'options.member'],
    ['browse', ['t', { group: 'g', after: -2 }], 'options.after'],
    ['fetch', ['t', { waitMs: 60_001 }], 'options.waitMs'],
    ['fetch', ['t', { isolation: 'serializable' }], 'options.isolation'],
    ['fetch', ['t', { signal: {} }], 'options.signal'],
    ['commit', ['t', { group: 'g' }], 'options.offset'],
    ['commit', ['t', { offset: 1 }], 'options.group'],
    ['committed', ['t', undefined], 'options.group'],
    ['seek', ['t', { group: 'g' }], 'options.to'],
    ['seek', ['t', { group: 'g', to: {} }], 'options.to'],
    ['inspect', ['t', { max: 0 }], 'options.max'],
    ['close', [{ force: true }], 'options.force'],
    ['close', [{ timeoutMs: -1 }], 'options.timeoutMs'],
    ['close', [{ timeoutMs: Number.NaN }], 'options.timeoutMs'],
  ];
  const [before] = await broker.describeTopics();
  for (const [operation, args, path] of cases) {
    const call = loose[operation];
    assert.ok(call !== undefined, operation);
    const said = `${operation}(${JSON.stringify(args)})`;
    await assert.rejects(call.apply(broker, [...args]), refusedWith('MQ_INVALID_ARGUMENT', path), said);
  }
  const [after] = await broker.describeTopics();
  assert.deepEqual(after, before);
});

test('what belongs to a later stage is refused by capability', async () => {
  const { broker } = await looseBroker();
  const [delivery] = await broker.receive('t');
  assert.ok(delivery !== undefined);
  const cases: readonly (readonly [Capability, () => Promise<unknown>])[] = [
    ['partitions', () => broker.createTopic('p', { partitionCount: 2 })],
    ['partitions', () => broker.send('t', { body: 'x' }, { partition: 1 })],
    ['partitions', () => broker.fetch('t', { partition: 1 })],
    ['partitions', () => broker.commit('t', { group: 'l', partition: 1, offset: 0 })],
    ['delay', () => broker.send('t', { body: 'x', delayMs: 1 })],
    ['delay', () => broker.sendBatch('t', [{ body: 'x', deliverAt: 1 }])],
    ['ttl', () => broker.send('t', { body: 'x', ttlMs: 1 })],
    ['priority', () => broker.send('t', { body: 'x', priority: 1 })],
    ['group-modes', () => broker.createGroup('t', 'x', { mode: 'exclusive' })],
    ['time-index', () => broker.createGroup('t', 'x', { start: { timestamp: 0 } })],
    ['transactions', () => broker.fetch('t', { isolation: 'read-committed' })],
    ['transactions', () => broker.begin()],
    ['push', () => broker.subscribe('t', { creditMax: 1 }, () => undefined)],
  ];
  for (const [capability, call] of cases) {
    await assert.rejects(
      call(),
      (error) => isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === capability,
      capability,
    );
    assert.ok(!broker.capabilities.has(capability));
  }
});

test('a broker made with options it does not know, or of the wrong size, is not made', async () => {
  const make = createBroker as (options: unknown) => Promise<Broker>;
  for (const [options, path] of [
    [{ memberTimeout: 5 }, 'options.memberTimeout'],
    [{ memberTimeoutMs: 0 }, 'options.memberTimeoutMs'],
    [{ topicDefaults: { messagesMax: -1 } }, 'options.topicDefaults.messagesMax'],
    [{ limits: { nameBytes: 1 } }, 'limits.nameBytes'],
  ] as const) {
    await assert.rejects(make(options), refusedWith('MQ_INVALID_ARGUMENT', path));
  }
});

test('a call that is refused makes no topic and no group, and does not decide what a group is', async () => {
  const limits = { membersCountMax: 1, waitersCountMax: 1 };
  await using broker = await createBroker({ limits, topicDefaults: { bytesMax: 2000, messagesMax: 2 } });
  const signal = AbortSignal.abort();
  const refused = async (call: Promise<unknown>, code: ErrorCode): Promise<void> =>
    assert.rejects(call, (error) => isMqError(error, code));
  await refused(broker.send('new', { body: 'x' }, { signal }), 'MQ_ABORTED');
  await refused(broker.sendBatch('new', [{ body: 'x' }], { signal }), 'MQ_ABORTED');
  await refused(broker.receive('new', { signal }), 'MQ_ABORTED');
  await refused(broker.send('new', { body: 'x'.repeat(2000) }), 'MQ_MESSAGE_TOO_LARGE');
  await refused(broker.sendBatch('new', [{ body: '' }, { body: '' }, { body: '' }]), 'MQ_BATCH_TOO_LARGE');
  assert.deepEqual(await broker.describeTopics(), []);

  await broker.createTopic('t');
  for (const group of ['undecided', 'taken']) await broker.createGroup('t', group);
  const waiting = broker.receive('t', { group: 'taken', memberId: 'ann', waitMs: 1000 });
  await refused(broker.receive('t', { group: 'new', waitMs: 1000, signal }), 'MQ_ABORTED');
  await refused(broker.receive('t', { group: 'new', waitMs: 1000 }), 'MQ_LIMIT_EXCEEDED');
  await refused(broker.receive('t', { group: 'undecided', waitMs: 1000 }), 'MQ_LIMIT_EXCEEDED');
  await refused(broker.receive('t', { group: 'taken', memberId: 'bob' }), 'MQ_LIMIT_EXCEEDED');
  const [topic] = await broker.describeTopics();
  assert.deepEqual(
    topic?.groups.map(({ group, kind, members }) => [group, kind, members.length]),
    [
      ['undecided', 'undecided', 0],
      ['taken', 'queue', 1],
    ],
  );
  await broker.close();
  assert.deepEqual(await waiting, []);
});

test('names in error messages are cut and escaped, also those of a delivery that was never one', async () => {
  const { broker } = await looseBroker();
  const ref = { topic: 't', partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 'x' };
  const wild = `\u001b[2J\u202e${'y'.repeat(100_000)}`;
  await broker.createTopic('right\u202eleft');
  for (const call of [
    broker.ack([{ ...ref, topic: wild }]),
    broker.nack({ ...ref, group: wild }),
    broker.createTopic('right\u202eleft', { messagesMax: 5 }),
    broker.deleteGroup('t', 'right\u202eleft'),
  ]) {
    await assert.rejects(call, ({ message }: Error) => message.length < 400 && !/\p{C}/u.test(message));
  }
});

test('without autoCreateTopics neither send nor receive makes a topic', async () => {
  await using broker = await createBroker({ autoCreateTopics: false });
  for (const call of [broker.send('t', { body: 'x' }), broker.receive('t')]) {
    await assert.rejects(call, (error) => isMqError(error, 'MQ_UNKNOWN_TOPIC'));
  }
  assert.deepEqual(await broker.describeTopics(), []);
});

test('createTopic is idempotent for equal options and refuses others', async () => {
  await using broker = await createBroker();
  await broker.createTopic('t', { messagesMax: 5 });
  await broker.createTopic('t', { messagesMax: 5, overflow: 'wait' });
  for (const options of [{ messagesMax: 6 }, { messagesMax: 5, bytesMax: 999_999 }]) {
    await assert.rejects(broker.createTopic('t', options), (error) => isMqError(error, 'MQ_TOPIC_EXISTS'));
  }
});

test('a clock or a source of randomness that is none is refused with its path', async () => {
  await assert.rejects(createBroker({ clock: 1 as never }), refusedWith('MQ_INVALID_ARGUMENT', 'options.clock'));
  await assert.rejects(createBroker({ random: {} as never }), refusedWith('MQ_INVALID_ARGUMENT', 'options.random'));
});
