/**
 * Whether the disk has so little room left that nothing new should be accepted: before it is full, when not even an ack
 * could be written down any more.
 *
 * Always true: asking costs nothing; the disk is asked at most once in `LOOK_MS`, and nobody waits for its answer, so what
 * is said may be that old. A disk that cannot say is believed to have room: the write itself will tell.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Disk } from '../../shared/disk.ts';

const LOOK_MS = 500;

export interface DiskWatchOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly folder: string;
  /** 0: it is never asked. */
  readonly reserveBytes: number;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #isLow = false;
  #isLooking = false;
  /** Monotonic ms. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  isLow(): boolean {
    const { clock, reserveBytes } = this.#options;
    const isOld = clock.monotonicMs() - this.#lookedAtMs >= LOOK_MS;
    if (reserveBytes > 0 && isOld && !this.#isLooking) void this.#look();
    return this.#isLow;
  }

  async #look(): Promise<void> {
    const { disk, clock, folder, reserveBytes } = this.#options;
    this.#isLooking = true;
    try {
      this.#isLow = (await disk.freeBytes(folder)) < reserveBytes;
    } catch {
      this.#isLow = false;
    }
    this.#lookedAtMs = clock.monotonicMs();
    this.#isLooking = false;
  }
}
