/**
 * Randomness comes in from outside, like time. `SystemRandom` for real use, `SeededRandom` wherever a run must be
 * repeatable: the same seed gives the same sequence for ever, on every machine.
 */
import { randomBytes } from 'node:crypto';
import { checkMethods } from './contract/validation.ts';

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** `bytes` random bytes in lower-case hexadecimal. */
  hex(bytes: number): string;
}

/** `hex` is unpredictable: ids and lease tokens are made of it. */
export class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }

  below(bound: number): number {
    return Math.floor(Math.random() * bound);
  }

  hex(bytes: number): string {
    return randomBytes(bytes).toString('hex');
  }
}

/** The source that options give, or the unpredictable one; `MQ_INVALID_ARGUMENT` for what is none. */
export function checkRandom(path: string, random: Random | undefined): Random {
  if (random === undefined) return new SystemRandom();
  checkMethods(path, random, 'a Random', ['next', 'below', 'hex']);
  return random;
}

/** mulberry32: 32 bits of state, full period, good enough for schedules and jitter; not for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  hex(bytes: number): string {
    let text = '';
    while (text.length < bytes * 2) text += this.below(256).toString(16).padStart(2, '0');
    return text;
  }
}
