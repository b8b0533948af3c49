import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../clock.ts';
import { type ErrorCode, isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import {
  checkRetryPolicy,
  longestPauseMs,
  pause,
  pauseMsAfter,
  RETRY_AFTER_MS_MAX,
  untilAborted,
  withRetry,
} from './retry.ts';

const never = new AbortController().signal;
const policy = checkRetryPolicy('retry', undefined);

/** A call that fails with `codes`, one after the other, and then answers how often it was called. */
function failing(codes: readonly ErrorCode[]): () => Promise<number> {
  let callCount = 0;
  return async () => {
    const code = codes[callCount];
    callCount += 1;
    if (code !== undefined) throw new MqError(code, 'not now');
    return callCount;
  };
}

/** Runs `promise` to its end while time passes. */
async function ended<T>(promise: Promise<T>, clock: VirtualClock): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  const watched = Promise.allSettled([promise]).then(([settled]) => {
    result = settled;
  });
  for (let step = 0; step < 1000 && result === undefined; step += 1) await clock.pass(1000);
  await watched;
  assert.ok(result);
  return result;
}

describe('pauses', () => {
  test('the longest pause doubles and stops at delayMsMax', () => {
    const longest = [1, 2, 3, 4, 50, 5000].map((attempt) => longestPauseMs(attempt, policy));
    assert.deepEqual(longest, [50, 100, 200, 400, 5000, 5000]);
  });

  test('a pause is drawn between zero and the longest, and never shorter than what the error asks for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer(), fc.nat(20_000), (attempt, seed, retryAfterMs) => {
        const random = new SeededRandom(seed);
        const plain = pauseMsAfter(attempt, new MqError('MQ_TIMEOUT', 'late'), policy, random);
        assert.ok(plain >= 0 && plain < longestPauseMs(attempt, policy));
        const full = new MqError('MQ_QUEUE_FULL', 'full', { details: { retryAfterMs } });
        assert.ok(pauseMsAfter(attempt, full, policy, random) >= retryAfterMs);
      }),
    );
  });

  test('the other side cannot ask for a pause longer than RETRY_AFTER_MS_MAX, nor for one that is no number', () => {
    const pauseMs = (retryAfterMs: number): number =>
      pauseMsAfter(1, new MqError('MQ_QUEUE_FULL', '', { details: { retryAfterMs } }), policy, new SeededRandom(1));
    assert.equal(pauseMs(RETRY_AFTER_MS_MAX), RETRY_AFTER_MS_MAX);
    assert.equal(pauseMs(86_400_000), RETRY_AFTER_MS_MAX);
    assert.equal(pauseMs(Number.POSITIVE_INFINITY), RETRY_AFTER_MS_MAX);
    for (const nothing of [Number.NaN, -1, 'soon' as unknown as number]) assert.ok(pauseMs(nothing) <= policy.delayMs);
  });

  test('a pause cut short by its signal leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const paused = pause(1000, { clock, signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(paused, (error) => isMqError(error, 'MQ_ABORTED'));
    assert.equal(clock.timerCount, 0);
    await assert.rejects(pause(1, { clock, signal: abort.signal }), (error) => isMqError(error, 'MQ_ABORTED'));
  });
});

describe('withRetry', () => {
  const options = (clock: VirtualClock, signal = never) => {
    return { clock, random: new SeededRandom(1), policy, signal };
  };

  test('a retriable failure is tried again until it succeeds', async () => {
    const clock = new VirtualClock();
    const call = failing(['MQ_CONNECTION_LOST', 'MQ_QUEUE_FULL', 'MQ_TIMEOUT']);
    const result = await ended(withRetry(call, options(clock)), clock);
    assert.deepEqual(result, { status: 'fulfilled', value: 4 });
  });

  test('a failure that is not retriable is final', async () => {
    const clock = new VirtualClock();
    const result = await ended(withRetry(failing(['MQ_UNKNOWN_TOPIC']), options(clock)), clock);
    assert.ok(result.status === 'rejected' && isMqError(result.reason, 'MQ_UNKNOWN_TOPIC'));
    const defect = new TypeError('a defect');
    await assert.rejects(
      withRetry(() => Promise.reject(defect), options(clock)),
      (error) => error === defect,
    );
  });

  test('attempts and time have an end, and then the last error is the answer', async () => {
    const clock = new VirtualClock();
    let callCount = 0;
    const failed = (): Promise<never> => {
      callCount += 1;
      return Promise.reject(new MqError('MQ_TIMEOUT', `attempt ${callCount}`));
    };
    const result = await ended(withRetry(failed, options(clock)), clock);
    assert.ok(result.status === 'rejected' && isMqError(result.reason, 'MQ_TIMEOUT'));
    assert.equal(result.reason.message, `attempt ${policy.attemptsMax}`);
    assert.equal(callCount, policy.attemptsMax);
    const shortTime = { ...options(clock), policy: { ...policy, totalMsMax: 0 } };
    const once = failing(['MQ_TIMEOUT']);
    await assert.rejects(withRetry(once, shortTime), (error) => isMqError(error, 'MQ_TIMEOUT'));
    assert.equal(await once(), 2);
  });

  test('an abort ends the pause between two attempts', async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const call = withRetry(failing(['MQ_TIMEOUT', 'MQ_TIMEOUT']), options(clock, abort.signal));
    const rejected = assert.rejects(call, (error) => isMqError(error, 'MQ_ABORTED'));
    await clock.pass(0);
    abort.abort();
    await rejected;
    assert.equal(clock.timerCount, 0);
  });
});

describe('untilAborted', () => {
  test('a callee that never answers holds nobody up after the abort', async () => {
    const abort = new AbortController();
    const stuck = untilAborted(new Promise(() => undefined), abort.signal);
    abort.abort();
    await assert.rejects(stuck, (error) => isMqError(error, 'MQ_ABORTED'));
  });

  test('a callee that obeys the abort says how the call really ended', async () => {
    const abort = new AbortController();
    const answer = new Promise((resolve) => abort.signal.addEventListener('abort', () => resolve('done after all')));
    const call = untilAborted(answer, abort.signal);
    abort.abort();
    assert.equal(await call, 'done after all');
  });
});

test('a policy with a wrong member is refused with its path', () => {
  const path = (policyGiven: object): string | undefined => {
    try {
      checkRetryPolicy('options.retry', policyGiven);
    } catch (error) {
      return isMqError(error, 'MQ_INVALID_ARGUMENT') ? error.details.path : undefined;
    }
  };
  assert.equal(path({ attemptsMax: 0 }), 'options.retry.attemptsMax');
  assert.equal(path({ delay: 5 }), 'options.retry.delay');
});
