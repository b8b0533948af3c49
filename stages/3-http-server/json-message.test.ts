import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../shared/contract/errors.ts';
import { LIMITS } from '../../shared/contract/limits.ts';
import type { StoredRecord } from '../../shared/contract/message.ts';
import { checkMessage } from '../../shared/contract/validation.ts';
import { type Json, messageOf, recordOf, toJson } from './json-message.ts';

const record = (body: Uint8Array): StoredRecord => ({
  topic: 't',
  partition: 0,
  offset: 0,
  id: 'a',
  headers: { h: 'v' },
  body,
  timestamp: 1,
});

test('any bytes survive the journey through JSON', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (body) => {
      const travelled = JSON.parse(JSON.stringify(toJson(record(body)))) as Json<StoredRecord>;
      const arrived = recordOf(travelled);
      assert.deepEqual(arrived.body, body);
      assert.equal(arrived.body.constructor, Uint8Array);
      const message = messageOf({ body: travelled.body, encoding: travelled.encoding }, 'm');
      assert.deepEqual(checkMessage('m', message, LIMITS).body, body);
    }),
  );
});

test('bytes that are UTF-8 travel as text, a BOM and a NUL with them, and others as base64', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const text of ['', '两杯咖啡', '\ufeffBOM', 'a\0b', '😀']) {
    assert.deepEqual([toJson(record(bytes(text))).encoding, toJson(record(bytes(text))).body], ['utf8', text]);
  }
  for (const wrong of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    assert.equal(toJson(record(Uint8Array.from(wrong))).encoding, 'base64');
  }
});

test('base64 with a typing error is refused, not shortened', () => {
  for (const body of ['AP8', 'AP8=x', 'AP 8=', 'A', '=', 'AP8=\n', 'AP-_', '!']) {
    assert.throws(
      () => messageOf({ body, encoding: 'base64' }, 'messages[3]'),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === 'messages[3].body',
      body,
    );
  }
});

test('headers arrive without a prototype, so that no name of a header is special', () => {
  const json = JSON.parse(
    '{"headers":{"__proto__":"x","constructor":"y"},"body":"","encoding":"utf8"}',
  ) as Json<StoredRecord>;
  const { headers } = recordOf(json);
  assert.equal(Object.getPrototypeOf(headers), null);
  assert.deepEqual(Object.keys(headers), ['__proto__', 'constructor']);
});

test('a body that is not in its encoding is refused: what came would not be what was sent', () => {
  const answered = (body: string, encoding: 'utf8' | 'base64'): Json<StoredRecord> => ({
    ...toJson(record(new Uint8Array())),
    body,
    encoding,
  });
  for (const json of [answered('\ud800', 'utf8'), answered('AP8', 'base64'), answered('!', 'base64')]) {
    assert.throws(
      () => recordOf(json),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
    );
  }
});
