/**
 * The desk of one group: members come to it for deliveries, bring back what they finished, and wait when there is none.
 *
 *                      +-- ConsumerGroup  which record is next, which are unfinished
 *     receive, ack --> desk               LeaseTable     who works on what, until when
 *                      +-- MemberTable    who is there   WaiterLine     who waits
 *
 * Always true (the README explains each):
 *   I11  a lease exists exactly for each offset in flight
 *   I12  a receive waits only while nothing is available to its group, or as many as allowed are in flight
 * Whatever makes a record available ends in `serve`; whatever moves the floor ends in `onProgress`. Used by the topic
 * and, for the operations of one group, by the spine.
 */
import assert from 'node:assert/strict';
import type { Clock } from '../../shared/clock.ts';
import type { GroupOptions } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { BrowsedRecord, Delivery, RedeliveryReason, StoredRecord } from '../../shared/contract/message.ts';
import { quote } from '../../shared/contract/validation.ts';
import { deliveryOf } from '../1-blocking-queue/delivery.ts';
import { type Waiter, WaiterLine } from '../1-blocking-queue/waiter-line.ts';
import type { LeaseClaim } from './accepted-tokens.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { type Lease, LeaseTable } from './lease-table.ts';
import { MemberTable } from './member-table.ts';
import { outOfRangeError } from './refusals.ts';
import type { RingBuffer } from './ring-buffer.ts';

/** A record of this stage always has an offset. */
export type HeldRecord = StoredRecord & { readonly offset: number };

/** What one receive wants. */
export interface ReceiveWant {
  readonly memberId: string;
  readonly max: number;
  readonly bytesMax: number;
  readonly leaseMs: number;
}

/** How long a reader waits when there is nothing for it. */
export interface WaitForRecords {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What all groups of all topics share. */
export interface TopicSettings {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly memberTimeoutMs: number;
  /** Random, the first part of a group's lease tokens: whoever knows the ids of its messages cannot guess them. */
  readonly nextTokenPrefix: () => string;
}

export interface GroupDeskOptions extends TopicSettings {
  readonly name: string;
  readonly options: Required<GroupOptions>;
  readonly startOffset: number;
  readonly ring: RingBuffer<HeldRecord>;
  /** Throws `MQ_LIMIT_EXCEEDED` when no further call of the topic may wait. */
  readonly checkMayWait: () => void;
  /** The floor may have moved: records may have become free to go. */
  readonly onProgress: () => void;
  /** The last member of the group is gone. */
  readonly onEmpty: () => void;
}

export class GroupDesk {
  readonly name: string;
  readonly options: Required<GroupOptions>;
  readonly group: ConsumerGroup;
  /** I11 */
  readonly leases: LeaseTable;
  readonly members: MemberTable<Waiter<ReceiveWant, readonly Delivery[]>>;
  /** I12 */
  readonly line: WaiterLine<ReceiveWant, readonly Delivery[]>;
  readonly #settings: GroupDeskOptions;

  constructor(settings: GroupDeskOptions) {
    const { clock, limits, options } = settings;
    this.#settings = settings;
    this.name = settings.name;
    this.options = options;
    this.group = new ConsumerGroup({ startOffset: settings.startOffset, onOutOfRange: options.onOutOfRange });
    this.leases = new LeaseTable({
      clock,
      tokenPrefix: settings.nextTokenPrefix(),
      onExpire: (leases) => this.#takeBack(leases, 'lease-expired'),
    });
    this.members = new MemberTable({
      clock,
      timeoutMs: settings.memberTimeoutMs,
      countMax: limits.membersCountMax,
      isHolding: (memberId) => this.leases.countOf(memberId) > 0,
      onEmpty: settings.onEmpty,
    });
    this.line = new WaiterLine({ clock, limits, calls: 'receives' });
  }

  /** Hands out what is there, else waits; whoever asked first is served first. */
  async receive(want: ReceiveWant, { waitMs, signal }: WaitForRecords): Promise<readonly Delivery[]> {
    this.#checkKind('queue');
    this.#checkInRange();
    if (waitMs > 0 && !this.#canHandOut) this.#settings.checkMayWait();
    const member = this.members.callBegins(want.memberId); // the last that may refuse: a refused call changes nothing
    this.group.kind = 'queue';
    try {
      const deliveries = this.#handOut(want);
      assert(deliveries.length === 0 || this.line.size === 0, 'I12: nobody overtakes a receive that waits');
      if (deliveries.length > 0 || waitMs === 0) return deliveries;
      return await this.line.wait(want, { signal, timeoutMs: waitMs, onTimeout: () => [], among: member.waiting });
    } finally {
      this.members.callEnds(member);
    }
  }

  /** Serves those who wait as long as something is available: one message wakes one of them. */
  serve(): void {
    for (let waiter = this.line.first; waiter !== undefined; waiter = this.line.first) {
      const deliveries = this.#handOut(waiter.want);
      if (deliveries.length === 0) return;
      waiter.serve(deliveries);
    }
  }

  /** False when the lease is over and its token not one of those accepted lately. */
  ack(claim: LeaseClaim, options: { readonly isCumulative: boolean }): boolean {
    const { offset, memberId } = claim;
    const lease = this.leases.find(claim);
    if (lease !== undefined) this.#finish(lease, options);
    else {
      const earlier = this.leases.findAccepted(claim);
      if (earlier === undefined) return false;
      if (!options.isCumulative || earlier.isCumulative) return true; // said again: nothing is left to do
      earlier.isCumulative = true;
    }
    if (options.isCumulative) {
      for (let next = this.leases.firstOf(memberId); next !== undefined; next = this.leases.firstOf(memberId)) {
        if (next.offset > offset) break;
        this.#finish(next, options);
      }
    }
    this.members.touch(memberId);
    this.#settings.onProgress();
    this.serve(); // those who waited because too many were in flight
    return true;
  }

  /** False when the lease is over. */
  nack(claim: LeaseClaim, outcome: 'retry' | 'return'): boolean {
    const lease = this.leases.find(claim);
    if (lease === undefined) return false;
    this.leases.end(lease.offset);
    this.#takeBack([lease], outcome);
    return true;
  }

  /** False when the lease is over; else it ends `leaseMs` from now. */
  extend(claim: LeaseClaim, leaseMs: number): boolean {
    const lease = this.leases.find(claim);
    if (lease === undefined) return false;
    this.leases.extend(lease.offset, leaseMs);
    this.members.touch(lease.memberId);
    return true;
  }

  /** The member's deliveries come back and its waiting receives are answered empty. */
  leave(memberId: string): void {
    for (const waiter of this.members.waitingOf(memberId)) waiter.serve([]);
    const left: Lease[] = [];
    for (let lease = this.leases.firstOf(memberId); lease !== undefined; lease = this.leases.firstOf(memberId)) {
      this.leases.end(lease.offset);
      left.push(lease);
    }
    this.#takeBack(left, 'member-left');
    this.members.leave(memberId);
  }

  /** What the group has not finished, ascending. */
  browse({ fromOffset, max }: { readonly fromOffset: number; readonly max: number }): BrowsedRecord[] {
    const { ring } = this.#settings;
    const browsed: BrowsedRecord[] = [];
    let offset = Math.max(fromOffset, this.group.committedOffset, ring.logStartOffset);
    for (; offset < ring.logEndOffset && browsed.length < max; offset += 1) {
      const record = ring.at(offset);
      const state = this.group.stateOf(offset);
      if (record === undefined || state === 'finished') continue;
      browsed.push({ ...record, state, deliveryCount: this.group.deliveryCountOf(offset) });
    }
    return browsed;
  }

  /** Resolves to the offset in force, which never moves back. */
  commit(offset: number): number {
    this.#checkKind('log');
    const { ring } = this.#settings;
    const isHeld = offset >= ring.logStartOffset && offset <= ring.logEndOffset;
    if (offset > this.group.committedOffset && !isHeld) throw outOfRangeError(offset, ring);
    this.group.kind = 'log';
    this.members.keepAlive();
    this.group.commit(offset);
    this.#settings.onProgress();
    return this.group.committedOffset;
  }

  committed(): number {
    this.members.keepAlive();
    return this.group.committedOffset;
  }

  /** All leases are void, and acks from `offset` on. Answers `offset`. */
  seek(offset: number): number {
    this.members.keepAlive();
    this.leases.voidFrom(offset);
    this.group.seek(offset, this.#settings.ring);
    for (const memberId of [...this.members.ids()]) this.members.touch(memberId);
    this.#settings.onProgress();
    this.serve();
    return offset;
  }

  /** After records were overwritten, perhaps some that this group had not finished. */
  fallBehind(): void {
    for (const offset of this.group.fallBehind(this.#settings.ring)) {
      const lease = this.leases.end(offset);
      if (lease !== undefined) this.members.touch(lease.memberId);
    }
    if (!this.group.isStranded) return;
    this.line.settleAll((waiter) => waiter.fail(this.#strandedError()));
  }

  /** Nothing is in flight any more; waiting receives reject with `error`, or are answered empty without one. */
  close(error?: MqError): void {
    this.leases.clear();
    this.members.close();
    this.line.settleAll((waiter) => (error === undefined ? waiter.serve([]) : waiter.fail(error)));
  }

  /** Undecided groups become what they are first used as; a decided one refuses the other use. */
  #checkKind(kind: 'queue' | 'log'): void {
    if (this.group.kind === kind || this.group.kind === 'undecided') return;
    const use = kind === 'queue' ? 'receive from it' : 'commit to it';
    throw new MqError('MQ_GROUP_KIND', `group ${quote(this.name)} is a ${this.group.kind} group: you cannot ${use}`);
  }

  #checkInRange(): void {
    if (this.group.isStranded) throw this.#strandedError();
  }

  /** Something is available, and not yet as many as allowed are in flight. */
  get #canHandOut(): boolean {
    const { ring, limits } = this.#settings;
    return this.leases.size < limits.inFlightCountMax && this.group.peek(ring.logEndOffset) !== undefined;
  }

  #strandedError(): MqError {
    return outOfRangeError(this.group.committedOffset, this.#settings.ring);
  }

  /** The one place where a record becomes a delivery. At least one, whatever its size. */
  #handOut({ memberId, max, bytesMax, leaseMs }: ReceiveWant): Delivery[] {
    const { ring, clock, limits, name } = this.#settings;
    const deliveries: Delivery[] = [];
    let next = this.group.peek(ring.logEndOffset);
    if (next === undefined) return deliveries;
    const deadlineMs = clock.monotonicMs() + leaseMs;
    const leaseExpiresAt = clock.now() + leaseMs;
    let bytes = 0;
    while (next !== undefined && deliveries.length < max && this.leases.size < limits.inFlightCountMax) {
      bytes += ring.contentBytesAt(next);
      if (bytes > bytesMax && deliveries.length > 0) break;
      const record = ring.at(next);
      assert(record !== undefined, 'I4: what is available is held');
      const { deliveryCount, reason: redeliveryReason } = this.group.take(next);
      const { token: leaseToken } = this.leases.grant({ offset: next, memberId, deadlineMs });
      const handOut = { group: name, memberId, deliveryCount, leaseToken, leaseExpiresAt, redeliveryReason };
      deliveries.push(deliveryOf(record, handOut));
      next = this.group.peek(ring.logEndOffset);
    }
    return deliveries;
  }

  #finish(lease: Lease, options: { readonly isCumulative: boolean }): void {
    this.leases.accept(lease, options);
    this.group.finish(lease.offset);
  }

  /** What these leases, which have ended, were for becomes available again. */
  #takeBack(leases: readonly Lease[], reason: RedeliveryReason): void {
    for (const { offset, memberId } of leases) {
      this.group.giveBack(offset, reason);
      this.members.touch(memberId);
    }
    this.serve();
  }
}
