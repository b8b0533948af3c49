import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../shared/contract/limits.ts';
import {
  BODY_BYTES,
  NUMBERS_MAX,
  numberedBody,
  numberedText,
  numberIn,
  numberInText,
  Tally,
  writeNumber,
} from './tally.ts';

test('a body has 100 bytes and gives its number back, as bytes and as text', () => {
  for (const number of [0, 1, 31, 32, 12_345, NUMBERS_MAX - 1]) {
    const body = numberedBody(number);
    assert.equal(body.length, BODY_BYTES);
    assert.equal(numberIn(body), number);
    assert.equal(numberInText(numberedText(number)), number);
  }
});

test('a body needs no escapes in JSON, so that one on the wire has 100 bytes too', () => {
  for (let number = 0; number < 2000; number += 1) {
    const text = numberedText(number * 977);
    assert.equal(JSON.stringify(text).length, BODY_BYTES + 2);
  }
});

test('a number can be written into bytes that are there already', () => {
  const bytes = new Uint8Array(BODY_BYTES + 7);
  writeNumber(bytes, 7, 31_416);
  assert.equal(numberIn(bytes.subarray(7)), 31_416);
  assert.ok(bytes.subarray(0, 7).every((byte) => byte === 0));
});

test('every message is sent and received, lost, duplicate or unanswered', () => {
  const tally = new Tally(4);
  for (const number of [0, 1, 2, 3]) tally.sent(number);
  tally.attempt(4);
  tally.attempt(5);
  tally.received(0);
  tally.received(1);
  tally.received(1);
  tally.received(1);
  tally.received(5); // nobody promised it, and it came all the same
  assert.deepEqual(tally.counts, { sent: 4, received: 3, lost: 2, duplicate: 2, unanswered: 2, unknown: 0 });
});

test('a number that was never sent is unknown, whatever its size', () => {
  const tally = new Tally(2);
  tally.sent(0);
  tally.received(1);
  tally.received(NUMBERS_MAX);
  tally.received(Number.NaN);
  assert.equal(tally.counts.unknown, 3);
  assert.equal(tally.counts.lost, 1);
});

test('the table grows with the numbers', () => {
  const tally = new Tally(1);
  for (let number = 0; number < LIMITS.batchCountMax; number += 1) tally.sent(number);
  for (let number = 0; number < LIMITS.batchCountMax; number += 1) tally.received(number);
  assert.deepEqual(tally.counts, {
    sent: LIMITS.batchCountMax,
    received: LIMITS.batchCountMax,
    lost: 0,
    duplicate: 0,
    unanswered: 0,
    unknown: 0,
  });
});

test('the same messages can go round again', () => {
  const tally = new Tally(2);
  tally.sent(0);
  tally.sent(1);
  tally.received(0);
  tally.received(7);
  tally.forgetReceived();
  tally.received(1);
  assert.deepEqual(tally.counts, { sent: 2, received: 1, lost: 1, duplicate: 0, unanswered: 0, unknown: 0 });
});
