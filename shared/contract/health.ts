/** What a broker says of itself when it is asked whether it can do its work. Plain JSON. */

/** One thing that is not as it should be. */
export interface HealthFinding {
  /**
   * `closing`: it takes nothing new any more. `disk-full`: less is free than is kept in reserve. `disk-stalled`: the disk
   * was asked long ago and has not answered. `storage-failed`: a log could not be written and not be opened again.
   * `memory-full`: above the high-water mark. `topic-damaged`: some topic cannot be read; the others can.
   */
  readonly code: 'closing' | 'disk-full' | 'disk-stalled' | 'storage-failed' | 'memory-full' | 'topic-damaged';
  /** In words, one line. */
  readonly text: string;
  /** False: it works all the same. */
  readonly isBlocking: boolean;
}

/** How a broker is. */
export interface Health {
  /** True: it takes messages; no finding is blocking. */
  readonly isReady: boolean;
  readonly findings: readonly HealthFinding[];
}
