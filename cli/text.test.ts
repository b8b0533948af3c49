import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, counted, nearest, printable, tableLines } from './text.ts';

test('nothing that steers a terminal or forges a line is left in a printable text', () => {
  assert.equal(printable('a\x1b[2Jb\r\nc\x7f\x9b\u202ed'), 'a\\x1b[2Jb\\r\\nc\\x7f\\x9b\\u202ed');
  assert.equal(printable('tab\there'), 'tab\\there');
  assert.equal(printable('消息 ü 👍'), '消息 ü 👍');
});

test('a table lines up also where a character is two columns wide, and numbers stand right', () => {
  assert.deepEqual(
    tableLines(
      ['topic', 'lag'],
      [
        ['消息', 5],
        ['t\n', 120],
      ],
    ),
    ['topic  lag', '消息     5', 't\\n    120'],
  );
  assert.equal(columnsOf('消息e\u0301'), 5);
});

test('a slip of the fingers finds its command, a foreign word finds none', () => {
  assert.equal(nearest('snd', ['send', 'serve']), 'send');
  assert.equal(nearest('recieve', ['send', 'receive']), 'receive');
  assert.equal(nearest('publish', ['send', 'receive']), undefined);
});

test('a count has its noun in the right number', () => {
  assert.equal(counted(1, 'message'), '1 message');
  assert.equal(counted(20_000, 'message'), '20,000 messages');
  assert.deepEqual([counted(2, 'batch'), counted(0, 'entry'), counted(3, 'key')], ['2 batches', '0 entries', '3 keys']);
});
