/**
 * Who is there for deliveries of a group, who waits for some, and who gets the next.
 *
 * Always true (I14): a receive waits only while nothing is available to it, or as many as allowed are in flight, or what
 * is next is being read from the disk. Whoever asked first is served first; only in a failover group, where each member
 * has partitions of its own, one that asked later may have something to get while an earlier one has not. Only the desk
 * uses it.
 */
import type { MemberDescription } from '../../../shared/contract/description.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { quote } from '../../../shared/contract/validation.ts';
import { type Waiter, WaiterLine, type WaitOptions } from '../../1-blocking-queue/waiter-line.ts';
import { type Member, MemberTable } from '../../2-ring-buffer/member-table.ts';
import { outOfRangeError } from '../../2-ring-buffer/refusals.ts';
import { PartitionOwners } from '../policies/assignment.ts';
import { hasCandidate } from './candidates.ts';
import type { GroupDeskOptions, PartitionReader, ReceiveWant, WaitForRecords } from './desk-surroundings.ts';
import { FilterViews } from './filter-views.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import { type Handed, HandOut, type HandOutResult, type HandOutWant } from './hand-out.ts';
import type { Looks } from './record-matcher.ts';
import { EVERYTHING, keyOf, Searches } from './searches.ts';
import { turnLooks } from './turn-looks.ts';
import { Unwanted } from './unwanted.ts';
import { watchedClock } from './watched-clock.ts';

export type Wanted = ReceiveWant & Pick<HandOutWant, 'isWhole'>;

/** A receive in the line. */
interface WaitingWant extends Wanted {
  readonly key: string;
  /** False: it waits for the disk only, and is answered empty when nothing comes of that. */
  readonly isPatient: boolean;
}

type Taken = Pick<HandOutResult, 'handed' | 'error' | 'hasSteppedOver'>;
type WaitingReceive = Waiter<WaitingWant, readonly Handed[]>;

export interface ServingOptions extends GroupDeskOptions {
  readonly state: GroupState;
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
  /** Leases were made, or something was stepped over. */
  readonly onHandOut: (result: Pick<HandOutResult, 'hasSteppedOver'>) => void;
}

export class Serving {
  readonly members: MemberTable<WaitingReceive>;
  readonly line: WaiterLine<WaitingWant, readonly Handed[]>;
  readonly #options: ServingOptions;
  readonly #state: GroupState;
  readonly #handOut: HandOut;
  /** Only in a failover group. */
  readonly #owners: PartitionOwners | undefined;
  readonly #views: FilterViews;
  /** Undefined: the group wants everything. */
  readonly #unwanted: Unwanted | undefined;
  readonly #searches: Searches;
  /** Receives with a filter that wait. */
  #filteredCount = 0;
  /** Calls in the line that wait for a search and nothing else. */
  #impatientCount = 0;
  /** Before that nothing may be recorded: what is replayed has to fit. */
  #isStarted = false;
  #isClosed = false;
  /** What those are told who come after the end; undefined: there is nothing. */
  #closeError: Error | undefined;

  constructor(options: ServingOptions) {
    const { clock, limits, state, name, partitions } = options;
    this.#options = options;
    this.#state = state;
    this.line = new WaiterLine({ clock, limits, calls: 'receives' });
    const groupMatcher = options.matcherOf?.(options.options.filter);
    this.#handOut = new HandOut({ ...options, group: name, inFlightCountMax: limits.inFlightCountMax, groupMatcher });
    this.#views = new FilterViews(state);
    const recordNow = (event: GroupEvent): void => options.record(event, NO_MOMENT);
    const unwanted = groupMatcher && { state, partitions, matcher: groupMatcher, record: recordNow };
    this.#unwanted = unwanted && new Unwanted(unwanted);
    this.#searches = new Searches({
      ...options,
      onGap: () => options.onHandOut({ hasSteppedOver: true }),
      serve: () => this.serve(),
      fail: (key, error) => this.line.settleAll((waiter) => waiter.want.key === key && waiter.fail(error)),
    });
    this.#owners = options.options.mode === 'failover' ? new PartitionOwners(partitions.length) : undefined;
    this.members = new MemberTable({
      clock: watchedClock(clock, () => this.#onMembersChanged()),
      timeoutMs: options.memberTimeoutMs,
      countMax: limits.membersCountMax,
      isHolding: (memberId) => state.leases.openCountOf(memberId) > 0,
      onEmpty: options.onEmpty,
    });
  }

  /** Who has something in flight is there, though nobody has heard of it since the restart. */
  start(): void {
    this.#isStarted = true;
    for (const memberId of [...this.#state.leases.memberIds]) this.members.callEnds(this.members.callBegins(memberId));
    this.#onMembersChanged();
  }

  async receive(wanted: Wanted, { waitMs, signal }: WaitForRecords): Promise<readonly Handed[]> {
    const want: WaitingWant = { ...wanted, isPatient: waitMs > 0, key: keyOf(wanted) };
    if (this.#closeError !== undefined) throw this.#closeError;
    if (this.#isClosed) return []; // nobody would ever serve it
    this.checkKind('queue');
    this.#checkInRange();
    this.#checkNotTaken(want.memberId);
    if (want.isPatient && !this.#canHandOut) this.#options.checkMayWait();
    const member = this.#memberOf(want.memberId); // the last that may refuse: a refused call changes nothing
    try {
      this.use('queue');
      // Where others wait for the same search this one was not first.
      const isBehind = this.line.size > 0 && this.#searches.isPending(want.key);
      const result = isBehind ? NOTHING : this.#take(want, turnLooks.ofThisTurn);
      this.#tell(result);
      const { handed, error } = result;
      if (handed.length > 0) return handed;
      if (error !== undefined) throw error;
      const how = { signal, among: member.waiting };
      if (want.isPatient) return await this.#wait(want, { ...how, timeoutMs: waitMs, onTimeout: () => [] });
      return this.#searches.isPending(want.key) ? await this.#wait(want, how) : [];
    } finally {
      this.members.callEnds(member);
    }
  }

  /** Serves those who wait as long as something is available: one message wakes one of them. */
  serve(): void {
    const looks = turnLooks.ofThisTurn;
    if (this.#owners !== undefined || this.#filteredCount > 0) this.#serveEach(looks);
    else for (let { first } = this.line; first !== undefined && this.#serveOne(first, looks); ) ({ first } = this.line);
    this.#finishUnwanted();
    if (this.#impatientCount === 0) return;
    this.line.settleAll(({ want, serve }) => {
      if (!want.isPatient && !this.#searches.isPending(want.key)) serve([]);
    });
  }

  /** What stands first and cannot be handed out is stepped over. */
  stepOver(): void {
    if (this.#handOut.stepOver(turnLooks.orAFew)) this.#options.onHandOut({ hasSteppedOver: true });
    this.#finishUnwanted();
  }

  /** The waiting receives of a member are answered empty. */
  dismissWaiting(memberId: string): void {
    for (const waiter of this.members.waitingOf(memberId)) waiter.serve([]);
  }

  memberLeaves(memberId: string): void {
    this.members.leave(memberId);
    this.#onMembersChanged();
  }

  /** By name; those who hold nothing too. */
  describeMembers(): readonly MemberDescription[] {
    const memberIds = [...this.members.ids()].sort();
    return memberIds.map((memberId) => ({ memberId, inFlightCount: this.#state.leases.openCountOf(memberId) }));
  }

  /** A group that fell behind and may not go on by itself answers those who wait so. */
  failStranded(): void {
    if (!this.#state.isStranded) return;
    this.line.settleAll((waiter) => waiter.fail(this.#strandedError()));
  }

  /** A decided group refuses the other use. */
  checkKind(kind: 'queue' | 'log'): void {
    const { kind: decided } = this.#state;
    if (decided === kind || decided === 'undecided') return;
    const group = `group ${quote(this.#options.name)} is a ${decided} group`;
    throw new MqError('MQ_GROUP_KIND', `${group}: you cannot ${kind === 'queue' ? 'receive from it' : 'commit to it'}`);
  }

  /** An undecided group becomes what it is first used as. */
  use(as: 'queue' | 'log'): void {
    if (this.#state.kind !== 'undecided') return;
    this.#options.record({ kind: 'used', group: this.#options.groupId, as }, NO_MOMENT);
  }

  /** Waiting receives reject with `error`, or are answered empty without one. */
  close(error?: Error): void {
    this.#isClosed = true;
    this.#closeError = error;
    this.#searches.close();
    this.#views.close();
    this.members.close();
    this.line.settleAll((waiter) => (error === undefined ? waiter.serve([]) : waiter.fail(error)));
  }

  async #wait(want: WaitingWant, options: WaitOptions<WaitingWant, readonly Handed[]>): Promise<readonly Handed[]> {
    const [filteredCount, impatientCount] = [Number(want.key !== EVERYTHING), Number(!want.isPatient)];
    this.#filteredCount += filteredCount;
    this.#impatientCount += impatientCount;
    try {
      return await this.line.wait(want, options);
    } finally {
      this.#filteredCount -= filteredCount;
      this.#impatientCount -= impatientCount;
    }
  }

  /** Where there is nothing for one, there is nothing for those behind it that want the same; others may have something. */
  #serveEach(looks: Looks): void {
    const withoutAny = new Set<string>();
    this.line.settleAll((waiter) => {
      const { key } = waiter.want;
      if (withoutAny.has(key) || this.#serveOne(waiter, looks) || this.#owners !== undefined) return;
      withoutAny.add(key);
    });
  }

  /** False when there is nothing for it. */
  #serveOne(waiter: WaitingReceive, looks: Looks): boolean {
    const result = this.#take(waiter.want, looks);
    const { handed, error } = result;
    if (handed.length > 0) waiter.serve(handed);
    else if (error !== undefined) waiter.fail(error);
    this.#tell(result); // it has left the line by now: what this leads to may serve the next
    return handed.length > 0 || error !== undefined;
  }

  /** I14. What there is for this call now; what has to be read for more is on its way when it returns. */
  #take(want: WaitingWant, looks: Looks): Taken {
    if (this.#state.isPaused || this.#options.isTopicPaused()) return NOTHING;
    const { matcher, key, memberId } = want;
    const whole = matcher === undefined ? want : { ...want, view: this.#views.of(matcher) };
    const result = this.#handOut.handOut(whole, looks, (partition) => this.#mayRead(partition, memberId));
    this.#searches.goOn(key, result);
    return result;
  }

  /** What the group does not want is finished as soon as it is there. */
  #finishUnwanted(): void {
    if (!this.#isStarted || this.#isClosed || this.#unwanted === undefined) return;
    const looks = turnLooks.ofThisTurn;
    if (this.#unwanted.finish(looks)) this.#options.onHandOut({ hasSteppedOver: true });
    this.#searches.goOn(EVERYTHING, { missing: new Map(), isUnfinished: looks.left <= 0 });
  }

  #tell({ handed, hasSteppedOver }: Taken): void {
    if (handed.length > 0 || hasSteppedOver) this.#options.onHandOut({ hasSteppedOver });
  }

  #mayRead(partition: number, memberId: string): boolean {
    if (this.#owners === undefined) return true;
    const inFlightCount = this.#state.leases.openCountIn(partition);
    return this.#owners.mayRead(partition, { memberId, inFlightCount });
  }

  #memberOf(memberId: string): Member<WaitingReceive> {
    const { size } = this.members;
    const member = this.members.callBegins(memberId);
    if (this.members.size > size) this.#onMembersChanged();
    return member;
  }

  #onMembersChanged(): void {
    if (this.#owners === undefined || this.#isClosed) return;
    this.#owners.update(this.members.ids());
    this.serve();
  }

  #checkInRange(): void {
    if (this.#state.isStranded) throw this.#strandedError();
  }

  #checkNotTaken(memberId: string): void {
    if (this.#options.options.mode !== 'exclusive') return;
    const [holder] = this.members.ids();
    if (holder === undefined || holder === memberId) return;
    const group = `group ${quote(this.#options.name)} is exclusive`;
    throw new MqError('MQ_GROUP_TAKEN', `${group}, and member ${quote(holder)} has it until it leaves`);
  }

  /** Something is available, and not yet as many as allowed are in flight. */
  get #canHandOut(): boolean {
    const { limits, partitions, isTopicPaused } = this.#options;
    if (this.#state.isPaused || isTopicPaused()) return false;
    if (this.#state.leases.openCount >= limits.inFlightCountMax) return false;
    return partitions.some((reader) => hasCandidate(this.#state, reader));
  }

  #strandedError(): MqError {
    const partition = this.#state.cursors.findIndex(({ strandedAt }) => strandedAt !== undefined);
    const { logStartOffset, highWatermark } = this.#options.partitions[partition] as PartitionReader;
    const { strandedAt = 0 } = this.#state.cursors[partition] ?? {};
    return outOfRangeError(strandedAt, { logStartOffset, logEndOffset: highWatermark });
  }
}

/** For events that do not say when. */
const NO_MOMENT: Moment = Object.freeze({ now: 0, monotonicMs: 0 });
const NOTHING: Taken = Object.freeze({ handed: [], error: undefined, hasSteppedOver: false });
