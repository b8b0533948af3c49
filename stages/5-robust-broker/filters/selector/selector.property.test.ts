import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { likePattern } from './like.ts';
import { Selector } from './selector.ts';
import { isLike, type Model, type ModelHeaders, type Typed, truthOfModel, writeModel } from './testing/model.ts';

const NAMES = ['a', 'b', 'c', 'd', 'missing'];
const name = fc.constantFrom(...NAMES);
const text = fc.stringMatching(/^[ab%_']{0,4}$/);
const exact = fc.integer({ min: 0, max: 9 });
const double = fc.constantFrom(0, 0.5, 1, 2.5, 7);
const literal: fc.Arbitrary<Model> = fc.oneof(
  exact.map((value) => ({ kind: 'value', value, isExact: true }) as const),
  double.map((value) => ({ kind: 'value', value, isExact: false }) as const),
);
const field: fc.Arbitrary<Model> = name.map((own) => ({ kind: 'name', name: own }) as const);

const { condition } = fc.letrec<{ condition: Model; sum: Model }>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'sum' },
    literal,
    field,
    fc
      .record({ operator: fc.constantFrom('+', '-', '*', '/'), left: tie('sum'), right: tie('sum') })
      .map((parts) => ({ kind: 'binary', ...parts }) as const),
    tie('sum').map((operand) => ({ kind: 'unary', operator: '-', operand }) as const),
  ),
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'condition' },
    fc
      .record({ operator: fc.constantFrom('=', '<>', '<', '<=', '>', '>='), left: tie('sum'), right: tie('sum') })
      .map((parts) => ({ kind: 'binary', ...parts }) as const),
    fc
      .record({ operator: fc.constantFrom('=', '<>'), left: field, value: fc.oneof(text, fc.boolean()) })
      .map(({ operator, left, value }) => {
        return { kind: 'binary', operator, left, right: { kind: 'value', value, isExact: true } } as const;
      }),
    fc
      .record({ parts: fc.tuple(tie('sum'), tie('sum'), tie('sum')), isNot: fc.boolean() })
      .map((parts) => ({ kind: 'between', ...parts }) as const),
    fc
      .record({ name, texts: fc.array(text, { minLength: 1, maxLength: 3 }), isNot: fc.boolean() })
      .map((parts) => ({ kind: 'in', ...parts }) as const),
    fc.record({ name, pattern: text, isNot: fc.boolean() }).map((parts) => ({ kind: 'like', ...parts }) as const),
    fc.record({ name, isNot: fc.boolean() }).map((parts) => ({ kind: 'is-null', ...parts }) as const),
    field,
    fc
      .record({ operator: fc.constantFrom('AND', 'OR'), left: tie('condition'), right: tie('condition') })
      .map((parts) => ({ kind: 'binary', ...parts }) as const),
    tie('condition').map((operand) => ({ kind: 'unary', operator: 'NOT', operand }) as const),
  ),
}));

const value: fc.Arbitrary<Typed> = fc.oneof(
  text.map((own) => ({ type: 'text', value: own }) as const),
  exact.map((own) => ({ type: 'exact', value: own }) as const),
  double.map((own) => ({ type: 'double', value: own }) as const),
  fc.boolean().map((own) => ({ type: 'boolean', value: own }) as const),
);
const headers: fc.Arbitrary<ModelHeaders> = fc.record({ a: value, b: value, c: value, d: value });

const WIRE_TYPES = { exact: 'int', double: 'double', boolean: 'boolean' } as const;

function recordWith(values: ModelHeaders) {
  const written: Record<string, string> = {};
  const types = new URLSearchParams();
  for (const [own, typed] of Object.entries(values)) {
    if (typed === undefined || typed === null) continue;
    written[own] = String(typed.value);
    if (typed.type !== 'text') types.set(own, WIRE_TYPES[typed.type]);
  }
  return { id: 'm', timestamp: 0, headers: { ...written, $types: types.toString() } };
}

test('any selector, of any message, comes out as a second and much simpler meaning says', () => {
  fc.assert(
    fc.property(condition, headers, (model, values) => {
      const written = writeModel(model);
      const truth = new Selector(written).evaluate(recordWith(values), 1);
      assert.equal(truth === undefined ? 0.5 : Number(truth), truthOfModel(model, values), written);
    }),
    { numRuns: 5000 },
  );
});

test('a pattern means what trying all possibilities says', () => {
  const anyText = fc.array(fc.constantFrom('a', 'b', '🙂'), { maxLength: 8 });
  const pattern = fc.array(fc.constantFrom('a', 'b', '🙂', '%', '_'), { maxLength: 6 });
  fc.assert(
    fc.property(anyText, pattern, (own, wanted) => {
      assert.equal(likePattern(wanted.join(''), undefined)(own.join('')), isLike(own, wanted));
    }),
    { numRuns: 5000 },
  );
});

test('whatever the text, a selector is made of it or it is refused at a place in it', () => {
  const pieces = [
    'a',
    'NOT',
    'AND',
    'or',
    'in',
    'LIKE',
    'between',
    'is',
    'null',
    'escape',
    '(',
    ')',
    ',',
    '=',
    '<>',
    '<',
    '-',
    '/',
  ];
  const others = [
    "'x'",
    '"y"',
    '1',
    '1.5',
    '0x',
    '9e9',
    '.',
    "'",
    '"',
    '\u0000',
    '\ud800',
    'é',
    '🙂',
    '_',
    '%',
    '\\',
    ';',
    '\n',
  ];
  const selector = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...pieces, ...others), { maxLength: 60 }).map((all) => all.join(' ')),
    fc.array(fc.constantFrom(...pieces, ...others), { maxLength: 60 }).map((all) => all.join('')),
  );
  const record = { id: 'm', timestamp: 0, headers: { a: '1', y: '2', $types: 'a=int' } };
  fc.assert(
    fc.property(selector, (own) => {
      try {
        assert.ok([true, false, undefined].includes(new Selector(own).evaluate(record, 1)));
      } catch (error) {
        assert.ok(isMqError(error, 'MQ_INVALID_SELECTOR'), String(error));
        const { position = -1 } = error.details;
        assert.ok(position >= 0 && position <= own.length, `position ${position} of ${own.length}`);
      }
    }),
    { numRuns: 20_000 },
  );
});

test('a cut or changed selector is refused or accepted, and throws nothing else', () => {
  const changed = fc
    .tuple(condition, fc.nat(), fc.string({ unit: 'binary', maxLength: 2 }))
    .map(([model, place, other]) => {
      const written = writeModel(model);
      const at = place % (written.length + 1);
      return written.slice(0, at) + other + written.slice(at + 1);
    });
  fc.assert(
    fc.property(changed, headers, (own, values) => {
      try {
        new Selector(own).evaluate(recordWith(values), 1);
      } catch (error) {
        assert.ok(isMqError(error, 'MQ_INVALID_SELECTOR'), String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

test('the worst patterns and the deepest selectors cost no more than their bounds say', () => {
  const long = 'a'.repeat(16_000);
  const record = { id: 'm', timestamp: 0, headers: { a: long } };
  const worst = new Selector(`a LIKE '%${'a'.repeat(254)}_b%${'a_'.repeat(126)}b'`);
  const many = new Selector(Array.from({ length: 127 }, () => "a LIKE '%_b'").join(' OR '));
  const deep = new Selector(`${'NOT ('.repeat(32)}a = 1${')'.repeat(32)}`);
  for (const selector of [worst, many, deep]) assert.equal(selector.matches(record, 1), false);
  assert.throws(() => new Selector(`${'1'.repeat(4000)} = 1`), { code: 'MQ_INVALID_SELECTOR' });
  assert.throws(() => new Selector(`${'1_'.repeat(2000)} = 1`), { code: 'MQ_INVALID_SELECTOR' });
});
