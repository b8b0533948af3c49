import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { likePattern } from './like.ts';

/** Ours takes less than a thousandth of it; one that tries all possibilities, many times as long. */
const CPU_MICROS_MAX = 5_000_000;

test('a pattern that all but matches in a thousand places is not tried in each of them', () => {
  const before = process.cpuUsage();
  assert.equal(likePattern('%a%a%b', undefined)('a'.repeat(4000)), false);
  assert.equal(likePattern('%a_a%_a%b', undefined)('a'.repeat(4000)), false);
  const { user } = process.cpuUsage(before);
  assert.ok(user < CPU_MICROS_MAX, `${user} µs of processor time`);
});
