import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../../../shared/contract/message.ts';
import { createBroker } from '../../index.ts';
import { Selector } from './selector.ts';

const LONG = 'a'.repeat(16_000);
const record = (headers: Readonly<Record<string, string>>) => ({ id: 'i', key: undefined, headers, timestamp: 1 });

test('an ordinary selector costs one look, whatever the message carries besides', () => {
  const ordinary = [`region = 'eu'`, `a = 1 AND b <> 2 OR c IN ('x', 'y') AND d IS NULL`, `name LIKE 'a%'`];
  for (const text of ordinary) assert.equal(new Selector(text).costOf(record({ region: 'eu', name: 'anna', LONG })), 1);
});

test('a search costs by the length of what it is done in, wherever it stands, and by its pattern', () => {
  const cost = (text: string, note = LONG): number => new Selector(text).costOf(record({ note }));
  const one = cost(`note LIKE '%b%'`);
  assert.ok(one > 50 && one < 200, `${one}`);
  for (const text of [`NOT note LIKE '%b%'`, `x = 1 AND (y = 2 OR note NOT LIKE '%b%')`]) {
    assert.ok(cost(text) >= one, text);
  }
  assert.equal(cost(`note LIKE '%b%'`, 'short'), 1);
  assert.ok(cost(`note LIKE '%${'a'.repeat(400)}_b%'`) > 50 * one);
  assert.ok(cost(`note LIKE '%b%' OR note LIKE '%c%'`) > 1.9 * one);
  assert.ok(new Selector(`x = 1`).costOf(record({ $types: LONG })) > 100);
});

test('a selector made to be slow over a log made for it leaves turns to everybody else', async () => {
  await using broker = await createBroker({ flushPolicy: 'never' });
  const messages: Message[] = Array.from({ length: 20 }, () => ({ body: '', headers: { note: LONG } }));
  await broker.sendBatch('t', messages);
  const selector = `note LIKE '%${'a'.repeat(500)}_b%'`;
  let turns = 0;
  let isOver = false;
  const searching = broker.receive('t', { filter: { selector } }).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    turns += 1;
    await new Promise(setImmediate);
  }
  assert.deepEqual(await searching, []);
  assert.ok(turns >= 10, `${turns} turns`);
});
