/** How long and how often a bench measures: the whole of it, or quickly for a class. Data only. */

export interface Plan {
  readonly roundsCount: number;
  /** One run of one contestant in this process. */
  readonly passMs: number;
  /** One run through the HTTP door, and how long its connections run before it counts. */
  readonly doorMs: number;
  readonly doorWarmUpMs: number;
  /** Messages waiting in a topic before it is received from: more than a run can take. */
  readonly preloadCount: number;
  /** Long polls that wait at once. */
  readonly waiterCount: number;
}

/** Several minutes; for figures that somebody will quote. */
export const FULL_PLAN: Plan = {
  roundsCount: 5,
  passMs: 1000,
  doorMs: 2000,
  doorWarmUpMs: 500,
  preloadCount: 150_000,
  waiterCount: 10_000,
};

/** Well under a minute; the ratios hold, the third digit does not. */
export const QUICK_PLAN: Plan = {
  roundsCount: 3,
  passMs: 80,
  doorMs: 250,
  doorWarmUpMs: 80,
  preloadCount: 20_000,
  waiterCount: 2000,
};
