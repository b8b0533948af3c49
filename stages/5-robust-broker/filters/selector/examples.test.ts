import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { Selector } from './selector.ts';
import { compare, not, type Truth } from './values.ts';

const PAGE = readFileSync(new URL('../../../../docs/selectors.md', import.meta.url), 'utf8');
const EXAMPLES = PAGE.slice(PAGE.indexOf('## Examples'));
const HEADERS = JSON.parse(/```json\n([\s\S]*?)```/.exec(EXAMPLES)?.[1] ?? '');
const RECORD = { id: 'm-1', key: 'k', priority: 3, timestamp: 1000, headers: HEADERS };

function outcomeOf(selector: string): string {
  try {
    return String(new Selector(selector).evaluate(RECORD, 1) ?? 'unknown');
  } catch (error) {
    if (!isMqError(error, 'MQ_INVALID_SELECTOR')) throw error;
    return `refused at ${error.details.position}`;
  }
}

test('every example of the page comes out as the page says', () => {
  const lines = [...EXAMPLES.matchAll(/^\| `(.*)` \| (true|false|unknown|refused at \d+) \|$/gm)];
  assert.ok(lines.length > 95, `${lines.length} examples`);
  const wrong = lines.filter(([, selector = '', expected]) => outcomeOf(selector) !== expected);
  assert.deepEqual(
    wrong.map(([, selector = '', expected]) => `${selector}: ${outcomeOf(selector)}, and the page says ${expected}`),
    [],
  );
});

test('AND, OR and NOT of true, false and unknown are as in the table of the page', () => {
  const rows = [...PAGE.matchAll(/^\| (\w+) \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$/gm)].filter(([, a]) => a !== 'a');
  const written: Readonly<Record<string, string>> = { true: 'paid', false: 'sold', unknown: '(missing = 1)' };
  assert.equal(rows.length, 9);
  for (const [, a = '', b = '', both, either, negated] of rows) {
    assert.equal(outcomeOf(`${written[a]} AND ${written[b]}`), both, `${a} AND ${b}`);
    assert.equal(outcomeOf(`${written[a]} OR ${written[b]}`), either, `${a} OR ${b}`);
    assert.equal(outcomeOf(`NOT ${written[a]}`), negated, `NOT ${a}`);
  }
});

test('a comparison of two values and its contrary are never both true, and both unknown or neither', () => {
  const values = ['a', 'b', '', 1n, 2n, 1, 1.5, true, false, undefined];
  for (const left of values) {
    for (const right of values) {
      const pairs = [
        ['=', '<>'],
        ['<', '>='],
        ['>', '<='],
      ] as const;
      for (const [operator, contrary] of pairs) {
        const [one, other]: Truth[] = [compare(operator, left, right), compare(contrary, left, right)];
        const label = `${String(left)} ${operator} ${String(right)}`;
        assert.equal(one === undefined, left === undefined || right === undefined, label);
        assert.equal(other === undefined, one === undefined, label);
        assert.ok(one !== true || other === false, label);
        assert.equal(not(not(one)), one);
      }
    }
  }
});

test('what is refused is said in a sentence that names the place and what was expected there', () => {
  const messageOf = (selector: string): string => {
    try {
      return `accepted: ${new Selector(selector).text}`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(
    messageOf('price > 1 AND'),
    'the selector is wrong at position 13: expected a name, a number, a text, TRUE, FALSE or (, not the end',
  );
  assert.match(messageOf('price != 1'), /position 6: .*write <>/);
  assert.match(messageOf('price = NULL'), /write IS NULL/);
  assert.match(messageOf('price > 1 price'), /position 10: expected AND, OR or the end, not the name "price"/);
});

test('depth, operands, patterns and length are bounded, each at its own number', () => {
  const nested = (depth: number): string => `${'('.repeat(depth)}a = 1${')'.repeat(depth)}`;
  assert.equal(outcomeOf(nested(64)), 'unknown');
  assert.equal(outcomeOf(nested(65)), 'refused at 64');
  assert.equal(outcomeOf(`${'NOT '.repeat(65)}a = 1`), 'refused at 256');
  assert.equal(outcomeOf(`a = ${'- '.repeat(65)}1`), 'refused at 132');
  const operands = (count: number): string => Array.from({ length: count }, () => 'a').join('+');
  assert.equal(outcomeOf(`${operands(511)}=1`), 'unknown');
  assert.equal(outcomeOf(`${operands(512)}=1`), 'refused at 1024');
  assert.equal(outcomeOf(`a LIKE '${'x'.repeat(512)}'`), 'unknown');
  assert.equal(outcomeOf(`a LIKE '${'x'.repeat(256)}' OR a LIKE '${'x'.repeat(257)}'`), 'refused at 276');
  assert.equal(outcomeOf(`a = '${'x'.repeat(4090)}'`), 'unknown');
  assert.equal(outcomeOf(`a = '${'x'.repeat(4091)}'`), 'refused at 0');
});
