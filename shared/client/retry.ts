/**
 * Trying again: which errors are worth it, how long to wait in between, and a pause that can be cut short.
 *
 *     attempt 1 -- fails -- pause up to 50 ms -- attempt 2 -- fails -- pause up to 100 ms -- attempt 3 ...
 *
 * The pauses double and are drawn at random between zero and the whole ("full jitter"), so that clients that failed
 * together do not come back together.
 * Always true: a call is repeated only for errors whose code is retriable, within the policy's attempts and time, and
 * never after its signal aborted. Used by Producer, Consumer and LogConsumer.
 */
import type { Clock } from '../clock.ts';
import { abortedError, isMqError } from '../contract/errors.ts';
import { checkInteger, checkOptions } from '../contract/validation.ts';
import type { Random } from '../random.ts';

/** How often, how soon and for how long to try again. */
export interface RetryPolicy {
  /** Attempts in all, from 1 (never again). */
  readonly attemptsMax: number;
  /** Longest first pause; doubles with each attempt. */
  readonly delayMs: number;
  /** No pause is longer, unless the other side asks for it (`retryAfterMs`, at most a minute). */
  readonly delayMsMax: number;
  /** No attempt begins later than so many ms after the first. */
  readonly totalMsMax: number;
}

/** What a client does unless told otherwise: up to 10 attempts within 2 minutes. */
export const RETRY_DEFAULTS: RetryPolicy = Object.freeze({
  attemptsMax: 10,
  delayMs: 50,
  delayMsMax: 5000,
  totalMsMax: 120_000,
});

/** A policy with the defaults filled in; `MQ_INVALID_ARGUMENT` for what is no number of its kind. */
export function checkRetryPolicy(path: string, policy: Partial<RetryPolicy> | undefined): RetryPolicy {
  checkOptions(path, policy, Object.keys(RETRY_DEFAULTS));
  const whole = (name: keyof RetryPolicy, min: number): number =>
    checkInteger(`${path}.${name}`, policy?.[name], {
      min,
      max: Number.MAX_SAFE_INTEGER,
      fallback: RETRY_DEFAULTS[name],
    });
  return {
    attemptsMax: whole('attemptsMax', 1),
    delayMs: whole('delayMs', 1),
    delayMsMax: whole('delayMsMax', 1),
    totalMsMax: whole('totalMsMax', 0),
  };
}

/** What time and chance a client works with. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
}

/** Longest pause after failure number `attempt`, from 1, before chance shortens it. */
export function longestPauseMs(attempt: number, policy: RetryPolicy): number {
  return Math.min(policy.delayMs * 2 ** Math.min(attempt - 1, 40), policy.delayMsMax);
}

/** The other side may ask for a pause, but for none longer than this: it cannot put a client to sleep for a day. */
export const RETRY_AFTER_MS_MAX = 60_000;

/** The pause after failure number `attempt`; at least what the error asks for, within `RETRY_AFTER_MS_MAX`. */
export function pauseMsAfter(attempt: number, error: unknown, policy: RetryPolicy, random: Random): number {
  const askedMs = isMqError(error) ? (error.details.retryAfterMs ?? 0) : 0;
  // It came over a wire, so it may be anything; what is no positive number asks for nothing.
  const boundedMs = askedMs > 0 ? Math.min(askedMs, RETRY_AFTER_MS_MAX) : 0;
  return Math.max(boundedMs, random.next() * longestPauseMs(attempt, policy));
}

export interface RetryOptions extends Surroundings {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
}

/** The answer of `call`, repeated as the policy allows; rejects with its last error, or `MQ_ABORTED`. */
export async function withRetry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, policy, signal } = options;
  const beganAtMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) throw abortedError(signal);
    try {
      return await untilAborted(call(), signal);
    } catch (error) {
      if (!isMqError(error) || !error.isRetriable || attempt >= policy.attemptsMax) throw error;
      const pauseMs = pauseMsAfter(attempt, error, policy, random);
      if (clock.monotonicMs() + pauseMs - beganAtMs > policy.totalMsMax) throw error;
      await pause(pauseMs, { clock, signal });
    }
  }
}

export interface TurnsOptions extends RetryOptions {
  /** Before each pause. */
  readonly onRetry: (error: Error) => void;
}

/** One turn after the other until the signal aborts; after a retriable error a pause, any other one ends it. */
export async function takeTurns(turn: () => Promise<void>, options: TurnsOptions): Promise<void> {
  const { clock, random, policy, signal, onRetry } = options;
  for (let failureCount = 0; !signal.aborted; ) {
    try {
      await turn();
      failureCount = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!isMqError(error) || !error.isRetriable) throw error;
      failureCount += 1;
      onRetry(error);
      // An abort ends the pause, and then the loop.
      await pause(pauseMsAfter(failureCount, error, policy, random), { clock, signal }).catch(() => undefined);
    }
  }
}

/** Resolves after `ms`; rejects with `MQ_ABORTED` as soon as the signal aborts. */
export function pause(ms: number, options: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<void> {
  const { clock, signal } = options;
  if (signal.aborted) return Promise.reject(abortedError(signal));
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(abortedError(signal));
    };
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Settles as `promise` does, but no later than the signal aborts: a callee that ignores it holds nobody up. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      // One turn later, so that a callee that obeys the signal can still say how the call really ended.
      setImmediate(() => reject(abortedError(signal)));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      end();
    };
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}
