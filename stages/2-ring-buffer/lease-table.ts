/**
 * Who holds which delivery of one group, and until when.
 *
 *     by offset     7 -> lease {member "a", token "s-12", deadline 30 s}      ack, nack: is this token the one?
 *     by member     "a" -> 7, 8, 11       "b" -> 9                            cumulative ack, leave
 *     by deadline   7, 8, 9, 11                                               one timer, for the first of them
 *
 * Always true (the README explains each):
 *   I7  a lease is in all three orders or in none; its token was never given out before and never will be again
 *   I8  at most one timer is armed, and not later than the earliest deadline; a group without leases may still have
 *       one armed, which then does nothing
 *
 * A token is a random part per table, which stands in nothing else, and a counter: no two tables make the same, only who
 * got a delivery of the group can show one, and a zombie's, though it names the same offset as its successor's, does not
 * open it. Knows nothing of records and positions.
 */
import type { Clock, Timer } from '../../shared/clock.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import { type AcceptedAck, AcceptedTokens, type LeaseClaim } from './accepted-tokens.ts';
import { Heap, type HeapNode } from './heap.ts';
import { OffsetMap } from './offset-map.ts';

/** The right of one member to work on one offset; whoever shows its token opens it. */
export interface Lease extends LeaseClaim {
  /** Monotonic ms at which it ends. */
  readonly deadlineMs: number;
}

/** A lease and its places in the two orders. */
interface HeldLease {
  readonly offset: number;
  readonly lease: Lease & { deadlineMs: number };
  readonly byOffset: HeapNode<Lease>;
  byDeadline: HeapNode<Lease>;
}

export interface LeaseTableOptions {
  readonly clock: Clock;
  /** Random; the first part of its tokens. */
  readonly tokenPrefix: string;
  /** Leases that ended because their time was over, earliest deadline first. */
  readonly onExpire: (leases: readonly Lease[]) => void;
}

export class LeaseTable {
  readonly #clock: Clock;
  /** With its dash, as one text less to keep for each lease. */
  readonly #tokenPrefix: string;
  readonly #onExpire: (leases: readonly Lease[]) => void;
  /** I7 */
  readonly #held = new OffsetMap<HeldLease>();
  readonly #byMember = new Map<string, Heap<Lease>>();
  readonly #byDeadline = new Heap<Lease>((one, other) => one.deadlineMs < other.deadlineMs);
  readonly #accepted = new AcceptedTokens(DEFAULTS.tokensRememberedCount);
  #tokenCount = 0;
  /** I8 */
  #timer: Timer | undefined;
  #timerDueMs = 0;

  constructor(options: LeaseTableOptions) {
    this.#clock = options.clock;
    this.#tokenPrefix = `${options.tokenPrefix}-`;
    this.#onExpire = options.onExpire;
  }

  get size(): number {
    return this.#held.size;
  }

  countOf(memberId: string): number {
    return this.#byMember.get(memberId)?.size ?? 0;
  }

  /** The member's lease with the lowest offset. */
  firstOf(memberId: string): Lease | undefined {
    return this.#byMember.get(memberId)?.first;
  }

  at(offset: number): Lease | undefined {
    return this.#held.get(offset)?.lease;
  }

  /** A new lease on an offset that has none. */
  grant({ offset, memberId, deadlineMs }: Omit<Lease, 'token'>): Lease {
    this.#tokenCount += 1;
    const token = `${this.#tokenPrefix}${this.#tokenCount}`;
    const lease = { offset, memberId, token, deadlineMs };
    const byOffset = this.#orderOf(memberId).push(lease);
    this.#held.set({ offset, lease, byOffset, byDeadline: this.#byDeadline.push(lease) });
    this.#armFor(deadlineMs);
    return lease;
  }

  /** The lease this claim opens; undefined when it ended, or was never the claimant's. */
  find({ offset, memberId, token }: LeaseClaim): Lease | undefined {
    const lease = this.at(offset);
    return lease?.token === token && lease.memberId === memberId ? lease : undefined;
  }

  /** The ack by which the claim's work was accepted, when that is not too long ago to be remembered. */
  findAccepted(claim: LeaseClaim): AcceptedAck | undefined {
    return this.#accepted.find(claim);
  }

  /** Ends a lease whose work is done; its token stays known for a while. */
  accept(lease: Lease, { isCumulative }: { readonly isCumulative: boolean }): void {
    this.end(lease.offset);
    this.#accepted.remember(lease, isCumulative);
  }

  /** Ends the lease on `offset`, if there is one; its token is worth nothing from now on. */
  end(offset: number): Lease | undefined {
    const held = this.#held.delete(offset);
    if (held === undefined) return undefined;
    const { memberId } = held.lease;
    const ofMember = this.#orderOf(memberId);
    this.#byDeadline.remove(held.byDeadline);
    ofMember.remove(held.byOffset);
    if (ofMember.size === 0) this.#byMember.delete(memberId);
    return held.lease;
  }

  /** The lease of `offset` ends `leaseMs` from now instead. */
  extend(offset: number, leaseMs: number): void {
    const held = this.#held.get(offset);
    if (held === undefined) return;
    this.#byDeadline.remove(held.byDeadline);
    held.lease.deadlineMs = this.#clock.monotonicMs() + leaseMs;
    held.byDeadline = this.#byDeadline.push(held.lease);
    this.#armFor(held.lease.deadlineMs);
  }

  /** After a seek to `offset`: no lease is left, and acks from there on are forgotten. */
  voidFrom(offset: number): void {
    this.clear();
    this.#accepted.forgetFrom(offset);
  }

  /** Ends all leases and disarms the timer. */
  clear(): void {
    this.#held.clear();
    this.#byMember.clear();
    this.#byDeadline.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #orderOf(memberId: string): Heap<Lease> {
    let order = this.#byMember.get(memberId);
    if (order === undefined) {
      order = new Heap((one, other) => one.offset < other.offset);
      this.#byMember.set(memberId, order);
    }
    return order;
  }

  /** I8. An armed timer that turns out too early costs one look; one per lease would cost much more. */
  #armFor(deadlineMs: number): void {
    if (this.#timer !== undefined && this.#timerDueMs <= deadlineMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = deadlineMs;
    const delayMs = deadlineMs - this.#clock.monotonicMs();
    this.#timer = this.#clock.setTimer(() => this.#expireDue(), delayMs, { isBackground: true });
  }

  #expireDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const expired: Lease[] = [];
    for (let first = this.#byDeadline.first; first !== undefined; first = this.#byDeadline.first) {
      if (first.deadlineMs > nowMs) {
        this.#armFor(first.deadlineMs);
        break;
      }
      this.end(first.offset);
      expired.push(first);
    }
    if (expired.length > 0) this.#onExpire(expired);
  }
}
