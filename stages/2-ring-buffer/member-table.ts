/**
 * The members of one group: who is there, and who has been silent for so long that it is forgotten.
 *
 *     a member is kept while it has a call open, or holds a lease, or for `timeoutMs` after the last of both
 *
 * Always true (the README explains each):
 *   I9   members stand in the order of their last sign of life
 *   I10  while any member (or, in a group that dies when it is empty, nobody) is idle, a timer is armed, not later than
 *        the moment at which the first of the idle ones has been silent for `timeoutMs`
 */
import type { Clock, Timer } from '../../shared/clock.ts';
import { MqError } from '../../shared/contract/errors.ts';

export interface MemberTableOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly countMax: number;
  /** True while the member holds a lease. */
  readonly isHolding: (memberId: string) => boolean;
  /** The group has no member: the last one left or was forgotten, or none came for `timeoutMs`. */
  readonly onEmpty: () => void;
}

/** What `callBegins` answers and `callEnds` takes: one membership, also when its name has left and come back since. */
export interface Member<Call> {
  readonly memberId: string;
  openCallCount: number;
  /** Those of its calls that wait; the line they wait in keeps it. */
  readonly waiting: Set<Call>;
  /** Monotonic ms. */
  lastSeenMs: number;
}

export class MemberTable<Call> {
  readonly #options: MemberTableOptions;
  /** I9 */
  readonly #members = new Map<string, Member<Call>>();
  /** The last one in that order, when it is known. */
  #latest: Member<Call> | undefined;
  /** Monotonic ms of the last sign of life of anybody who is no member (a reader that commits). */
  #usedAtMs: number;
  /** I10 */
  #timer: Timer | undefined;

  constructor(options: MemberTableOptions) {
    this.#options = options;
    this.#usedAtMs = options.clock.monotonicMs();
    this.#arm(options.timeoutMs);
  }

  get size(): number {
    return this.#members.size;
  }

  /** In the order of their last sign of life. */
  ids(): IterableIterator<string> {
    return this.#members.keys();
  }

  /** A call of the member begins; `MQ_LIMIT_EXCEEDED` when it is new and the group is full. */
  callBegins(memberId: string): Member<Call> {
    const member = this.#members.get(memberId) ?? this.#add(memberId);
    member.openCallCount += 1;
    return member;
  }

  callEnds(member: Member<Call>): void {
    member.openCallCount -= 1;
    if (this.#members.get(member.memberId) === member) this.touch(member.memberId);
  }

  /** A sign of life of a known member: an ack, or the end of a lease. */
  touch(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    member.lastSeenMs = this.#options.clock.monotonicMs();
    if (member !== this.#latest) {
      this.#members.delete(memberId);
      this.#put(member);
    }
    this.#arm(this.#options.timeoutMs);
  }

  /** A sign of life of the group that names no member. */
  keepAlive(): void {
    this.#usedAtMs = this.#options.clock.monotonicMs();
  }

  /** The member's calls that wait now. */
  waitingOf(memberId: string): readonly Call[] {
    return [...(this.#members.get(memberId)?.waiting ?? [])];
  }

  leave(memberId: string): void {
    if (this.#members.delete(memberId) && this.#members.size === 0) this.#options.onEmpty();
  }

  /** Forgets everybody without a word. */
  close(): void {
    this.#members.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #add(memberId: string): Member<Call> {
    const { countMax, clock } = this.#options;
    if (this.#members.size >= countMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `the group has ${countMax} members, which is the limit`);
    }
    const member: Member<Call> = { memberId, openCallCount: 0, waiting: new Set(), lastSeenMs: clock.monotonicMs() };
    this.#put(member);
    return member;
  }

  /** I9 */
  #put(member: Member<Call>): void {
    this.#members.set(member.memberId, member);
    this.#latest = member;
  }

  /** I10: as the time-out is the same for all, an armed timer is never too late. */
  #arm(delayMs: number): void {
    this.#timer ??= this.#options.clock.setTimer(() => this.#forgetSilent(), delayMs, { isBackground: true });
  }

  #forgetSilent(): void {
    this.#timer = undefined;
    const { clock, timeoutMs, isHolding, onEmpty } = this.#options;
    const nowMs = clock.monotonicMs();
    const wasEmpty = this.#members.size === 0;
    for (const [memberId, member] of this.#members) {
      if (member.openCallCount > 0 || isHolding(memberId)) continue;
      if (member.lastSeenMs + timeoutMs > nowMs) {
        this.#arm(member.lastSeenMs + timeoutMs - nowMs);
        return;
      }
      this.#members.delete(memberId);
    }
    if (this.#members.size > 0) return;
    const silentUntilMs = wasEmpty ? this.#usedAtMs + timeoutMs : nowMs;
    if (silentUntilMs > nowMs) this.#arm(silentUntilMs - nowMs);
    else onEmpty();
  }
}
