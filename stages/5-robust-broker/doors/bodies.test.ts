import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../shared/contract/errors.ts';
import { type Body, decodeBody, encodeBody } from './bodies.ts';
import { DEPTH_MAX, VALUES_COUNT_MAX } from './typed-json.ts';
import type { TypedValue } from './typed-values.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const anyText = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
const leaves: fc.Arbitrary<TypedValue>[] = [
  fc.boolean().map((value) => ({ type: 'boolean', value })),
  fc.integer({ min: -128, max: 127 }).map((value) => ({ type: 'byte', value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ type: 'short', value })),
  fc.integer().map((value) => ({ type: 'int', value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: 'long', value })),
  fc.float().map((value) => ({ type: 'float', value })),
  fc.double().map((value) => ({ type: 'double', value })),
  fc.integer({ min: 0, max: 0xffff }).map((unit) => ({ type: 'char', value: String.fromCharCode(unit) })),
  anyUnits.map((value) => ({ type: 'string', value })),
  fc.uint8Array().map((value) => ({ type: 'bytes', value })),
  fc.constant({ type: 'null', value: null }),
];
const { value: anyValue } = fc.letrec<{ value: TypedValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    ...leaves,
    fc.array(tie('value'), { maxLength: 5 }).map((value): TypedValue => ({ type: 'list', value })),
    fc
      .array(fc.tuple(anyUnits, tie('value')), { maxLength: 5 })
      .map((value): TypedValue => ({ type: 'map', value: new Map(value) })),
  ),
}));
const anyBody: fc.Arbitrary<Body> = fc.oneof(
  fc.option(anyText).map((text): Body => ({ kind: 'text', text })),
  fc.uint8Array().map((bytes): Body => ({ kind: 'bytes', bytes })),
  fc.uint8Array().map((bytes): Body => ({ kind: 'object', bytes })),
  fc.array(anyValue).map((values): Body => ({ kind: 'stream', values })),
  fc.array(fc.tuple(anyUnits, anyValue)).map((entries): Body => ({ kind: 'map', entries: new Map(entries) })),
  fc.constant<Body>({ kind: 'none' }),
);

test('what is encoded is decoded exactly', () => {
  fc.assert(fc.property(anyBody, (body) => assert.deepStrictEqual(decodeBody(encodeBody(body)), body)));
});

test('a map keeps the order of its names, also of those that look like numbers', () => {
  const entries = new Map<string, TypedValue>(
    ['10', 'b', '2', '__proto__', 'a'].map((name) => [name, { type: 'null', value: null }]),
  );
  const decoded = decodeBody(encodeBody({ kind: 'map', entries }));
  assert.deepEqual(decoded.kind === 'map' && [...decoded.entries.keys()], [...entries.keys()]);
});

test('a map is JSON that anybody can read, with the types that JSON does not tell beside it', () => {
  const entries = new Map<string, TypedValue>([
    ['big', { type: 'long', value: 2n ** 60n + 1n }],
    ['half', { type: 'float', value: 0.5 }],
    ['nan', { type: 'double', value: Number.NaN }],
    ['raw', { type: 'bytes', value: new Uint8Array([1, 2, 3]) }],
    ['one', { type: 'double', value: 1 }],
  ]);
  const { body, headers } = encodeBody({ kind: 'map', entries });
  assert.equal(textOf(body), '{"big":1152921504606846977,"half":0.5,"nan":"NaN","raw":"AQID","one":1.0}');
  assert.deepEqual(headers, { $body: 'map', '$body-types': 'long,float,double,bytes,double' });
});

test('types that JSON tells are left out, and equal ones are counted', () => {
  const ints = Array.from({ length: 1000 }, (_, value): TypedValue => ({ type: 'int', value }));
  assert.deepEqual(encodeBody({ kind: 'stream', values: ints }).headers, { $body: 'stream' });
  const shorts = ints.map(({ value }): TypedValue => ({ type: 'short', value: Number(value) }));
  const { headers } = encodeBody({ kind: 'stream', values: shorts });
  assert.deepEqual(headers, { $body: 'stream', '$body-types': 'short*1000' });
});

test('JSON of somebody else has the types that it shows', () => {
  const body = bytesOf(' { "a" : 1, "b":9007199254740993 ,"c":1.5,"d":[true,null],"e":"x" } ');
  assert.deepEqual(decodeBody({ body, headers: { $body: 'map' } }), {
    kind: 'map',
    entries: new Map<string, TypedValue>([
      ['a', { type: 'int', value: 1 }],
      ['b', { type: 'long', value: 9007199254740993n }],
      ['c', { type: 'double', value: 1.5 }],
      [
        'd',
        {
          type: 'list',
          value: [
            { type: 'boolean', value: true },
            { type: 'null', value: null },
          ],
        },
      ],
      ['e', { type: 'string', value: 'x' }],
    ]),
  });
});

test('without a kind it is a text when it is UTF-8 without NUL, and bytes otherwise', () => {
  const kindOf = (body: Uint8Array): string => decodeBody({ body, headers: {} }).kind;
  assert.equal(kindOf(bytesOf('茶')), 'text');
  assert.equal(kindOf(new Uint8Array(0)), 'text');
  assert.equal(kindOf(bytesOf('a\0b')), 'bytes');
  assert.equal(kindOf(new Uint8Array([0xff])), 'bytes');
});

test('a plain text needs no header, and one with NUL says that it is a text', () => {
  assert.deepEqual(encodeBody({ kind: 'text', text: 'tea' }).headers, {});
  assert.deepEqual(encodeBody({ kind: 'text', text: 'a\0b' }).headers, { $body: 'text' });
});

test('a text keeps its byte order mark', () => {
  const body: Body = { kind: 'text', text: '\ufefftea' };
  assert.deepEqual(decodeBody(encodeBody(body)), body);
});

test('a body that does not fit its kind is bytes', () => {
  const misfits: [kind: string, body: string, types?: string][] = [
    ['map', '[1]'],
    ['map', '{"a":1,"a":2}'],
    ['map', '{"a":1', 'int'],
    ['map', '{"a":1}x'],
    ['map', '{"a":1}', 'int,int'],
    ['map', '{"a":1}', 'list'],
    ['map', '{"a":300}', 'byte'],
    ['map', '{"a":"12"}', 'double'],
    ['map', '{"a":01}'],
    ['map', '{"a":"\\"}'],
    ['stream', '{}'],
    ['stream', '1'],
    ['stream', '[1,]'],
    ['stream', '["ab"]', 'char'],
    ['stream', '["a"]', 'bytes'],
    ['stream', '[1]', 'int*99999999'],
    ['stream', `[[${'['.repeat(DEPTH_MAX)}${']'.repeat(DEPTH_MAX)}]]`],
    ['stream', '['.repeat(500_000)],
    ['text', 'x', 'null'],
    ['none', 'x'],
    ['picture', 'x'],
  ];
  for (const [kind, body, types] of misfits) {
    const headers = { $body: kind, ...(types !== undefined && { '$body-types': types }) };
    const message = { body: bytesOf(body), headers };
    assert.deepEqual(decodeBody(message), { kind: 'bytes', bytes: message.body }, `${kind} ${body.slice(0, 40)}`);
  }
  const broken = { body: new Uint8Array([0xc3]), headers: { $body: 'text' } };
  assert.equal(decodeBody(broken).kind, 'bytes');
});

test('whatever comes is decoded to something', () => {
  const someJson = fc.json().map(bytesOf);
  const someKind = fc.constantFrom('text', 'map', 'stream', 'object', 'bytes', 'none', 'x');
  const someTypes = fc.option(fc.constantFrom('int', 'string*2', 'long,', 'null', ''), { nil: undefined });
  fc.assert(
    fc.property(fc.oneof(someJson, fc.uint8Array()), someKind, someTypes, (body, kind, types) => {
      decodeBody({ body, headers: { $body: kind, ...(types !== undefined && { '$body-types': types }) } });
    }),
  );
});

test('what is too deep or too much is refused', () => {
  let deep: TypedValue = { type: 'list', value: [] };
  for (let depth = 0; depth < DEPTH_MAX; depth += 1) deep = { type: 'list', value: [deep] };
  const refused = (values: readonly TypedValue[]): void =>
    assert.throws(
      () => encodeBody({ kind: 'stream', values }),
      (error) => isMqError(error, 'MQ_INVALID_ARGUMENT'),
    );
  refused([deep]);
  refused(Array.from({ length: VALUES_COUNT_MAX }, () => ({ type: 'int', value: 1 })));
  const mixed = Array.from({ length: 4000 }, (_, index): TypedValue => {
    return index % 2 === 0 ? { type: 'byte', value: 1 } : { type: 'long', value: 1n };
  });
  refused(mixed);
});

test('as deep and as many as is allowed comes back', () => {
  let deep: TypedValue = { type: 'int', value: 7 };
  for (let depth = 1; depth < DEPTH_MAX; depth += 1) deep = { type: 'list', value: [deep] };
  const body: Body = { kind: 'stream', values: [deep] };
  assert.deepEqual(decodeBody(encodeBody(body)), body);
  const many = Array.from({ length: VALUES_COUNT_MAX - 1 }, (): TypedValue => ({ type: 'byte', value: 1 }));
  const decoded = decodeBody(encodeBody({ kind: 'stream', values: many }));
  assert.ok(decoded.kind === 'stream' && decoded.values.length === many.length);
});
