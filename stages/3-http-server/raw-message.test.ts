import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../shared/contract/errors.ts';
import { decodeRawMessage, encodeRawHeaders, RAW_TYPE } from './raw-message.ts';
import { openDoor } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';

const body = new Uint8Array([1]);
const text = fc.string({ unit: 'grapheme', maxLength: 10 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 });

test('key, id and headers survive the journey beside the body', () => {
  fc.assert(
    fc.property(text, text, fc.dictionary(name, text, { maxKeys: 4 }), (key, id, headers) => {
      const fields = encodeRawHeaders({ body, key, id, headers }, 10_000);
      assert.ok(fields !== undefined);
      for (const value of Object.values(fields)) assert.match(value, /^[\x21-\x7e]*$/);
      const decoded = decodeRawMessage(body, fields);
      assert.deepEqual([decoded.key, decoded.id, { ...decoded.headers }], [key, id, { ...headers }]);
    }),
  );
});

test('times and priority survive it too, whichever of them there are', () => {
  const whole = fc.maxSafeNat();
  const members = fc.record({ delayMs: whole, deliverAt: whole, ttlMs: whole, priority: whole }, { requiredKeys: [] });
  fc.assert(
    fc.property(members, (numbers) => {
      const fields = encodeRawHeaders({ body, ...numbers }, 10_000);
      assert.deepEqual({ ...decodeRawMessage(body, fields ?? {}) }, { body, ...numbers });
    }),
  );
});

test('a time or priority that is no whole number is refused with the name of its field', () => {
  for (const name of ['mq-delay-ms', 'mq-deliver-at', 'mq-ttl-ms', 'mq-priority']) {
    for (const text of ['', '-1', '+1', '1.5', '1e3', '01', '0x1', ' 1', '1, 2', 'soon', '9007199254740992']) {
      assert.throws(
        () => decodeRawMessage(body, { [name]: text }),
        (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === name,
        `${name}: ${text}`,
      );
    }
  }
});

test('what request headers cannot carry is left to another form', () => {
  assert.equal(encodeRawHeaders({ body, headers: { long: 'x'.repeat(100) } }, 100), undefined);
});

test('a body alone is a whole message', () => {
  assert.deepEqual(decodeRawMessage(body, {}), { body });
  assert.deepEqual({ ...decodeRawMessage(body, { 'mq-headers': '' }).headers }, {});
});

test('a list of headers that is malformed, ambiguous or no UTF-8 is refused with the name of the field', () => {
  for (const pairs of ['a', '=b', 'a=b&', '&a=b', 'a=b=c', 'a=1&a=2', 'a=1&%61=2', 'a=%zz', 'a=%ff', '%=1']) {
    assert.throws(
      () => decodeRawMessage(body, { 'mq-headers': pairs }),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === 'mq-headers',
      pairs,
    );
  }
  assert.throws(
    () => decodeRawMessage(body, { 'mq-key': '%e4' }),
    /mq-key must be given once, as percent-encoded UTF-8/,
  );
});

test('a field that is repeated, or not encoded, is refused with its name, and nothing is stored', async () => {
  await using door = await openDoor();
  const twice = (name: string): string[] => [`${name}: a=1`, `${name}: b=2`];
  for (const [path, fields] of [
    ['mq-key', twice('mq-key')],
    ['mq-id', twice('mq-id')],
    ['mq-headers', twice('mq-headers')],
    ['mq-key', [`mq-key: ${Buffer.from('黑').toString('latin1')}`]],
    ['mq-id', ['mq-id: caf\u00e9']],
    ['mq-key', ['mq-key: table 7']],
  ] as const) {
    const connection = new RawConnection(door.url);
    connection.write(
      Buffer.from(requestText('POST', '/topics/t/messages', [`content-type: ${RAW_TYPE}`, ...fields], 'x'), 'latin1'),
    );
    const answer = await connection.answer();
    assert.deepEqual([answer?.status, JSON.parse(answer?.body ?? '{}').path], [400, path], fields.join());
    connection.destroy();
  }
  assert.deepEqual(await door.broker.describeTopics(), []);
});
