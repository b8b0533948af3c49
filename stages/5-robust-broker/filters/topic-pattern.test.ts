import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PatternForm } from '../../../shared/contract/filter.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { topicPattern } from './topic-pattern.ts';

const NAMES = [
  'orders',
  'orders.eu',
  'orders.eu.paid',
  'orders.us.paid',
  'mails',
  'orders/eu',
  'orders/eu/paid',
  '$sys',
  '$sys/dead',
];

function covered(pattern: string, form: PatternForm): string[] {
  return NAMES.filter(topicPattern(pattern, form, LIMITS));
}

test('a dotted pattern covers by whole words between dots', () => {
  assert.deepEqual(covered('orders.*', 'dotted'), ['orders.eu']);
  assert.deepEqual(covered('orders.*.paid', 'dotted'), ['orders.eu.paid', 'orders.us.paid']);
  assert.deepEqual(covered('*.eu.*', 'dotted'), ['orders.eu.paid']);
  assert.deepEqual(covered('orders.>', 'dotted'), ['orders.eu', 'orders.eu.paid', 'orders.us.paid']);
  assert.deepEqual(covered('orders.eu', 'dotted'), ['orders.eu']);
});

test('a slashed pattern covers by whole words between slashes, and everything below covers itself', () => {
  assert.deepEqual(covered('orders/+', 'slashed'), ['orders/eu']);
  assert.deepEqual(covered('orders/#', 'slashed'), ['orders', 'orders/eu', 'orders/eu/paid']);
  assert.deepEqual(covered('orders/eu/#', 'slashed'), ['orders/eu', 'orders/eu/paid']);
  assert.deepEqual(covered('+/eu', 'slashed'), ['orders/eu']);
});

test('no wildcard covers what the broker made itself, and its own name does', () => {
  assert.ok(!covered('>', 'dotted').includes('$sys'));
  assert.ok(!covered('*', 'dotted').includes('$sys'));
  assert.ok(!covered('#', 'slashed').some((name) => name.startsWith('$')));
  assert.ok(!covered('+/dead', 'slashed').includes('$sys/dead'));
  assert.deepEqual(covered('$sys/+', 'slashed'), ['$sys/dead']);
});

test('what is no pattern of the form is refused', () => {
  const wrong = [
    ...[['orders.>.paid', 'dotted'] as const, ['orders.eu*', 'dotted'] as const, ['a..b', 'dotted'] as const],
    ...[['#/paid', 'slashed'] as const, ['orders/e+', 'slashed'] as const, ['', 'slashed'] as const],
    ...[['a\u0000', 'dotted'] as const, ['a.'.repeat(130), 'dotted'] as const, ['$mine/+', 'slashed'] as const],
  ];
  for (const [pattern, form] of wrong) {
    assert.throws(() => topicPattern(pattern, form, LIMITS), { code: 'MQ_INVALID_ARGUMENT' }, pattern);
  }
});

test('a pattern covers what the regular expression of the same meaning does', () => {
  const word = fc.constantFrom('a', 'b', 'ab');
  const name = fc.array(word, { minLength: 1, maxLength: 4 });
  const pattern = fc
    .tuple(fc.array(fc.oneof(word, fc.constant('one')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([words, isOpen]) => ({ words, isOpen }));
  fc.assert(
    fc.property(name, pattern, (given, { words, isOpen }) => {
      const expression = words.map((own) => (own === 'one' ? '[^/]+' : own)).join('/');
      const dotted = [...words.map((own) => (own === 'one' ? '*' : own)), ...(isOpen ? ['>'] : [])].join('.');
      const slashed = [...words.map((own) => (own === 'one' ? '+' : own)), ...(isOpen ? ['#'] : [])].join('/');
      const path = given.join('/');
      const is = (end: string): boolean => new RegExp(`^${expression}${isOpen ? end : ''}$`).test(path);
      assert.equal(topicPattern(dotted, 'dotted', LIMITS)(given.join('.')), is('/.+'));
      assert.equal(topicPattern(slashed, 'slashed', LIMITS)(path), is('(/.+)?'));
    }),
  );
});
