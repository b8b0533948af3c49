/**
 * Time comes in from outside: a broker or client takes a `Clock`, so that a test can pass an hour in a microsecond.
 *
 * Two kinds of time, never mixed: `now()` is the wall clock (timestamps people see; it may jump), `monotonicMs()` only
 * moves forward (leases, time-outs, waits). Timers follow the monotonic one.
 */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { checkMethods } from './contract/validation.ts';

/** A pending timer. */
export interface Timer {
  /** The callback will not run. Harmless when it already ran. */
  cancel(): void;
}

/** Where time comes from; `SystemClock` in real use, `VirtualClock` in tests. */
export interface Clock {
  /** Wall clock, epoch ms. */
  now(): number;
  /** Monotonic ms since some fixed point. */
  monotonicMs(): number;
  /**
   * Runs `callback` once, at least `delayMs` from now; any delay up to the largest safe integer, but a number: one that
   * is not would never be reached, or always. A background timer (a lease, a sweep) does not keep the process alive; one
   * that somebody awaits does.
   */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer;
}

/** Of `setTimer`: whether the process may end before it rings. */
export interface TimerOptions {
  readonly isBackground?: boolean;
}

/** setTimeout fires at once above this; a longer delay is cut into pieces. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The real clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(callback: () => void, delayMs: number, options: TimerOptions = {}): Timer {
    assertDelay(delayMs);
    const dueAtMs = this.monotonicMs() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      handle = setTimeout(check, Math.min(Math.max(Math.ceil(dueAtMs - this.monotonicMs()), 0), TIMEOUT_MS_MAX));
      if (options.isBackground) handle.unref();
    };
    const check = (): void => {
      if (this.monotonicMs() >= dueAtMs) callback();
      else arm();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  }
}

/** The clock that options give, or the real one; `MQ_INVALID_ARGUMENT` for what is none. */
export function checkClock(path: string, clock: Clock | undefined): Clock {
  if (clock === undefined) return new SystemClock();
  checkMethods(path, clock, 'a Clock', ['now', 'monotonicMs', 'setTimer']);
  return clock;
}

interface VirtualTimer extends Timer {
  readonly dueAtMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to. Timers due at the same instant run in the order they were set. */
export class VirtualClock implements Clock {
  /** Monotonic ms since creation. */
  #elapsedMs = 0;
  /** Wall clock minus monotonic; `jumpWallClock` changes it. */
  #wallOffsetMs: number;
  #order = 0;
  readonly #timers = new Set<VirtualTimer>();

  constructor(options: { readonly startAt?: number } = {}) {
    this.#wallOffsetMs = options.startAt ?? Date.UTC(2026, 0, 1);
  }

  /** Timers that have not run. */
  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#wallOffsetMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    assertDelay(delayMs);
    this.#order += 1;
    const timer: VirtualTimer = {
      dueAtMs: this.#elapsedMs + Math.max(delayMs, 0),
      order: this.#order,
      callback,
      cancel: () => this.#timers.delete(timer),
    };
    this.#timers.add(timer);
    return timer;
  }

  /** Passes `ms`: runs every timer that falls due, in order, and lets the promises each one settled run on. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settled();
    for (let next = this.#nextDue(untilMs); next !== undefined; next = this.#nextDue(untilMs)) {
      this.#timers.delete(next);
      this.#elapsedMs = next.dueAtMs;
      next.callback();
      await settled();
    }
    this.#elapsedMs = untilMs;
  }

  /** Moves the wall clock by `ms` (also back), as an operator or NTP does; timers do not notice. */
  jumpWallClock(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #nextDue(untilMs: number): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAtMs > untilMs) continue;
      const isEarlier = next === undefined || timer.dueAtMs < next.dueAtMs;
      if (isEarlier || (timer.dueAtMs === next?.dueAtMs && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** Resolves after all promise callbacks that are ready now, and those they make ready, have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function assertDelay(delayMs: number): void {
  assert(Number.isFinite(delayMs), 'the delay of a timer must be a finite number');
}
