/**
 * What the contract says about one topic, two kinds of waiting and any number of queue groups, with plain arrays and no
 * care for speed: the other half of the property tests, and perhaps the shortest way to read what stage 2 promises.
 *
 * Always true: it never looks at the broker. Each call of a test carries what the model expects of it.
 */
import assert from 'node:assert/strict';
import type { Overflow } from '../../../shared/contract/description.ts';
import type { RedeliveryReason } from '../../../shared/contract/message.ts';

/** Waits end between the multiples of 100 ms at which leases end, so no two kinds of event fall on one moment. */
export const WAIT_MS = 1050;
export const STEP_MS = 50;

export type Outcome = 'pending' | { readonly value: unknown } | { readonly code: string };

export interface Call {
  readonly abort: AbortController;
  /** That of `abort`, or the one that aborts all. */
  readonly signal: AbortSignal;
  expected: Outcome;
  actual: Outcome;
}

export interface WaitingSend extends Call {
  readonly count: number;
}

export interface WaitingReceive extends Call {
  readonly group: string;
  readonly memberId: string;
  readonly max: number;
  readonly leaseMs: number;
  readonly untilMs: number;
}

/** One handing-out, as the model sees it; its place among those of its group is its place in the broker's list. */
export interface Handed {
  readonly group: string;
  readonly offset: number;
  readonly memberId: string;
  readonly count: number;
  readonly deadlineMs: number;
  /** `gone` with its group: a new one of the same name has never had it. */
  status: 'held' | 'accepted' | 'ended' | 'gone';
  /** It was accepted by an ack that finished all below as well. */
  isCumulative: boolean;
}

/** Per offset of a group: finished, or how the next delivery counts and why it comes again, if it does. */
export interface Place {
  state: 'available' | 'in-flight' | 'finished';
  nextCount: number;
  nextReason: RedeliveryReason | 'first';
}

/** How a delivery ends: by an ack, by being overwritten, or so that it comes again. */
export type Ending = 'ack' | 'cumulative' | 'dropped' | RedeliveryReason;

/** What the contract says, with no care for speed. */
export class Model {
  /** Aborts every call made since the last time it was used. */
  abortAll = new AbortController();
  nowMs = 0;
  start = 0;
  end = 0;
  readonly calls: Call[] = [];
  readonly groups = new Map<string, Place[]>();
  readonly handed: Handed[] = [];
  sends: WaitingSend[] = [];
  receives: WaitingReceive[] = [];
  readonly slotCount: number;
  readonly overflow: Overflow;

  constructor(slotCount: number, overflow: Overflow) {
    this.slotCount = slotCount;
    this.overflow = overflow;
  }

  placesOf(group: string): Place[] {
    const created = Array.from({ length: this.end }, (_, offset): Place => {
      return { state: offset < this.start ? 'finished' : 'available', nextCount: 1, nextReason: 'first' };
    });
    const places = this.groups.get(group) ?? created;
    this.groups.set(group, places);
    return places;
  }

  /** A group that begins at `start`: what lies before it is finished. */
  createGroup(group: string, start: number): void {
    for (const [offset, place] of this.placesOf(group).entries()) {
      if (offset < start) place.state = 'finished';
    }
  }

  /** Nothing of it is left; those who wait for it are told so. */
  deleteGroup(group: string): void {
    this.groups.delete(group);
    for (const handed of this.handed) if (handed.group === group) handed.status = 'gone';
    const gone = this.receives.filter((receive) => receive.group === group);
    for (const receive of gone) receive.expected = { code: 'MQ_UNKNOWN_GROUP' };
    this.receives = this.receives.filter((receive) => !gone.includes(receive));
  }

  floorOf(places: readonly Place[]): number {
    const lowest = places.findIndex(({ state }) => state !== 'finished');
    return lowest < 0 ? this.end : lowest;
  }

  held(): Handed[] {
    return this.handed.filter(({ status }) => status === 'held');
  }

  finish(handed: Handed, as: Ending): void {
    handed.status = as === 'ack' || as === 'cumulative' ? 'accepted' : 'ended';
    handed.isCumulative = as === 'cumulative';
    const place = this.groups.get(handed.group)?.[handed.offset];
    assert.ok(place !== undefined);
    place.state = 'finished';
    if (as === 'ack' || as === 'cumulative' || as === 'dropped') return;
    place.state = 'available';
    place.nextCount = as === 'retry' || as === 'lease-expired' ? handed.count + 1 : handed.count;
    place.nextReason = as;
  }

  /** An ack of a delivery that is held, or was acknowledged before; the same one said again does nothing. */
  ack(handed: Handed, as: 'ack' | 'cumulative'): void {
    const isDue = handed.status === 'held' || (as === 'cumulative' && !handed.isCumulative);
    if (!isDue) return;
    if (handed.status === 'held') this.finish(handed, as);
    handed.isCumulative = as === 'cumulative';
    for (const other of as === 'cumulative' ? this.held() : []) {
      const isOwn = other.group === handed.group && other.memberId === handed.memberId;
      if (isOwn && other.offset < handed.offset) this.finish(other, 'cumulative');
    }
  }

  seek(group: string, target: number): void {
    const known = this.handed.filter((handed) => handed.group === group && handed.status !== 'gone');
    for (const handed of known) {
      if (handed.status === 'held' || handed.offset >= target) handed.status = 'ended';
    }
    for (const [offset, place] of this.placesOf(group).entries()) {
      place.state = offset < target ? 'finished' : 'available';
      place.nextCount = 1;
      place.nextReason = known.some((handed) => handed.offset === offset) ? 'seek' : 'first';
    }
  }

  /** True when `count` fits now; lets go what may go. */
  makeRoom(count: number): boolean {
    const floors = [...this.groups.values()].map((places) => this.floorOf(places));
    const finishedBelow = floors.length === 0 ? this.start : Math.min(...floors);
    const fits = (): boolean => this.end - this.start + count <= this.slotCount;
    while (!fits() && this.start < finishedBelow) this.start += 1;
    while (!fits() && this.overflow === 'drop-oldest') this.drop();
    return fits();
  }

  drop(): void {
    for (const handed of this.held()) if (handed.offset === this.start) this.finish(handed, 'dropped');
    for (const places of this.groups.values()) {
      const place = places[this.start];
      if (place !== undefined) place.state = 'finished';
    }
    this.start += 1;
  }

  /** Lets sends in and serves receives until nothing moves any more. */
  settle(): void {
    for (let send = this.sends[0]; send !== undefined && this.makeRoom(send.count); send = this.sends[0]) {
      send.expected = { value: this.end };
      this.sends.shift();
      for (let count = 0; count < send.count; count += 1) {
        this.end += 1;
        for (const places of this.groups.values())
          places.push({ state: 'available', nextCount: 1, nextReason: 'first' });
      }
      this.serve();
    }
    this.serve();
  }

  serve(): void {
    for (const receive of [...this.receives]) {
      const got = this.take(receive);
      if (got.length === 0) continue;
      receive.expected = { value: got };
      this.receives.splice(this.receives.indexOf(receive), 1);
    }
  }

  take({ group, memberId, max, leaseMs }: WaitingReceive): string[] {
    const got: string[] = [];
    for (const [offset, place] of this.placesOf(group).entries()) {
      if (got.length === max || place.state !== 'available') continue;
      place.state = 'in-flight';
      const { nextCount: count, nextReason: reason } = place;
      const deadlineMs = this.nowMs + leaseMs;
      this.handed.push({ group, offset, memberId, count, deadlineMs, status: 'held', isCumulative: false });
      got.push(`${offset} for the ${count}. time, ${reason}`);
    }
    return got;
  }

  passStep(): void {
    this.nowMs += STEP_MS;
    for (const handed of this.held()) if (handed.deadlineMs <= this.nowMs) this.finish(handed, 'lease-expired');
    this.settle();
    for (const receive of this.receives) if (receive.untilMs <= this.nowMs) receive.expected = { value: [] };
    this.receives = this.receives.filter(({ expected }) => expected === 'pending');
  }
}
