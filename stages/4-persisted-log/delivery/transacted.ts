/**
 * The part of a group in transactions: deliveries that one has acked and positions that it sets, which take effect at its end.
 *
 *     hold --> in flight, and the transaction's --commit--> acked
 *                                               \--abort--> given back, as failed
 *
 * Always true: nothing is awaited; what is applied again after a crash finishes what it names wherever that stands, and a
 * second time changes nothing. The coordinator of transactions uses it, through the desk.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { LeaseClaim } from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import type { Holds } from './holds.ts';
import { openSpansOf } from './lease-blocks.ts';
import type { OffsetSpan } from './offset-spans.ts';
import type { Positions } from './positions.ts';
import type { Serving } from './serving.ts';
import type { Settling } from './settling.ts';

export interface TransactedOptions {
  readonly state: GroupState;
  readonly clock: Clock;
  readonly holds: Holds;
  readonly settling: Settling;
  readonly positions: Positions;
  readonly serving: Serving;
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
  /** Something was finished, or came back. */
  readonly onChanged: () => void;
}

export class Transacted {
  readonly #options: TransactedOptions;

  constructor(options: TransactedOptions) {
    this.#options = options;
  }

  /** Answers the claims whose lease is over, or which somebody else holds. */
  hold<Claim extends LeaseClaim>(claims: readonly Claim[], owner: string): readonly Claim[] {
    const { state, holds, serving } = this.#options;
    const failed: Claim[] = [];
    for (const claim of claims) {
      const block = state.leases.find(claim);
      if (block === undefined) failed.push(claim);
      else if (!holds.has(block, claim.offset)) holds.add(owner, block, claim.offset);
      else if (!holds.isHeldBy(owner, block, claim.offset)) failed.push(claim);
      if (block !== undefined) serving.members.touch(claim.memberId);
    }
    return failed;
  }

  /** How many deliveries it holds. */
  countOf(owner: string): number {
    return this.#options.holds.of(owner).reduce((sum, { from, below }) => sum + below - from, 0);
  }

  /** What it holds, by partition. */
  heldBy(owner: string): ReadonlyMap<number, readonly OffsetSpan[]> {
    return Map.groupBy(this.#options.holds.of(owner), ({ block }) => block.partition);
  }

  /** What it holds is finished. */
  commit(owner: string): void {
    this.#end(owner, 'acked');
  }

  /** What it holds comes back, or dies when it failed too often. */
  abort(owner: string): void {
    this.#end(owner, 'failed');
  }

  /** After a start: a transaction that is committed had these. */
  finish(partition: number, span: OffsetSpan): void {
    const { state, settling } = this.#options;
    const cursor = state.cursors[partition];
    if (cursor === undefined) return;
    const moment = this.#moment();
    for (const { block, from, below } of openSpansOf(state.leases.all(partition), span)) {
      settling.end({ block, from, below }, 'acked', moment);
    }
    for (let offset = span.from; offset < span.below; offset += 1) {
      const from = offset;
      while (offset < span.below && cursor.isFresh(offset)) offset += 1;
      this.#finishRun(partition, { from, below: offset });
      const given = cursor.givenBack.at(offset);
      if (offset < span.below && given !== undefined) {
        this.#finishRun(partition, { from: offset, below: offset + 1 });
      }
    }
    this.#options.onChanged();
  }

  /** Throws unless the group may stand there; an undecided one reads the log from now on. */
  checkPosition(partition: number, offset: number): void {
    const { serving, positions } = this.#options;
    serving.checkKind('log');
    positions.checkCommit(partition, offset);
    serving.use('log');
  }

  /** What it has passed, or is not held any more, changes nothing. */
  commitPosition(partition: number, offset: number): void {
    if (this.#options.positions.commit(partition, offset)) this.#options.onChanged();
  }

  #end(owner: string, how: 'acked' | 'failed'): void {
    const { holds, settling, serving, onChanged } = this.#options;
    const runs = holds.of(owner);
    holds.release(owner);
    const moment = this.#moment();
    for (const run of runs) {
      settling.end(run, how, moment);
      serving.members.touch(run.block.memberId);
    }
    if (runs.length > 0) onChanged();
  }

  #finishRun(partition: number, { from, below }: OffsetSpan): void {
    if (from === below) return;
    const { state, record } = this.#options;
    const run = { group: state.groupId, partition, fromOffset: from, count: below - from };
    record({ kind: 'finished', ...run, how: 'committed' }, this.#moment());
  }

  #moment(): Moment {
    const { clock } = this.#options;
    return { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() };
  }
}
