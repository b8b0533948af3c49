/**
 * What goes wrong during a soak, one thing at a time: calls of the disk that fail or find it full, or take longer than those
 * that began after them, a power cut, a wall clock that is set, and time that passes.
 *
 * Always true: a fault of the disk ends by itself after a few calls, so that work goes on; `end` leaves nothing broken. A start
 * has only the wall clock to know by which leases are over, so it goes right by then: a lease may last longer, and never less.
 */
import type { VirtualClock } from '../../../shared/clock.ts';
import { type CallWatcher, failBetween } from '../../../shared/disk-faults.ts';
import type { Random } from '../../../shared/random.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { LEASE_MS } from './soak-load.ts';

const CODES = ['EIO', 'ENOSPC', 'EMFILE'] as const;
const FAILING_CALLS_MAX = 6;
/** The wall clock is never slower than at the begin, nor faster than this. */
export const FAST_MS_MAX = 3_600_000;
/** Of a disk that is slow, one call in so many is, */
const SLOW_SHARE = 3;
/** by so many turns of the event loop. */
const SLOW_TURNS_MAX = 20;
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
  /** How fast the wall clock is. */
  #fastMs = 0;

  constructor(options: SoakTroubleOptions) {
    this.#options = options;
  }

  async step(): Promise<void> {
    const { random, clock, disk, restart } = this.#options;
    for (let turns = random.below(QUIET_TURNS_MAX); turns > 0; turns -= 1) await this.wait();
    switch (random.below(6)) {
      case 0:
        disk().onCall = failBetween({
          from: 1 + random.below(20),
          to: 21 + random.below(FAILING_CALLS_MAX),
          code: CODES[random.below(CODES.length)] ?? 'EIO',
        });
        break;
      case 1:
        disk().onCall = undefined;
        this.#setWallClock(0);
        await restart();
        break;
      case 2:
        this.#setWallClock(random.below(FAST_MS_MAX));
        break;
      case 3:
        disk().onCall = this.#slowly();
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
  async end(): Promise<void> {
    this.#options.disk().onCall = undefined;
    await turns(SLOW_TURNS_MAX); // a slow call takes turns, and the hours that pass next take none
    this.#setWallClock(FAST_MS_MAX);
  }

  #slowly(): CallWatcher {
    const { random } = this.#options;
    return () => (random.below(SLOW_SHARE) > 0 ? undefined : { until: turns(1 + random.below(SLOW_TURNS_MAX)) });
  }

  /** So many ms fast. */
  #setWallClock(fastMs: number): void {
    this.#options.clock.jumpWallClock(fastMs - this.#fastMs);
    this.#fastMs = fastMs;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
