import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { JSON_DEPTH_MAX, JSON_MEMBERS_MAX, JSON_VALUES_MAX, parseJson } from './json-body.ts';
import { ask, openDoor } from './testing/doors.ts';

const door = await openDoor();
after(async () => door[Symbol.asyncDispose]());
await door.broker.createTopic('t');

/** Status and path of the answer to a JSON body. */
async function refusal(path: string, body: unknown, method = 'POST'): Promise<[number, unknown]> {
  const answer = await ask(door.url + path, { method, body });
  if (answer.status >= 400) assert.equal(answer.headers['content-type'], 'application/problem+json');
  return [answer.status, answer.body.path];
}

const SEND = '/topics/t/messages';

for (const [what, text] of [
  ['nothing but white space', '  '],
  ['a BOM before it', '\ufeff{"body":"a"}'],
  ['garbage after it', '{"body":"a"} x'],
  ['two values', '{"body":"a"}{"body":"b"}'],
  ['null', 'null'],
  ['NaN', '{"body":NaN}'],
  ['Infinity', '{"body":Infinity}'],
  ['a comment', '{"body":"a"/**/}'],
  ['a trailing comma', '{"body":"a",}'],
  ['single quotes', "{'body':'a'}"],
  ['a raw line end in a string', '{"body":"a\nb"}'],
  ['a member named twice', '{"body":"a","body":"b"}'],
  ['a member named twice, once with an escape', '{"body":"a","b\\u006fdy":"b"}'],
  ['a header named twice', '{"body":"a","headers":{"x":"1","x":"2"}}'],
  ['an unterminated string', '{"body":"a'],
  ['an unterminated escape', '{"body":"a\\'],
] as const) {
  test(`a body that is no single JSON text is refused: ${what}`, async () => {
    assert.deepEqual(await refusal(SEND, text), [400, 'body']);
  });
}

test('a hundred thousand levels are refused, and so is the first level too many', async () => {
  assert.deepEqual(await refusal(SEND, '['.repeat(100_000)), [400, 'body']);
  assert.deepEqual(await refusal(SEND, '{"a":'.repeat(100_000)), [400, 'body']);
  const levels = (count: number): Buffer => Buffer.from('['.repeat(count) + ']'.repeat(count));
  assert.doesNotThrow(() => parseJson(levels(JSON_DEPTH_MAX)));
  assert.throws(() => parseJson(levels(JSON_DEPTH_MAX + 1)), /more than 16 levels/);
});

test('ten megabytes of opening brackets are refused', async () => {
  assert.deepEqual(await refusal(SEND, '['.repeat(10 * 1024 * 1024)), [400, 'body']);
});

test('one value or one member too many is refused, and not one too few', async () => {
  const values = (count: number): Buffer => Buffer.from(`[${Array(count - 1).fill('0')}]`);
  assert.doesNotThrow(() => parseJson(values(JSON_VALUES_MAX)));
  assert.throws(() => parseJson(values(JSON_VALUES_MAX + 1)), /more than 262144 values/);
  const members = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"x${index}":0`)}}`;
  assert.doesNotThrow(() => parseJson(Buffer.from(`[${members(JSON_MEMBERS_MAX)},${members(JSON_MEMBERS_MAX)}]`)));
  assert.throws(() => parseJson(Buffer.from(members(JSON_MEMBERS_MAX + 1))), /more than 4096 members in one object/);
});

test('the largest legal batch of messages passes, each with all members a broker of stage 2 takes', async () => {
  const headers = { size: 'large', note: 'no sugar', waiter: 'ann', table: '7' };
  const message = { body: 'a', encoding: 'utf8', key: 'k', id: 'i', headers };
  const messages = Array(door.broker.limits.batchCountMax).fill(message);
  const answer = await ask(`${door.url}/topics/batch/messages`, { body: { messages } });
  assert.deepEqual([answer.status, answer.body.count], [200, messages.length]);
});

/** Texts of the largest legal size, made of as many small things as fit. */
const REQUEST_BYTES = 16 * 1024 * 1024;
const filled = (before: string, unit: string, after: string): string =>
  before + unit.repeat(Math.floor((REQUEST_BYTES - before.length - after.length) / unit.length) - 1) + after;
const numbered = (before: string, value: string, after: string): string =>
  before + Array.from({ length: 1_000_000 }, (_, index) => `"x${index}":${value}`).join(',') + after;

for (const [what, path, text] of [
  ['messages that are numbers', SEND, filled('{"messages":[', '0,', '0]}')],
  ['messages without members', SEND, filled('{"messages":[', '{},', '{}]}')],
  ['messages that are empty lists', SEND, filled('{"messages":[', '[],', '[]]}')],
  ['deliveries that are numbers', '/topics/t/deliveries/ack', filled('{"deliveries":[', '0,', '0]}')],
  ['unknown members', SEND, numbered('{', '0', '}')],
  ['headers', SEND, numbered('{"body":"","headers":{', '""', '}}')],
] as const) {
  test(`a request of the largest legal size is refused without being looked at piece by piece: ${what}`, async () => {
    const startedUs = process.cpuUsage();
    assert.deepEqual(await refusal(path, text), [400, 'body']);
    const { user, system } = process.cpuUsage(startedUs);
    // Of this whole process, which also writes the request; piece by piece it took from 4 seconds to all its memory.
    assert.ok(user + system < 2_000_000, `${user + system} µs`);
  });
}

test('of a list with thousands of wrong elements the first one is named', async () => {
  const messages = [...Array(5000).fill({ body: 'a' }), ...Array(100_000).fill(7)];
  assert.deepEqual(await refusal(SEND, { messages }), [400, 'messages[5000]']);
});

test('brackets, colons and quotes inside strings are not structure', async () => {
  const body = { body: '[[[[[[[[[[[[[[[[[[[[[{{{{"":::\\\\"\\' };
  assert.equal((await ask(door.url + SEND, { body })).status, 200);
});

test('bytes that are not UTF-8 are refused', async () => {
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22])), /UTF-8/);
});

test('no name of a member reaches a prototype', async () => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    assert.deepEqual(await refusal(SEND, `{"body":"a","${name}":{"polluted":1}}`), [400, name]);
    assert.deepEqual(await refusal(SEND, `{"body":"a","headers":{"${name}":{"polluted":1}}}`), [
      400,
      `headers.${name}`,
    ]);
    assert.equal((await ask(door.url + SEND, { body: `{"body":"a","headers":{"${name}":"text"}}` })).status, 200);
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});

test('lone surrogates are refused where there is text, and where there is a name', async () => {
  assert.deepEqual(await refusal(SEND, '{"body":"\\ud800"}'), [400, 'message.body']);
  assert.deepEqual(await refusal(SEND, '{"body":"a","key":"\\udc00"}'), [400, 'message.key']);
  assert.equal((await refusal(SEND, '{"body":"a","headers":{"\\ud800":"x"}}'))[0], 400);
  assert.equal((await refusal('/topics/t/deliveries', '{"group":"\\ud800"}'))[0], 400);
});

test('numbers that are no safe whole numbers are refused', async () => {
  for (const number of ['1e999', '-1', '1.5', '9007199254740993', '-0.5', '1e400', '99999999999999999999']) {
    assert.equal((await refusal('/topics/t/deliveries', `{"max":${number}}`))[0], 400, number);
    assert.equal((await refusal('/topics/t/deliveries', `{"waitMs":${number}}`))[0], 400, number);
  }
});

/** Every member of every JSON body, with what it may be; everything else must be refused with its path. */
const MEMBERS: readonly (readonly [string, string, object, Readonly<Record<string, string>>])[] = [
  ['POST', SEND, { body: 'a' }, { body: 's', encoding: '', key: 's', headers: '', id: 's' }],
  [
    'POST',
    '/topics/t/deliveries',
    {},
    { group: 's', memberId: 's', max: 'n', bytesMax: 'n', waitMs: 'n', leaseMs: 'n' },
  ],
  ['POST', '/topics/t/deliveries/ack', { deliveries: [] }, { deliveries: '', cumulative: 'b' }],
  ['PUT', '/topics/new', {}, { messagesMax: 'n', bytesMax: 'n', overflow: '', partitionCount: 'n' }],
  ['PUT', '/topics/t/groups/g', {}, { start: '', isEphemeral: 'b', onOutOfRange: '', mode: '' }],
  ['PUT', '/topics/t/groups/g/offset', { op: 'commit', offset: 0 }, { op: '', offset: 'n', partition: 'n' }],
];
const VALUES: readonly (readonly [string, unknown])[] = [
  ['', null],
  ['b', true],
  ['n', 7],
  ['n', -1],
  ['s', 'text'],
  ['', []],
  ['', [[]]],
  ['', {}],
  ['', { body: {} }],
];

for (const [method, path, body, members] of MEMBERS) {
  test(`a wrong type in any member is refused with its path: ${method} ${path}`, async () => {
    for (const [member, type] of Object.entries(members)) {
      for (const [typeOfValue, value] of VALUES) {
        if (typeOfValue !== '' && typeOfValue === type) continue;
        if (member === 'deliveries' && Array.isArray(value) && value.length === 0) continue;
        if (member === 'headers' && JSON.stringify(value) === '{}') continue;
        const [status, where] = await refusal(path, { ...body, [member]: value }, method);
        const shown = `${member}: ${JSON.stringify(value)}`;
        assert.equal(status, 400, shown);
        assert.ok(String(where).startsWith(member), `${shown} -> ${String(where)}`);
      }
    }
  });
}

test('a body that is no object is refused on every route that takes one', async () => {
  for (const [method, path] of MEMBERS) {
    for (const text of ['[]', '"text"', '7', 'true', 'null']) {
      assert.deepEqual(await refusal(path, text, method), [400, 'body'], `${method} ${path} ${text}`);
    }
  }
});

test('a delivery in a list is refused with its place in the list', async () => {
  const deliveries = [{ offset: 0, memberId: 'm', leaseToken: 't' }, { offset: 'x' }];
  const [status, path] = await refusal('/topics/t/deliveries/ack', { deliveries });
  assert.equal(status, 400);
  assert.match(String(path), /^deliveries\[1\]/);
});

test('a message in a list is refused with its place in the list', async () => {
  const messages = [{ body: 'a' }, { body: 'b' }, { body: 'not base64!', encoding: 'base64' }];
  assert.deepEqual(await refusal(SEND, { messages }), [400, 'messages[2].body']);
  assert.deepEqual(await refusal(SEND, { messages: [{ body: 'a' }, { body: 1 }] }), [400, 'messages[1].body']);
});
