import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createServer } from '../../3-http-server/index.ts';
import { createBroker } from '../../4-persisted-log/index.ts';
import { ArmouredAdmission } from './armoured-admission.ts';
import { quickDerive } from './testing/quick-derive.ts';
import { checkUsers, type Users } from './users.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const from = (address = '10.0.0.1') => ({ door: 'tcp', address });

const SHOP = {
  tokens: { ci: sha256('shop-token') },
  rules: [{ topics: 'orders*', verbs: ['publish'] }],
  quota: { sendMessagesPerSecond: 2, connectionsCountMax: 2 },
};

interface Armoured extends AsyncDisposable {
  readonly admission: ArmouredAdmission;
  readonly broker: Broker;
  readonly clock: VirtualClock;
}

async function armoured(users: Users): Promise<Armoured> {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, flushPolicy: 'never' });
  const admission = new ArmouredAdmission({ broker, users, clock, derive: quickDerive().derive });
  return { admission, broker, clock, [Symbol.asyncDispose]: () => broker.close() };
}

test('all that comes in under one name shares its quota, and has its permissions', async () => {
  await using t = await armoured(checkUsers({ users: { shop: SHOP } }));
  const one = await t.admission.admit({ token: 'shop-token' }, from());
  const two = await t.admission.admit({ token: 'shop-token' }, from('10.0.0.2'));
  assert.notEqual(one, two);
  await one.send('orders', { body: 'a' });
  await two.send('orders', { body: 'b' });
  await assert.rejects(one.send('orders', { body: 'c' }), { code: 'MQ_RATE_LIMITED' });
  await assert.rejects(one.receive('orders'), { code: 'MQ_FORBIDDEN' });
  await t.clock.pass(1000);
  await assert.rejects(one.send('secret', { body: 'c' }), { code: 'MQ_FORBIDDEN' });
  await one.sendBatch('orders', [{ body: 'c' }, { body: 'd' }]);
});

test('connections of one name are counted through all doors, until each has left', async () => {
  await using t = await armoured(checkUsers({ users: { shop: SHOP } }));
  const admit = (): Promise<Broker> => t.admission.admit({ token: 'shop-token' }, from());
  const first = await admit();
  await admit();
  await assert.rejects(admit(), { code: 'MQ_LIMIT_EXCEEDED' });
  t.admission.leave(first);
  t.admission.leave(first);
  await admit();
  await assert.rejects(admit(), { code: 'MQ_LIMIT_EXCEEDED' });
  assert.equal(t.admission.connectionCount, 2);
});

test('callers without a name have one quota for each address', async () => {
  const rules = [{ topics: '*', verbs: ['publish'] }];
  await using t = await armoured(checkUsers({ anonymous: { rules, quota: { sendMessagesPerSecond: 1 } } }));
  const one = await t.admission.admit({}, from('10.0.0.1'));
  const same = await t.admission.admit({}, from('10.0.0.1'));
  const other = await t.admission.admit({}, from('10.0.0.2'));
  await one.send('t', { body: '' });
  await assert.rejects(same.send('t', { body: '' }), { code: 'MQ_RATE_LIMITED' });
  await other.send('t', { body: '' });
});

test('new users count at once, also for connections that are open; who is gone may nothing', async () => {
  await using t = await armoured(checkUsers({ users: { shop: SHOP } }));
  const open = await t.admission.admit({ token: 'shop-token' }, from());
  await open.send('orders', { body: 'a' });
  const rules = [{ topics: 'orders*', verbs: ['consume'] }];
  t.admission.replaceUsers(checkUsers({ users: { shop: { ...SHOP, rules, quota: {} } } }));
  await assert.rejects(open.send('orders', { body: 'b' }), { code: 'MQ_FORBIDDEN' });
  const again = await t.admission.admit({ token: 'shop-token' }, from());
  assert.equal((await again.receive('orders')).length, 1);
  t.admission.replaceUsers(checkUsers({}));
  for (const broker of [open, again]) await assert.rejects(broker.receive('orders'), { code: 'MQ_UNAUTHORIZED' });
  await assert.rejects(t.admission.admit({ token: 'shop-token' }, from()), { code: 'MQ_UNAUTHORIZED' });
  t.admission.leave(open);
  t.admission.leave(again);
  assert.equal(t.admission.connectionCount, 0);
});

test('a topic has its quota whoever comes, and a new one counts for who comes then', async () => {
  const users = { shop: { ...SHOP, quota: {} }, two: { ...SHOP, tokens: { a: sha256('two') }, quota: {} } };
  await using t = await armoured(checkUsers({ users, topics: [{ topics: 'orders', sendMessagesPerSecond: 1 }] }));
  const shop = await t.admission.admit({ token: 'shop-token' }, from());
  const two = await t.admission.admit({ token: 'two' }, from());
  await shop.send('orders', { body: '' });
  await assert.rejects(two.send('orders', { body: '' }), { code: 'MQ_RATE_LIMITED' });
  t.admission.replaceUsers(checkUsers({ users }));
  const later = await t.admission.admit({ token: 'two' }, from());
  await later.sendBatch('orders', [{ body: '' }, { body: '' }]);
});

test('over HTTP: 401, 403, 404 for what is not there, 429 with Retry-After, and no secret in any answer', async () => {
  await using t = await armoured(checkUsers({ users: { shop: SHOP } }));
  await using server = await createServer(t.broker, { admission: t.admission });
  const answers: string[] = [];
  const ask = async (path: string, token: string | undefined, body?: object): Promise<Response> => {
    const response = await fetch(server.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    answers.push(`${JSON.stringify([...response.headers])} ${await response.text()}`);
    return response;
  };
  assert.equal((await ask('/topics', undefined)).status, 401);
  assert.equal((await ask('/topics', 'planted-wrong-token')).status, 401);
  assert.equal((await ask('/topics', 'shop-token')).status, 200);
  assert.equal((await ask('/topics/secret', 'shop-token')).status, 403);
  assert.equal((await ask('/topics/secret/messages', 'shop-token', { body: 'x' })).status, 403);
  for (const body of ['a', 'b']) {
    assert.ok((await ask('/topics/orders/messages', 'shop-token', { body })).ok);
  }
  const limited = await ask('/topics/orders/messages', 'shop-token', { body: 'c' });
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '1']);
  assert.equal((await ask('/metrics', 'shop-token')).status, 200);
  for (const secret of ['shop-token', 'planted-wrong-token', sha256('shop-token')]) {
    assert.ok(!answers.join('\n').includes(secret));
  }
});

test('of who is connected a user is told what is its own, and whoever manages everything is told of all', async () => {
  const boss = { tokens: { a: sha256('boss-token') }, rules: [{ topics: '*', verbs: ['manage'] }] };
  await using t = await armoured(checkUsers({ users: { shop: SHOP, boss } }));
  const described = { address: '10.0.0.9:1', connectedAt: 0, clientId: null, protocolVersion: null };
  const counts = { messagesInCount: 0, messagesOutCount: 0, bytesIn: 0, bytesOut: 0, errorCount: 0 };
  const none = { subscriptionCount: 0, subscriptions: [] };
  const connections = ['shop', 'boss', null].map((principal, index) => {
    return { id: `stomp-${index}`, door: 'stomp', principal, ...described, ...counts, ...none };
  });
  await using server = await createServer(t.broker, { admission: t.admission, connections: () => connections });
  const seenBy = async (token: string): Promise<unknown[]> => {
    const answer = await fetch(`${server.url}/connections`, { headers: { authorization: `Bearer ${token}` } });
    const { connections: seen } = (await answer.json()) as { connections: { principal: unknown }[] };
    return seen.map(({ principal }) => principal);
  };
  assert.deepEqual(await seenBy('shop-token'), ['shop']);
  assert.deepEqual(await seenBy('boss-token'), ['shop', 'boss', null]);
});

test('whoever was let in has the name of its credentials, and whoever showed none has no name', async () => {
  const anonymous = { rules: [{ topics: 'news', verbs: ['consume'] }] };
  await using t = await armoured(checkUsers({ users: { shop: SHOP }, anonymous }));
  const shop = await t.admission.admit({ token: 'shop-token' }, from());
  const nobody = await t.admission.admit({}, from());
  assert.deepEqual([t.admission.nameOf(shop), t.admission.nameOf(nobody)], ['shop', undefined]);
  t.admission.leave(shop);
  assert.equal(t.admission.nameOf(shop), undefined);
});
