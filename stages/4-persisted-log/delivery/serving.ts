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
import type { GroupDeskOptions, PartitionReader, WaitForRecords } from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import { type Handed, HandOut, type HandOutResult, type HandOutWant } from './hand-out.ts';
import { watchedClock } from './watched-clock.ts';

/** A receive in the line. */
interface WaitingWant extends HandOutWant {
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
  /** Partitions that are being read from the disk. */
  readonly #loading = new Set<number>();
  /** Calls in the line that wait for that and nothing else. */
  #impatientCount = 0;
  #isClosed = false;
  /** What those are told who come after the end; undefined: there is nothing. */
  #closeError: Error | undefined;

  constructor(options: ServingOptions) {
    const { clock, limits, state, name, partitions } = options;
    this.#options = options;
    this.#state = state;
    this.line = new WaiterLine({ clock, limits, calls: 'receives' });
    this.#handOut = new HandOut({ ...options, group: name, inFlightCountMax: limits.inFlightCountMax });
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
    for (const memberId of [...this.#state.leases.memberIds]) this.members.callEnds(this.members.callBegins(memberId));
    this.#onMembersChanged();
  }

  async receive(wanted: HandOutWant, { waitMs, signal }: WaitForRecords): Promise<readonly Handed[]> {
    const want: WaitingWant = { ...wanted, isPatient: waitMs > 0 };
    if (this.#closeError !== undefined) throw this.#closeError;
    if (this.#isClosed) return []; // nobody would ever serve it
    this.checkKind('queue');
    this.#checkInRange();
    this.#checkNotTaken(want.memberId);
    if (want.isPatient && !this.#canHandOut) this.#options.checkMayWait();
    const member = this.#memberOf(want.memberId); // the last that may refuse: a refused call changes nothing
    try {
      this.use('queue');
      // Where others wait for the disk this one was not first.
      const result = this.#loading.size > 0 && this.line.size > 0 ? NOTHING : this.#take(want);
      this.#tell(result);
      const { handed, error } = result;
      if (handed.length > 0) return handed;
      if (error !== undefined) throw error;
      if (want.isPatient) {
        return await this.line.wait(want, { signal, timeoutMs: waitMs, onTimeout: () => [], among: member.waiting });
      }
      return this.#loading.size === 0 ? [] : await this.#waitForDisk(want, { signal, among: member.waiting });
    } finally {
      this.members.callEnds(member);
    }
  }

  /** Serves those who wait as long as something is available: one message wakes one of them. */
  serve(): void {
    if (this.#owners !== undefined) this.line.settleAll((waiter) => void this.#serveOne(waiter));
    else for (let { first } = this.line; first !== undefined && this.#serveOne(first); ) ({ first } = this.line);
    if (this.#impatientCount === 0 || this.#loading.size > 0) return;
    this.line.settleAll((waiter) => {
      if (!waiter.want.isPatient) waiter.serve([]);
    });
  }

  /** What stands first and cannot be handed out is stepped over. */
  stepOver(): void {
    if (this.#handOut.stepOver()) this.#options.onHandOut({ hasSteppedOver: true });
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
    this.#options.record({ kind: 'used', group: this.#options.groupId, as }, { now: 0, monotonicMs: 0 });
  }

  /** Waiting receives reject with `error`, or are answered empty without one. */
  close(error?: Error): void {
    this.#isClosed = true;
    this.#closeError = error;
    this.members.close();
    this.line.settleAll((waiter) => (error === undefined ? waiter.serve([]) : waiter.fail(error)));
  }

  async #waitForDisk(
    want: WaitingWant,
    options: WaitOptions<WaitingWant, readonly Handed[]>,
  ): Promise<readonly Handed[]> {
    this.#impatientCount += 1;
    try {
      return await this.line.wait(want, options);
    } finally {
      this.#impatientCount -= 1;
    }
  }

  /** False when there is nothing for it. */
  #serveOne(waiter: WaitingReceive): boolean {
    const result = this.#take(waiter.want);
    const { handed, error } = result;
    if (handed.length > 0) waiter.serve(handed);
    else if (error !== undefined) waiter.fail(error);
    this.#tell(result); // it has left the line by now: what this leads to may serve the next
    return handed.length > 0 || error !== undefined;
  }

  /** I14. What there is for this call now; what has to be read for more is on its way when it returns. */
  #take(want: HandOutWant): Taken {
    if (this.#state.isPaused || this.#options.isTopicPaused()) return NOTHING;
    const result = this.#handOut.handOut(want, (partition) => this.#mayRead(partition, want.memberId));
    for (const [partition, offset] of result.missing) this.#load(partition, offset);
    return result;
  }

  #tell({ handed, hasSteppedOver }: Taken): void {
    if (handed.length > 0 || hasSteppedOver) this.#options.onHandOut({ hasSteppedOver });
  }

  #mayRead(partition: number, memberId: string): boolean {
    if (this.#owners === undefined) return true;
    const inFlightCount = this.#state.leases.openCountIn(partition);
    return this.#owners.mayRead(partition, { memberId, inFlightCount });
  }

  /** Reads the batch with the record, and serves whoever waits when it is there. */
  #load(partition: number, offset: number): void {
    if (this.#loading.has(partition)) return;
    const reader = this.#options.partitions[partition] as PartitionReader;
    this.#loading.add(partition);
    const onLoaded = (held: number): void => {
      this.#loading.delete(partition);
      if (this.#isClosed) return;
      if (held > offset) this.#stepOverGap(partition, { from: offset, below: held });
      this.serve();
    };
    const onFailed = (error: unknown): void => {
      this.#loading.delete(partition);
      // What was released meanwhile is not wanted any more.
      if (!this.#isClosed && offset >= reader.logStartOffset) this.line.settleAll((waiter) => waiter.fail(error));
      this.serve();
    };
    reader.load(offset).then(onLoaded, onFailed);
  }

  /** Nothing is held there: it was lost, and repaired away. */
  #stepOverGap(partition: number, { from, below }: { readonly from: number; readonly below: number }): void {
    const { groupId, clock, record } = this.#options;
    const moment = { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() };
    const cursor = this.#state.cursors[partition];
    for (let offset = from; offset < below; offset += 1) {
      if (!cursor?.isFresh(offset) && !cursor?.givenBack.isReady(offset)) continue;
      record({ kind: 'finished', group: groupId, partition, fromOffset: offset, count: 1, how: 'gone' }, moment);
    }
    this.#options.onHandOut({ hasSteppedOver: true });
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

const NOTHING: Taken = Object.freeze({ handed: [], error: undefined, hasSteppedOver: false });
