/**
 * A clock that tells when a timer of its user has run: whoever forgets silent members does so in a timer, and a failover
 * group has to give their partitions to others then.
 */
import type { Clock, Timer, TimerOptions } from '../../../shared/clock.ts';

export function watchedClock(clock: Clock, onRung: () => void): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
      const ring = (): void => {
        callback();
        onRung();
      };
      return clock.setTimer(ring, delayMs, options);
    },
  };
}
