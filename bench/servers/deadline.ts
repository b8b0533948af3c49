/**
 * Waits with an end: whoever waits says for what and how long at most, so that a bench that cannot go on says why.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** As long as a server may take to answer anything at all, on a machine that is busy with other things too. */
export const ANSWER_MS_MAX = 10_000;

export interface Deadline {
  readonly msMax: number;
  /** What has not happened by then, as a sentence: `the server's process did not end`. */
  readonly otherwise: string;
}

/** Resolves when `isReached`, looking every ms; rejects at the deadline. */
export async function reached(isReached: () => boolean, deadline: Deadline): Promise<void> {
  const untilMs = performance.now() + deadline.msMax;
  while (!isReached()) {
    if (performance.now() > untilMs) throw missed(deadline);
    await sleep(1);
  }
}

/** Settles as `work` does, or rejects at the deadline. */
export async function settled<Result>(work: Promise<Result>, deadline: Deadline): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(missed(deadline)), deadline.msMax);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function missed({ msMax, otherwise }: Deadline): Error {
  return new Error(`${otherwise} within ${msMax} ms`);
}
