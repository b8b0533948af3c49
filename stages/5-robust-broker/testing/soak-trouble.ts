/**
 * What goes wrong during a soak, one thing at a time: calls of the disk that fail or find it full, a power cut, a wall clock
 * that is set, and time that passes.
 *
 * Always true: a fault of the disk ends by itself after a few calls, so that work goes on; `end` leaves nothing broken.
 */
import type { VirtualClock } from '../../../shared/clock.ts';
import { failBetween } from '../../../shared/disk-faults.ts';
import type { Random } from '../../../shared/random.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { LEASE_MS } from './soak-load.ts';

const CODES = ['EIO', 'ENOSPC', 'EMFILE'] as const;
const FAILING_CALLS_MAX = 6;
const JUMP_MS_MAX = 3_600_000;
/** Turns of the event loop between two troubles. */
const QUIET_TURNS_MAX = 30;

export interface SoakTroubleOptions {
  readonly random: Random;
  readonly clock: VirtualClock;
  /** That of the broker of now. */
  readonly disk: () => SimulatedDisk;
  /** Resolves when it runs again, on what a power cut left. */
  readonly restart: () => Promise<void>;
}

export class SoakTrouble {
  readonly #options: SoakTroubleOptions;
  /** How far the wall clock is behind the furthest it was ever set to; 0 or less. */
  #jumpedMs = 0;

  constructor(options: SoakTroubleOptions) {
    this.#options = options;
  }

  async step(): Promise<void> {
    const { random, clock, disk, restart } = this.#options;
    for (let turns = random.below(QUIET_TURNS_MAX); turns > 0; turns -= 1) await this.wait();
    switch (random.below(5)) {
      case 0:
        disk().onCall = failBetween({
          from: 1 + random.below(20),
          to: 21 + random.below(FAILING_CALLS_MAX),
          code: CODES[random.below(CODES.length)] ?? 'EIO',
        });
        break;
      case 1:
        disk().onCall = undefined;
        await restart();
        break;
      case 2:
        this.#jump(random.below(2 * JUMP_MS_MAX) - JUMP_MS_MAX);
        break;
      default:
        await clock.pass(random.below(2 * LEASE_MS));
    }
  }

  /** A turn in which nothing happens but what the load does. */
  async wait(): Promise<void> {
    await this.#options.clock.pass(1);
  }

  /** The disk is sound, and the wall clock is not behind any time it ever showed: what is delayed is due some day. */
  end(): void {
    this.#options.disk().onCall = undefined;
    this.#jump(Math.max(0, -this.#jumpedMs));
  }

  #jump(ms: number): void {
    this.#jumpedMs = Math.min(this.#jumpedMs + ms, 0);
    this.#options.clock.jumpWallClock(ms);
  }
}
