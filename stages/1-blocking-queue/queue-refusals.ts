/**
 * Why the queue refuses a call before it touches what it holds.
 *
 * Always true: each `refusalOf...` answers the error, or undefined when there is nothing to refuse, so that a caller can
 * ask for one after the other. Pure.
 */
import { abortedError, MqError } from '../../shared/contract/errors.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';

/** Whatever the queue holds: a time-out that is none, or a signal that was aborted. */
export function refusalOf(
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined } | undefined,
): MqError | undefined {
  if (options === undefined) return undefined;
  const { signal, timeoutMs } = options;
  const isDuration = timeoutMs === undefined || (Number.isSafeInteger(timeoutMs) && timeoutMs >= 0);
  if (!isDuration) return invalidArgument('options.timeoutMs', 'a whole number from 0', timeoutMs);
  return signal?.aborted ? abortedError(signal) : undefined;
}

/** Nothing cannot be held: whoever takes it would think that the queue is empty. */
export function refusalOfValue(value: unknown): MqError | undefined {
  return value == null ? invalidArgument('value', 'something, not undefined or null') : undefined;
}

/** More values than can ever be held, or nothing among them. */
export function refusalOfValues(values: readonly unknown[], capacity: number): MqError | undefined {
  if (values.length > capacity) return tooLargeError(values.length, capacity);
  for (const value of values) if (value == null) return refusalOfValue(value);
  return undefined;
}

export function fullError(capacity: number): MqError {
  return new MqError('MQ_QUEUE_FULL', `the queue holds ${capacity} messages, which is all it can`);
}

export function tooLargeError(count: number, capacity: number): MqError {
  return new MqError('MQ_BATCH_TOO_LARGE', `a batch of ${count} can never fit into a queue of ${capacity}`);
}
