import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DurationMeter, RateMeter, Trend } from './meters.ts';

test('a rate counts the last five seconds and forgets what is older', () => {
  const meter = new RateMeter(0);
  for (let atMs = 0; atMs < 10_000; atMs += 100) meter.add(atMs);
  assert.ok(Math.abs(meter.perSecond(9999) - 10) < 0.5, `${meter.perSecond(9999)}`);
  assert.equal(meter.perSecond(20_000), 0);
});

test('a rate is right from its first second on, not only when its window is full', () => {
  const meter = new RateMeter(5000);
  for (let atMs = 5000; atMs < 6000; atMs += 100) meter.add(atMs);
  assert.ok(Math.abs(meter.perSecond(6000) - 10) < 0.5, `${meter.perSecond(6000)}`);
});

test('percentiles are those of the last ten to twenty seconds', () => {
  const meter = new DurationMeter(0);
  assert.deepEqual(meter.percentiles(0), { p50Ms: null, p99Ms: null });
  for (let count = 0; count < 99; count += 1) meter.record(count, 2);
  meter.record(100, 500);
  const { p50Ms, p99Ms } = meter.percentiles(100);
  assert.ok(p50Ms !== null && Math.abs(p50Ms - 2) < 0.05);
  assert.ok(p99Ms !== null && p99Ms < 10);
  meter.record(15_000, 7);
  assert.ok((meter.percentiles(15_000).p50Ms ?? 0) < 3, 'the window before still counts');
  assert.deepEqual(meter.percentiles(40_000), { p50Ms: null, p99Ms: null });
});

test('a trend has two values a second and at most the last twenty seconds', () => {
  const trend = new Trend();
  for (let atMs = 0; atMs < 60_000; atMs += 50) trend.add(atMs, atMs);
  assert.equal(trend.values.length, 40);
  assert.equal(trend.values.at(-1), 59_500);
  assert.equal(trend.values[0], 40_000);
});
