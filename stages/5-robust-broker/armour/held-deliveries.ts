/**
 * The deliveries one client holds under a lease, counted over all of its connections.
 *
 *     receive asks for 100, 30 are left  -->  30 reserved  -->  12 came: 12 held, 18 free again
 *     ack, nack, leave, the end of the lease  -->  free again
 *     subscribe with a credit of 50  -->  50 reserved until it is closed
 *
 * Always true: held and reserved together stay within `countMax`; a lease that ended by itself is found when room is
 * needed. Without a limit nothing is kept. Only the view that limits uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../shared/contract/message.ts';
import { quote } from '../../../shared/contract/validation.ts';

/** Asked for again after so long, when nothing says that a lease ends earlier. */
const RETRY_MS_MAX = 1000;

/** What is held: a right to one delivery, and until when. */
export type HeldRef = DeliveryRef & {
  /** Epoch ms; null without a lease: nothing is held. */
  readonly leaseExpiresAt: number | null;
};

interface Held {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  readonly partition: number;
  readonly offset: number;
  expiresAt: number;
}

export class HeldDeliveries {
  readonly #owner: string;
  readonly #countMax: number;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  #reservedCount = 0;

  constructor(options: { readonly owner: string; readonly countMax: number; readonly clock: Clock }) {
    this.#owner = options.owner;
    this.#countMax = options.countMax;
    this.#clock = options.clock;
  }

  get isLimited(): boolean {
    return this.#countMax !== Number.POSITIVE_INFINITY;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** Room for 1 to `max` deliveries, which is the caller's until it gives it back; throws `MQ_LIMIT_EXCEEDED`. */
  reserve(max: number): number {
    const room = this.#room();
    if (room < 1) throw this.#refusal();
    const count = Math.min(max, room);
    this.#reservedCount += count;
    return count;
  }

  /** Room for all of `count`, or `MQ_LIMIT_EXCEEDED`. */
  reserveAll(count: number): void {
    if (this.#room() < count) throw this.#refusal();
    this.#reservedCount += count;
  }

  giveBack(count: number): void {
    this.#reservedCount -= count;
  }

  hold(refs: Iterable<HeldRef>): void {
    for (const ref of refs) {
      const { topic, group, memberId, partition, offset, leaseToken, leaseExpiresAt } = ref;
      if (leaseToken === null || leaseExpiresAt === null || offset === null) continue;
      this.#held.set(keyOf(ref), { topic, group, memberId, partition, offset, expiresAt: leaseExpiresAt });
    }
  }

  extend(ref: DeliveryRef, expiresAt: number): void {
    const held = this.#held.get(keyOf(ref));
    if (held !== undefined) held.expiresAt = expiresAt;
  }

  /** They are not the client's any more. */
  release(refs: readonly DeliveryRef[]): void {
    for (const ref of refs) this.#held.delete(keyOf(ref));
  }

  /** With all that the same member holds below them, of their partition. */
  releaseUpTo(refs: readonly DeliveryRef[]): void {
    const highest = new Map<string, number>();
    for (const ref of refs) {
      const key = memberKeyOf(ref);
      highest.set(key, Math.max(highest.get(key) ?? -1, ref.offset ?? -1));
    }
    for (const [key, held] of this.#held) {
      if (held.offset <= (highest.get(memberKeyOf(held)) ?? -1)) this.#held.delete(key);
    }
  }

  /** Of a member that left; with no member named it is the caller's own, and what it held is known by its lease's end. */
  releaseMember(topic: string, group: string = DEFAULTS.group, memberId?: string): void {
    for (const [key, held] of this.#held) {
      if (held.topic === topic && held.group === group && held.memberId === memberId) this.#held.delete(key);
    }
  }

  #room(): number {
    const room = (): number => this.#countMax - this.#held.size - this.#reservedCount;
    if (room() < 1) this.#forgetEnded();
    return room();
  }

  #forgetEnded(): void {
    const now = this.#clock.now();
    for (const [key, { expiresAt }] of this.#held) if (expiresAt <= now) this.#held.delete(key);
  }

  #refusal(): MqError {
    const now = this.#clock.now();
    let firstEndMs = RETRY_MS_MAX;
    for (const { expiresAt } of this.#held.values()) firstEndMs = Math.min(firstEndMs, expiresAt - now);
    const message = `client ${quote(this.#owner)} holds the ${this.#countMax} deliveries it may hold; ack some first`;
    return new MqError('MQ_LIMIT_EXCEEDED', message, { details: { retryAfterMs: Math.max(1, Math.ceil(firstEndMs)) } });
  }
}

function keyOf({ topic, partition, group, offset, leaseToken }: DeliveryRef): string {
  return JSON.stringify([topic, partition, group, offset, leaseToken]);
}

function memberKeyOf({ topic, partition, group, memberId }: Omit<Held, 'offset' | 'expiresAt'>): string {
  return JSON.stringify([topic, partition, group, memberId]);
}
