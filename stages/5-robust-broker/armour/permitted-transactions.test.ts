import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqError } from '../../../shared/contract/errors.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../shared/contract/message.ts';
import { encodeBatch, signBatch } from '../../4-persisted-log/bytes/record-batch.ts';
import { Access, type Rule } from './access.ts';
import { Belongings, Owners } from './belongings.ts';
import { permittedBroker } from './permitted-broker.ts';
import { Principal } from './principal.ts';
import { recordingBroker, recordingTransaction } from './testing/recording-broker.ts';

const RIGHTS: readonly Rule[] = [
  { topics: 'in', verbs: ['consume'] },
  { topics: 'out', verbs: ['publish'] },
];

/** Two principals in front of one broker, whose transactions have the ids tx-1, tx-2, ... */
function twoPrincipals() {
  const belongings = new Belongings(LIMITS);
  let count = 0;
  const { broker, asked } = recordingBroker();
  const transactions = new Map<string, ReturnType<typeof recordingTransaction>>();
  const withTransactions = {
    ...broker,
    begin: async (options: unknown) => {
      asked.push({ operation: 'begin', args: [options] });
      count += 1;
      const transaction = recordingTransaction(`tx-${count}`, asked);
      transactions.set(transaction.id, transaction);
      return transaction;
    },
    findTransaction: async (id: string) => {
      const transaction = transactions.get(id);
      if (transaction !== undefined) return transaction;
      throw new MqError('MQ_TRANSACTION_ENDED', 'over', { details: { outcome: 'committed' } });
    },
    openProducer: async (options: unknown) => {
      asked.push({ operation: 'openProducer', args: [options] });
      count += 1;
      return { producerId: count, epoch: 0 };
    },
    sendHalf: async (...args: readonly unknown[]) => {
      asked.push({ operation: 'sendHalf', args });
      return { topic: 'out', halfId: 'half-1', id: 'i', durability: 'memory' as const };
    },
    receiveHalfChecks: async (group: string) => [
      { topic: 'out', halfId: 'half-1', producerGroup: group },
      { topic: 'elsewhere', halfId: 'half-2', producerGroup: group },
    ],
  };
  const seenBy = (name: string) => {
    const access = new Access(RIGHTS);
    return permittedBroker(withTransactions as never, new Principal({ name, accessNow: () => access, belongings }));
  };
  return { shop: seenBy('shop'), rival: seenBy('rival'), asked, transactions };
}

const ref = (topic: string): DeliveryRef => ({
  ...{ topic, partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 't' },
});

test('each call of a transaction asks for itself', async () => {
  const { shop, asked } = twoPrincipals();
  const transaction = await shop.begin();
  await transaction.send('out', { body: 'x' });
  await transaction.sendBatch('out', [{ body: 'x' }]);
  await transaction.ack([ref('in')]);
  await transaction.commitOffset('in', { group: 'g', offset: 1 });
  await transaction.commit();
  const before = asked.length;
  const refused = [
    () => transaction.send('in', { body: 'x' }),
    () => transaction.sendBatch('in', [{ body: 'x' }]),
    () => transaction.ack([ref('in'), ref('out')]),
    () => transaction.commitOffset('out', { group: 'g', offset: 1 }),
  ];
  for (const call of refused) await assert.rejects(call(), { code: 'MQ_FORBIDDEN' });
  assert.equal(asked.length, before);
});

test('an open transaction is found by who began it and by nobody else; one that nobody is known to have begun by nobody', async () => {
  const { shop, rival, transactions, asked } = twoPrincipals();
  const { id } = await shop.begin();
  assert.equal((await shop.findTransaction(id)).id, id);
  await assert.rejects(rival.findTransaction(id), { code: 'MQ_UNKNOWN_TRANSACTION' });
  transactions.set('of-nobody', recordingTransaction('of-nobody', asked));
  await assert.rejects(shop.findTransaction('of-nobody'), { code: 'MQ_UNKNOWN_TRANSACTION' });
  await assert.rejects(shop.findTransaction('ended before a restart'), { code: 'MQ_TRANSACTION_ENDED' });
});

test('a found transaction asks for itself too', async () => {
  const { shop } = twoPrincipals();
  const { id } = await shop.begin();
  await assert.rejects((await shop.findTransaction(id)).send('in', { body: 'x' }), { code: 'MQ_FORBIDDEN' });
});

test('the names that a principal chooses are its own, so nobody fences another', async () => {
  const { shop, rival, asked } = twoPrincipals();
  await shop.begin({ transactionalId: 'jobs', timeoutMs: 5 });
  await rival.begin({ transactionalId: 'jobs' });
  await shop.openProducer({ name: 'jobs' });
  await rival.openProducer({ name: 'jobs' });
  assert.deepEqual(
    asked.map(({ args }) => args[0]),
    [
      { transactionalId: 'shop:jobs', timeoutMs: 5 },
      { transactionalId: 'rival:jobs' },
      { name: 'shop:jobs' },
      { name: 'rival:jobs' },
    ],
  );
  for (const name of ['', 7, '$x', 'x'.repeat(250)] as string[]) {
    await assert.rejects(shop.begin({ transactionalId: name }), { code: 'MQ_INVALID_ARGUMENT' });
    await assert.rejects(shop.openProducer({ name }), { code: 'MQ_INVALID_ARGUMENT' });
  }
});

test('a producer is used by who opened it', async () => {
  const { shop, rival } = twoPrincipals();
  const { producerId, epoch } = await shop.openProducer();
  const producer = { producerId, epoch, sequence: 0 };
  await shop.send('out', { body: 'x' }, { producer });
  await assert.rejects(rival.send('out', { body: 'x' }, { producer }), { code: 'MQ_FORBIDDEN' });
  await assert.rejects(rival.sendBatch('out', [{ body: 'x' }], { producer }), { code: 'MQ_FORBIDDEN' });
  const batch = encodeBatch([{ body: new Uint8Array(1), headers: {} }], { idPrefix: 'i-', firstIdNumber: 0 });
  await assert.rejects(async () => rival.appendBatch?.('out', batch, { producer }), { code: 'MQ_FORBIDDEN' });
  await rival.appendBatch?.('out', batch);
  signBatch(batch, { producerId, epoch, sequence: 0 });
  await assert.rejects(async () => rival.appendBatch?.('out', batch), { code: 'MQ_FORBIDDEN' });
  await shop.appendBatch?.('out', batch);
  await rival.appendBatch?.('out', new Uint8Array(3)); // is for the broker to refuse
});

test('a half message is ended and asked about by the principal that sent it, under the name it gave its producer group', async () => {
  const { shop, rival, asked } = twoPrincipals();
  const { halfId } = await shop.sendHalf('out', { body: 'x' }, { producerGroup: 'billing' });
  assert.deepEqual(asked[0]?.args[2], { producerGroup: 'shop:billing' });
  await assert.rejects(rival.endHalf('out', { halfId, outcome: 'commit' }), { code: 'MQ_UNKNOWN_TRANSACTION' });
  await shop.endHalf('out', { halfId, outcome: 'commit' });
  const checks = await shop.receiveHalfChecks('billing');
  assert.deepEqual(
    checks.map(({ topic, producerGroup }) => [topic, producerGroup]),
    [['out', 'billing']],
  );
});

test('a half message from before a restart is again its principal’s when the group of that one was asked about it', async () => {
  const { shop, rival } = twoPrincipals();
  await shop.receiveHalfChecks('billing');
  await assert.rejects(rival.endHalf('out', { halfId: 'half-1', outcome: 'abort' }), {
    code: 'MQ_UNKNOWN_TRANSACTION',
  });
  await shop.endHalf('out', { halfId: 'half-1', outcome: 'commit' });
});

test('of more than it remembers the oldest owner is forgotten first', () => {
  const owners = new Owners<string>(2);
  owners.set('a', 'x');
  owners.set('b', 'y');
  owners.set('a', 'x');
  owners.set('c', 'z');
  assert.deepEqual([owners.of('a'), owners.of('b'), owners.of('c')], ['x', undefined, 'z']);
  assert.ok(owners.isAnothers('c', 'x') && !owners.isAnothers('b', 'x') && !owners.isAnothers('a', 'x'));
});

test('who opens ever more producers makes nobody else’s forgotten, and so cannot send as one of them', () => {
  const owners = new Owners<number>(100);
  for (let id = 0; id < 10; id += 1) owners.set(id, 'shop');
  for (let id = 10; id < 5000; id += 1) owners.set(id, 'greedy');
  for (let id = 0; id < 10; id += 1) assert.ok(owners.isAnothers(id, 'greedy'), `producer ${id}`);
  assert.deepEqual([owners.of(4999), owners.of(4909)], ['greedy', undefined]);
});
