import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createBroker } from '../../stages/4-persisted-log/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';
import { OutboxRelay } from './outbox-relay.ts';

function newOutbox(database = new DatabaseSync(':memory:')): { database: DatabaseSync; outbox: Outbox } {
  return { database, outbox: new Outbox({ database, random: new SeededRandom(1) }) };
}

async function setup(options: { readonly countMax?: number } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(2);
  const broker = await createBroker({ disk: new SimulatedDisk(), dataFolder: '/data', clock, random });
  const overrides: Partial<Broker> = {};
  const seen = new Proxy(broker, {
    get: (target, name) => {
      const member: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const { database, outbox } = newOutbox();
  const own = { outbox, broker: seen, clock, random: new SeededRandom(3), ...options };
  const relay = new OutboxRelay(own);
  const records = async (topic = 't') => (await broker.fetch(topic, { max: 1000 })).records;
  const bodies = async (topic = 't'): Promise<string[]> =>
    (await records(topic)).map(({ body }) => new TextDecoder().decode(body));
  return { clock, broker, overrides, database, outbox, relay, own, records, bodies };
}

test('a message is there exactly when the transaction it was written in is', () => {
  const { database, outbox } = newOutbox();
  database.exec('BEGIN');
  outbox.add('t', { body: 'rolled back' });
  database.exec('ROLLBACK');
  database.exec('BEGIN');
  const id = outbox.add('t', { body: 'kept' });
  assert.equal(outbox.isInTransaction, true);
  database.exec('COMMIT');
  const rows = outbox.first({ countMax: 10, bytesMax: 1000 });
  assert.deepEqual([rows.length, rows[0]?.message.id, outbox.waitingCount], [1, id, 1]);
});

test('ids are made of the outbox and the number of the row, and none comes twice', () => {
  const { database, outbox } = newOutbox();
  const first = outbox.add('t', { body: 'a' });
  outbox.markSent(outbox.first({ countMax: 1, bytesMax: 1 }).map(({ number }) => number));
  const again = new Outbox({ database, random: new SeededRandom(9) });
  const second = again.add('t', { body: 'b' });
  assert.match(first, /^[0-9a-f]{16}-1$/);
  assert.equal(second, first.replace(/1$/, '2'));
  assert.equal(outbox.add('t', { body: 'c', id: 'own' }), 'own');
});

test('all that a message can have comes out as it went in', () => {
  const { outbox } = newOutbox();
  const headers = { ['__proto__']: 'x', a: 'b' };
  const message = { body: Uint8Array.of(0, 255), key: 'k', headers, id: 'i', priority: 3, ttlMs: 5, delayMs: 7 };
  outbox.add('a/b', message);
  const [row] = outbox.first({ countMax: 1, bytesMax: 1 });
  assert.deepEqual({ ...row?.message, body: [...(row?.message.body ?? [])] }, { ...message, body: [0, 255] });
  assert.equal(row?.topic, 'a/b');
});

test('what could never be sent is refused when it is written', () => {
  const { outbox } = newOutbox();
  assert.throws(() => outbox.add('$t', { body: 'x' }), { code: 'MQ_INVALID_ARGUMENT' });
  assert.throws(() => outbox.add('t', { body: 5 as never }), { code: 'MQ_INVALID_ARGUMENT' });
  assert.throws(() => outbox.add('t', { body: new Uint8Array(2 ** 20 + 1) }), { code: 'MQ_MESSAGE_TOO_LARGE' });
  assert.throws(() => new Outbox({ database: outbox.database, table: 'x; DROP' }), {
    details: { path: 'options.table' },
  });
  assert.throws(() => new Outbox({ database: {} as never }), { details: { path: 'options.database' } });
});

test('rows are read in order, as many as fit, and at least one', () => {
  const { outbox } = newOutbox();
  for (const body of ['aaaa', 'bb', 'cc', 'dddddddddd']) outbox.add('t', { body });
  const read = (countMax: number, bytesMax: number): number[] =>
    outbox.first({ countMax, bytesMax }).map(({ number }) => number);
  assert.deepEqual([read(10, 1), read(10, 6), read(2, 100), read(10, 100)], [[1], [1, 2], [1, 2], [1, 2, 3, 4]]);
});

test('the relay sends what is there in order, deletes it, and wakes for more', async () => {
  const { clock, outbox, relay, bodies, records } = await setup({ countMax: 7 });
  const expected = Array.from({ length: 20 }, (_, index) => `m${index}`);
  for (const body of expected) outbox.add('t', { body });
  relay.start();
  await clock.pass(0);
  assert.deepEqual([await bodies(), outbox.waitingCount], [expected, 0]);
  const id = outbox.add('t', { body: 'woken' });
  relay.wake();
  await clock.pass(0);
  assert.equal((await records()).at(-1)?.id, id);
  outbox.add('t', { body: 'found' });
  await clock.pass(200);
  assert.equal((await bodies()).at(-1), 'found');
  assert.deepEqual([relay.state.sentCount, relay.state.status], [22, 'running']);
  await relay.close();
  assert.equal(relay.state.status, 'closed');
});

test('what is not committed is not sent', async () => {
  const { clock, database, outbox, relay, bodies, broker } = await setup();
  await broker.createTopic('t');
  relay.start();
  await clock.pass(0);
  database.exec('BEGIN');
  outbox.add('t', { body: 'never was' });
  await clock.pass(1000);
  database.exec('ROLLBACK');
  outbox.add('t', { body: 'was' });
  await clock.pass(1000);
  assert.deepEqual(await bodies(), ['was']);
  await relay.close();
});

test('a broker that is away is tried until it is back, and the order stays', async () => {
  const { clock, outbox, relay, bodies, overrides, broker } = await setup({ countMax: 2 });
  let calls = 0;
  overrides.sendBatch = async (...call) => {
    calls += 1;
    if (calls <= 20) throw new MqError('MQ_UNREACHABLE', 'away');
    return await broker.sendBatch(...call);
  };
  for (const body of ['a', 'b', 'c', 'd']) outbox.add('t', { body });
  relay.start();
  await clock.pass(600_000);
  assert.ok(calls > 20);
  assert.deepEqual(await bodies(), ['a', 'b', 'c', 'd']);
  await relay.close();
});

test('what the broker refuses for what is in it is set aside, told, and keeps no other back', async () => {
  const { clock, outbox, own, bodies, overrides, broker } = await setup();
  overrides.send = async (topic, message, options) => {
    if (message.id === 'poison') throw new MqError('MQ_MESSAGE_TOO_LARGE', 'too large for it');
    return await broker.send(topic, message, options);
  };
  overrides.sendBatch = () => Promise.reject(new MqError('MQ_BATCH_TOO_LARGE', 'one by one'));
  const told: string[] = [];
  const relay = new OutboxRelay({ ...own, onRefused: ({ message }) => void told.push(message.id) });
  for (const id of ['a', 'poison', 'b']) outbox.add('t', { body: id, id });
  relay.start();
  await clock.pass(1000);
  assert.deepEqual([await bodies(), told, outbox.waitingCount], [['a', 'b'], ['poison'], 0]);
  const [refused] = outbox.refused();
  assert.deepEqual([refused?.message.id, refused?.reason], ['poison', 'MQ_MESSAGE_TOO_LARGE: too large for it']);
  overrides.send = undefined as never;
  outbox.retryRefused();
  await clock.pass(1000);
  assert.deepEqual(await bodies(), ['a', 'b', 'poison']);
  await relay.close();
});

test('an error that is not about a message sets nothing aside', async () => {
  const { clock, outbox, relay, overrides } = await setup();
  overrides.send = () => Promise.reject(new MqError('MQ_UNAUTHORIZED', 'who are you'));
  outbox.add('t', { body: 'a' });
  relay.start();
  await clock.pass(60_000);
  assert.deepEqual([outbox.waitingCount, relay.state.status, relay.state.refusedCount], [1, 'retrying', 0]);
  assert.match(String(relay.state.reason), /who are you/);
  await relay.close();
});

test('close ends also while the broker never answers; the message stays', async () => {
  const { clock, outbox, relay, overrides } = await setup();
  overrides.send = () => new Promise(() => undefined);
  outbox.add('t', { body: 'a' });
  relay.start();
  await clock.pass(0);
  const closing = relay.close({ timeoutMs: 500 });
  await clock.pass(500);
  await closing;
  assert.equal(outbox.waitingCount, 1);
});

test('an inbox does the work on a message once, and its id is there exactly when the effect is', () => {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE effects (id TEXT)');
  const inbox = new Inbox({ database });
  const effect = (id: string): void => void database.prepare('INSERT INTO effects VALUES (?)').run(id);
  const message = { topic: 't', id: 'a' };
  const fails = (): void => {
    effect('a');
    throw new Error('spilled');
  };
  assert.throws(() => inbox.once(message, fails), /spilled/);
  assert.equal(
    inbox.once(message, () => effect('a')),
    true,
  );
  assert.equal(
    inbox.once(message, () => effect('a')),
    false,
  );
  assert.equal(
    inbox.once({ topic: 'other', id: 'a' }, () => effect('other')),
    true,
  );
  assert.equal(
    new Inbox({ database, name: 'second' }).once(message, () => effect('second')),
    true,
  );
  const rows = database.prepare('SELECT id FROM effects').all();
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['a', 'other', 'second'],
  );
});

test('work that returns a promise is refused, and undone', () => {
  const database = new DatabaseSync(':memory:');
  const inbox = new Inbox({ database });
  const work: () => void = () => Promise.resolve();
  assert.throws(() => inbox.once({ topic: 't', id: 'a' }, work), { details: { path: 'work' } });
  assert.equal(inbox.keptCount, 0);
});

test('ids are forgotten when they are old, so that they never pile up', () => {
  const clock = new VirtualClock();
  const inbox = new Inbox({ database: new DatabaseSync(':memory:'), keepMs: 1000, clock });
  for (let index = 0; index < 3000; index += 1) {
    inbox.claim({ topic: 't', id: `${index}` });
    clock.jumpWallClock(1);
  }
  assert.ok(inbox.keptCount >= 1000 && inbox.keptCount < 1600, `${inbox.keptCount}`);
  assert.equal(inbox.claim({ topic: 't', id: '2999' }), false);
});
