import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../../shared/clock.ts';
import { TokenBucket } from './token-bucket.ts';

test('a full bucket gives what its rate gives in a second, and says when there is enough again', async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 100);
  assert.equal(bucket.waitMsFor(60), 0);
  bucket.take(60);
  assert.equal(bucket.waitMsFor(60), 200);
  await clock.pass(199);
  assert.equal(bucket.waitMsFor(60), 1);
  await clock.pass(1);
  assert.equal(bucket.waitMsFor(60), 0);
});

test('what is larger than the bucket goes when it is full, and is paid for afterwards', async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 100);
  assert.equal(bucket.waitMsFor(1000), 0);
  bucket.take(1000);
  assert.equal(bucket.waitMsFor(1), 9010);
  await clock.pass(9010);
  assert.equal(bucket.waitMsFor(1), 0);
});

test('however it is asked, no more goes than the bucket and its rate allow, and who waits as told is served', async () => {
  const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 50 }), restMs: fc.nat(300) }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 50, max: 5000 }), async (takings, perSecond) => {
      const clock = new VirtualClock();
      const bucket = new TokenBucket(clock, perSecond);
      let taken = 0;
      for (const { count, restMs } of takings) {
        await clock.pass(restMs);
        const waitMs = bucket.waitMsFor(count);
        await clock.pass(waitMs);
        assert.equal(bucket.waitMsFor(count), 0, 'the time it told was enough');
        bucket.take(count);
        taken += count;
        assert.ok(taken <= perSecond + (perSecond * clock.monotonicMs()) / 1000 + 1e-6);
      }
    }),
    { numRuns: 40 },
  );
});
