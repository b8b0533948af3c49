/**
 * Where passwords are proven: a few at a time, since each takes a thread and tens of megabytes.
 *
 *     right once --> remembered for a minute --> from the same address known without scrypt, also by the next request
 *     asked twice at the same time --> derived once
 *     too many wait --> MQ_RATE_LIMITED, nothing was derived
 *
 * Always true: at most `atOnceMax` are derived at a time, at most `perAddressMax` for one address, and a bounded number
 * waits; what is remembered is a keyed digest that is worth nothing outside this process. Wrong ones are never remembered.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { SystemRandom } from '../../../shared/random.ts';
import { type Derive, isRight, type PasswordRecord } from './passwords.ts';

const AT_ONCE_MAX = 2;
const PER_ADDRESS_MAX = 2;
const WAITING_MAX = 64;
const REMEMBERED_MS = 60_000;
const REMEMBERED_COUNT_MAX = 10_000;
const RETRY_MS = 1000;

export interface PasswordClaim {
  readonly user: string;
  readonly password: string;
  /** Of whoever claims it. */
  readonly network: string;
}

export class ScryptDesk {
  readonly #clock: Clock;
  readonly #derive: Derive;
  readonly #key = new SystemRandom().hex(32);
  /** Until when, monotonic ms; the oldest first. */
  readonly #right = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #countByNetwork = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #atOnceCount = 0;

  constructor({ clock, derive }: { readonly clock: Clock; readonly derive: Derive }) {
    this.#clock = clock;
    this.#derive = derive;
  }

  get rememberedCount(): number {
    return this.#right.size;
  }

  /** It was right lately. */
  isKnown(claim: PasswordClaim): boolean {
    const digest = this.#digestOf(claim);
    const untilMs = this.#right.get(digest);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.monotonicMs()) return true;
    this.#right.delete(digest);
    return false;
  }

  /** Whether it is right; throws `MQ_RATE_LIMITED` when too many are asked about. */
  async isRight(claim: PasswordClaim, record: PasswordRecord): Promise<boolean> {
    const digest = this.#digestOf(claim);
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return await underWay;
    const proof = this.#prove(claim, record);
    this.#underWay.set(digest, proof);
    try {
      const answer = await proof;
      // Not when `forget` came meanwhile: what was right may not be any more.
      if (answer && this.#underWay.get(digest) === proof) this.#remember(digest);
      return answer;
    } finally {
      if (this.#underWay.get(digest) === proof) this.#underWay.delete(digest);
    }
  }

  /** Nothing is known any more: passwords have changed. */
  forget(): void {
    this.#right.clear();
    this.#underWay.clear();
  }

  async #prove({ password, network }: PasswordClaim, record: PasswordRecord): Promise<boolean> {
    const ofNetwork = this.#countByNetwork.get(network) ?? 0;
    if (ofNetwork >= PER_ADDRESS_MAX || this.#waiting.length >= WAITING_MAX) {
      const details = { retryAfterMs: RETRY_MS };
      throw new MqError('MQ_RATE_LIMITED', 'too many passwords are being checked; try again soon', { details });
    }
    this.#countByNetwork.set(network, ofNetwork + 1);
    try {
      await this.#turn();
      return await isRight(password, record, this.#derive).finally(() => this.#next());
    } finally {
      const left = (this.#countByNetwork.get(network) ?? 1) - 1;
      if (left === 0) this.#countByNetwork.delete(network);
      else this.#countByNetwork.set(network, left);
    }
  }

  async #turn(): Promise<void> {
    if (this.#atOnceCount < AT_ONCE_MAX) {
      this.#atOnceCount += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the turn on, or gives it up. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#atOnceCount -= 1;
    else next();
  }

  #remember(digest: string): void {
    this.#right.delete(digest);
    this.#right.set(digest, this.#clock.monotonicMs() + REMEMBERED_MS);
    if (this.#right.size <= REMEMBERED_COUNT_MAX) return;
    for (const oldest of this.#right.keys()) {
      this.#right.delete(oldest);
      break;
    }
  }

  /** With where it comes from: who guesses elsewhere must not find out here, for nothing, what is right. */
  #digestOf({ user, password, network }: PasswordClaim): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password, network]))
      .digest('base64');
  }
}
