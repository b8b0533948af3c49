import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { readAs, type ScalarType, type TypedValue, textOf, typed, typeOfPlain, valueOfText } from './typed-values.ts';

const isRefused = (error: unknown): boolean => isMqError(error, 'MQ_INVALID_ARGUMENT');
const SCALARS: readonly ScalarType[] = [
  ...(['boolean', 'byte', 'short', 'char', 'int', 'long', 'float', 'double', 'string', 'bytes'] as const),
];
const EXAMPLES: readonly TypedValue[] = [
  { type: 'boolean', value: true },
  { type: 'byte', value: 7 },
  { type: 'short', value: 7 },
  { type: 'char', value: 'c' },
  { type: 'int', value: 7 },
  { type: 'long', value: 7n },
  { type: 'float', value: 0.5 },
  { type: 'double', value: 0.5 },
  { type: 'string', value: '7' },
  { type: 'bytes', value: new Uint8Array([7]) },
];

/** Rows as written, columns as read: the table of the specification. */
const TABLE = `
          boolean byte short char int long float double string bytes
boolean   x       .    .     .    .   .    .     .      x      .
byte      .       x    x     .    x   x    .     .      x      .
short     .       .    x     .    x   x    .     .      x      .
char      .       .    .     x    .   .    .     .      x      .
int       .       .    .     .    x   x    .     .      x      .
long      .       .    .     .    .   x    .     .      x      .
float     .       .    .     .    .   .    x     x      x      .
double    .       .    .     .    .   .    .     x      x      .
string    x       x    x     .    x   x    x     x      x      .
bytes     .       .    .     .    .   .    .     .      .      x`;

test('values are read as the table of JMS allows, and not otherwise', () => {
  const rows = TABLE.trim().split('\n').slice(1);
  assert.equal(rows.length, EXAMPLES.length);
  for (const [row, line] of rows.entries()) {
    const [from, ...cells] = line.trim().split(/\s+/);
    const value = EXAMPLES[row];
    assert.ok(value !== undefined && value.type === from && cells.length === SCALARS.length);
    for (const [column, type] of SCALARS.entries()) {
      const what = `${from} as ${type}`;
      if (cells[column] === 'x') assert.notEqual(readAs('value', value, type), null, what);
      else assert.throws(() => readAs('value', value, type), isRefused, what);
    }
  }
});

test('what is read is the same value, as what was asked for', () => {
  assert.equal(readAs('v', { type: 'int', value: 7 }, 'long'), 7n);
  assert.equal(readAs('v', { type: 'float', value: Math.fround(0.1) }, 'string'), '0.1');
  assert.equal(readAs('v', { type: 'long', value: 2n ** 62n }, 'string'), String(2n ** 62n));
  assert.equal(readAs('v', { type: 'string', value: 'TRUE' }, 'boolean'), true);
  assert.equal(readAs('v', { type: 'string', value: 'yes' }, 'boolean'), false);
  assert.equal(readAs('v', { type: 'string', value: '-128' }, 'byte'), -128);
  assert.equal(readAs('v', { type: 'string', value: ' 1e3 ' }, 'double'), 1000);
  for (const [text, type] of [
    ['128', 'byte'],
    ['', 'int'],
    ['1.5', 'long'],
    ['x', 'double'],
    [String(2n ** 63n), 'long'],
  ] as const) {
    assert.throws(() => readAs('v', { type: 'string', value: text }, type), isRefused, `${text} as ${type}`);
  }
});

test('a null is false, no text and no bytes, and no number', () => {
  const nothing: TypedValue = { type: 'null', value: null };
  assert.equal(readAs('v', nothing, 'boolean'), false);
  assert.equal(readAs('v', nothing, 'string'), null);
  assert.equal(readAs('v', nothing, 'bytes'), null);
  assert.throws(() => readAs('v', nothing, 'int'), isRefused);
});

test('a value has the range of its type', () => {
  const bad: [ScalarType, unknown][] = [
    ['byte', 128],
    ['short', -32_769],
    ['int', 2 ** 31],
    ['int', 1.5],
    ['long', 2n ** 63n],
    ['long', 2 ** 53],
    ['char', 'ab'],
    ['char', ''],
    ['boolean', 1],
    ['string', 1],
    ['bytes', [1]],
    ['double', '1'],
  ];
  for (const [type, value] of bad) assert.throws(() => typed('value', type, value), isRefused, `${type} ${value}`);
  assert.deepEqual(typed('value', 'long', -5), { type: 'long', value: -5n });
  assert.deepEqual(typed('value', 'float', 0.1), { type: 'float', value: Math.fround(0.1) });
});

test('every float and double is its text again, and a float has no digits too many', () => {
  fc.assert(
    fc.property(fc.float(), fc.double(), (float, double) => {
      assert.deepEqual(valueOfText(textOf({ type: 'float', value: float }), 'float'), { type: 'float', value: float });
      assert.deepEqual(valueOfText(textOf({ type: 'double', value: double }), 'double'), {
        type: 'double',
        value: double,
      });
    }),
  );
  for (const text of ['0.1', '3.4028235e+38', '1e-45', '16777216', '-0', 'NaN', '-Infinity']) {
    assert.equal(textOf({ type: 'float', value: Math.fround(Number(text)) }), text);
  }
});

test('a plain value has the type that it shows', () => {
  const values = [true, 5, 2 ** 31, 0.5, -0, 5n, 'x', new Uint8Array(0), null, {}];
  const types = ['boolean', 'int', 'double', 'double', 'double', 'long', 'string', 'bytes', undefined, undefined];
  assert.deepEqual(values.map(typeOfPlain), types);
});
