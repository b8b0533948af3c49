/** What a later stage adds to the contract crosses this wire too, in front of any broker that has it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import type { GroupOptions, TopicOptions } from '../../shared/contract/description.ts';
import { ERRORS, type ErrorCode, isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import type { LogView } from '../../shared/contract/inside.ts';
import {
  type Delivery,
  deadLetterTopicOf,
  type Message,
  type Receipt,
  type StoredRecord,
} from '../../shared/contract/message.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient, createServer } from './index.ts';
import { ask } from './testing/doors.ts';
import { type Heard, type ScriptedBroker, scriptedBroker } from './testing/scripted-broker.ts';

interface Wired extends AsyncDisposable, Omit<ScriptedBroker, 'broker'> {
  readonly client: Broker;
  readonly url: string;
}

async function wired(answers: ScriptedBroker['answers'] = {}): Promise<Wired> {
  const scripted = scriptedBroker(answers);
  const server = await createServer(scripted.broker);
  const client = await createClient(server.url);
  return {
    ...scripted,
    client,
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

const RECEIPT: Receipt = { topic: 't', partition: 2, offset: 7, id: 'i', durability: 'synced' };
const RECORD: StoredRecord = {
  ...{
    topic: 't',
    partition: 2,
    offset: 7,
    id: 'i',
    key: 'k',
    headers: Object.assign(Object.create(null), { h: 'v' }),
  },
  ...{ body: new Uint8Array([255, 0]), timestamp: 1_800_000_000_000, priority: 9, expiresAt: 1_800_000_060_000 },
};
const DELIVERY: Delivery = {
  ...RECORD,
  ...{ group: 'g', memberId: 'm', deliveryCount: 3, leaseToken: 'token', leaseExpiresAt: 1_800_000_030_000 },
  redeliveryReason: 'redrive',
};
const refOf = ({ topic, partition, offset, group, memberId, leaseToken }: Delivery): object => {
  return { topic, partition, offset, group, memberId, leaseToken };
};

test('a client has every capability of its broker but those no request can carry', async () => {
  await using wire = await wired();
  const missing = [...scriptedBroker().broker.capabilities].filter((name) => !wire.client.capabilities.has(name));
  assert.deepEqual(missing, ['push', 'raw-batches', 'transactions']);
  await assert.rejects(
    wire.client.subscribe('t', { creditMax: 1 }, () => undefined),
    (error) => isMqError(error, 'MQ_NOT_SUPPORTED') && error.details.capability === 'push',
  );
  assert.deepEqual(
    [wire.client.appendBatch, wire.client.fetchBatches, wire.client.receiveBatches],
    Array(3).fill(undefined),
  );
});

test('every option of a topic and of a group arrives as it was given', async () => {
  await using wire = await wired();
  const topic: Required<TopicOptions> = {
    ...{ messagesMax: 8, bytesMax: 9000, overflow: 'reject', partitionCount: 4 },
    ...{ ttlMs: 1000, retentionMs: 2 ** 40, deleteFinished: true },
  };
  await wire.client.createTopic('a/b', topic);
  const group: Required<GroupOptions> = {
    ...{ start: { timestamp: 5 }, isEphemeral: true, onOutOfRange: 'error', mode: 'key-ordered' },
    ...{ deliveriesMax: 0, retryDelays: [], deadLetterExpired: false },
  };
  const delays: GroupOptions['retryDelays'][] = [
    [],
    [1000, 5000],
    'classic',
    { firstMs: 10, delayMsMax: 2 ** 33 },
    { firstMs: 10, factor: 1.5, delayMsMax: 1000, jitter: 0.25 },
  ];
  for (const retryDelays of delays) await wire.client.createGroup('t', 'g', { ...group, retryDelays });
  assert.deepEqual(wire.heard, [
    { operation: 'createTopic', args: ['a/b', topic] },
    ...delays.map((retryDelays) => ({ operation: 'createGroup', args: ['t', 'g', { ...group, retryDelays }] })),
  ]);
});

test('an option that the contract does not know is refused by the client, and by the server of another one', async () => {
  await using wire = await wired();
  const refusals: [string, () => Promise<unknown>][] = [
    ['options.ttl', () => wire.client.createTopic('t', { ttl: 1 } as object)],
    ['options.deliveries', () => wire.client.createGroup('t', 'g', { deliveries: 1 } as object)],
    ['options.topic', () => wire.client.pause('t', { topic: 't' } as object)],
    ['options.id', () => wire.client.redrive('t', { id: 'i' } as object)],
    ['options.id', () => wire.client.explain?.('t', {} as { id: string }) ?? Promise.resolve()],
  ];
  for (const [path, call] of refusals) {
    await assert.rejects(call(), (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === path);
  }
  for (const [method, path, body, where] of [
    ['PUT', '/topics/t', { ttlMs: 'soon' }, 'ttlMs'],
    ['PUT', '/topics/t', { deleteFinished: 1 }, 'deleteFinished'],
    ['PUT', '/topics/t/groups/g', { retryDelays: 'never' }, 'retryDelays'],
    ['PUT', '/topics/t/groups/g', { retryDelays: { firstMs: 1, delayMsMax: 2, jiter: 0 } }, 'retryDelays.jiter'],
    ['PUT', '/topics/t/groups/g', { deliveriesMax: 1.5 }, 'deliveriesMax'],
    ['PUT', '/topics/t/pause', { group: 'g' }, 'group'],
    ['POST', '/topics/t/groups/g/dead-letters/redrive', { ids: 'i' }, 'ids'],
    ['POST', '/topics/t/groups/g/dead-letters/drop', { group: 'g' }, 'group'],
    ['GET', '/topics/t/explain', undefined, 'query'],
    ['GET', '/topics/t/explain?id=a&id=b', undefined, 'id'],
  ] as const) {
    const answer = await ask(wire.url + path, { method, body });
    assert.deepEqual([answer.status, answer.body.path], [400, where], `${path} ${JSON.stringify(answer.body)}`);
  }
  assert.deepEqual(wire.heard, []);
});

test('a partition is asked for where the caller chose one, and only there', async () => {
  const fetched = { records: [], nextOffset: 1, logStartOffset: 0, highWatermark: 9 };
  const offset = { commit: 4, committed: 4, seek: 4 };
  const sent = { send: RECEIPT, sendBatch: { ...RECEIPT, baseOffset: 7, count: 1, ids: ['i'] } };
  await using wire = await wired({ ...sent, fetch: fetched, ...offset, browse: [] });
  const { client } = wire;
  const partitions: unknown[] = [];
  for (const partition of [0, 3]) {
    await client.send('t', { body: 'a' }, { partition });
    await client.sendBatch('t', [{ body: 'a' }], { partition });
    await client.fetch('t', { partition });
    await client.commit('t', { group: 'g', partition, offset: 4 });
    await client.committed('t', { group: 'g', partition });
    await client.seek('t', { group: 'g', partition, to: { timestamp: 17 } });
    await client.browse('t', { group: 'g', partition, max: 5, after: 2 });
    partitions.push(...Array(7).fill(partition));
  }
  await client.send('t', { body: 'a' });
  await client.sendBatch('t', [{ body: 'a' }]);
  const askedFor = wire.heard.map(({ args }) => (args.at(-1) as { partition?: number }).partition);
  assert.deepEqual(askedFor, [...partitions, undefined, undefined]);
  const sought = wire.heard.filter(({ operation }) => operation === 'seek').at(-1);
  assert.deepEqual(sought?.args, ['t', { group: 'g', partition: 3, to: { timestamp: 17 } }]);
});

test('the times and the priority of a message arrive in every form it can travel in', async () => {
  const receipt: Receipt = { ...RECEIPT, offset: null, deliverAt: 2 ** 42 };
  const many = { topic: 't', partition: 0, baseOffset: null, count: 2, ids: ['i', 'j'], durability: 'written' };
  await using wire = await wired({ send: receipt, sendBatch: many });
  const { client } = wire;
  const options: Partial<Message>[] = [
    { delayMs: 2 ** 42 },
    { deliverAt: 2 ** 42, ttlMs: 1 },
    { priority: 9 },
    { priority: 0, ttlMs: 2 },
  ];
  const message = { id: 'i', body: new Uint8Array([255]) };
  for (const option of options) {
    assert.deepEqual(await client.send('t', { ...message, ...option }), receipt);
    // Too long for request headers: it travels as JSON.
    await client.send('t', { ...message, ...option, headers: { long: 'x'.repeat(9000) } });
    assert.deepEqual(await client.sendBatch('t', [{ ...message, ...option }, message]), many);
  }
  const timesOf = ({ delayMs, deliverAt, ttlMs, priority }: Partial<Message>) => [delayMs, deliverAt, ttlMs, priority];
  const arrived = wire.heard.map(({ args }) => timesOf([args[1]].flat()[0] as Message));
  const expected = options.flatMap((option) => [option, option, option].map(timesOf));
  assert.deepEqual(arrived, expected);
  for (const wrong of [{ delayMs: -1 }, { ttlMs: 0.5 }, { priority: Number.NaN }, { deliverAt: '5' as never }]) {
    const path = Object.keys(wrong).join();
    const isRefused = (where: string) => (error: unknown) =>
      isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === `${where}.${path}`;
    await assert.rejects(client.send('t', { ...message, ...wrong }), isRefused('message'));
    await assert.rejects(client.sendBatch('t', [message, { ...message, ...wrong }]), isRefused('messages[1]'));
  }
});

test('a record comes back with its priority and the end of its life, however it is read', async () => {
  const { key: _, priority: __, expiresAt: ___, ...bare } = RECORD;
  const fetched = { records: [RECORD, { ...bare, offset: 8 }], nextOffset: 9, logStartOffset: 0, highWatermark: 9 };
  const browsed = [{ ...RECORD, state: 'delayed', deliveryCount: 2 }];
  await using wire = await wired({ fetch: fetched, browse: browsed, receive: [DELIVERY] });
  const { client, url } = wire;
  assert.deepEqual(await client.fetch('t', { partition: 2, max: 2 }), fetched);
  assert.deepEqual(await client.browse('t', { group: 'g' }), browsed);
  assert.deepEqual(await client.receive('t', { group: 'g' }), [DELIVERY]);
  const { body } = await ask(`${url}/topics/t/messages?partition=2`);
  const [first, second] = body.records as StoredRecord[];
  assert.deepEqual([first?.priority, first?.expiresAt], [9, RECORD.expiresAt]);
  assert.deepEqual(Object.keys(second ?? {}).toSorted(), Object.keys({ ...bare, encoding: '' }).toSorted());
});

test('a nack carries its outcome, its delay and its reason, and the partition of its delivery', async () => {
  await using wire = await wired({ receive: [DELIVERY], extendLease: 5 });
  const [delivery] = await wire.client.receive('t', { group: 'g', memberId: 'm' });
  assert.ok(delivery !== undefined);
  await wire.client.nack(delivery, { outcome: 'reject', delayMs: 0, reason: '坏了' });
  await wire.client.nack(delivery, { outcome: 'retry', delayMs: 2 ** 41 });
  await wire.client.ack([delivery], { cumulative: true });
  await wire.client.extendLease(delivery, { leaseMs: 5 });
  assert.deepEqual(wire.heard.slice(1), [
    { operation: 'nack', args: [refOf(DELIVERY), { outcome: 'reject', delayMs: 0, reason: '坏了' }] },
    { operation: 'nack', args: [refOf(DELIVERY), { outcome: 'retry', delayMs: 2 ** 41 }] },
    { operation: 'ack', args: [[refOf(DELIVERY)], { cumulative: true }] },
    { operation: 'extendLease', args: [refOf(DELIVERY), { leaseMs: 5 }] },
  ]);
});

test('pause, resume, redrive and drop arrive with their group, and the counts come back', async () => {
  await using wire = await wired({ redrive: 12, dropDeadLetters: 0 });
  const { client } = wire;
  await client.pause('a/b');
  await client.pause('a/b', { group: 'g/h' });
  await client.resume('a/b');
  await client.resume('a/b', { group: 'g/h' });
  assert.equal(await client.redrive('t'), 12);
  assert.equal(await client.redrive('t', { group: 'g/h', max: 3, ids: ['x y', '&'] }), 12);
  assert.equal(await client.dropDeadLetters('t', { ids: [] }), 0);
  assert.deepEqual(wire.heard, [
    { operation: 'pause', args: ['a/b'] },
    { operation: 'pause', args: ['a/b', { group: 'g/h' }] },
    { operation: 'resume', args: ['a/b'] },
    { operation: 'resume', args: ['a/b', { group: 'g/h' }] },
    { operation: 'redrive', args: ['t', { group: 'default' }] },
    { operation: 'redrive', args: ['t', { group: 'g/h', max: 3, ids: ['x y', '&'] }] },
    { operation: 'dropDeadLetters', args: ['t', { group: 'default', ids: [] }] },
  ] satisfies Heard[]);
});

test('an explanation comes back whole, and so does that there is none', async () => {
  const explanation: Explanation = {
    ...{ topic: 't', id: 'a b&c=é', partition: 1, offset: null, timestamp: 5, deliverAt: 9, expiresAt: 99 },
    groups: [
      { group: 'g', state: 'delayed', deliveryCount: 2, availableAt: 50 },
      { group: 'h', state: 'in-flight', deliveryCount: 1, memberId: 'm' },
    ],
    events: [
      { at: 5, what: 'accepted' },
      { at: 6, what: 'given-back', group: 'g', memberId: 'm', deliveryCount: 1, reason: 'the kettle broke' },
    ],
    isComplete: false,
  };
  await using wire = await wired({ explain: explanation });
  assert.deepEqual(await wire.client.explain?.('t', { id: 'a b&c=é' }), explanation);
  wire.answers.explain = null;
  assert.equal(await wire.client.explain?.('t', { id: '%' }), null);
  assert.deepEqual(wire.heard, [
    { operation: 'explain', args: ['t', { id: 'a b&c=é' }] },
    { operation: 'explain', args: ['t', { id: '%' }] },
  ]);
  await using ring = await createRingBroker();
  await using server = await createServer(ring);
  await using client = await createClient(server.url);
  await assert.rejects(client.explain?.('t', { id: 'i' }) ?? Promise.resolve(), (error) =>
    isMqError(error, 'MQ_NOT_SUPPORTED'),
  );
});

test('the inside of a log comes back whole', async () => {
  const cell = { offset: 4, state: 'ready', id: 'i', bytes: 3, preview: 'tea' } as const;
  const segment = { baseOffset: 0, nextOffset: 5, bytes: 99, batchCount: 2, indexEntryCount: 1, timeEntryCount: 1 };
  const inside: LogView = {
    ...{ kind: 'log', topic: 't', bytes: 1, bytesMax: 2, flushPolicy: 'interval', isPaused: true },
    partitions: [
      {
        ...{ partition: 0, logStartOffset: 0, logEndOffset: 5, highWatermark: 5, syncedOffset: 3, syncCount: 2 },
        ...{ appendCount: 4, segments: [{ ...segment, isActive: true }], segmentCount: 1, cells: [cell] },
      },
    ],
    groups: [
      {
        ...{ group: 'g', kind: 'queue', nextOffset: 5, committedOffset: 2, lag: 3, inFlightCount: 1 },
        ...{ redeliveredCount: 0, droppedCount: 0, waitingReceives: [], waitingReceivesCount: 0, mode: 'failover' },
        ...{ isPaused: false, deadCount: 1, expiredCount: 2, delayedCount: 1 },
        inFlight: [{ partition: 0, offset: 2, memberId: 'm', deliveryCount: 1, leaseLeftMs: 5 }],
        delayed: [{ partition: 0, offset: 3, deliveryCount: 1, dueInMs: 8 }],
      },
    ],
    delayed: [{ id: 'later', dueInMs: 2 ** 40, preview: 'soon' }],
    ...{ delayedCount: 1, waitingSends: [{ who: 'i', waitedMs: 1 }], waitingSendsCount: 1 },
    ...{ waitingFetches: [], waitingFetchesCount: 0 },
  };
  await using wire = await wired({ inspect: inside });
  assert.deepEqual(await wire.client.inspect?.('t', { max: 3 }), inside);
  assert.deepEqual(wire.heard, [{ operation: 'inspect', args: ['t', { max: 3 }] }]);
});

test('the topic of dead letters is read like any other', async () => {
  const topic = deadLetterTopicOf('a/b%', '组/1');
  assert.equal(topic, '$dead/a%2Fb%25/组%2F1');
  const record = { ...RECORD, topic, headers: Object.assign(Object.create(null), { '$dead-reason': 'rejected' }) };
  const fetched = { records: [record], nextOffset: 8, logStartOffset: 0, highWatermark: 8 };
  const received = { receive: [{ ...DELIVERY, topic }], fetch: fetched, browse: [] };
  await using wire = await wired(received);
  const { client } = wire;
  await client.fetch(topic, { partition: 2 });
  const [delivery] = await client.receive(topic, { group: 'g' });
  assert.equal(delivery?.topic, topic);
  await client.ack([{ ...DELIVERY, topic }]);
  await client.browse(topic, { group: 'g' });
  assert.deepEqual(
    wire.heard.map(({ args: [first] }) => (Array.isArray(first) ? first[0].topic : first)),
    Array(4).fill(topic),
  );
  const longest = deadLetterTopicOf('%'.repeat(249), '/'.repeat(249));
  await client.receive(longest);
  assert.equal(wire.heard.at(-1)?.args[0], longest);
});

test('every error a broker can answer crosses the wire with its code and its status', async () => {
  await using wire = await wired();
  for (const [code, { httpStatus, isRetriable }] of Object.entries(ERRORS)) {
    // A defect is told to the server's log.
    if (code === 'MQ_INTERNAL') continue;
    wire.answers.seek = new MqError(code as ErrorCode, `why it is ${code}`);
    const body = { op: 'seek', to: 'latest' };
    const answer = await ask(`${wire.url}/topics/t/groups/g/offset`, { method: 'PUT', body });
    assert.deepEqual([answer.status, answer.body.code], [httpStatus, code]);
    await assert.rejects(wire.client.seek('t', { group: 'g', to: 'latest' }), (error) => {
      assert.ok(isMqError(error, code as ErrorCode), String(error));
      assert.deepEqual([error.message, error.isRetriable], [`why it is ${code}`, isRetriable]);
      return true;
    });
  }
});
