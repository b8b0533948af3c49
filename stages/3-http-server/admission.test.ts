/** A server asks its Admission for every request, and serves it with the broker it was given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Admission, CameFrom, Credentials } from '../../shared/admission.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { createServer } from './index.ts';
import { ask } from './testing/doors.ts';
import { scriptedBroker } from './testing/scripted-broker.ts';
import { until } from './testing/until.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('each request is served with the broker its caller may use, and what was admitted leaves once', async () => {
  const [whole, view] = [scriptedBroker(), scriptedBroker({ describeTopics: [] })];
  const asked: [Credentials, CameFrom][] = [];
  const left: Broker[] = [];
  const admission: Admission = {
    admit: async (credentials, from) => {
      asked.push([credentials, from]);
      if (credentials.user === 'ann' && credentials.password === 'p:w é') return view.broker;
      throw new MqError('MQ_UNAUTHORIZED', 'who are you?');
    },
    leave: (admitted) => left.push(admitted),
  };
  await using server = await createServer(whole.broker, { admission });
  const topics = `${server.url}/topics`;
  const refused = await ask(topics, { headers: { authorization: basic('ann:wrong') } });
  assert.deepEqual([refused.status, refused.body.detail], [401, 'who are you?']);
  assert.equal(refused.headers['www-authenticate'], 'Bearer, Basic realm="StageMQ", charset="UTF-8"');
  assert.equal((await ask(topics, { headers: { authorization: basic('ann:p:w é') } })).status, 200);
  assert.equal((await ask(`${server.url}/healthz`)).status, 200, 'a supervisor is asked for nothing');
  await until('it has left', () => left.length === 1);
  assert.deepEqual(asked, [
    [
      { user: 'ann', password: 'wrong' },
      { door: 'http', address: '127.0.0.1' },
    ],
    [
      { user: 'ann', password: 'p:w é' },
      { door: 'http', address: '127.0.0.1' },
    ],
  ]);
  assert.equal(left[0], view.broker);
  assert.deepEqual([whole.heard.length, view.heard.length], [0, 1]);
});

test('what cannot be read is nothing shown, and a path that cannot be read is refused like any other', async () => {
  const asked: Credentials[] = [];
  const admission: Admission = {
    admit: (credentials) => {
      asked.push(credentials);
      return Promise.reject(new MqError('MQ_UNAUTHORIZED', 'no'));
    },
  };
  await using server = await createServer(scriptedBroker().broker, { admission });
  const shown = ['', 'Bearer', 'Bearer a b', 'Digest x', basic(':p'), basic('nobody'), 'Bearer x', basic('u:')];
  for (const authorization of shown) {
    assert.equal((await ask(`${server.url}/topics/%zz`, { headers: { authorization } })).status, 401);
  }
  assert.deepEqual(asked, [...Array(6).fill({}), { token: 'x' }, { user: 'u', password: '' }]);
});

test('an admission that is none, or that stands beside a token, is refused before anything listens', async () => {
  const { broker } = scriptedBroker();
  const admission: Admission = { admit: async () => broker };
  for (const [options, path] of [
    [{ admission: {} as Admission }, 'options.admission'],
    [{ admission, token: 'secret-token' }, 'options.token'],
  ] as const) {
    await assert.rejects(createServer(broker, options), (error) => {
      assert.ok(isMqError(error, 'MQ_INVALID_ARGUMENT') && !error.message.includes('secret-token'));
      return error.details.path === path;
    });
  }
});
