/**
 * The page about the format keeps its word: its example is what the code writes and reads, every row of its table is there,
 * and every condition the code cites is on the page, once, and the other way round.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS } from '../shared/contract/limits.ts';
import { checkContent, faultOfContent, faultOfPlacement } from '../stages/4-persisted-log/bytes/batch-check.ts';
import { encodeBatch, logIdOf, placeBatch } from '../stages/4-persisted-log/bytes/record-batch.ts';
import { StoredBatch } from '../stages/4-persisted-log/bytes/stored-batch.ts';
import { readVarint, writeVarint } from '../stages/4-persisted-log/bytes/varint.ts';
import { decodeSegmentHead, encodeSegmentHead } from '../stages/4-persisted-log/log/segment-head.ts';
import { batchFields, segmentHeadFields } from '../stages/4-persisted-log/tools/batch-fields.ts';
import { hexLine, hexRows } from '../stages/4-persisted-log/tools/hexdump.ts';

const PAGE = readFileSync(new URL('format-log.md', import.meta.url), 'utf8');
const CODE = join(import.meta.dirname, '../stages/4-persisted-log');

const TOPIC_ID = Uint8Array.from({ length: 16 }, (_, index) => index);
const NOON = Date.UTC(2026, 0, 1, 12);
const LOG_ID = logIdOf({ topicId: TOPIC_ID, partition: 0 });

function shownLines(): readonly string[] {
  const block = /```hexdump\n([\s\S]*?)```/.exec(PAGE)?.[1];
  assert.ok(block !== undefined, 'the page has a hexdump');
  return block.trimEnd().split('\n');
}

function shownBytes(): Uint8Array {
  const hex = shownLines().map((line) => line.slice(9, 58).replace(/[^0-9a-f]/g, ''));
  return Uint8Array.from(Buffer.from(hex.join(''), 'hex'));
}

test('the example is what is written', () => {
  const head = encodeSegmentHead({ partition: 0, topicId: TOPIC_ID, baseOffset: 0, createdAt: NOON });
  const batch = encodeBatch(
    [{ body: Buffer.from('hello') }, { body: Buffer.from('{"n":2}'), key: 'k1', headers: { lang: 'en' }, priority: 5 }],
    { idPrefix: 'a1-', firstIdNumber: 7 },
  );
  placeBatch(batch, { baseOffset: 0, appendedAt: NOON + 5, logId: LOG_ID, syncedPosition: 64 });
  assert.deepEqual(shownBytes(), Uint8Array.from(Buffer.concat([head, batch])));
});

test('the example is shown as `mq inspect` shows it', () => {
  const bytes = shownBytes();
  const [head, batch] = [bytes.subarray(0, 64), bytes.subarray(64)];
  const rows = [
    ...hexRows(head, { position: 0, fields: segmentHeadFields(head) }),
    ...hexRows(batch, { position: 64, fields: batchFields(batch) }),
  ];
  assert.deepEqual(rows.map(hexLine), shownLines());
});

test('the example is read as the page says', () => {
  const bytes = shownBytes();
  const head = decodeSegmentHead(bytes.subarray(0, 64));
  assert.deepEqual(head, { partition: 0, topicId: TOPIC_ID, baseOffset: 0, createdAt: NOON });
  const batch = bytes.slice(64);
  const place = { logId: LOG_ID, offsetMin: 0, appendedAtMin: 0, position: 64 };
  assert.equal(faultOfPlacement(batch, place) ?? faultOfContent(batch), undefined);
  assert.equal(checkContent(batch, LIMITS).count, 2);
  const stored = new StoredBatch(batch);
  const [first, second] = [stored.recordAt(0), stored.recordAt(1)];
  assert.deepEqual([first.id, Buffer.from(first.body).toString(), first.priority], ['a1-7', 'hello', 0]);
  assert.deepEqual([second.id, Buffer.from(second.body).toString(), second.priority], ['a1-8', '{"n":2}', 5]);
  assert.deepEqual([second.key, { ...second.headers }], ['k1', { lang: 'en' }]);
  assert.equal(second.timestamp, Date.parse('2026-01-01T12:00:00.005Z'));
});

test('every row of the table is where it says', () => {
  const bytes = shownBytes();
  const rows = [...PAGE.matchAll(/^\| ([0-9a-f]{2}) +\| `([0-9a-f …]+)` +\|/gm)];
  assert.ok(rows.length > 25);
  for (const [, position = '', hex = ''] of rows) {
    const from = Number.parseInt(position, 16);
    const [start = ''] = hex.split(' … ');
    const expected = Buffer.from(start.replaceAll(' ', ''), 'hex');
    assert.deepEqual(Buffer.from(bytes.subarray(from, from + expected.length)), expected, `at ${position}`);
  }
});

test('the varints of the page are right', () => {
  const shown: readonly (readonly [number, string])[] = [
    [5, '05'],
    [127, '7f'],
    [128, '80 01'],
    [300, 'ac 02'],
  ];
  for (const [value, hex] of shown) {
    assert.ok(PAGE.includes(`-> ${hex}`));
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    assert.equal(readVarint(bytes, 0, bytes.length), value);
    const written = new Uint8Array(8);
    assert.deepEqual(Buffer.from(written.subarray(0, writeVarint(written, 0, value))), bytes);
  }
});

test('the conditions of the page and those the code cites are the same', () => {
  const onPage = [...PAGE.matchAll(/^- \*\*(V\d+)\*\*/gm)].map(([, name]) => name);
  assert.deepEqual(
    onPage,
    onPage.map((_, index) => `V${index + 1}`),
    'they are numbered in order',
  );
  const files = globSync('{bytes,log}/*.ts', { cwd: CODE }).filter((name) => !name.endsWith('.test.ts'));
  const cited = new Set(files.flatMap((name) => readFileSync(join(CODE, name), 'utf8').match(/\bV\d+\b/g) ?? []));
  assert.deepEqual([...cited].sort(), [...onPage].sort());
});
