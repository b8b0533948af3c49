/**
 * Whether the disk has so little room left that nothing new should be accepted: before it is full, when not even an ack
 * could be written down any more.
 *
 * Always true: asking costs nothing; the disk is asked at most once in `LOOK_MS`, and nobody waits for its answer, so what
 * is said may be that old. A disk that cannot say is believed to have room: the write itself will tell. People are told
 * when room becomes short, and when it is not any more, which takes a little more than was too little before.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Disk } from '../../shared/disk.ts';

const LOOK_MS = 500;
/** When it was short, so much more than the reserve is to be free: what is freed and taken at the mark does not flutter. */
const ENOUGH_FACTOR = 1.1;

/** So much is free, and so much should be. */
export interface Shortage {
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

export interface DiskWatchOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly folder: string;
  /** 0: it is never asked. */
  readonly reserveBytes: number;
  readonly onNotice: (text: string) => void;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #shortage: Shortage | undefined;
  #isLooking = false;
  /** Monotonic ms. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Undefined while there is room. */
  shortage(): Shortage | undefined {
    const { clock, reserveBytes } = this.#options;
    const isOld = clock.monotonicMs() - this.#lookedAtMs >= LOOK_MS;
    if (reserveBytes > 0 && isOld && !this.#isLooking) void this.#look();
    return this.#shortage;
  }

  async #look(): Promise<void> {
    const { disk, clock, folder, reserveBytes } = this.#options;
    this.#isLooking = true;
    try {
      const freeBytes = await disk.freeBytes(folder);
      const wantedBytes = this.#shortage === undefined ? reserveBytes : reserveBytes * ENOUGH_FACTOR;
      this.#note(freeBytes < wantedBytes ? { freeBytes, reserveBytes } : undefined);
    } catch {
      this.#note(undefined);
    }
    this.#lookedAtMs = clock.monotonicMs();
    this.#isLooking = false;
  }

  #note(shortage: Shortage | undefined): void {
    const { folder, onNotice } = this.#options;
    if (shortage !== undefined && this.#shortage === undefined) onNotice(`${folder}: ${shortageText(shortage)}`);
    if (shortage === undefined && this.#shortage !== undefined) onNotice(`${folder}: there is room again for messages`);
    this.#shortage = shortage;
  }
}

export function shortageText({ freeBytes, reserveBytes }: Shortage): string {
  return `the disk has ${megabytes(freeBytes)} free, and nothing new is accepted below ${megabytes(reserveBytes)}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
