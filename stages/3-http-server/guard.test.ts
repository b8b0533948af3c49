import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { createGuard } from './guard.ts';
import { ask, openDoor } from './testing/doors.ts';

type GuardOptions = Parameters<typeof createGuard>[0];

const OPTIONS: GuardOptions = { host: '127.0.0.1', allowedHosts: [] };

/** The code a request is refused with, or undefined. */
function refusal(
  options: Partial<GuardOptions>,
  request: { method?: string; url?: string; headers?: Record<string, string> },
): unknown {
  const headers: Record<string, string> = { host: '127.0.0.1:6767', ...request.headers };
  const rawHeaders = Object.entries(headers).flat();
  const whole = { method: 'GET', url: '/topics', rawHeaders, ...request, headers } as unknown as IncomingMessage;
  return createGuard({ ...OPTIONS, ...options })(whole)?.code;
}

const calledAs = (host: string, options = {}): unknown => refusal(options, { headers: { host } });

test('loopback names and the bound host are accepted, with any port', () => {
  for (const host of ['localhost', 'LOCALHOST:1', 'localhost.', '127.0.0.1', '127.8.9.10:80', '[::1]:6767']) {
    assert.equal(calledAs(host), undefined, host);
  }
  assert.equal(calledAs('queue.internal:80', { host: 'queue.internal' }), undefined);
  assert.equal(calledAs('queue.example', { allowedHosts: ['Queue.Example'] }), undefined);
});

test('foreign names are refused, also those that only look like ours', () => {
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    'evil.example#127.0.0.1',
    '10.0.0.1',
    '127.1',
    '[::2]',
    '',
    'localhost:',
    'localhost:port',
    'localhost localhost',
  ]) {
    assert.equal(calledAs(host), 'MQ_FORBIDDEN', host);
  }
});

test('a server bound to every address accepts addresses, which cannot be rebound, and no foreign name', () => {
  assert.equal(calledAs('192.168.1.7:6767', { host: '0.0.0.0' }), undefined);
  assert.equal(calledAs('[fe80::1]:6767', { host: '::' }), undefined);
  assert.equal(calledAs('evil.example', { host: '0.0.0.0' }), 'MQ_FORBIDDEN');
});

test('a change asked for by a page of another origin is refused, reading is not', () => {
  const asked = (method: string, headers: Record<string, string>): unknown => refusal({}, { method, headers });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    assert.equal(asked(method, { origin: 'http://evil.example' }), 'MQ_FORBIDDEN');
    assert.equal(asked(method, { origin: 'null' }), 'MQ_FORBIDDEN');
    assert.equal(asked(method, { origin: 'http://127.0.0.1:8080' }), 'MQ_FORBIDDEN');
    assert.equal(asked(method, { 'sec-fetch-site': 'cross-site' }), 'MQ_FORBIDDEN');
    assert.equal(asked(method, { 'sec-fetch-site': 'same-site' }), 'MQ_FORBIDDEN');
    assert.equal(asked(method, { origin: 'http://127.0.0.1:6767', 'sec-fetch-site': 'same-origin' }), undefined);
    assert.equal(asked(method, {}), undefined);
  }
  assert.equal(asked('GET', { origin: 'http://evil.example' }), undefined);
});

test('with a token every route but /healthz and /readyz asks for it', async () => {
  const token = 'correct-horse';
  await using door = await openDoor({ token });
  const shown = async (authorization?: string, path = '/topics'): Promise<number> =>
    (await ask(door.url + path, authorization === undefined ? {} : { headers: { authorization } })).status;
  assert.equal(await shown(`Bearer ${token}`), 200);
  assert.equal(await shown(`bearer  ${token}`), 200);
  const basic = Buffer.from(`${token}:${token}`).toString('base64');
  for (const wrong of [
    ...[undefined, '', 'Bearer', 'Bearer ', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token],
    ...[`Basic ${token}`, `Basic ${basic}`],
  ]) {
    assert.equal(await shown(wrong), 401, String(wrong));
  }
  assert.equal(await shown(undefined, '/healthz'), 200);
  assert.equal(await shown(undefined, '/readyz'), 200);
  assert.equal(await shown(undefined, '/openapi.json'), 401);
});

test('a refusal over the wire says how to ask, and neither shows the token nor allows another origin', async () => {
  await using door = await openDoor({ token: 'correct-horse' });
  const refused = await ask(`${door.url}/topics`);
  assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Bearer']);
  assert.ok(!JSON.stringify(refused.body).includes('correct-horse'));
  assert.equal(refused.headers['access-control-allow-origin'], undefined);
  assert.equal((await ask(`${door.url}/healthz`)).status, 200);
  assert.equal((await ask(`${door.url}/nothing`)).status, 401, 'nor does it tell which routes there are');
});

test('a path that cannot be read opens nothing: Host and token are looked at first', async () => {
  await using door = await openDoor({ token: 'correct-horse' });
  for (const path of ['/topics/%zz', `/topics/${'a'.repeat(9000)}`]) {
    assert.equal((await ask(door.url + path, { headers: { host: 'evil.example' } })).status, 403);
    assert.equal((await ask(door.url + path)).status, 401);
    assert.equal((await ask(door.url + path, { headers: { authorization: 'Bearer correct-horse' } })).status, 400);
  }
});
