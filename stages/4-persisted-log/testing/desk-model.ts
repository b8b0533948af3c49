/**
 * What a group promises about one partition, with plain arrays and no care for speed: the other half of the desk's property
 * tests. Always true: it never looks at the desk. A burial takes no time here, so whoever compares lets those end first.
 */
import type { GroupOptions } from '../../../shared/contract/description.ts';
import type { RedeliveryReason } from '../../../shared/contract/message.ts';

export interface ModelRecord {
  readonly priority: number;
  readonly key: string | undefined;
  /** Epoch ms. */
  readonly expiresAt: number;
  readonly isForOthers: boolean;
}

interface Place extends ModelRecord {
  state: 'fresh' | 'in-flight' | 'back' | 'finished';
  /** Of the latest delivery. */
  count: number;
  reason: RedeliveryReason | undefined;
  /** Epoch ms. */
  dueAt: number;
  wasHandedOut: boolean;
}

export interface ModelLease {
  readonly offset: number;
  readonly memberId: string;
  readonly count: number;
  readonly reason: RedeliveryReason | undefined;
  deadline: number;
  status: 'held' | 'accepted' | 'ended';
  isCumulative: boolean;
}

export class DeskModel {
  readonly places: Place[] = [];
  /** Everything ever handed out. */
  readonly leases: ModelLease[] = [];
  logStart = 0;
  strandedAt: number | undefined;
  isPaused = false;
  redelivered = 0;
  expired = 0;
  dead = 0;
  dropped = 0;
  readonly #options: Required<GroupOptions>;

  constructor(options: Required<GroupOptions>) {
    this.#options = options;
  }

  get floor(): number {
    if (this.strandedAt !== undefined) return this.strandedAt;
    const first = this.places.findIndex(({ state }) => state !== 'finished');
    return first < 0 ? this.places.length : first;
  }

  append(record: ModelRecord): void {
    this.places.push({ ...record, state: 'fresh', count: 0, reason: undefined, dueAt: 0, wasHandedOut: false });
  }

  /** What it hands out, in order. */
  receive(
    memberId: string,
    { max, leaseMs, now }: { readonly max: number; readonly leaseMs: number; readonly now: number },
  ) {
    const handed: ModelLease[] = [];
    while (!this.isPaused && handed.length < max) {
      const offset = this.#next(now);
      const place = offset === undefined ? undefined : this.places[offset];
      if (offset === undefined || place === undefined) break;
      const wasFresh = place.state === 'fresh';
      if (place.isForOthers || place.expiresAt < now) {
        if (!place.isForOthers) this.#expire();
        place.state = 'finished';
        place.wasHandedOut = true;
        continue;
      }
      if (wasFresh) Object.assign(place, { count: 1, reason: place.wasHandedOut ? 'seek' : undefined });
      else if (place.reason === 'retry' || place.reason === 'lease-expired') place.count += 1;
      if (place.reason !== undefined) this.redelivered += 1;
      Object.assign(place, { state: 'in-flight', wasHandedOut: true });
      const { count, reason } = place;
      const lease: ModelLease = {
        offset,
        memberId,
        count,
        reason,
        deadline: now + leaseMs,
        status: 'held',
        isCumulative: false,
      };
      handed.push(lease);
      this.leases.push(lease);
    }
    return handed;
  }

  ack(lease: ModelLease, isCumulative: boolean): boolean {
    if (lease.status === 'ended') return false;
    const hasNothingLeft = lease.status === 'accepted' && (!isCumulative || lease.isCumulative);
    if (hasNothingLeft) return true;
    this.#accept(lease, isCumulative || lease.isCumulative);
    if (!isCumulative) return true;
    for (const other of this.leases) {
      const isBelow = other.offset <= lease.offset && other.memberId === lease.memberId;
      if (isBelow && other.status === 'held') this.#accept(other, true);
    }
    return true;
  }

  nack(
    lease: ModelLease,
    how: { readonly outcome: 'retry' | 'return' | 'reject'; readonly delayMs: number; readonly now: number },
  ) {
    if (lease.status !== 'held') return false;
    lease.status = 'ended';
    const place = this.places[lease.offset] as Place;
    const { outcome, delayMs, now } = how;
    if (outcome === 'reject' || (outcome === 'retry' && this.#isLast(place))) this.#die(place);
    else Object.assign(place, { state: 'back', reason: outcome, dueAt: now + delayMs });
    return true;
  }

  extend(lease: ModelLease, deadline: number): boolean {
    if (lease.status !== 'held') return false;
    lease.deadline = deadline;
    return true;
  }

  leave(memberId: string): void {
    for (const lease of this.leases) {
      if (lease.memberId !== memberId || lease.status !== 'held') continue;
      lease.status = 'ended';
      Object.assign(this.places[lease.offset] as Place, { state: 'back', reason: 'member-left', dueAt: 0 });
    }
  }

  expireLeases(now: number): void {
    for (const lease of this.leases) {
      if (lease.status !== 'held' || lease.deadline > now) continue;
      lease.status = 'ended';
      const place = this.places[lease.offset] as Place;
      if (this.#isLast(place)) this.#die(place);
      else Object.assign(place, { state: 'back', reason: 'lease-expired', dueAt: 0 });
    }
  }

  seek(offset: number): void {
    for (const lease of this.leases) {
      if (lease.status === 'held' || lease.offset >= offset) lease.status = 'ended';
    }
    for (const [index, place] of this.places.entries()) place.state = index < offset ? 'finished' : 'fresh';
    this.strandedAt = undefined;
  }

  releaseBelow(logStart: number): void {
    this.logStart = logStart;
    const { floor } = this;
    const lost = this.places.slice(0, logStart).filter(({ state }) => state !== 'finished');
    if (lost.length === 0) return;
    this.dropped += lost.length;
    for (const place of lost) place.state = 'finished';
    for (const lease of this.leases) if (lease.status === 'held' && lease.offset < logStart) lease.status = 'ended';
    if (this.#options.onOutOfRange === 'error') this.strandedAt = floor;
    if (this.#options.onOutOfRange !== 'latest') return;
    for (const place of this.places) {
      if (place.state !== 'fresh' && place.state !== 'back') continue;
      this.dropped += 1;
      place.state = 'finished';
    }
  }

  counts(now: number) {
    const inState = (state: Place['state']): Place[] => this.places.filter((place) => place.state === state);
    const delayed = inState('back').filter(({ dueAt }) => dueAt > now).length;
    return {
      availableCount: inState('fresh').length + inState('back').length - delayed,
      inFlightCount: inState('in-flight').length,
      delayedCount: delayed,
      redeliveredCount: this.redelivered,
      expiredCount: this.expired,
      deadCount: this.dead,
      droppedCount: this.dropped,
      lag: this.places.length - this.floor,
    };
  }

  /** What stands first is stepped over where it cannot be handed out, as when somebody asks for the counts. */
  stepOver(now: number): void {
    for (let offset = this.#next(now); offset !== undefined; offset = this.#next(now)) {
      const place = this.places[offset] as Place;
      if (!place.isForOthers && place.expiresAt >= now) return;
      if (!place.isForOthers) this.#expire();
      Object.assign(place, { state: 'finished', wasHandedOut: true });
    }
  }

  #next(now: number): number | undefined {
    const isByKey = this.#options.mode === 'key-ordered';
    const heldKeys = new Set<string>();
    let best: number | undefined;
    for (const [offset, { state, key, dueAt, priority }] of this.places.entries()) {
      if (state === 'finished') continue;
      const isFree = !isByKey || key === undefined || !heldKeys.has(key);
      if (key !== undefined) heldKeys.add(key);
      if (!isFree || state === 'in-flight' || (state === 'back' && dueAt > now)) continue;
      const isBetter = best === undefined || (!isByKey && priority > (this.places[best] as Place).priority);
      if (isBetter) best = offset;
    }
    return best;
  }

  #accept(lease: ModelLease, isCumulative: boolean): void {
    if (lease.status === 'held') (this.places[lease.offset] as Place).state = 'finished';
    lease.status = 'accepted';
    lease.isCumulative = isCumulative;
  }

  #isLast({ count }: Place): boolean {
    return this.#options.deliveriesMax > 0 && count >= this.#options.deliveriesMax;
  }

  #expire(): void {
    this.expired += 1;
    if (this.#options.deadLetterExpired) this.dead += 1;
  }

  #die(place: Place): void {
    this.dead += 1;
    place.state = 'finished';
  }
}
