/** How fast a loop may ask a broker again. Without it a loop in the broker's own process never gives up the thread. */
import type { Clock } from '../clock.ts';
import { pause } from './retry.ts';

export interface Answer {
  readonly count: number;
  /** Monotonic ms at which it was asked for. */
  readonly askedAtMs: number;
  /** How long the broker was asked to wait for something. */
  readonly waitMs: number;
}

/**
 * Rests after an answer: one turn of the event loop, so that timers and sockets get theirs; `pauseMs` when the broker
 * said "nothing" without waiting (it is draining, perhaps). Rejects with `MQ_ABORTED` when the signal aborts.
 */
export async function pace(
  answer: Answer,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly pauseMs: number },
): Promise<void> {
  const waitedMs = options.clock.monotonicMs() - answer.askedAtMs;
  if (answer.count === 0 && waitedMs < answer.waitMs / 2) await pause(options.pauseMs, options);
  else await new Promise((resolve) => setImmediate(resolve));
}
