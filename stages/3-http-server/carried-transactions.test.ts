/** Producers, transactions, half messages and filters cross this wire too, in front of any broker that has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { HalfCheck } from '../../shared/contract/half-message.ts';
import type { DeliveryRef } from '../../shared/contract/message.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient, createServer } from './index.ts';
import { createRelay } from './relay.ts';
import { ask } from './testing/doors.ts';
import { type Heard, scriptedBroker } from './testing/scripted-broker.ts';
import { until } from './testing/until.ts';
import { DELIVERY, RECEIPT, RECORD, refOf, wired } from './testing/wired.ts';

const BATCH = { topic: 't', partition: 2, baseOffset: 7, count: 2, ids: ['i', 'j'], durability: 'synced' };
const ENDED = (outcome: 'committed' | 'aborted'): MqError =>
  new MqError('MQ_TRANSACTION_ENDED', `it was ${outcome}`, { details: { outcome } });

test('who sends and which number it has arrives with a message, with a batch, and in every form', async () => {
  const duplicate = { ...RECEIPT, isDuplicate: true };
  await using wire = await wired({
    ...{ openProducer: { producerId: 2 ** 53 - 1, epoch: 32_767 }, send: duplicate },
    sendBatch: { ...BATCH, isDuplicate: true },
  });
  const { client } = wire;
  const identity = await client.openProducer({ name: '黑/p' });
  assert.deepEqual(identity, { producerId: 2 ** 53 - 1, epoch: 32_767 });
  const producer = { ...identity, sequence: 2_147_483_647 };
  const long = { long: 'x'.repeat(9000) };
  assert.deepEqual(await client.send('t', { body: 'a', id: 'i' }, { partition: 2, producer }), duplicate);
  await client.send('t', { body: 'a', id: 'i', headers: long }, { partition: 2, producer });
  assert.equal((await client.sendBatch('t', [{ body: 'a' }, { body: 'b' }], { producer })).isDuplicate, true);
  const stamps = wire.heard.slice(1).map(({ args }) => (args[2] as { producer?: object }).producer);
  assert.deepEqual(wire.heard[0], { operation: 'openProducer', args: [{ name: '黑/p' }] });
  assert.deepEqual(stamps, [producer, producer, producer]);
  await client.send('t', { body: 'a' });
  const [, , unnumbered] = wire.heard.at(-1)?.args ?? [];
  assert.deepEqual(unnumbered, { timeoutMs: 0 });
  for (const wrong of [{ ...identity }, { ...producer, epoch: -1 }, { ...producer, more: 1 }]) {
    const call = client.send('t', { body: 'a' }, { producer: wrong as typeof producer });
    await assert.rejects(call, (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'));
  }
});

test('a send that a producer numbered is repeated when its answer is lost; another one is not', async () => {
  await using wire = await wired({ send: RECEIPT });
  await using relay = await createRelay(wire.url);
  await using client = await createClient(relay.url);
  relay.cutNextAnswer();
  await assert.rejects(client.send('t', { body: 'a' }), (error) => isMqError(error, 'MQ_CONNECTION_LOST'));
  relay.cutNextAnswer();
  const producer = { producerId: 1, epoch: 0, sequence: 5 };
  assert.deepEqual(await client.send('t', { body: 'a', id: 'i' }, { producer }), RECEIPT);
  const sent = wire.heard.map(({ args }) => [
    (args[1] as { id: string }).id,
    (args[2] as { producer?: object }).producer,
  ]);
  assert.deepEqual(sent.slice(1), Array(2).fill(['i', producer]));
});

test('everything of a transaction arrives under its id, and its answers come back', async () => {
  const answers = { begin: 'a/b 7', 'transaction.send': RECEIPT, 'transaction.sendBatch': BATCH };
  await using wire = await wired(answers);
  const transaction = await wire.client.begin({ timeoutMs: 5000, transactionalId: '组/1' });
  assert.equal(transaction.id, 'a/b 7');
  assert.deepEqual(await transaction.send('a/b', { body: 'x', id: 'i', key: 'k' }, { partition: 2 }), RECEIPT);
  assert.deepEqual(await transaction.sendBatch('t', [{ body: new Uint8Array([255]) }, { body: 'y' }]), BATCH);
  await transaction.ack([DELIVERY, { ...DELIVERY, topic: 'other', partition: 0 }]);
  await transaction.commitOffset('t', { group: 'g', partition: 1, offset: 9 });
  await transaction.commit();
  const said = wire.heard.filter(({ operation }) => operation !== 'findTransaction');
  const [begun, sent, , acked, positioned, committed] = said;
  assert.deepEqual(begun, { operation: 'begin', args: [{ timeoutMs: 5000, transactionalId: '组/1' }] });
  assert.deepEqual([sent?.operation, sent?.args[0]], ['transaction.send', 'a/b']);
  const ref = refOf(DELIVERY) as DeliveryRef;
  assert.deepEqual([acked, positioned, committed], [
    { operation: 'transaction.ack', args: [[ref, { ...ref, topic: 'other', partition: 0 }]] },
    { operation: 'transaction.commitOffset', args: ['t', { group: 'g', partition: 1, offset: 9 }] },
    { operation: 'transaction.commit', args: [] },
  ] satisfies Heard[]);
  const found = wire.heard.filter(({ operation }) => operation === 'findTransaction');
  assert.deepEqual(found, Array(5).fill({ operation: 'findTransaction', args: ['a/b 7'] }));
  const again = await wire.client.findTransaction('a/b 7');
  await again.abort();
  assert.equal(wire.heard.at(-1)?.operation, 'transaction.abort');
});

test('a commit whose answer is lost is asked about until it is known', async () => {
  await using wire = await wired();
  await using relay = await createRelay(wire.url);
  await using client = await createClient(relay.url);
  const lost = async (call: () => Promise<void>, found: unknown): Promise<void> => {
    wire.answers.findTransaction = undefined;
    relay.cutNextAnswer(() => {
      wire.answers.findTransaction = found;
    });
    await call();
  };
  const transaction = await client.begin();
  await lost(() => transaction.commit(), ENDED('committed'));
  await lost(() => transaction.abort(), ENDED('aborted'));
  // It is open still: the commit never reached the broker's log, and is made again.
  const commits = (): number => wire.heard.filter(({ operation }) => operation === 'transaction.commit').length;
  const before = commits();
  await lost(() => transaction.commit(), undefined);
  assert.equal(commits(), before + 2);
  const isAborted = (error: unknown): boolean =>
    isMqError(error, 'MQ_TRANSACTION_ENDED') && error.details.outcome === 'aborted';
  await assert.rejects(
    lost(() => transaction.commit(), ENDED('aborted')),
    isAborted,
  );
  const unknown = new MqError('MQ_UNKNOWN_TRANSACTION', 'it ended long ago');
  const isLost = (error: unknown): boolean => isMqError(error, 'MQ_CONNECTION_LOST');
  await assert.rejects(
    lost(() => transaction.commit(), unknown),
    isLost,
  );
  wire.answers.findTransaction = ENDED('committed');
  await assert.rejects(transaction.commit(), (error) => isMqError(error, 'MQ_TRANSACTION_ENDED'), 'a second commit');
});

test('a transaction whose beginner has gone is aborted, since nobody has its id', async () => {
  const { broker, heard } = scriptedBroker();
  const { begin } = broker;
  let asked: AbortSignal | undefined;
  let goOn: () => void = () => undefined;
  broker.begin = async (options) => {
    asked = options?.signal;
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    return begin(options);
  };
  await using server = await createServer(broker);
  await using client = await createClient(server.url);
  const caller = new AbortController();
  const begun = client.begin({ signal: caller.signal });
  await until('the broker is asked', () => asked !== undefined);
  caller.abort('enough');
  await assert.rejects(begun, (error) => isMqError(error, 'MQ_ABORTED') && error.cause === 'enough');
  await until('the server knows it', () => asked?.aborted === true);
  goOn();
  await until('it is aborted', () => heard.at(-1)?.operation === 'transaction.abort');
});

test('a half message arrives with its options, its end comes back, and its questions come as they are', async () => {
  const receipt = { topic: 'a/b', halfId: 'half 1', id: 'i', durability: 'synced' };
  const { partition: _, offset: __, priority: ___, expiresAt: ____, ...content } = RECORD;
  const check: HalfCheck = { ...content, halfId: 'half 1', producerGroup: 'p/q', checkCount: 1, checksMax: 15 };
  await using wire = await wired({ sendHalf: receipt, endHalf: RECEIPT, receiveHalfChecks: [check] });
  const { client } = wire;
  const options = { producerGroup: 'p/q', partition: 2, checkAfterMs: 1 };
  assert.deepEqual(await client.sendHalf('a/b', { body: 'x', id: 'i', key: 'k' }, options), receipt);
  assert.deepEqual(await client.endHalf('a/b', { halfId: 'half 1', outcome: 'commit' }), RECEIPT);
  wire.answers.endHalf = null;
  assert.equal(await client.endHalf('a/b', { halfId: 'half 1', outcome: 'unknown' }), null);
  assert.deepEqual(await client.receiveHalfChecks('p/q', { max: 3, waitMs: 50 }), [check]);
  const [sent, ...rest] = wire.heard;
  assert.deepEqual([sent?.args[0], sent?.args[2]], ['a/b', { ...options, timeoutMs: 0 }]);
  assert.deepEqual(rest.slice(0, 2), [
    { operation: 'endHalf', args: ['a/b', { halfId: 'half 1', outcome: 'commit' }] },
    { operation: 'endHalf', args: ['a/b', { halfId: 'half 1', outcome: 'unknown' }] },
  ]);
  assert.deepEqual(rest[2]?.args[0], 'p/q');
});

test('filters, lookups, temporary topics and the last stable offset travel both ways', async () => {
  const place = { nextOffset: 8, logStartOffset: 0, highWatermark: 9, lastStableOffset: 8 };
  await using wire = await wired({
    ...{ receive: [], fetch: { records: [RECORD], ...place }, createTemporaryTopic: '$temp/1' },
    lookup: { records: [RECORD], partition: 2, nextOffset: null },
  });
  const { client, url } = wire;
  const filter = { tags: ['b', 'a'], selector: "price > 3 AND kind = '茶'" };
  await client.receive('t', { memberId: 'm', filter });
  assert.deepEqual(wire.heard[0]?.args, ['t', { memberId: 'm', filter: { ...filter, tags: ['a', 'b'] } }]);
  await client.receive('t', { memberId: 'm', filter: {} });
  assert.deepEqual(wire.heard[1]?.args, ['t', { memberId: 'm' }]);
  const fetched = await client.fetch('t', { partition: 2, isolation: 'read-uncommitted' });
  assert.deepEqual(fetched, { records: [RECORD], ...place });
  assert.deepEqual((await ask(`${url}/topics/t/messages`)).body.lastStableOffset, 8);
  assert.deepEqual(await client.lookup('t', { key: 'k', offset: 1, max: 5 }), {
    ...{ records: [RECORD], partition: 2, nextOffset: null },
  });
  assert.deepEqual(wire.heard.at(-1)?.args, ['t', { key: 'k', offset: 1, max: 5 }]);
  assert.equal(await client.createTemporaryTopic(), '$temp/1');
});

test('an option that is none, or out of its range, is refused by the client with its path', async () => {
  await using wire = await wired();
  const { client } = wire;
  const transaction = await client.begin();
  const refusals: [string, () => Promise<unknown>][] = [
    ['options.timeout', () => client.begin({ timeout: 1 } as object)],
    ['options.timeoutMs', () => client.begin({ timeoutMs: 2 ** 40 })],
    ['options.names', () => client.openProducer({ names: 'x' } as object)],
    ['id', () => client.findTransaction('')],
    ['options.producer', () => transaction.send('t', { body: 'x' }, { producer: {} } as object)],
    ['options.group', () => transaction.commitOffset('t', { offset: 1 } as { group: string; offset: number })],
    ['options.producerGroup', () => client.sendHalf('t', { body: 'x' }, {} as { producerGroup: string })],
    ['options.outcome', () => client.endHalf('t', { halfId: 'h', outcome: 'maybe' as 'commit' })],
    ['options.waitMs', () => client.receiveHalfChecks('p', { waitMs: -1 })],
    ['options.key', () => client.lookup('t', {} as { key: string })],
    ['options.filter.tag', () => client.receive('t', { filter: { tag: 'x' } as object })],
  ];
  for (const [path, call] of refusals) {
    await assert.rejects(
      call(),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === path,
      path,
    );
  }
  assert.equal(wire.heard.length, 1);
});

test('a broker that has none of it is answered 501 with the capability and its stage', async () => {
  await using ring = await createRingBroker();
  await using server = await createServer(ring);
  const message = { body: 'x' };
  for (const [method, path, body, capability] of [
    ['POST', '/producers', {}, 'idempotence'],
    ['POST', '/topics/t/messages?producerId=1&epoch=0&sequence=0', message, 'idempotence'],
    ['POST', '/transactions', {}, 'transactions'],
    ['GET', '/transactions/x', undefined, 'transactions'],
    ['POST', '/transactions/x/topics/t/messages', message, 'transactions'],
    ['POST', '/transactions/x/acks', { deliveries: [] }, 'transactions'],
    ['POST', '/transactions/x/commit', {}, 'transactions'],
    ['POST', '/topics/t/halves?producerGroup=p', message, 'half-message'],
    ['POST', '/topics/t/halves/h/end', { outcome: 'commit' }, 'half-message'],
    ['POST', '/half-checks/p', {}, 'half-message'],
    ['GET', '/topics/t/records-by-key?key=k', undefined, 'filters'],
    ['POST', '/temporary-topics', {}, 'filters'],
    ['POST', '/topics/t/deliveries', { filter: { tags: ['x'] } }, 'filters'],
    ['PUT', '/topics/t', { dedupWindowMs: 1 }, 'dedup'],
  ] as const) {
    const answer = await ask(server.url + path, { method, body });
    assert.deepEqual(
      [answer.status, answer.body.capability, answer.body.stage],
      [501, capability, 5],
      `${method} ${path}`,
    );
  }
});
