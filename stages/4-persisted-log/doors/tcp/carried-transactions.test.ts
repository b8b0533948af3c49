/** Producers, transactions, half messages and filters cross this wire too, in front of any broker that has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { HalfCheck } from '../../../../shared/contract/half-message.ts';
import type { Delivery, DeliveryRef } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { createRelay } from '../../../3-http-server/relay.ts';
import { type ScriptedBroker, scriptedBroker } from '../../../3-http-server/testing/scripted-broker.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { DELIVERY, RECEIPT, RECORD, refOf } from '../../../3-http-server/testing/wired.ts';
import { createTcpClient, type TcpBroker } from './create-client.ts';
import { createTcpServer } from './server.ts';
import { Stranger } from './testing/stranger.ts';

const BATCH = { topic: 't', partition: 2, baseOffset: 7, count: 2, ids: ['i', 'j'], durability: 'synced' };
const ENDED = (outcome: 'committed' | 'aborted'): MqError =>
  new MqError('MQ_TRANSACTION_ENDED', `it was ${outcome}`, { details: { outcome } });

interface Wired extends AsyncDisposable, ScriptedBroker {
  readonly client: TcpBroker;
  readonly url: string;
  /** What was called, without what the client does by itself. */
  readonly calls: (operation: string) => (readonly unknown[])[];
}

/** `raw-batches` is for bytes, which a script has none of. */
async function wired(answers: ScriptedBroker['answers'] = {}): Promise<Wired> {
  const scripted = scriptedBroker(answers);
  const capabilities = new Set([...scripted.broker.capabilities].filter((name) => name !== 'raw-batches'));
  const server = await createTcpServer(Object.assign(scripted.broker, { capabilities }));
  const client = await createTcpClient(server.url);
  return {
    ...scripted,
    client,
    url: server.url,
    calls: (operation) => scripted.heard.filter((one) => one.operation === operation).map(({ args }) => args),
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close({ timeoutMs: 0 });
    },
  };
}

/** The relay passes any bytes. */
const overTcp = (url: string): string => url.replace('http:', 'mq:');

test('who sends and which number it has arrives with a message and with a batch, and that it was there before comes back', async () => {
  await using wire = await wired({
    ...{ openProducer: { producerId: 2 ** 53 - 1, epoch: 32_767 }, send: { ...RECEIPT, isDuplicate: true } },
    sendBatch: { ...BATCH, isDuplicate: true },
  });
  const { client } = wire;
  const identity = await client.openProducer({ name: '黑/p' });
  assert.deepEqual(wire.calls('openProducer'), [[{ name: '黑/p' }]]);
  const producer = { ...identity, sequence: 2_147_483_647 };
  const sent = await client.send('t', { body: 'a', id: 'i' }, { partition: 2, producer });
  assert.deepEqual(sent, { ...RECEIPT, isDuplicate: true });
  const batch = await client.sendBatch(
    't',
    [
      { body: 'a', id: 'i' },
      { body: 'b', id: 'j' },
    ],
    { producer },
  );
  assert.deepEqual({ ...batch, ids: batch.ids }, { ...BATCH, isDuplicate: true });
  await client.send('t', { body: 'a' });
  const stamps = [...wire.calls('send'), ...wire.calls('sendBatch')].map(
    ([, , options]) => (options as { producer?: object }).producer,
  );
  assert.deepEqual(stamps, [producer, undefined, producer]);
});

test('what is sent in a transaction without waiting arrives as it was sent, however the stream is cut', async () => {
  await using wire = await wired({ begin: 'tx', 'transaction.sendBatch': BATCH });
  const transaction = await wire.client.begin();
  const bodyOf = (index: number): Uint8Array => new Uint8Array(90_000).fill(index);
  const sends = Array.from({ length: 64 }, (_, index) => transaction.sendBatch('t', [{ body: bodyOf(index) }]));
  await Promise.all(sends);
  const bodies = wire
    .calls('transaction.sendBatch')
    .map((args) => (args[1] as readonly { body: Uint8Array }[])[0]?.body);
  assert.equal(bodies.length, 64);
  for (const [index, body] of bodies.entries())
    assert.ok(Buffer.from(body ?? []).equals(bodyOf(index)), `body ${index}`);
});

test('everything of a transaction arrives under its id, and its answers come back', async () => {
  await using wire = await wired({ begin: 'tx 7', 'transaction.send': RECEIPT, 'transaction.sendBatch': BATCH });
  const transaction = await wire.client.begin({ timeoutMs: 5000, transactionalId: '组/1' });
  assert.equal(transaction.id, 'tx 7');
  assert.deepEqual(wire.calls('begin'), [[{ timeoutMs: 5000, transactionalId: '组/1' }]]);
  const receipt = await transaction.send('a/b', { body: 'x', id: 'i', key: 'k' }, { partition: 2 });
  assert.deepEqual(receipt, { ...RECEIPT, topic: 'a/b' });
  const batch = await transaction.sendBatch('t', [
    { body: new Uint8Array([255]), id: 'i' },
    { body: 'y', id: 'j' },
  ]);
  assert.deepEqual({ ...batch, ids: batch.ids }, BATCH);
  await transaction.ack([DELIVERY, { ...DELIVERY, topic: 'other', partition: 0 }]);
  await transaction.commitOffset('t', { group: 'g', partition: 1, offset: 9 });
  await transaction.commit();
  await (await wire.client.findTransaction('tx 7')).abort();
  const ref = refOf(DELIVERY) as DeliveryRef;
  assert.deepEqual(wire.calls('transaction.ack'), [[[ref]], [[{ ...ref, topic: 'other', partition: 0 }]]]);
  assert.deepEqual(wire.calls('transaction.commitOffset'), [['t', { group: 'g', partition: 1, offset: 9 }]]);
  assert.deepEqual(wire.calls('transaction.commit'), [[]]);
  assert.deepEqual(wire.calls('transaction.abort'), [[]]);
  assert.ok(wire.calls('findTransaction').every(([id]) => id === 'tx 7'));
});

test('a transaction without a name is aborted when its connection ends, one with a name goes on', async () => {
  await using wire = await wired();
  const stays = await createTcpClient(wire.url);
  const names: Transaction[] = [];
  for (const transactionalId of [undefined, 'named', undefined]) {
    wire.answers.begin = `tx ${names.length}`;
    names.push(await stays.begin({ transactionalId }));
  }
  await names[2]?.commit();
  await stays.close();
  await until('one is aborted', () => wire.calls('transaction.abort').length > 0);
  assert.equal(wire.calls('transaction.abort').length, 1);
});

test('a topic for replies is gone with the connection that made it, unless it was deleted before', async () => {
  await using wire = await wired({ createTemporaryTopic: '$temp/1' });
  const requester = await createTcpClient(wire.url);
  assert.equal(await requester.createTemporaryTopic(), '$temp/1');
  wire.answers.createTemporaryTopic = '$temp/2';
  await requester.createTemporaryTopic();
  await requester.deleteTopic('$temp/1');
  await requester.close();
  await until('the other one is deleted', () => wire.calls('deleteTopic').length === 2);
  assert.deepEqual(wire.calls('deleteTopic'), [['$temp/1'], ['$temp/2']]);
});

test('a commit whose answer is lost is asked about on the next connection until it is known', async () => {
  await using wire = await wired();
  await using relay = await createRelay(wire.url);
  await using client = await createTcpClient(overTcp(relay.url));
  const lost = async (call: () => Promise<void>, found: unknown): Promise<void> => {
    wire.answers.findTransaction = undefined;
    relay.cutNextAnswer(() => {
      wire.answers.findTransaction = found;
    });
    await call();
  };
  const transaction = await client.begin({ transactionalId: 'named' });
  await lost(() => transaction.commit(), ENDED('committed'));
  await lost(() => transaction.abort(), ENDED('aborted'));
  const before = wire.calls('transaction.commit').length;
  await lost(() => transaction.commit(), undefined);
  assert.equal(wire.calls('transaction.commit').length, before + 2, 'it was open still');
  const isAborted = (error: unknown): boolean =>
    isMqError(error, 'MQ_TRANSACTION_ENDED') && error.details.outcome === 'aborted';
  await assert.rejects(
    lost(() => transaction.commit(), ENDED('aborted')),
    isAborted,
  );
  const isLost = (error: unknown): boolean => isMqError(error, 'MQ_CONNECTION_LOST');
  const unknown = new MqError('MQ_UNKNOWN_TRANSACTION', 'it ended long ago');
  await assert.rejects(
    lost(() => transaction.commit(), unknown),
    isLost,
  );
});

test('a send that a producer numbered is repeated when its answer is lost; another one is not', async () => {
  await using wire = await wired({ send: RECEIPT });
  await using relay = await createRelay(wire.url);
  await using client = await createTcpClient(overTcp(relay.url));
  relay.cutNextAnswer();
  await assert.rejects(client.send('t', { body: 'a' }), (error) => isMqError(error, 'MQ_CONNECTION_LOST'));
  await until('it is connected again', () => client.connection.state === 'connected');
  relay.cutNextAnswer();
  const producer = { producerId: 1, epoch: 0, sequence: 5 };
  assert.deepEqual(await client.send('t', { body: 'a', id: 'i' }, { producer }), RECEIPT);
  assert.deepEqual(
    wire.calls('send').map(([, , options]) => (options as { producer?: object }).producer),
    [undefined, producer, producer],
  );
});

test('a half message arrives with its options, its end comes back, and its questions come as they are', async () => {
  const receipt = { topic: 'a/b', halfId: 'half 1', id: 'i', durability: 'synced' };
  const { partition: _, offset: __, priority: ___, expiresAt: ____, ...content } = RECORD;
  const check: HalfCheck = { ...content, halfId: 'half 1', producerGroup: 'p/q', checkCount: 1, checksMax: 15 };
  await using wire = await wired({ sendHalf: receipt, endHalf: RECEIPT, receiveHalfChecks: [check] });
  const { client } = wire;
  const options = { producerGroup: 'p/q', partition: 2, checkAfterMs: 1 };
  const { signal } = new AbortController();
  const message = { body: new Uint8Array([255]), id: 'i', key: 'k' };
  assert.deepEqual(await client.sendHalf('a/b', message, { ...options, signal }), receipt);
  assert.deepEqual(await client.endHalf('a/b', { halfId: 'half 1', outcome: 'commit' }), RECEIPT);
  wire.answers.endHalf = null;
  assert.equal(await client.endHalf('a/b', { halfId: 'half 1', outcome: 'unknown' }), null);
  assert.deepEqual(await client.receiveHalfChecks('p/q', { max: 3, waitMs: 50 }), [check]);
  const [[topic, half, asked] = []] = wire.calls('sendHalf');
  assert.deepEqual([topic, asked], ['a/b', options]);
  const { body, ...rest } = half as { readonly body: Uint8Array };
  assert.deepEqual([[...body], rest], [[255], { id: 'i', key: 'k', headers: {} }]);
  assert.deepEqual(wire.calls('receiveHalfChecks'), [['p/q', { max: 3, waitMs: 50 }]]);
});

test('a call that waits is taken back by its signal', async () => {
  const scripted = scriptedBroker();
  const waiting = (_: string, { signal }: { signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new MqError('MQ_ABORTED', 'taken back')), { once: true });
    });
  const broker = Object.assign(scripted.broker, { receiveHalfChecks: waiting });
  await using server = await createTcpServer(broker);
  await using client = await createTcpClient(server.url);
  const caller = new AbortController();
  const asked = client.receiveHalfChecks('p', { waitMs: 60_000, signal: caller.signal });
  caller.abort('enough');
  await assert.rejects(asked, (error) => isMqError(error, 'MQ_ABORTED') && error.cause === 'enough');
  const closing = client.receiveHalfChecks('p', { waitMs: 60_000 });
  await client.describeTopics().catch(() => undefined);
  await server.close();
  assert.deepEqual(await closing, [], 'a server that closes answers it empty');
});

test('filters, lookups, isolation and the last stable offset travel both ways', async () => {
  const place = { nextOffset: 8, logStartOffset: 0, highWatermark: 9, lastStableOffset: 8 };
  await using wire = await wired({
    ...{ receive: [], fetch: { records: [RECORD], ...place } },
    lookup: { records: [RECORD], partition: 2, nextOffset: null },
  });
  const { client } = wire;
  const filter = { tags: ['a', 'b'], selector: "price > 3 AND kind = '茶'" };
  await client.receive('t', { memberId: 'm', filter });
  await client.receive('t', { memberId: 'm', filter: {} });
  const filters = wire.calls('receive').map(([, options]) => (options as { filter?: object }).filter);
  assert.deepEqual(filters, [filter, undefined]);
  const isolations = ['read-uncommitted', 'read-committed', undefined] as const;
  for (const isolation of isolations) {
    const fetched = await client.fetch('t', { partition: 2, ...(isolation === undefined ? {} : { isolation }) });
    assert.deepEqual(fetched, { records: [RECORD], ...place });
  }
  const heard = wire.calls('fetch').map(([, options]) => (options as { isolation?: string }).isolation);
  assert.deepEqual(heard, isolations, 'where nothing is said the broker decides');
  const found = await client.lookup('t', { key: 'k', offset: 1, max: 5 });
  assert.deepEqual(found, { records: [RECORD], partition: 2, nextOffset: null });
  assert.deepEqual(wire.calls('lookup'), [['t', { key: 'k', offset: 1, max: 5 }]]);
});

test('a subscription to a pattern is pushed the deliveries of every topic it covers, with their topics', async () => {
  await using wire = await wired();
  let push: (delivery: Delivery) => void = () => assert.fail('nobody has subscribed');
  let isClosed = false;
  wire.broker.subscribe = async (topic, options, onDelivery) => {
    wire.heard.push({ operation: 'subscribe', args: [topic, options] });
    push = onDelivery;
    onDelivery({ ...DELIVERY, topic: 'orders.early' });
    return {
      close: async () => {
        isClosed = true;
      },
    };
  };
  const deliveries: Delivery[] = [];
  const options = { group: 'g', memberId: 'm', creditMax: 9, pattern: 'dotted', filter: { tags: ['x'] } } as const;
  const subscription = await wire.client.subscribe('orders.>', options, (one) => deliveries.push(one));
  assert.deepEqual(wire.calls('subscribe'), [['orders.>', options]]);
  push({ ...DELIVERY, topic: 'orders.a' });
  push({ ...DELIVERY, topic: 'orders.b' });
  await until('all have come', () => deliveries.length === 3);
  assert.deepEqual(
    deliveries,
    ['early', 'a', 'b'].map((name) => ({ ...DELIVERY, topic: `orders.${name}` })),
  );
  await subscription.close();
  assert.ok(isClosed);
  push({ ...DELIVERY, topic: 'orders.late' });
  await until('what came for nobody goes back', () => wire.calls('nack').length === 1);
  assert.deepEqual(wire.calls('nack')[0]?.[1], { outcome: 'return' });
});

test('a client of version 1 is served as ever: it hears of no capability that its version has no frames for', async () => {
  await using wire = await wired({ send: { ...RECEIPT, isDuplicate: true } });
  const { welcome } = await Stranger.greeted(Number(new URL(wire.url).port));
  assert.equal(welcome.version, 1);
  const later = ['transactions', 'idempotence', 'dedup', 'half-message', 'filters'] as const;
  assert.deepEqual(
    later.filter((name) => welcome.capabilities.has(name)),
    [],
  );
  assert.ok(later.every((name) => wire.client.capabilities.has(name)));
});
