import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import type { Delivery, DeliveryRef } from '../../../shared/contract/message.ts';
import { createBroker } from '../../4-persisted-log/index.ts';
import { Access, type Rule, VERBS, type Verb } from './access.ts';
import { Belongings } from './belongings.ts';
import { OPERATIONS, type Operation } from './broker-view.ts';
import { RULES } from './operation-rules.ts';
import { permittedBroker } from './permitted-broker.ts';
import { coveredBy } from './permitted-subscribe.ts';
import { Principal } from './principal.ts';
import { recordingBroker, recordingTransaction } from './testing/recording-broker.ts';

function principal(rules: readonly Rule[], name = 'shop', belongings = new Belongings(LIMITS)): Principal {
  const access = new Access(rules);
  return new Principal({ name, accessNow: () => access, belongings });
}

const ref = (topic: string): DeliveryRef => ({
  ...{ topic, partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 't' },
});

/** How each operation is called on `topic`; the ones without a topic ignore it. */
const CALLS: { readonly [Name in Operation]: (broker: Broker, topic: string) => unknown } = {
  createTopic: (broker, topic) => broker.createTopic(topic),
  deleteTopic: (broker, topic) => broker.deleteTopic(topic),
  describeTopics: (broker, topic) => broker.describeTopics({ topic }),
  createGroup: (broker, topic) => broker.createGroup(topic, 'g'),
  deleteGroup: (broker, topic) => broker.deleteGroup(topic, 'g'),
  send: (broker, topic) => broker.send(topic, { body: 'x' }),
  sendBatch: (broker, topic) => broker.sendBatch(topic, [{ body: 'x' }]),
  receive: (broker, topic) => broker.receive(topic),
  ack: (broker, topic) => broker.ack([ref('allowed'), ref(topic)]),
  nack: (broker, topic) => broker.nack(ref(topic)),
  extendLease: (broker, topic) => broker.extendLease(ref(topic)),
  leave: (broker, topic) => broker.leave(topic, {}),
  browse: (broker, topic) => broker.browse(topic),
  fetch: (broker, topic) => broker.fetch(topic),
  commit: (broker, topic) => broker.commit(topic, { group: 'g', offset: 1 }),
  committed: (broker, topic) => broker.committed(topic, { group: 'g' }),
  seek: (broker, topic) => broker.seek(topic, { group: 'g', to: 'earliest' }),
  pause: (broker, topic) => broker.pause(topic),
  resume: (broker, topic) => broker.resume(topic),
  redrive: (broker, topic) => broker.redrive(topic),
  dropDeadLetters: (broker, topic) => broker.dropDeadLetters(topic),
  openProducer: (broker) => broker.openProducer(),
  begin: (broker) => broker.begin(),
  findTransaction: (broker) => broker.findTransaction('tx'),
  sendHalf: (broker, topic) => broker.sendHalf(topic, { body: 'x' }, { producerGroup: 'p' }),
  endHalf: (broker, topic) => broker.endHalf(topic, { halfId: 'h', outcome: 'commit' }),
  receiveHalfChecks: (broker) => broker.receiveHalfChecks('p'),
  lookup: (broker, topic) => broker.lookup(topic, { key: 'k' }),
  createTemporaryTopic: (broker) => broker.createTemporaryTopic(),
  subscribe: (broker, topic) => broker.subscribe(topic, { creditMax: 1 }, () => undefined),
  appendBatch: (broker, topic) => broker.appendBatch?.(topic, new Uint8Array()),
  fetchBatches: (broker, topic) => broker.fetchBatches?.(topic),
  receiveBatches: (broker, topic) => broker.receiveBatches?.(topic),
  explain: (broker, topic) => broker.explain?.(topic, { id: 'i' }),
  inspect: (broker, topic) => broker.inspect?.(topic),
  health: (broker) => broker.health?.(),
  metrics: (broker) => broker.metrics?.(),
  close: (broker) => broker.close(),
};

/** What the rows with code of their own ask of the topic they name; null: they name none. */
const MORE: Partial<Record<Operation, readonly Verb[] | null>> = {
  ...{
    send: ['publish'],
    sendBatch: ['publish'],
    appendBatch: ['publish'],
    sendHalf: ['publish'],
    endHalf: ['publish'],
  },
  ...{ subscribe: ['consume'], describeTopics: VERBS, deleteGroup: ['manage'] },
  ...{ openProducer: null, begin: null, findTransaction: null, receiveHalfChecks: null, createTemporaryTopic: null },
  ...{ metrics: null },
};

/** The verbs of which one is needed; null: no topic is named. */
function neededFor(operation: Operation): readonly Verb[] | null {
  const rule = RULES[operation];
  if (rule.asks === 'topic' || rule.asks === 'deliveries') return rule.verbs;
  if (rule.asks === 'nothing') return null;
  const needed = MORE[operation];
  assert.ok(needed !== undefined, `${operation} has code of its own, and this test does not know what it asks`);
  return needed;
}

const ANSWERS = {
  ...{ describeTopics: [], metrics: [], receiveHalfChecks: [], openProducer: { producerId: 7, epoch: 0 } },
  ...{ createTemporaryTopic: '$temp/1', sendHalf: { halfId: 'h' } },
};

/** What the broker was asked when `operation` was called by who has one verb on `topic`; null when it was refused. */
async function asksBroker(operation: Operation, verb: Verb, topic: string): Promise<boolean> {
  const { broker, asked } = recordingBroker({ ...ANSWERS });
  const withTransactions: Broker = { ...broker, begin: async () => recordingTransaction('tx', asked) };
  const rules: Rule[] = [
    { topics: 'orders', verbs: [verb] },
    { topics: 'allowed', verbs: VERBS },
  ];
  const seen = permittedBroker(withTransactions, principal(rules));
  try {
    await CALLS[operation](seen, topic);
  } catch (error) {
    if (operation === 'findTransaction') return true; // what it finds is nobody's here
    assert.equal((error as { code?: string }).code, 'MQ_FORBIDDEN', `${operation}: ${error}`);
    assert.deepEqual(asked, [], `${operation} asked the broker before it refused`);
    return false;
  }
  return true;
}

test('every operation of the contract has a row that says what it asks, and no other is on a view', () => {
  const source = readFileSync(new URL('../../../shared/contract/broker.ts', import.meta.url), 'utf8');
  const members = source.slice(source.indexOf('export interface Broker '));
  const named = [...members.matchAll(/^ {2}(\w+)\??\(/gm)].map((match) => match[1]);
  assert.ok(named.length > 30);
  assert.deepEqual([...named].sort(), [...OPERATIONS].sort());
  assert.deepEqual(Object.keys(RULES).sort(), [...OPERATIONS].sort());
  const { broker } = recordingBroker();
  const stranger = { ...broker, backdoor: () => 'open' };
  assert.ok(!('backdoor' in permittedBroker(stranger as Broker, principal([]))));
});

for (const operation of OPERATIONS) {
  test(`${operation} is allowed by the verbs of its row and by no other, on its topic and on no other`, async () => {
    const needed = neededFor(operation);
    for (const verb of VERBS) {
      const expected = needed === null || needed.includes(verb);
      assert.equal(await asksBroker(operation, verb, 'orders'), expected, `with ${verb} on the topic`);
      for (const other of ['order', 'orders2', 'Orders', '$dead/orders2/g', '$sys.flow', '$unresolved/x', '']) {
        assert.equal(
          await asksBroker(operation, verb, other),
          needed === null,
          `with ${verb} elsewhere, on "${other}"`,
        );
      }
    }
  });
}

test('who has no rule may do nothing but ask how the broker is; who is gone is not even that', async () => {
  for (const operation of OPERATIONS) {
    const { broker, asked } = recordingBroker({ ...ANSWERS });
    const call = async (who: Principal): Promise<unknown> =>
      await CALLS[operation](permittedBroker(broker, who), 'orders');
    if (['health', 'close', 'metrics'].includes(operation)) await call(principal([]));
    else await assert.rejects(call(principal([])), { code: 'MQ_FORBIDDEN' });
    const gone = new Principal({ name: 'x', accessNow: () => undefined, belongings: new Belongings(LIMITS) });
    if (['health', 'close', 'metrics'].includes(operation)) continue;
    await assert.rejects(call(gone), { code: 'MQ_UNAUTHORIZED' });
    assert.deepEqual(asked, [], operation);
  }
});

test('of a list of deliveries each topic is asked for, and what is none is refused', async () => {
  const { broker, asked } = recordingBroker();
  const seen = permittedBroker(broker, principal([{ topics: 'a*', verbs: ['consume'] }]));
  await seen.ack([ref('a'), ref('a2')]);
  await assert.rejects(seen.ack([ref('a'), ref('b')]), { code: 'MQ_FORBIDDEN' });
  for (const rubbish of [[null], ['a'], [{ topic: 7 }], [{}]] as never[]) {
    await assert.rejects(seen.ack(rubbish), { code: 'MQ_INVALID_ARGUMENT' });
  }
  assert.equal(asked.length, 1);
});

test('only what may be seen is described, and who may only publish sees no groups', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  for (const topic of ['orders', 'orders.b', 'secret']) {
    await broker.send(topic, { body: 'x' });
    await broker.receive(topic, { group: 'g' });
  }
  const seen = permittedBroker(
    broker,
    principal([
      { topics: 'orders', verbs: ['publish'] },
      { topics: 'orders.*', verbs: ['browse'] },
    ]),
  );
  const described = await seen.describeTopics();
  assert.deepEqual(
    described.map(({ topic, groups }) => [topic, groups.length]),
    [
      ['orders', 0],
      ['orders.b', 1],
    ],
  );
  for (const topic of ['secret', 'not there']) {
    await assert.rejects(seen.describeTopics({ topic }), { code: 'MQ_FORBIDDEN' }, 'what is there is not told');
  }
});

test('dead letters are for who may consume or manage the topic they come from', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  await broker.send('a/b%', { body: 'bad' });
  const [delivery] = await broker.receive('a/b%', { group: 'g' });
  await broker.nack(delivery as Delivery, { outcome: 'reject' });
  const dead = '$dead/a%2Fb%25/g';
  for (const verb of VERBS) {
    const seen = permittedBroker(
      broker,
      principal([
        { topics: 'a/b%', verbs: [verb] },
        { topics: '*', verbs: ['browse', 'publish'] },
      ]),
    );
    const names = (await seen.describeTopics()).map(({ topic }) => topic);
    if (verb === 'consume' || verb === 'manage') {
      assert.equal((await seen.fetch(dead)).records.length, 1);
      assert.deepEqual(names, [dead, 'a/b%']);
    } else {
      await assert.rejects(seen.fetch(dead), { code: 'MQ_FORBIDDEN' });
      assert.deepEqual(names, ['a/b%']);
    }
    await assert.rejects(seen.send(dead, { body: 'x' }), { code: 'MQ_FORBIDDEN' });
  }
});

test('topics of the broker need a rule that begins with $, and every topic is not every topic of the broker', () => {
  const all = principal([{ topics: '*', verbs: VERBS }]);
  const sys = principal([{ topics: '$sys*', verbs: ['browse'] }]);
  for (const topic of ['$sys.flow', '$sys', '$other']) {
    assert.ok(!all.may(VERBS, topic), topic);
    assert.equal(sys.may(['browse'], topic), topic !== '$other');
  }
  assert.ok(all.may(['manage'], '$unresolved/orders') && all.may(['consume', 'browse'], '$unresolved/orders'));
  assert.ok(!principal([{ topics: '*', verbs: ['consume', 'browse', 'publish'] }]).may(VERBS, '$unresolved/orders'));
});

test('a rule means the name in any normal form, since the broker keeps one', () => {
  const who = principal([{ topics: 'caf\u00e9', verbs: ['publish'] }]);
  assert.ok(who.may(['publish'], 'cafe\u0301'));
});

test('a pattern is for who may consume all it can ever cover', async () => {
  assert.deepEqual(coveredBy('orders.*.paid', 'dotted'), { begin: 'orders.' });
  assert.deepEqual(coveredBy('orders.>', 'dotted'), { begin: 'orders.' });
  assert.deepEqual(coveredBy('orders.tea', 'dotted'), { exact: 'orders.tea' });
  assert.deepEqual(coveredBy('orders/+/paid', 'slashed'), { begin: 'orders/' });
  assert.deepEqual(coveredBy('orders/#', 'slashed'), { exact: 'orders', begin: 'orders/' });
  assert.deepEqual(coveredBy('#', 'slashed'), { begin: '' });
  assert.deepEqual(coveredBy('>', 'dotted'), { begin: '' });
  const allowed = async (topics: string, pattern: string, form: 'dotted' | 'slashed'): Promise<boolean> => {
    const { broker, asked } = recordingBroker();
    const seen = permittedBroker(broker, principal([{ topics, verbs: ['consume'] }]));
    await seen
      .subscribe(pattern, { creditMax: 1, pattern: form }, () => undefined)
      .catch((error) => {
        assert.equal(error.code, 'MQ_FORBIDDEN');
      });
    return asked.length === 1;
  };
  const cases: readonly (readonly [string, string, 'dotted' | 'slashed', boolean])[] = [
    ['orders.*', 'orders.>', 'dotted', true],
    ['orders.*', 'orders.*.paid', 'dotted', true],
    ['orders.*', 'orders.tea.*', 'dotted', true],
    ['orders.*', '*.tea', 'dotted', false],
    ['orders.*', '>', 'dotted', false],
    ['orders.tea*', 'orders.*', 'dotted', false],
    ['orders', 'orders.>', 'dotted', false],
    ['orders/*', 'orders/#', 'slashed', false],
    ['orders*', 'orders/#', 'slashed', true],
    ['orders/*', 'orders/+', 'slashed', true],
    ['*', '#', 'slashed', true],
    ['*', '$sys/#', 'slashed', false],
    ['*', '$dead/#', 'slashed', false],
  ];
  for (const [topics, pattern, form, expected] of cases) {
    assert.equal(await allowed(topics, pattern, form), expected, `${topics} for ${pattern}`);
  }
});

test('what may not be consumed when it comes is not handed on, and goes back', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  let access: Access | undefined = new Access([{ topics: '*', verbs: ['consume'] }]);
  const who = new Principal({ name: 'x', accessNow: () => access, belongings: new Belongings(LIMITS) });
  const seen = permittedBroker(broker, who);
  await broker.createTopic('t');
  const got: string[] = [];
  const handed = Promise.withResolvers<void>();
  const subscription = await seen.subscribe('t', { creditMax: 1, memberId: 'm' }, (delivery) => {
    got.push(delivery.id);
    handed.resolve();
  });
  const { id } = await broker.send('t', { body: 'x' });
  await handed.promise;
  access = undefined;
  await broker.leave('t', { memberId: 'm' });
  await broker.send('t', { body: 'y' });
  await subscription.close();
  assert.deepEqual(got, [id]);
  assert.equal((await broker.receive('t', { max: 9, memberId: 'other' })).length, 2);
});
