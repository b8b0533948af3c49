/**
 * What goes wrong, and when: one thing at one moment, or anything at any moment as chance has it.
 *
 *     moments of a kind    1 . 2 . 3 . 4 ...
 *     OneFault             . . . . X           then never again
 *     RandomFaults         . X . . . X ...     each with its probability
 *
 * Always true: the same faults in the same run go wrong at the same moments.
 */
import { keepsAll, keepsNothing, seededFate } from '../../power-cut.ts';
import type { SeededRandom } from '../../random.ts';
import type { Fate } from '../../simulated-nodes.ts';

/** Who or what fails. */
export const FAULT_KINDS = Object.freeze(['producer', 'consumer', 'answer', 'power'] as const);

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Asked at each moment at which something may go wrong. */
export interface Faults {
  /** True when it goes wrong now. */
  isHit(kind: FaultKind): boolean;
  /** Of a power cut: what it leaves of what was not synced. */
  fate(): Fate;
}

export interface Fault {
  readonly kind: FaultKind;
  /** At which of the moments at which it can happen, from 1. */
  readonly at: number;
  readonly fate: Fate;
}

/** One fault at one moment; or none. */
export class OneFault implements Faults {
  readonly #fault: Fault | null;
  #momentCount = 0;

  constructor(fault: Fault | null) {
    this.#fault = fault;
  }

  /** True when the fault has happened. */
  get wasHit(): boolean {
    return this.#fault !== null && this.#momentCount >= this.#fault.at;
  }

  isHit(kind: FaultKind): boolean {
    if (this.#fault?.kind !== kind) return false;
    this.#momentCount += 1;
    return this.#momentCount === this.#fault.at;
  }

  fate(): Fate {
    return this.#fault?.fate ?? keepsNothing;
  }
}

/** Everything now and then: `every` says how many moments of a kind there are to one fault. */
export class RandomFaults implements Faults {
  readonly #random: SeededRandom;
  readonly #every: Readonly<Record<FaultKind, number>>;
  /** How often each has happened. */
  readonly counts: Record<FaultKind, number> = { producer: 0, consumer: 0, answer: 0, power: 0 };

  constructor(random: SeededRandom, every: Readonly<Record<FaultKind, number>>) {
    this.#random = random;
    this.#every = every;
  }

  isHit(kind: FaultKind): boolean {
    const isHit = this.#random.below(this.#every[kind]) === 0;
    if (isHit) this.counts[kind] += 1;
    return isHit;
  }

  fate(): Fate {
    const fates = [keepsNothing, keepsAll, seededFate(this.#random)];
    return fates[this.#random.below(fates.length)] ?? keepsNothing;
  }
}
