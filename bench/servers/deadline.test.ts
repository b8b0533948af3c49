import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reached, settled } from './deadline.ts';

test('what is not reached in time is an error that says what and for how long it was waited', async () => {
  let looksCount = 0;
  const isReached = (): boolean => {
    looksCount += 1;
    return looksCount === 3;
  };
  await reached(isReached, { msMax: 10_000, otherwise: 'nobody came' });
  assert.equal(looksCount, 3);
  await assert.rejects(
    reached(() => false, { msMax: 5, otherwise: 'nobody came' }),
    /^Error: nobody came within 5 ms$/,
  );
});

test('what settles in time settles as it is, what does not is an error', async () => {
  const deadline = { msMax: 10_000, otherwise: 'it did not end' };
  assert.equal(await settled(Promise.resolve(7), deadline), 7);
  await assert.rejects(settled(Promise.reject(new RangeError('its own')), deadline), /^RangeError: its own$/);
  const never = new Promise(() => {});
  await assert.rejects(settled(never, { ...deadline, msMax: 5 }), /^Error: it did not end within 5 ms$/);
});
