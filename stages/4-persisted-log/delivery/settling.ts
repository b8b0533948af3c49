/**
 * How what is in flight ends: acked, given back, dead, or because its time is over. Decides what becomes of which offsets,
 * and says it as events; whoever calls looks after members and waiting calls.
 *
 *     ack             finished, its token remembered
 *     return, leave   ready again, with the same deliveryCount
 *     retry, expiry   a failure: delayed by the group's table and ready then, or dying when it was one too many
 *     reject          dying
 *
 * Always true: neighbours that end alike are one event. Nothing is awaited.
 */
import type { GroupOptions } from '../../../shared/contract/description.ts';
import type { Random } from '../../../shared/random.ts';
import { isRandom, retryDelayMs } from '../policies/retry-delays.ts';
import type { GiveBack, LeaseClaim } from './desk-surroundings.ts';
import type { DeathReason, GiveBackReason, GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import type { Holds } from './holds.ts';
import type { LeaseBlock } from './lease-block.ts';
import { openSpansOf } from './lease-blocks.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** Of what a member says went wrong, so much is kept. */
const ERROR_CHARACTERS_MAX = 1000;

export interface SettlingOptions {
  readonly state: GroupState;
  readonly options: Required<GroupOptions>;
  readonly random: Random;
  /** What is held is not settled here, but by `end`. */
  readonly holds: Holds;
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
}

/** Offsets of one lease, all in flight under it. */
export interface LeasedSpan {
  readonly block: LeaseBlock;
  readonly from: number;
  below: number;
}

/** How a failure ends. */
interface Failure {
  readonly reason: 'retry' | 'lease-expired';
  /** Undefined: as the group's table says. */
  readonly delayMs: number | undefined;
  readonly error: string | undefined;
}

export class Settling {
  readonly #state: GroupState;
  readonly #options: Required<GroupOptions>;
  readonly #random: Random;
  readonly #holds: Holds;
  readonly #record: (event: GroupEvent, moment: Moment) => void;

  constructor({ state, options, random, holds, record }: SettlingOptions) {
    this.#state = state;
    this.#options = options;
    this.#random = random;
    this.#holds = holds;
    this.#record = record;
  }

  /** Answers the claims whose lease is over and whose token is not one of those accepted lately. */
  ackAll<Claim extends LeaseClaim>(claims: readonly Claim[], isCumulative: boolean, moment: Moment): readonly Claim[] {
    const failed: Claim[] = [];
    let run: LeasedSpan | undefined;
    for (const claim of claims) {
      if (
        run !== undefined &&
        !isCumulative &&
        isContinuedBy(run, claim) &&
        !this.#holds.has(run.block, claim.offset)
      ) {
        run.below += 1;
        continue;
      }
      if (run !== undefined) this.#ack(run, false, moment);
      run = undefined;
      const span = this.#spanOf(claim);
      if (span === undefined && this.#state.accepted.find(claim) === undefined) failed.push(claim);
      else if (isCumulative) this.#ackCumulative(claim, span, moment);
      else run = span;
    }
    if (run !== undefined) this.#ack(run, false, moment);
    return failed;
  }

  /** False when the lease is over. */
  nack(claim: LeaseClaim, { outcome, delayMs, error }: GiveBack, moment: Moment): boolean {
    const span = this.#spanOf(claim);
    if (span === undefined) return false;
    const cut = error?.slice(0, ERROR_CHARACTERS_MAX).toWellFormed();
    if (outcome === 'reject') this.#die(span, { why: 'rejected', error: cut, moment });
    else if (outcome === 'retry') this.#fail(span, { reason: 'retry', delayMs, error: cut }, moment);
    else this.#giveBack(span, { reason: 'return', delayMs: delayMs ?? 0, error: cut, moment });
    return true;
  }

  /** Epoch ms at which the lease ends now; undefined when it is over. */
  extend(claim: LeaseClaim, leaseMs: number, moment: Moment): number | undefined {
    const block = this.#spanOf(claim)?.block;
    if (block === undefined) return undefined;
    const { partition, offset } = claim;
    const deadlineAt = moment.now + leaseMs;
    const group = this.#state.groupId;
    this.#record({ kind: 'extended', group, partition, offset, place: block.place, deadlineAt }, moment);
    return deadlineAt;
  }

  /** All that a member has in flight comes back. */
  returnAll(memberId: string, moment: Moment): void {
    for (const block of this.#state.leases.of(memberId)) {
      for (const { from, below } of this.#freeSpansOf(block)) {
        const how = { reason: 'member-left', delayMs: 0, error: undefined, moment } as const;
        this.#giveBack({ block, from, below }, how);
      }
    }
  }

  /** What is due, and held by no transaction. Answers whose it was. */
  expireDue(moment: Moment): ReadonlySet<string> {
    const memberIds = new Set<string>();
    const { leases } = this.#state;
    for (let block = leases.firstToEnd; block !== undefined; block = leases.firstToEnd) {
      if (block.deadlineMs > moment.monotonicMs) break;
      memberIds.add(block.memberId);
      for (const { from, below } of this.#freeSpansOf(block)) {
        const failure = { reason: 'lease-expired', delayMs: undefined, error: undefined } as const;
        this.#fail({ block, from, below }, failure, moment);
      }
      if (block.openCount > 0) leases.keepOpen(block);
    }
    return memberIds;
  }

  /** What a transaction held, at its end. */
  end({ block, from, below }: LeasedSpan, how: 'acked' | 'failed', moment: Moment): void {
    if (how === 'acked') this.#ack({ block, from, below }, false, moment);
    else this.#fail({ block, from, below }, { reason: 'retry', delayMs: undefined, error: undefined }, moment);
  }

  /** What the claim opens; undefined when that is over, or a transaction's. */
  #spanOf(claim: LeaseClaim): LeasedSpan | undefined {
    const { offset } = claim;
    const block = this.#state.leases.find(claim);
    if (block === undefined || this.#holds.has(block, offset)) return undefined;
    return { block, from: offset, below: offset + 1 };
  }

  #freeSpansOf(block: LeaseBlock): readonly OffsetSpan[] {
    return block.openSpans().flatMap((span) => this.#holds.freeIn(block, span));
  }

  #ack({ block, from, below }: LeasedSpan, isCumulative: boolean, moment: Moment): void {
    this.#record({ kind: 'acked', ...this.#runOf(block, from, below), isCumulative }, moment);
  }

  /**
   * It also ends the member's other deliveries of the partition, up to the offset it names. `span` is undefined when the ack
   * is one that is remembered: said again it changes nothing, unless it was not a cumulative one then.
   */
  #ackCumulative(claim: LeaseClaim, span: LeasedSpan | undefined, moment: Moment): void {
    const { partition, offset, memberId, token } = claim;
    const group = this.#state.groupId;
    if (span !== undefined) this.#ack(span, true, moment);
    else if (this.#state.accepted.find(claim)?.isCumulative) return;
    else this.#record({ kind: 'ack-repeated', group, partition, offset, memberId, token }, moment);
    const blocks = [...this.#state.leases.of(memberId)].filter((block) => block.partition === partition);
    for (const { block, from, below } of openSpansOf(blocks, { from: 0, below: offset + 1 })) {
      for (const free of this.#holds.freeIn(block, { from, below })) this.#ack({ block, ...free }, true, moment);
    }
  }

  #fail(span: LeasedSpan, { reason, delayMs, error }: Failure, moment: Moment): void {
    const { deliveriesMax, retryDelays } = this.#options;
    const { deliveryCount } = span.block.history;
    if (deliveriesMax > 0 && deliveryCount >= deliveriesMax) {
      this.#die(span, { why: 'deliveries', error, moment });
      return;
    }
    const nextDelayMs = (): number => delayMs ?? retryDelayMs(retryDelays, deliveryCount, this.#random);
    if (delayMs !== undefined || !isRandom(retryDelays)) {
      this.#giveBack(span, { reason, delayMs: nextDelayMs(), error, moment });
      return;
    }
    for (let from = span.from; from < span.below; from += 1) {
      this.#giveBack({ ...span, from, below: from + 1 }, { reason, delayMs: nextDelayMs(), error, moment });
    }
  }

  #giveBack(
    { block, from, below }: OffsetSpan & { readonly block: LeaseBlock },
    how: {
      readonly reason: GiveBackReason;
      readonly delayMs: number;
      readonly error: string | undefined;
      readonly moment: Moment;
    },
  ): void {
    const { reason, delayMs, error, moment } = how;
    const availableAt = delayMs > 0 ? moment.now + delayMs : 0;
    this.#record({ kind: 'given-back', ...this.#runOf(block, from, below), reason, availableAt, error }, moment);
  }

  #die(
    { block, from, below }: LeasedSpan,
    { why, error, moment }: { readonly why: DeathReason; readonly error: string | undefined; readonly moment: Moment },
  ): void {
    this.#record({ kind: 'dying', ...this.#runOf(block, from, below), why, at: moment.now, error }, moment);
  }

  #runOf({ partition, place }: LeaseBlock, from: number, below: number) {
    return { group: this.#state.groupId, partition, fromOffset: from, count: below - from, place };
  }
}

/** The next neighbour, under the same lease. */
function isContinuedBy({ block, below }: LeasedSpan, { partition, offset, memberId, token }: LeaseClaim): boolean {
  return (
    offset === below &&
    token === block.token &&
    partition === block.partition &&
    memberId === block.memberId &&
    block.isOpen(offset)
  );
}
