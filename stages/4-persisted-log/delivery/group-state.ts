/**
 * All that is kept of one group, and the one place where it changes: `apply`, with an event that says what happened. What
 * a broker does while it runs and what it reads after a restart take the same way, so they end alike (I11).
 *
 *     desk decides --> event --> apply --> state          journal --> event --> apply --> the same state
 *
 * Always true: of each partition an offset is finished, in flight (a lease has it open), given back, or fresh, and only one
 * of them (I10). An event that does not fit is `MQ_CORRUPT` and has changed nothing: a journal has no holes, so a state
 * into which it does not fit is not the one it was written for. Knows no clock: whoever applies says what time it is.
 */

import type { GroupOptions } from '../../../shared/contract/description.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import { type KeyedOffset, KeyLocks } from '../policies/key-locks.ts';
import { AcceptedRuns } from './accepted-runs.ts';
import { DeliveryCursor } from './delivery-cursor.ts';
import type { GivenBack } from './given-back.ts';
import type { GroupEvent } from './group-events.ts';
import { firstHistory, NEVER_DELIVERED, nextHistory } from './history.ts';
import { type LeaseBlock, leaseEndMs } from './lease-block.ts';
import { LeaseBlocks, tokenOf } from './lease-blocks.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** The two clocks at one moment. */
export interface Moment {
  /** Epoch ms. */
  readonly now: number;
  readonly monotonicMs: number;
}

export interface GroupStateOptions {
  readonly groupId: number;
  readonly options: Required<GroupOptions>;
  /** First offset of each partition. */
  readonly starts: readonly number[];
  readonly priorityOf: (partition: number, offset: number) => number;
}

type EventOf<Kind extends GroupEvent['kind']> = Extract<GroupEvent, { kind: Kind }>;
type RunEvent = EventOf<'leased' | 'acked' | 'given-back' | 'dying' | 'finished'>;

export class GroupState {
  readonly groupId: number;
  readonly options: Required<GroupOptions>;
  kind: 'undecided' | 'queue' | 'log' = 'undecided';
  isPaused = false;
  /** By partition. */
  readonly cursors: readonly DeliveryCursor[];
  /** By partition; empty where keys are of no concern. */
  readonly locks: readonly KeyLocks[];
  readonly leases: LeaseBlocks;
  readonly accepted = new AcceptedRuns(DEFAULTS.tokensRememberedCount);
  tokenPrefix = '';
  /** Of the last lease. */
  serial = 0;
  redeliveredCount = 0;
  expiredCount = 0;
  deadCount = 0;
  droppedCount = 0;

  readonly #appliers: { readonly [Kind in GroupEvent['kind']]: (event: EventOf<Kind>, moment: Moment) => void } = {
    leased: (event, moment) => this.#lease(event, moment),
    acked: (event) => this.#accept(event),
    'ack-repeated': (event) => this.accepted.makeCumulative(event),
    'given-back': (event, moment) => this.#giveBack(event, moment),
    dying: (event, moment) => this.#die(event, moment),
    finished: (event) => this.#finish(event),
    extended: (event, moment) => this.#extend(event, moment),
    committed: ({ partition, offset }) => this.#cursor(partition).commit(offset),
    sought: (event) => this.#seek(event),
    'fell-behind': (event) => this.#fallBehind(event),
    'cut-back': (event) => this.#cutBack(event),
    used: ({ as }) => {
      this.kind = as;
    },
    prefix: ({ prefix }) => {
      this.tokenPrefix = prefix;
    },
    paused: ({ isPaused }) => {
      this.isPaused = isPaused;
    },
    // These two are for whoever keeps the groups.
    created: () => undefined,
    deleted: () => undefined,
  };

  constructor({ groupId, options, starts, priorityOf }: GroupStateOptions) {
    this.groupId = groupId;
    this.options = options;
    const isByKey = options.mode === 'key-ordered'; // which goes by offset alone
    this.cursors = starts.map(
      (startOffset, partition) =>
        new DeliveryCursor({ startOffset, priorityOf: (offset) => (isByKey ? 0 : priorityOf(partition, offset)) }),
    );
    this.locks = isByKey ? starts.map((startOffset) => new KeyLocks(startOffset)) : [];
    this.leases = new LeaseBlocks(starts.length);
  }

  /** The lowest offset of the partition that is not finished. */
  floorOf(partition: number): number {
    return this.#cursor(partition).floor(this.leases.firstOpenIn(partition));
  }

  /** Given back, and not finished since. */
  get givenBackCount(): number {
    return this.cursors.reduce((sum, cursor) => sum + cursor.givenBack.size, 0);
  }

  /** Something below `offset` is not finished. */
  hasAnyBelow(partition: number, offset: number): boolean {
    return this.#cursor(partition).lowest(this.leases.firstOpenIn(partition)) < offset;
  }

  get isStranded(): boolean {
    return this.cursors.some(({ strandedAt }) => strandedAt !== undefined);
  }

  apply(event: GroupEvent, moment: Moment): void {
    const apply = this.#appliers[event.kind] as (event: GroupEvent, moment: Moment) => void;
    apply(event, moment);
  }

  /** After a snapshot was put in, or the group stands elsewhere: who holds which key. */
  restartLocks(partition: number): void {
    const locks = this.locks[partition];
    if (locks === undefined) return;
    const cursor = this.#cursor(partition);
    const held: KeyedOffset[] = [...cursor.givenBack.all];
    for (const { openFrom, key } of this.leases.all(partition)) held.push({ offset: openFrom, key });
    locks.restart(held, cursor.next);
  }

  #lease(event: EventOf<'leased'>, moment: Moment): void {
    const { partition, place, serial, memberId, deadlineAt } = event;
    const span = spanOf(event);
    const cursor = this.#cursor(partition);
    const given = cursor.givenBack.at(span.from);
    if (!this.leases.isFree(place)) throw this.#misfit(event, 'its place is taken');
    const isThere = given === undefined ? cursor.isFreshRun(span) : cursor.givenBack.hasAll(span);
    if (!isThere) throw this.#misfit(event, 'it is not there to be handed out');
    if (given === undefined) cursor.take(span);
    else for (let offset = span.from; offset < span.below; offset += 1) cursor.givenBack.take(offset);
    const history =
      given === undefined
        ? firstHistory(event, { wasHandedOut: cursor.earlier.has(span.from) })
        : nextHistory(given.history);
    if (history.reason !== undefined) this.redeliveredCount += event.count;
    const key = event.key ?? given?.key;
    const token = tokenOf(this.tokenPrefix, event);
    const deadlineMs = leaseEndMs({ deadlineAt, leaseMsMax: deadlineAt - event.at }, moment);
    this.leases.add({ ...span, partition, place, serial, token, memberId, history, key, deadlineMs, deadlineAt });
    this.locks[partition]?.hold({ offset: span.from, key });
    this.serial = serial;
  }

  #accept(event: EventOf<'acked'>): void {
    const { partition, fromOffset, count, isCumulative } = event;
    const block = this.#leaseOf(event);
    this.leases.close(block, fromOffset, fromOffset + count);
    const { token, memberId } = block;
    this.accepted.remember({ partition, fromOffset, count, token, memberId, isCumulative });
    this.locks[partition]?.release({ offset: fromOffset, key: block.key });
  }

  #giveBack(event: EventOf<'given-back'>, { now, monotonicMs }: Moment): void {
    const { partition, reason, availableAt } = event;
    const block = this.#leaseOf(event);
    const { deliveryCount, firstAt, error } = block.history;
    const history = { deliveryCount, reason, firstAt, error: event.error ?? error };
    const span = spanOf(event);
    this.leases.close(block, span.from, span.below);
    const dueMs = availableAt === 0 ? 0 : monotonicMs + availableAt - now;
    const given = { history, key: block.key, availableAt, dueMs, why: undefined, diedAt: 0 };
    this.#putBack(partition, span, { given, monotonicMs });
  }

  /** Out of a lease, or what was given back, or what is fresh. */
  #die(event: EventOf<'dying'>, { monotonicMs }: Moment): void {
    const { partition, why, at } = event;
    const cursor = this.#cursor(partition);
    const span = spanOf(event);
    const block = this.leases.at(event.place, partition, span.from);
    const { history } = block ?? cursor.givenBack.at(span.from) ?? { history: NEVER_DELIVERED };
    if (block === undefined) this.#takeOut(event);
    else {
      this.leases.close(this.#leaseOf(event), span.from, span.below);
      this.locks[partition]?.release({ offset: span.from, key: block.key });
    }
    const diedOf = { ...history, error: event.error ?? history.error };
    // Its key is free: nobody gets it any more.
    const given = { history: diedOf, key: undefined, availableAt: 0, dueMs: 0, why, diedAt: at };
    this.#putBack(partition, span, { given, monotonicMs });
    this.deadCount += event.count;
    if (why === 'expired') this.expiredCount += event.count;
  }

  #finish(event: EventOf<'finished'>): void {
    this.#takeOut(event);
    if (event.how === 'expired') this.expiredCount += event.count;
  }

  #extend(event: EventOf<'extended'>, { now, monotonicMs }: Moment): void {
    const { place, partition, offset, deadlineAt } = event;
    const block = this.leases.at(place, partition, offset);
    if (block === undefined) throw this.#misfit(event, 'it is not in flight');
    this.leases.extend(block, offset, { deadlineAt, deadlineMs: monotonicMs + deadlineAt - now });
  }

  #seek({ partition, offset, logStartOffset }: EventOf<'sought'>): void {
    for (const block of this.leases.all(partition)) this.#endOpen(block, block);
    this.accepted.forgetFrom(partition, offset);
    this.#cursor(partition).seek(offset, { logStartOffset });
    this.restartLocks(partition);
  }

  #fallBehind({ partition, logStartOffset, logEndOffset }: EventOf<'fell-behind'>): void {
    const cursor = this.#cursor(partition);
    const floor = this.floorOf(partition);
    const lost: OffsetSpan = { from: 0, below: logStartOffset };
    for (let block = this.leases.firstIn(partition); block !== undefined && block.openFrom < logStartOffset; ) {
      this.droppedCount += this.#endOpen(block, lost);
      block = this.leases.firstIn(partition);
    }
    this.droppedCount += cursor.dropBelow(logStartOffset);
    if (this.options.onOutOfRange === 'error') cursor.strandedAt = floor;
    if (this.options.onOutOfRange === 'latest') this.droppedCount += cursor.skipTo(logEndOffset);
    this.restartLocks(partition);
  }

  #cutBack({ partition, logEndOffset }: EventOf<'cut-back'>): void {
    const lost: OffsetSpan = { from: logEndOffset, below: Number.MAX_SAFE_INTEGER };
    for (const block of this.leases.all(partition)) this.#endOpen(block, lost);
    this.accepted.forgetFrom(partition, logEndOffset);
    this.#cursor(partition).cutBack(logEndOffset);
    this.restartLocks(partition);
  }

  /** Given back or fresh, and from now on neither. */
  #takeOut(event: RunEvent): void {
    const { partition } = event;
    const span = spanOf(event);
    const cursor = this.#cursor(partition);
    const locks = this.locks[partition];
    if (cursor.isFreshRun(span)) {
      cursor.take(span);
      for (let { from } = span; locks !== undefined && from < span.below; from += 1) locks.stepOver(from);
      return;
    }
    const given = Array.from({ length: event.count }, (_, index) => cursor.givenBack.at(span.from + index));
    if (given.includes(undefined)) throw this.#misfit(event, 'it was neither given back nor is it fresh');
    for (const one of given as GivenBack[]) {
      cursor.givenBack.take(one.offset);
      locks?.release(one);
    }
  }

  #putBack(
    partition: number,
    { from, below }: OffsetSpan,
    { given, monotonicMs }: { readonly given: Omit<GivenBack, 'offset'>; readonly monotonicMs: number },
  ): void {
    const cursor = this.#cursor(partition);
    for (let offset = from; offset < below; offset += 1) cursor.givenBack.put({ offset, ...given }, monotonicMs);
  }

  /** Ends what is open of it within a span; how much that was. */
  #endOpen(block: LeaseBlock, span: OffsetSpan): number {
    let count = 0;
    for (const { from, below } of block.openSpans(span)) {
      this.leases.close(block, from, below);
      count += below - from;
    }
    return count;
  }

  /** The lease that has all of the run open. */
  #leaseOf(event: EventOf<'acked' | 'given-back' | 'dying'>): LeaseBlock {
    const { from, below } = spanOf(event);
    const block = this.leases.at(event.place, event.partition, from);
    if (block === undefined || !block.isAllOpen(from, below)) throw this.#misfit(event, 'it is not in flight');
    return block;
  }

  #cursor(partition: number): DeliveryCursor {
    const cursor = this.cursors[partition];
    if (cursor === undefined) throw new MqError('MQ_CORRUPT', `there is no partition ${partition}`);
    return cursor;
  }

  #misfit(event: RunEvent | EventOf<'extended'>, why: string): MqError {
    const offset = 'offset' in event ? event.offset : event.fromOffset;
    const what = `event "${event.kind}" of offset ${offset} in partition ${event.partition}`;
    return new MqError('MQ_CORRUPT', `group ${this.groupId}: the ${what} does not fit: ${why}`);
  }
}

function spanOf({ fromOffset, count }: RunEvent): OffsetSpan {
  return { from: fromOffset, below: fromOffset + count };
}
