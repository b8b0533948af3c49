/** Topic names and filters: the rules of the specification, and where they lead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationOfName, nameOf, parseFilter } from './topics.ts';

const MATCHES: readonly (readonly [filter: string, yes: readonly string[], no: readonly string[]])[] = [
  ['a/b', ['a/b'], ['a', 'a/b/', 'a/b/c', '/a/b', 'A/b']],
  ['a/+', ['a/b', 'a/'], ['a', 'a/b/c', '/a/b']],
  ['+', ['a', ''], ['/a', 'a/b', '$SYS']],
  ['+/+', ['/a', 'a/', '/'], ['a', 'a/b/c']],
  ['/+', ['/a'], ['a', 'a/b']],
  ['#', ['a', 'a/b', '/', 'a/b/c'], ['$SYS', '$SYS/x']],
  ['a/#', ['a', 'a/', 'a/b', 'a/b/c'], ['ab', 'b/a', '/a']],
  ['+/b/#', ['a/b', 'a/b/c/d'], ['$a/b', 'a/c', 'b']],
  ['a/+/c/#', ['a/b/c', 'a//c/d'], ['a/c', 'a/b/d']],
  ['a.b/c', ['a.b/c'], ['a/b/c']],
  ['caf\u00e9', ['caf\u00e9'], ['cafe']],
  ['cafe\u0301', ['caf\u00e9'], []],
];

test('a filter matches what the specification says, and nothing else', () => {
  for (const [text, yes, no] of MATCHES) {
    const filter = parseFilter(text);
    for (const name of yes) assert.ok(filter.matches(name), `${text} matches ${name}`);
    for (const name of no) assert.ok(!filter.matches(name), `${text} does not match ${name}`);
  }
});

test('a shared subscription has the filter behind its group', () => {
  const filter = parseFilter('$share/g/a/+');
  assert.ok(filter.matches('a/b') && !filter.matches('$share/g/a/b'));
  assert.equal(filter.sharedGroup, '%24share%2Fg/a%2F+');
  assert.notEqual(parseFilter('$share/g/a/#').sharedGroup, filter.sharedGroup, 'another filter is another group');
});

for (const text of [
  '',
  'a/#/b',
  'a#',
  'a/b#',
  'a+',
  '+a/b',
  '$SYS/#',
  '$share',
  '$share/',
  '$share/g',
  '$share/g/',
  '$share//a',
  '$share/+/a',
  '$share/g/$queue/a',
  '$share/g\u0001/a/+',
  '$share/g/a\u007f/+',
  '$queue/',
  '$queue/a/#',
  '$temp/+',
]) {
  test(`"${text}" is no filter`, () => {
    assert.throws(() => parseFilter(text), { name: 'Violation', reason: 0x8f });
  });
}

test('a shared subscription whose group would have a name too long is no filter', () => {
  assert.equal(Buffer.byteLength(parseFilter(`$share/${'g'.repeat(236)}/+`).sharedGroup ?? ''), 249);
  assert.throws(() => parseFilter(`$share/${'g'.repeat(237)}/+`), { name: 'Violation', reason: 0x8f });
});

for (const name of ['', 'a/+', '#', 'a#', '$SYS/x', '$share/g/a', '$', '$queue/', '$queue/a+']) {
  test(`"${name}" is no name to publish to`, () => {
    assert.throws(() => destinationOfName(name), { name: 'Violation', reason: 0x90 });
  });
}

test('a name leads to a destination and back', () => {
  for (const [name, kind, inContract] of [
    ['a/b', 'topic', 'a.b'],
    ['a.b/c', 'topic', 'a/b.c'],
    ['/', 'topic', '.'],
    ['$queue/orders', 'queue', 'orders'],
    ['$queue/a/b.c', 'queue', 'a/b.c'],
    ['$temp/x', 'temporary-queue', '$temp/x'],
  ] as const) {
    const destination = destinationOfName(name);
    assert.deepEqual(destination, { kind, name: inContract });
    assert.equal(nameOf(destination), name);
  }
});
