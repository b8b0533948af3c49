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
  /** Messages of one run from client to disk and back: as bytes, and as objects. */
  readonly bytesCount: number;
  readonly objectsCount: number;
  /** Messages of one run with one in flight: pushed, and synced. */
  readonly pushedCount: number;
  readonly syncedCount: number;
  /** Messages appended in one run, to an empty log and to filled ones; the last one only in a long bench. */
  readonly appendedCount: number;
  readonly filledCount: number;
  readonly filledLongCount: number | null;
  /** Messages of 1 KiB that nobody has received yet. */
  readonly waitingCount: number;
  /** Messages in the data folders that are opened, and how often each is. */
  readonly openedFewCount: number;
  readonly openedManyCount: number;
  readonly openingsCount: number;
  /** Delayed messages, and the time within which they are all due. */
  readonly timersCount: number;
  readonly timersMs: number;
  /** Messages that are compressed. */
  readonly compressedCount: number;
}

/** Several minutes; for figures that somebody will quote. */
export const FULL_PLAN: Plan = {
  roundsCount: 5,
  passMs: 1000,
  doorMs: 2000,
  doorWarmUpMs: 500,
  preloadCount: 150_000,
  waiterCount: 10_000,
  bytesCount: 1_000_000,
  objectsCount: 300_000,
  pushedCount: 20_000,
  syncedCount: 4000,
  appendedCount: 300_000,
  filledCount: 1_000_000,
  filledLongCount: null,
  waitingCount: 1_000_000,
  openedFewCount: 10_000,
  openedManyCount: 1_000_000,
  openingsCount: 9,
  timersCount: 10_000,
  timersMs: 5000,
  compressedCount: 100_000,
};

/** The same with what takes minutes more. */
export const LONG_PLAN: Plan = { ...FULL_PLAN, filledLongCount: 10_000_000 };

/** Well under a minute; the ratios hold, the third digit does not. */
export const QUICK_PLAN: Plan = {
  roundsCount: 3,
  passMs: 80,
  doorMs: 250,
  doorWarmUpMs: 80,
  preloadCount: 20_000,
  waiterCount: 2000,
  bytesCount: 200_000,
  objectsCount: 60_000,
  pushedCount: 2000,
  syncedCount: 300,
  appendedCount: 50_000,
  filledCount: 200_000,
  filledLongCount: null,
  waitingCount: 100_000,
  openedFewCount: 2000,
  openedManyCount: 200_000,
  openingsCount: 5,
  timersCount: 2000,
  timersMs: 1000,
  compressedCount: 20_000,
};
