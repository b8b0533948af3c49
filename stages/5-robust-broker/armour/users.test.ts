import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMqError } from '../../../shared/contract/errors.ts';
import { NOBODYS_RECORD } from './passwords.ts';
import { checkUsers } from './users.ts';

const DIGEST = 'ab'.repeat(32);
const FINGERPRINT = Array.from({ length: 32 }, () => 'ab').join(':');

test('everything that may stand in users.json is read, and everything may be left out', () => {
  assert.equal(checkUsers({}).users.size, 0);
  const { users, anonymous, topicQuotas } = checkUsers(
    JSON.parse(`{
      "users": {
        "shop": {
          "password": ${JSON.stringify(NOBODYS_RECORD)},
          "tokens": { "ci": "${DIGEST}", "__proto__": "${'cd'.repeat(32)}" },
          "certificates": [{ "subject": "shop" }, { "fingerprint": "${FINGERPRINT}" }],
          "rules": [{ "topics": "orders.*", "verbs": ["publish", "consume"] }],
          "quota": { "sendBytesPerSecond": 5, "inFlightCountMax": 6, "connectionsCountMax": 7 }
        },
        "empty": {}
      },
      "anonymous": { "rules": [{ "topics": "news", "verbs": ["browse"] }], "quota": { "readBytesPerSecond": 8 } },
      "topics": [{ "topics": "*", "sendMessagesPerSecond": 9 }]
    }`),
  );
  const shop = users.get('shop');
  assert.equal(shop?.tokens.size, 2);
  assert.deepEqual(shop?.certificates[1], { fingerprint: FINGERPRINT.toUpperCase() });
  assert.deepEqual(shop?.quota, { sendBytesPerSecond: 5, inFlightCountMax: 6, connectionsCountMax: 7 });
  assert.ok(shop?.access.may(['publish'], 'orders.x') && !shop.access.may(['browse'], 'orders.x'));
  assert.ok(anonymous?.access.may(['browse'], 'news'));
  assert.deepEqual(topicQuotas, [{ topics: '*', sendMessagesPerSecond: 9 }]);
  assert.ok(!users.get('empty')?.access.hasRules);
});

test('what is misspelt, of the wrong type or out of range is refused with its path', () => {
  const user = (value: unknown) => ({ users: { a: value } });
  const rule = (value: unknown) => user({ rules: [{ topics: 'ok', verbs: ['publish'] }, value] });
  const password = (changes: object) => user({ password: { ...NOBODYS_RECORD, ...changes } });
  const wrong: readonly (readonly [unknown, string])[] = [
    [null, 'users.json'],
    [[], 'users.json'],
    ['{}', 'users.json'],
    [{ user: {} }, 'users.json.user'],
    [{ users: [] }, 'users'],
    [{ users: { 'a b': {} } }, 'users["a b"]'],
    [{ users: { anonymous: {} } }, 'users.anonymous'],
    [user(null), 'users.a'],
    [user({ pasword: {} }), 'users.a.pasword'],
    [user({ password: 'secret' }), 'users.a.password'],
    [password({ cost: 1000 }), 'users.a.password.cost'],
    [password({ cost: 2 ** 20 }), 'users.a.password.cost'],
    [password({ blockSize: 0 }), 'users.a.password.blockSize'],
    [password({ parallelization: '1' }), 'users.a.password.parallelization'],
    [password({ salt: 'x' }), 'users.a.password.salt'],
    [password({ digest: 'not base64!' }), 'users.a.password.digest'],
    [user({ tokens: { ci: 'the token itself' } }), 'users.a.tokens.ci'],
    [user({ tokens: [] }), 'users.a.tokens'],
    [user({ certificates: [{}] }), 'users.a.certificates[0]'],
    [user({ certificates: [{ fingerprint: 'ab' }] }), 'users.a.certificates[0].fingerprint'],
    [user({ certificates: [{ subject: '' }] }), 'users.a.certificates[0].subject'],
    [user({ rules: {} }), 'users.a.rules'],
    [rule(null), 'users.a.rules[1]'],
    [rule({ topics: 'a', verb: ['publish'] }), 'users.a.rules[1].verb'],
    [rule({ topics: 'a*b', verbs: ['publish'] }), 'users.a.rules[1].topics'],
    [rule({ verbs: ['publish'] }), 'users.a.rules[1].topics'],
    [rule({ topics: 'a', verbs: [] }), 'users.a.rules[1].verbs'],
    [rule({ topics: 'a', verbs: ['write'] }), 'users.a.rules[1].verbs[0]'],
    [user({ quota: { sendBytesPerSecond: -1 } }), 'users.a.quota.sendBytesPerSecond'],
    [user({ quota: { inFlightCountMax: null } }), 'users.a.quota.inFlightCountMax'],
    [user({ quota: { bytes: 1 } }), 'users.a.quota.bytes'],
    [{ anonymous: { tokens: {} } }, 'anonymous.tokens'],
    [{ topics: {} }, 'topics'],
    [{ topics: [{ topics: '*', connectionsCountMax: 1 }] }, 'topics[0].connectionsCountMax'],
    [{ topics: [{ sendBytesPerSecond: 1 }] }, 'topics[0].topics'],
    [{ users: { a: { tokens: { x: DIGEST } }, b: { tokens: { y: DIGEST } } } }, 'users.b.tokens'],
  ];
  for (const [value, path] of wrong) {
    assert.throws(
      () => checkUsers(value),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.message.startsWith(`${path} must be`),
      `${JSON.stringify(value)}: ${path}`,
    );
  }
});

test('no refusal shows what may be a secret', () => {
  const wrong = [
    { users: { a: { tokens: { ci: 'planted-secret' } } } },
    'planted-secret',
    { users: 'planted-secret' },
    { users: { a: 'planted-secret' } },
    { users: { a: { password: 'planted-secret' } } },
    { users: { a: { tokens: 'planted-secret' } } },
    { users: { a: { tokens: ['planted-secret'] } } },
    { users: { a: { certificates: 'planted-secret' } } },
    { users: { a: { password: { ...NOBODYS_RECORD, digest: 'planted-secret!' } } } },
    { users: { a: { password: { ...NOBODYS_RECORD, salt: 'planted-secret!' } } } },
  ];
  for (const value of wrong) {
    assert.throws(
      () => checkUsers(value),
      (error) => !String(error).includes('planted-secret'),
    );
  }
});
