/**
 * Who guesses has to wait: wrong credentials counted by the address they come from.
 *
 *     level  5 |----------------*--- no more until it sinks         each wrong one raises the level by one,
 *            0 |*--*-*--*-*---------> time                          each `forgetMs` sinks it by one
 *
 * Always true: at most `addressesCountMax` addresses are remembered, and the one that failed longest ago goes first; what one
 * address does is of no consequence to another. Of IPv6 the first half is the address: the second is its owner's to choose.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '../../../shared/clock.ts';

export interface FailedAttemptsOptions {
  readonly clock: Clock;
  /** So many at once. Default 5. */
  readonly attemptsMax?: number;
  /** And then one in so long. Default 5 s. */
  readonly forgetMs?: number;
  /** Default 10,000. */
  readonly addressesCountMax?: number;
}

interface Level {
  level: number;
  atMs: number;
}

export class FailedAttempts {
  readonly #clock: Clock;
  readonly #attemptsMax: number;
  readonly #forgetMs: number;
  readonly #addressesCountMax: number;
  /** The one that failed last at the end. */
  readonly #levels = new Map<string, Level>();

  constructor({ clock, attemptsMax = 5, forgetMs = 5000, addressesCountMax = 10_000 }: FailedAttemptsOptions) {
    this.#clock = clock;
    this.#attemptsMax = attemptsMax;
    this.#forgetMs = forgetMs;
    this.#addressesCountMax = addressesCountMax;
  }

  get addressCount(): number {
    return this.#levels.size;
  }

  /** How long until this address may try again, ms; 0: now. */
  waitMs(address: string | undefined): number {
    const level = this.#levelOf(networkOf(address));
    return level <= this.#attemptsMax - 1 ? 0 : Math.ceil((level - this.#attemptsMax + 1) * this.#forgetMs);
  }

  note(address: string | undefined): void {
    const network = networkOf(address);
    const level = Math.min(this.#levelOf(network) + 1, this.#attemptsMax);
    this.#levels.delete(network);
    this.#levels.set(network, { level, atMs: this.#clock.monotonicMs() });
    if (this.#levels.size <= this.#addressesCountMax) return;
    for (const oldest of this.#levels.keys()) {
      this.#levels.delete(oldest);
      break;
    }
  }

  #levelOf(network: string): number {
    const known = this.#levels.get(network);
    if (known === undefined) return 0;
    const level = known.level - (this.#clock.monotonicMs() - known.atMs) / this.#forgetMs;
    if (level > 0) return level;
    this.#levels.delete(network);
    return 0;
  }
}

/** What one owner has of addresses: one of IPv4, 2^64 of IPv6. Exported for its test. */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - behind.length;
  const all = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...behind];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
