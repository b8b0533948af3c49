import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RedeliveryReason } from '../../shared/contract/message.ts';
import { MESSAGES, say, translate, translateRecorded } from './messages.ts';

const entries = Object.entries(MESSAGES);
const valuesIn = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();

test('every text is there in both languages', () => {
  assert.ok(entries.length > 100);
  for (const [key, { en, zh }] of entries) {
    assert.notEqual(en.trim(), '', `${key} has no English`);
    assert.notEqual(zh.trim(), '', `${key} has no Chinese`);
    const isSwitch = key === 'key.language';
    assert.ok(isSwitch || !/\p{Script=Han}/u.test(en.replace('中文', '')), `the English of ${key} has Chinese in it`);
  }
});

test('both languages of a text take the same values', () => {
  for (const [key, { en, zh }] of entries) assert.deepEqual(valuesIn(zh), valuesIn(en), key);
});

test('Chinese texts have the punctuation of Chinese', () => {
  for (const [key, { zh }] of entries)
    assert.doesNotMatch(zh, /\p{Script=Han} ?[:;,!?()]|[:;,!?()] ?\p{Script=Han}/u, key);
});

test('a message that comes again is told in words for every reason the contract has', () => {
  const reasons: readonly RedeliveryReason[] = ['lease-expired', 'retry', 'return', 'member-left', 'seek'];
  for (const reason of reasons) {
    const values = { offsets: '#8', by: 'c2', count: 2 };
    for (const language of ['en', 'zh'] as const) {
      const text = translate(language, `event.again.${reason}`, values);
      assert.doesNotMatch(text, /\w-\w|[{}]|undefined/, `${reason} in ${language}: ${text}`);
      assert.match(text, /^#8 .*c2.*2/);
    }
  }
});

test('every text is used, so that the catalogue does not outlive the screen', () => {
  const folder = import.meta.dirname;
  const sources = readdirSync(folder)
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('messages') && !name.includes('.test.'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  // Keys that are put together from a part that varies.
  const families = [...sources.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/g)].map((match) => match[1] ?? '');
  const unused = entries
    .map(([key]) => key)
    .filter((key) => {
      return !sources.includes(`'${key}'`) && !families.some((family) => key.startsWith(family));
    });
  assert.deepEqual(unused, []);
});

test('values are put into a text, in either language', () => {
  assert.equal(translate('en', 'event.sent', { who: 'p1', offset: 12 }), 'p1 sent #12');
  assert.equal(translate('zh', 'event.sent', { who: 'p1', offset: 12 }), 'p1 发送了 #12');
  assert.equal(translateRecorded('zh', { key: 'event.sent', values: { who: 'p2', offset: 0 } }), 'p2 发送了 #0');
  assert.equal(say('zh', 'stage.2'), '环形缓冲区');
});
