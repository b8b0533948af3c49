import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BrokerOptions } from '../../shared/broker-options.ts';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { TopicDescription } from '../../shared/contract/description.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { SeededRandom } from '../../shared/random.ts';
import { createBroker } from './index.ts';

const rejectsWith = (promise: Promise<unknown>, code: ErrorCode, path?: string): Promise<void> =>
  assert.rejects(promise, (error) => {
    return isMqError(error, code) && (path === undefined || error.details.path === path);
  });

const bodiesOf = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ body }) => new TextDecoder().decode(body));

async function open(options?: BrokerOptions): Promise<{ broker: Broker; clock: VirtualClock }> {
  const clock = new VirtualClock();
  return { clock, broker: await createBroker({ clock, random: new SeededRandom(7), ...options }) };
}

async function describeOne(broker: Broker, topic: string): Promise<TopicDescription> {
  const [description] = await broker.describeTopics({ topic });
  assert.ok(description);
  return description;
}

describe('topics', () => {
  test('creating a topic again with equal options is no error, with others it is MQ_TOPIC_EXISTS', async () => {
    const { broker } = await open();
    await broker.createTopic('t', { messagesMax: 5 });
    await broker.createTopic('t', { messagesMax: 5, overflow: 'wait', partitionCount: 1 });
    await rejectsWith(broker.createTopic('t', { messagesMax: 6 }), 'MQ_TOPIC_EXISTS');
    await rejectsWith(broker.createTopic('t'), 'MQ_TOPIC_EXISTS');
  });

  test('two spellings of one name in Unicode are one topic, described by its NFC name', async () => {
    const { broker } = await open();
    await broker.createTopic('cafe\u0301');
    await broker.send('caf\u00e9', { body: 'x' });
    assert.deepEqual(
      (await broker.describeTopics()).map(({ topic, availableCount }) => [topic, availableCount]),
      [['caf\u00e9', 1]],
    );
  });

  test('topics are described in code unit order, and names such as __proto__ are ordinary', async () => {
    const { broker } = await open();
    for (const topic of ['b', '__proto__', 'B', 'constructor', '\u4e2d']) await broker.send(topic, { body: topic });
    const names = (await broker.describeTopics()).map(({ topic }) => topic);
    assert.deepEqual(names, ['B', '__proto__', 'b', 'constructor', '\u4e2d']);
    assert.deepEqual(bodiesOf(await broker.receive('__proto__')), ['__proto__']);
  });

  test('send and receive create a topic; every other call on an unknown one is MQ_UNKNOWN_TOPIC', async () => {
    const { broker } = await open();
    await broker.send('sent', { body: '' });
    await broker.receive('received');
    assert.equal((await broker.describeTopics()).length, 2);
    await rejectsWith(broker.deleteTopic('none'), 'MQ_UNKNOWN_TOPIC');
    await rejectsWith(broker.describeTopics({ topic: 'none' }), 'MQ_UNKNOWN_TOPIC');
    assert.ok(broker.inspect);
    await rejectsWith(broker.inspect('none'), 'MQ_UNKNOWN_TOPIC');
  });

  test('without autoCreateTopics send and receive refuse an unknown topic too', async () => {
    const { broker } = await open({ autoCreateTopics: false });
    await rejectsWith(broker.send('t', { body: '' }), 'MQ_UNKNOWN_TOPIC');
    await rejectsWith(broker.sendBatch('t', [{ body: '' }]), 'MQ_UNKNOWN_TOPIC');
    await rejectsWith(broker.receive('t'), 'MQ_UNKNOWN_TOPIC');
    await broker.createTopic('t');
    await broker.send('t', { body: '' });
  });

  test('deleting a topic ends its messages and the calls that wait on it', async () => {
    const { broker } = await open({ topicDefaults: { messagesMax: 1 } });
    await broker.send('full', { body: 'held' });
    const send = rejectsWith(broker.send('full', { body: 'waits' }), 'MQ_UNKNOWN_TOPIC');
    const receive = rejectsWith(broker.receive('empty', { waitMs: 1000 }), 'MQ_UNKNOWN_TOPIC');
    await broker.deleteTopic('full');
    await broker.deleteTopic('empty');
    await Promise.all([send, receive]);
    assert.deepEqual(await broker.receive('full'), []);
    assert.equal((await broker.send('full', { body: 'new' })).offset, 0);
  });

  test('a topic takes the defaults given to the broker', async () => {
    const { broker } = await open({ topicDefaults: { messagesMax: 2, overflow: 'reject' } });
    await broker.send('t', { body: '' });
    assert.deepEqual((await describeOne(broker, 't')).options, { messagesMax: 2, overflow: 'reject' });
    await broker.createTopic('t', { overflow: 'reject' });
  });
});

describe('send', () => {
  test('offsets are 0, 1, 2, ... per topic in the order of acceptance; refused sends take none', async () => {
    const { broker } = await open();
    await broker.createTopic('t', { messagesMax: 3, overflow: 'reject' });
    assert.equal((await broker.send('t', { body: 'a' })).offset, 0);
    const batch = await broker.sendBatch('t', [{ body: 'b' }, { body: 'c' }]);
    assert.deepEqual([batch.baseOffset, batch.count], [1, 2]);
    await rejectsWith(broker.send('t', { body: 'refused' }), 'MQ_QUEUE_FULL');
    await broker.receive('t');
    assert.equal((await broker.send('t', { body: 'd' })).offset, 3);
    assert.equal((await broker.send('other', { body: 'a' })).offset, 0);
  });

  test('a waiting send gets the offset of the moment it is accepted', async () => {
    const { broker } = await open({ topicDefaults: { messagesMax: 1 } });
    await broker.send('t', { body: 'a' });
    const abort = new AbortController();
    const aborted = rejectsWith(broker.send('t', { body: 'x' }, { signal: abort.signal }), 'MQ_ABORTED');
    const waiting = broker.send('t', { body: 'b' });
    abort.abort();
    await aborted;
    assert.deepEqual(bodiesOf(await broker.receive('t')), ['a']);
    assert.equal((await waiting).offset, 1);
  });

  test('a message comes out with what it was sent with', async () => {
    const { broker, clock } = await open();
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await broker.send('t', { body, key: 'k', id: 'mine', headers: { __proto__x: '1', constructor: '2' } });
    const [delivery] = await broker.receive('t', { memberId: 'm' });
    assert.ok(delivery);
    assert.deepEqual(
      { ...delivery, headers: { ...delivery.headers } },
      {
        topic: 't',
        partition: 0,
        offset: 0,
        id: 'mine',
        key: 'k',
        headers: { __proto__x: '1', constructor: '2' },
        body,
        timestamp: clock.now(),
        group: 'default',
        memberId: 'm',
        deliveryCount: 1,
        leaseToken: null,
        leaseExpiresAt: null,
      },
    );
    assert.equal(Object.getPrototypeOf(delivery.headers), null);
  });

  test('ids the broker makes differ within an instance and between instances', async () => {
    const brokers = [await createBroker(), await createBroker()];
    const ids = new Set<string>();
    for (const broker of brokers) {
      for (let count = 0; count < 100; count += 1) ids.add((await broker.send('t', { body: '' })).id);
      const { ids: batchIds } = await broker.sendBatch('t', [{ body: '' }, { body: '' }]);
      for (const id of batchIds) ids.add(id);
    }
    assert.equal(ids.size, 204);
  });

  test('timestamps never decrease, also when the wall clock is set back', async () => {
    const { broker, clock } = await open();
    await broker.send('t', { body: '' });
    clock.jumpWallClock(-3_600_000);
    await broker.send('t', { body: '' });
    const [first, second] = await broker.receive('t', { max: 2 });
    assert.ok(first && second && second.timestamp >= first.timestamp);
  });

  test('a batch waits until all of it fits, and a batch that never can is MQ_BATCH_TOO_LARGE', async () => {
    const { broker } = await open({ topicDefaults: { messagesMax: 2 } });
    await broker.send('t', { body: 'a' });
    const batch = broker.sendBatch('t', [{ body: 'b' }, { body: 'c' }]);
    assert.equal((await describeOne(broker, 't')).availableCount, 1);
    assert.deepEqual(bodiesOf(await broker.receive('t')), ['a']);
    assert.equal((await batch).baseOffset, 1);
    await rejectsWith(broker.sendBatch('t', [{ body: '' }, { body: '' }, { body: '' }]), 'MQ_BATCH_TOO_LARGE');
  });

  test('one bad message refuses the whole batch and names its place', async () => {
    const { broker } = await open();
    const bad = [{ body: 'ok' }, { body: 5 as unknown as string }];
    await rejectsWith(broker.sendBatch('t', bad), 'MQ_INVALID_ARGUMENT', 'messages[1].body');
    await rejectsWith(broker.sendBatch('t', []), 'MQ_INVALID_ARGUMENT', 'messages');
    assert.deepEqual(await broker.describeTopics(), []);
  });

  test('a send gives up with MQ_QUEUE_FULL after timeoutMs', async () => {
    const { broker, clock } = await open({ topicDefaults: { messagesMax: 1 } });
    await broker.send('t', { body: 'held' });
    const refused = rejectsWith(broker.send('t', { body: 'x' }, { timeoutMs: 100 }), 'MQ_QUEUE_FULL');
    await clock.pass(100);
    await refused;
    assert.equal((await describeOne(broker, 't')).waiterCount, 0);
  });
});

describe('receive', () => {
  test('an empty topic answers at once with nothing', async () => {
    const { broker } = await open();
    assert.deepEqual(await broker.receive('t'), []);
  });

  test('it takes up to max messages, oldest first, in one piece also beside another receive', async () => {
    const { broker } = await open();
    await broker.sendBatch(
      't',
      ['0', '1', '2', '3', '4'].map((body) => ({ body })),
    );
    const [one, other] = await Promise.all([broker.receive('t', { max: 2 }), broker.receive('t', { max: 9 })]);
    assert.deepEqual(bodiesOf(one), ['0', '1']);
    assert.deepEqual(bodiesOf(other), ['2', '3', '4']);
  });

  test('a waiting receive wakes with the whole batch that arrives', async () => {
    const { broker } = await open();
    const receive = broker.receive('t', { max: 10, waitMs: 1000 });
    await broker.sendBatch('t', [{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
    assert.deepEqual(bodiesOf(await receive), ['a', 'b', 'c']);
  });

  test('it waits its time and then answers with nothing', async () => {
    const { broker, clock } = await open();
    let answer: readonly Delivery[] | undefined;
    const receive = broker.receive('t', { waitMs: 500 }).then((deliveries) => {
      answer = deliveries;
    });
    await clock.pass(499);
    assert.equal(answer, undefined);
    await clock.pass(1);
    await receive;
    assert.deepEqual(answer, []);
  });

  test('bytesMax ends an answer early but never keeps the first message back', async () => {
    const { broker } = await open();
    for (const body of ['x'.repeat(100), 'y'.repeat(10), 'z'.repeat(10)]) await broker.send('t', { body, id: 'i' });
    assert.equal((await broker.receive('t', { max: 9, bytesMax: 1 })).length, 1);
    assert.equal((await broker.receive('t', { max: 9, bytesMax: 21 })).length, 1);
    assert.equal((await broker.receive('t', { max: 9, bytesMax: 22 })).length, 1);
  });

  test('without options an answer stays within the limits of the broker', async () => {
    const { broker } = await open({ limits: { receiveBytesMax: 10, receiveCountMax: 2 } });
    for (const body of ['x'.repeat(8), 'y'.repeat(8)]) await broker.send('t', { body, id: 'i' });
    assert.equal((await broker.receive('t', { max: 2 })).length, 1);
    await rejectsWith(broker.receive('t', { max: 3 }), 'MQ_INVALID_ARGUMENT', 'options.max');
    assert.equal((await broker.receive('t')).length, 1);
  });

  test('an aborted receive takes nothing', async () => {
    const { broker } = await open();
    await broker.send('t', { body: 'stays' });
    await rejectsWith(broker.receive('t', { signal: AbortSignal.abort() }), 'MQ_ABORTED');
    assert.deepEqual(bodiesOf(await broker.receive('t')), ['stays']);
    const abort = new AbortController();
    const waiting = rejectsWith(broker.receive('t', { waitMs: 1000, signal: abort.signal }), 'MQ_ABORTED');
    abort.abort();
    await waiting;
    assert.equal((await describeOne(broker, 't')).waiterCount, 0);
  });
});
