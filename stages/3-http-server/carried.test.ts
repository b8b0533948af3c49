/** What a later stage adds to options, messages and records crosses this wire too, in front of any broker that has it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupOptions, TopicOptions } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message, Receipt, StoredRecord } from '../../shared/contract/message.ts';
import { ask } from './testing/doors.ts';
import { scriptedBroker } from './testing/scripted-broker.ts';
import { DELIVERY, RECEIPT, RECORD, wired } from './testing/wired.ts';

test('a client has every capability of its broker but those no request can carry', async () => {
  await using wire = await wired();
  const missing = [...scriptedBroker().broker.capabilities].filter((name) => !wire.client.capabilities.has(name));
  assert.deepEqual(missing, ['push', 'raw-batches']);
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
    ...{ ttlMs: 1000, retentionMs: 2 ** 40, deleteFinished: true, dedupWindowMs: 60_000 },
  };
  await wire.client.createTopic('a/b', topic);
  const group: Required<GroupOptions> = {
    ...{ start: { timestamp: 5 }, isEphemeral: true, onOutOfRange: 'error', mode: 'key-ordered' },
    ...{ deliveriesMax: 0, retryDelays: [], deadLetterExpired: false },
    filter: { tags: ['tea'], selector: 'price > 3' },
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
