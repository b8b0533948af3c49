/**
 * The clock of the screen: real time that can be stopped and stepped.
 *
 *     running:  elapsed = frozen + (base - resumed)        paused: elapsed stands still, `step` moves it
 *
 * Producers, consumers and the broker's leases all live on this one clock, so that a pause freezes everything together
 * and a step moves everything together.
 * Always true: timers run in the order they fall due (equal ones in the order they were set), never while paused
 * except inside a step, and a step never passes a timer without running it.
 */
import { type Clock, SystemClock, type Timer } from '../../shared/clock.ts';

interface PendingTimer extends Timer {
  readonly dueAtMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class PausableClock implements Clock {
  readonly #base: Clock;
  readonly #wallStartAt: number;
  /** Ms that have passed here until the last resume, or until now while paused. */
  #frozenMs = 0;
  /** Time of the base clock at the last resume; undefined while paused. */
  #resumedAtMs: number | undefined;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();
  /** The one timer of the base clock, set for the earliest of ours while running. */
  #alarm: Timer | undefined;
  #steps: Promise<void> = Promise.resolve();

  constructor(options: { readonly base?: Clock } = {}) {
    this.#base = options.base ?? new SystemClock();
    this.#wallStartAt = this.#base.now();
    this.#resumedAtMs = this.#base.monotonicMs();
  }

  get isPaused(): boolean {
    return this.#resumedAtMs === undefined;
  }

  now(): number {
    return this.#wallStartAt + this.monotonicMs();
  }

  monotonicMs(): number {
    return this.#resumedAtMs === undefined
      ? this.#frozenMs
      : this.#frozenMs + this.#base.monotonicMs() - this.#resumedAtMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    this.#order += 1;
    const timer: PendingTimer = {
      dueAtMs: this.monotonicMs() + Math.max(delayMs, 0),
      order: this.#order,
      callback,
      cancel: () => {
        this.#timers.delete(timer);
      },
    };
    this.#timers.add(timer);
    this.#arm();
    return timer;
  }

  pause(): void {
    this.#frozenMs = this.monotonicMs();
    this.#resumedAtMs = undefined;
    this.#alarm?.cancel();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.#resumedAtMs = this.#base.monotonicMs();
    this.#arm();
  }

  /** While paused: goes on to the next timer and runs it, with all others due at that instant. */
  step(): Promise<void> {
    return this.#afterOtherSteps(async () => {
      const next = this.#earliest();
      if (next !== undefined) await this.#go(Math.max(next.dueAtMs - this.#frozenMs, 0));
    });
  }

  /** While paused: `ms` pass, with every timer in them. */
  stepBy(ms: number): Promise<void> {
    return this.#afterOtherSteps(() => this.#go(ms));
  }

  /** No timer runs any more. */
  close(): void {
    this.#timers.clear();
    this.#alarm?.cancel();
  }

  /** Steps follow each other: two of a second are two seconds, however fast they are asked for. */
  #afterOtherSteps(work: () => Promise<void>): Promise<void> {
    this.#steps = this.#steps.then(() => (this.isPaused ? work() : undefined));
    return this.#steps;
  }

  async #go(ms: number): Promise<void> {
    const untilMs = this.#frozenMs + ms;
    for (let next = this.#earliest(); next !== undefined && next.dueAtMs <= untilMs; next = this.#earliest()) {
      this.#frozenMs = Math.max(this.#frozenMs, next.dueAtMs);
      this.#run(next);
      await promisesSettled();
      if (!this.isPaused) return;
    }
    this.#frozenMs = untilMs;
  }

  #arm(): void {
    this.#alarm?.cancel();
    const next = this.#earliest();
    if (this.isPaused || next === undefined) return;
    this.#alarm = this.#base.setTimer(() => this.#ring(), Math.max(next.dueAtMs - this.monotonicMs(), 0));
  }

  #ring(): void {
    for (let next = this.#earliest(); next !== undefined && !this.isPaused; next = this.#earliest()) {
      if (next.dueAtMs > this.monotonicMs()) break;
      this.#run(next);
    }
    this.#arm();
  }

  #run(timer: PendingTimer): void {
    this.#timers.delete(timer);
    timer.callback();
  }

  #earliest(): PendingTimer | undefined {
    let earliest: PendingTimer | undefined;
    for (const timer of this.#timers) {
      const isEarlier = earliest === undefined || timer.dueAtMs < earliest.dueAtMs;
      if (isEarlier || (timer.dueAtMs === earliest?.dueAtMs && timer.order < earliest.order)) earliest = timer;
    }
    return earliest;
  }
}

/** Resolves after all promise callbacks that are ready now, and those they make ready, have run. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
