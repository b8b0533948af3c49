import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { Selector } from '../filters/selector/selector.ts';
import { checkPropertyName, commonWord, decodeProperties, encodeProperties } from './properties.ts';
import type { TypedValue } from './typed-values.ts';

const isRefused = (error: unknown): boolean => isMqError(error, 'MQ_INVALID_ARGUMENT');
const anyText = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());
const anyValue: fc.Arbitrary<TypedValue> = fc.oneof(
  fc.boolean().map((value): TypedValue => ({ type: 'boolean', value })),
  fc.integer({ min: -128, max: 127 }).map((value): TypedValue => ({ type: 'byte', value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value): TypedValue => ({ type: 'short', value })),
  fc.integer().map((value): TypedValue => ({ type: 'int', value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): TypedValue => ({ type: 'long', value })),
  fc.float().map((value): TypedValue => ({ type: 'float', value })),
  fc.double().map((value): TypedValue => ({ type: 'double', value })),
  fc.constantFrom('a', '茶').map((value): TypedValue => ({ type: 'char', value })),
  anyText.map((value): TypedValue => ({ type: 'string', value })),
  fc.uint8Array().map((value): TypedValue => ({ type: 'bytes', value })),
  fc.constant<TypedValue>({ type: 'null', value: null }),
);
const anyName = fc.oneof(
  fc.constantFrom('type', 'reply-to', 'correlation-id', '$types', '$', '%', '%24', '%type', '__proto__', '10', 'price'),
  anyText.filter((name) => name !== ''),
);
const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1);

test('what is encoded is decoded exactly, whatever the message has itself', () => {
  const anyWords = fc.record({ type: anyText, 'reply-to': anyText, 'correlation-id': anyText }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(fc.tuple(anyName, anyValue)), anyWords, (list, words) => {
      const properties = new Map(list);
      const headers = encodeProperties(properties, words);
      assert.deepEqual([...decodeProperties(headers)].sort(byName), [...properties].sort(byName));
      for (const name of ['type', 'reply-to', 'correlation-id'] as const) {
        assert.equal(commonWord(headers, name), words[name]);
      }
    }),
  );
});

test('headers are text, with the types of those that were none beside them', () => {
  const properties = new Map<string, TypedValue>([
    ['price', { type: 'double', value: 9.5 }],
    ['count', { type: 'int', value: 3 }],
    ['rate', { type: 'float', value: Math.fround(0.1) }],
    ['name', { type: 'string', value: 'x' }],
    ['nothing', { type: 'null', value: null }],
  ]);
  assert.deepEqual(
    { ...encodeProperties(properties) },
    { price: '9.5', count: '3', rate: '0.1', name: 'x', $types: 'price=double&count=int&rate=float&nothing=null' },
  );
});

test('selectors of the broker see the values that were written', () => {
  const properties = new Map<string, TypedValue>([
    ['price', { type: 'double', value: 9.5 }],
    ['big', { type: 'long', value: 2n ** 62n }],
    ['isFresh', { type: 'boolean', value: true }],
    ['nothing', { type: 'null', value: null }],
    ['type', { type: 'string', value: 'order' }],
  ]);
  const record = { id: '1', timestamp: 0, headers: encodeProperties(properties) };
  const matches = (text: string): boolean => new Selector(text).matches(record, 1);
  assert.ok(matches(`price > 9 AND big = ${2n ** 62n} AND isFresh AND nothing IS NULL AND type = 'order'`));
  assert.ok(!matches(`price = '9.5'`));
});

test("what the message has itself, and what is the broker's, is no property", () => {
  const headers = { 'reply-to': 'a', type: 'b', $body: 'map', 'x-y': 'z', '%41': 'not A' };
  assert.deepEqual([...decodeProperties(headers).keys()], ['x-y', '%41']);
});

test('a header whose text is not of its type is a string', () => {
  const headers = { count: 'many', odd: '1', $types: 'count=int&odd=colour' };
  assert.deepEqual(decodeProperties(headers).get('count'), { type: 'string', value: 'many' });
  assert.deepEqual(decodeProperties(headers).get('odd'), { type: 'string', value: '1' });
});

test('a map is no property, and every property has a name', () => {
  const map: TypedValue = { type: 'map', value: new Map() };
  assert.throws(() => encodeProperties(new Map([['a', map]])), isRefused);
  assert.throws(() => encodeProperties(new Map([['', { type: 'int', value: 1 }]])), isRefused);
});

test('a name of JMS is an identifier, and no word of selectors', () => {
  for (const name of ['a', '_a', '$a', 'JMSXGroupID', 'größe', '价格']) assert.equal(checkPropertyName(name), name);
  for (const name of ['', '1a', 'a-b', 'a.b', 'a b', 'null', 'Between', 'LIKE']) {
    assert.throws(() => checkPropertyName(name), isRefused, name);
  }
});
