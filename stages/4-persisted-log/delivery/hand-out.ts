/**
 * The one place where records become deliveries: the next ones for a member, each run of neighbours under one lease. What
 * cannot be given to it (expired, or for another group) is stepped over on the way.
 *
 * Always true (I13): nothing is awaited. Where the batch with the next record is not in memory the partition is left
 * alone, and `missing` says what to load; where it cannot be read, `error` says why. At least one record goes out,
 * whatever its size.
 */
import type { Clock } from '../../../shared/clock.ts';
import { isMqError, type MqError } from '../../../shared/contract/errors.ts';
import type { LogRecord } from '../bytes/record.ts';
import { type Candidate, candidateOf, mayTakeFresh } from './candidates.ts';
import type { HandedRun, PartitionReader, ReceiveWant } from './desk-surroundings.ts';
import { type FilterView, UNFINISHED } from './filter-view.ts';
import { Budget, type Gathered, gather, type ReadAs, stepOverCount } from './gathering.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import type { LeaseBlock } from './lease-block.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';

export interface HandOutOptions {
  readonly state: GroupState;
  /** The name of the group. */
  readonly group: string;
  readonly clock: Clock;
  readonly partitions: readonly PartitionReader[];
  readonly inFlightCountMax: number;
  readonly ttlMs: number | undefined;
  /** Of the group's filter; undefined: every record matches. */
  readonly groupMatcher: RecordMatcher | undefined;
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
}

export interface HandOutWant extends ReceiveWant {
  /** True: whole batches are wanted, and no record as an object. */
  readonly isWhole: boolean;
  /** What the call's filter has seen so far; undefined: it has none. */
  readonly view?: FilterView | undefined;
}

/** A run that was handed out, with its records unless whole batches were wanted. */
export interface Handed extends HandedRun {
  readonly records: readonly LogRecord[];
}

export interface HandOutResult {
  readonly handed: Handed[];
  /** Partition -> the offset whose batch is to be loaded. */
  readonly missing: Map<number, number>;
  error: MqError | undefined;
  hasSteppedOver: boolean;
  /** There may be more: it looked at as many records as it may. */
  isUnfinished: boolean;
}

/** One answer in the making. */
interface Answer {
  readonly want: HandOutWant;
  readonly as: ReadAs;
  readonly moment: Moment;
  readonly budget: Budget;
  readonly looks: Looks;
  readonly result: HandOutResult;
  /** Partitions that may have more. */
  readonly open: Set<PartitionReader>;
  /** What is next in those of them that were asked, and of which nothing was handed out since. */
  readonly known: Map<PartitionReader, Candidate>;
  isFreshWanted: boolean;
}

export class HandOut {
  readonly #options: HandOutOptions;
  /** The partition with which the next answer begins: each has its turn. */
  #turn = 0;

  constructor(options: HandOutOptions) {
    this.#options = options;
  }

  /** At most what is wanted, from the partitions that this member may read. Where filters are asked it takes `looks`. */
  handOut(want: HandOutWant, looks: Looks, mayRead: (partition: number) => boolean): HandOutResult {
    const { state, inFlightCountMax, partitions } = this.#options;
    const free = Math.min(inFlightCountMax - state.leases.openCount, want.credit?.freeFor(state.leases) ?? want.max);
    const count = Math.min(want.max, free);
    const answer = this.#begin(want, { count, looks });
    for (const reader of this.#inTurn()) {
      if (!mayRead(reader.partition)) continue;
      state.cursors[reader.partition]?.givenBack.wake(answer.moment.monotonicMs);
      answer.open.add(reader);
    }
    const hasPriorities = partitions.some(({ priorities }) => priorities.size > 0);
    while (answer.budget.count > 0) {
      const candidate = this.#next(answer, hasPriorities);
      if (candidate === undefined) break;
      answer.known.delete(candidate.reader);
      if (!this.#handOutRun(candidate, answer)) answer.open.delete(candidate.reader);
    }
    return answer.result;
  }

  /** Steps over what stands first and cannot be handed out, as far as that is in memory. True when there was something. */
  stepOver(looks: Looks): boolean {
    const want = { memberId: '', max: 0, bytesMax: 0, leaseMs: 0, isWhole: true };
    const answer = this.#begin(want, { count: 0, looks });
    for (const reader of this.#options.partitions) {
      let candidate = this.#candidateOf(reader, answer);
      while (candidate !== undefined && answer.looks.left > 0 && this.#stepOverAt(candidate, answer))
        candidate = this.#candidateOf(reader, answer);
    }
    return answer.result.hasSteppedOver;
  }

  #begin(want: HandOutWant, { count, looks }: { readonly count: number; readonly looks: Looks }): Answer {
    const { clock, group, ttlMs, state, groupMatcher } = this.#options;
    const moment = { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() };
    return {
      want,
      moment,
      as: { group, now: moment.now, ttlMs, isWhole: want.isWhole, groupMatcher, matcher: want.view?.matcher, looks },
      budget: new Budget({ count, bytes: want.bytesMax }),
      looks,
      result: { handed: [], missing: new Map(), error: undefined, hasSteppedOver: false, isUnfinished: false },
      open: new Set(),
      known: new Map(),
      isFreshWanted: mayTakeFresh(state),
    };
  }

  /** The first of what is next in the partitions: by priority, else whose turn it is. */
  #next(answer: Answer, hasPriorities: boolean): Candidate | undefined {
    let best: Candidate | undefined;
    for (const reader of answer.open) {
      const candidate = answer.known.get(reader) ?? this.#candidateOf(reader, answer);
      if (candidate === undefined) {
        answer.open.delete(reader);
        continue;
      }
      if (hasPriorities) answer.known.set(reader, candidate);
      if (best === undefined || candidate.priority > best.priority) best = candidate;
      if (best !== undefined && !hasPriorities) break;
    }
    return best;
  }

  #candidateOf(reader: PartitionReader, { want, as, result, isFreshWanted }: Answer): Candidate | undefined {
    try {
      const candidate =
        want.view?.candidateOf(reader, { isFreshWanted, as }) ??
        (want.view === undefined ? candidateOf(this.#options.state, reader, { isFreshWanted }) : undefined);
      if (candidate === UNFINISHED) result.isUnfinished = true;
      else if (candidate === undefined || !('missing' in candidate)) return candidate;
      else result.missing.set(reader.partition, candidate.missing);
    } catch (error) {
      if (!isMqError(error)) throw error;
      result.error ??= error;
    }
    return undefined;
  }

  /** I13. Leases what can be handed out of it. False when nothing more can be had from its partition for this answer. */
  #handOutRun(candidate: Candidate, answer: Answer): boolean {
    const { reader, from } = candidate;
    const { budget, as, result, looks } = answer;
    // Whoever asks a costly filter has the first of its runs in this turn, and the others in the next ones.
    if (looks.left <= 0 && as.groupMatcher !== undefined && result.handed.length > 0) return false;
    const gathered = gather(reader, { wanted: candidate, budget, as });
    if (gathered.below > from) result.handed.push(this.#lease(candidate, gathered, answer));
    if (gathered.isMissing) result.missing.set(reader.partition, gathered.below);
    result.error ??= gathered.error;
    if (gathered.isMissing || gathered.error !== undefined) return false;
    return gathered.below > from || this.#stepOverAt(candidate, answer);
  }

  #lease({ reader, from, key }: Candidate, gathered: Gathered, { want, moment }: Answer): Handed {
    const { state, record } = this.#options;
    const { partition } = reader;
    const { isRedrive, batches, records } = gathered;
    const count = gathered.below - from;
    const place = state.leases.freePlace();
    const leaseExpiresAt = moment.now + want.leaseMs;
    record(
      {
        kind: 'leased',
        group: state.groupId,
        partition,
        fromOffset: from,
        count,
        place,
        serial: state.serial + 1,
        memberId: want.memberId,
        at: moment.now,
        deadlineAt: leaseExpiresAt,
        isRedrive,
        key,
      },
      moment,
    );
    const { token, history } = state.leases.at(place, partition, from) as LeaseBlock;
    const { deliveryCount, reason } = history;
    return { partition, batches, records, fromOffset: from, count, token, leaseExpiresAt, deliveryCount, reason };
  }

  /** False when what stands there is not to be stepped over, or nobody knows. */
  #stepOverAt({ reader, from, below, deliveryCount }: Candidate, answer: Answer): boolean {
    const { as, moment, result, looks } = answer;
    if (looks.left <= 0) {
      result.isUnfinished = true;
      return false;
    }
    const over = stepOverCount(reader, { from, below, as, deliveryCount });
    if (over === undefined) return false;
    if (over.how === 'filtered') looks.left -= over.count;
    const { state, record } = this.#options;
    const run = { group: state.groupId, partition: reader.partition, fromOffset: from, count: over.count };
    const isDying = over.how === 'expired' && state.options.deadLetterExpired;
    if (isDying) record({ kind: 'dying', ...run, place: 0, why: 'expired', at: moment.now }, moment);
    else record({ kind: 'finished', ...run, how: over.how }, moment);
    if (isDying) answer.isFreshWanted = mayTakeFresh(state);
    result.hasSteppedOver = true;
    return true;
  }

  /** All partitions, another one first each time. */
  #inTurn(): readonly PartitionReader[] {
    const { partitions } = this.#options;
    if (partitions.length === 1) return partitions;
    this.#turn = (this.#turn + 1) % partitions.length;
    return [...partitions.slice(this.#turn), ...partitions.slice(0, this.#turn)];
  }
}
