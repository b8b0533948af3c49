/**
 * The desk of one group: members come to it for deliveries, bring back what they finished, and wait when there is none.
 *
 *     receive -->  Serving   who is there, who waits, what goes out (HandOut)     \
 *     ack, nack -> Settling  how what is in flight ends                            > events --> GroupState, and the journal
 *                  Burial    what becomes of the dead                             /
 *
 * Always true: whatever makes a record available ends in `serve`, and whatever moves the floor in `onProgress`. All but
 * receiving and browsing is synchronous: the state is changed and the events are recorded when it returns; who promises
 * durability awaits the journal afterwards. Until `start` nothing is recorded. Only the topic uses it.
 */
import type { GroupOptions, MemberDescription } from '../../../shared/contract/description.ts';
import type { MqError } from '../../../shared/contract/errors.ts';
import type { LogGroupView } from '../../../shared/contract/inside.ts';
import type { BrowsedRecord, Delivery } from '../../../shared/contract/message.ts';
import { Alarm } from './alarm.ts';
import { Burial } from './burial.ts';
import type {
  GiveBack,
  GroupCounts,
  GroupDeskOptions,
  HandedRun,
  LeaseClaim,
  ReceiveWant,
  Standing,
  WaitForRecords,
} from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import { type GroupSnapshot, putSnapshot, snapshotOf } from './group-snapshot.ts';
import { GroupState, type Moment } from './group-state.ts';
import { type BrowseWant, browseGroup, countsOf, standingOf, viewOf } from './group-view.ts';
import type { HandOutResult } from './hand-out.ts';
import { deliveriesOf } from './handed-deliveries.ts';
import { Holds } from './holds.ts';
import { Positions } from './positions.ts';
import { Serving } from './serving.ts';
import { Settling } from './settling.ts';
import { Transacted } from './transacted.ts';

export class GroupDesk {
  readonly name: string;
  readonly groupId: number;
  readonly options: Required<GroupOptions>;
  readonly state: GroupState;
  readonly #settings: GroupDeskOptions;
  readonly #serving: Serving;
  readonly #settling: Settling;
  readonly #positions: Positions;
  readonly burial: Burial;
  readonly transacted: Transacted;
  readonly #alarm: Alarm;
  #isClosed = false;

  constructor(settings: GroupDeskOptions & { readonly starts: readonly number[] }) {
    const { clock, options, partitions, starts, groupId, name, random, bury } = settings;
    this.#settings = settings;
    this.name = name;
    this.groupId = groupId;
    this.options = options;
    const priorityOf = (partition: number, offset: number): number =>
      partitions[partition]?.priorities.priorityOf(offset) ?? 0;
    const state = new GroupState({ groupId, options, starts, priorityOf });
    const record = (event: GroupEvent, moment: Moment): void => this.#record(event, moment);
    const finish = (partition: number, offset: number): void => this.#onBuried(partition, offset);
    this.state = state;
    this.#alarm = new Alarm(clock, () => this.#onAlarm());
    this.#serving = new Serving({ ...settings, state, record, onHandOut: (result) => this.#onHandOut(result) });
    const holds = new Holds(starts.length);
    const settling = new Settling({ state, options, random, holds, record });
    const positions = new Positions({ state, clock, partitions, record });
    const own = { state, clock, holds, settling, positions, serving: this.#serving, record };
    this.transacted = new Transacted({ ...own, onChanged: () => this.#onTransaction() });
    this.#settling = settling;
    this.#positions = positions;
    this.burial = new Burial({ state, clock, partitions, bury, finish });
  }

  /** As it was when `snapshot` was taken. What happened since is to be replayed, and then `start` called. */
  static restore(settings: GroupDeskOptions, snapshot: GroupSnapshot): GroupDesk {
    const desk = new GroupDesk({ ...settings, starts: snapshot.cursors.map(({ next }) => next) });
    putSnapshot(desk.state, snapshot, desk.#moment());
    return desk;
  }

  /** I11. The same change as when the event was recorded; `MQ_CORRUPT` when it does not fit. */
  replay(event: GroupEvent): void {
    this.state.apply(event, this.#moment());
  }

  /** From now on it hands out, times run, and what it does is recorded. */
  start(): void {
    const { groupId: group } = this;
    this.#record({ kind: 'prefix', group, prefix: this.#settings.nextTokenPrefix() }, this.#moment());
    for (const partition of this.state.cursors.keys()) {
      this.#positions.cutBack(partition);
      this.fallBehind(partition);
    }
    this.#serving.start();
    this.#afterChange();
  }

  /** The whole state at this moment, as plain JSON. */
  snapshot(): GroupSnapshot {
    return snapshotOf(this.state, this.name);
  }

  /** Receives that wait. */
  get line(): Serving['line'] {
    return this.#serving.line;
  }

  /** Hands out what is there, else waits; whoever asked first is served first. */
  async receive(want: ReceiveWant, wait: WaitForRecords): Promise<readonly Delivery[]> {
    const handed = await this.#serving.receive({ ...want, isWhole: false }, wait);
    const { topic, ttlMs } = this.#settings;
    return deliveriesOf(handed, { topic, group: this.name, memberId: want.memberId, ttlMs });
  }

  /** The same without an object for each record. `bytesMax` counts whole batches, each once. */
  receiveRuns(want: ReceiveWant, wait: WaitForRecords): Promise<readonly HandedRun[]> {
    return this.#serving.receive({ ...want, isWhole: true }, wait);
  }

  /** More is available: those who wait are served as far as it goes. */
  serve(): void {
    this.#serving.serve();
  }

  /** Answers the claims whose lease is over and whose token is not one of those accepted lately. */
  ackAll<Claim extends LeaseClaim>(
    claims: readonly Claim[],
    { isCumulative }: { readonly isCumulative: boolean },
  ): readonly Claim[] {
    const failed = this.#settling.ackAll(claims, isCumulative, this.#moment());
    if (failed.length < claims.length) this.#afterAck(claims);
    return failed;
  }

  /** False when the lease is over. */
  nack(claim: LeaseClaim, how: GiveBack): boolean {
    const isOpen = this.#settling.nack(claim, how, this.#moment());
    if (isOpen) this.#serving.members.touch(claim.memberId);
    if (isOpen) this.#afterChange();
    return isOpen;
  }

  /** Epoch ms at which the lease ends now; undefined when it is over. */
  extend(claim: LeaseClaim, leaseMs: number): number | undefined {
    const leaseExpiresAt = this.#settling.extend(claim, leaseMs, this.#moment());
    if (leaseExpiresAt !== undefined) this.#serving.members.touch(claim.memberId);
    this.#arm();
    return leaseExpiresAt;
  }

  /** The member's deliveries come back and its waiting receives are answered empty. */
  leave(memberId: string): void {
    this.#serving.dismissWaiting(memberId);
    this.#settling.returnAll(memberId, this.#moment());
    this.#afterChange();
    this.#serving.memberLeaves(memberId);
  }

  /** What the group has not finished, ascending. */
  browse(want: Pick<BrowseWant, 'partition' | 'fromOffset' | 'max'>): Promise<BrowsedRecord[]> {
    const matcher = this.#settings.matcherOf?.(this.options.filter);
    return browseGroup(this.state, { ...want, ...this.#settings, matcher });
  }

  standingOf(partition: number, offset: number): Standing {
    return standingOf(this.state, partition, offset);
  }

  /** Answers the offset in force, which never moves back. */
  commit(partition: number, offset: number): number {
    this.#serving.checkKind('log');
    this.#positions.checkCommit(partition, offset);
    this.#serving.use('log');
    this.#serving.members.keepAlive();
    if (this.#positions.commit(partition, offset)) this.#settings.onProgress();
    return this.floorOf(partition);
  }

  committed(partition: number): number {
    this.#serving.members.keepAlive();
    return this.floorOf(partition);
  }

  /** All leases of the partition are void, and acks from `offset` on. Answers `offset`. */
  seek(partition: number, offset: number): number {
    this.#serving.members.keepAlive();
    this.#positions.seek(partition, offset);
    for (const memberId of [...this.#serving.members.ids()]) this.#serving.members.touch(memberId);
    this.#settings.onProgress();
    this.#afterChange();
    return offset;
  }

  /** Nothing is handed out while it is paused. */
  setPaused(isPaused: boolean): void {
    const { groupId: group } = this;
    if (this.state.isPaused !== isPaused) this.#record({ kind: 'paused', group, isPaused }, this.#moment());
    if (!isPaused) this.serve();
  }

  /** After records were deleted, perhaps some that this group had not finished. */
  fallBehind(partition: number): void {
    for (const memberId of this.#positions.fallBehind(partition)) this.#serving.members.touch(memberId);
    this.#serving.failStranded();
  }

  /** The lowest offset of the partition that is not finished. */
  floorOf(partition: number): number {
    return this.state.floorOf(partition);
  }

  counts(): GroupCounts {
    this.#serving.stepOver();
    return countsOf(this.state, this.#settings.partitions, { waiterCount: this.#serving.line.size });
  }

  /** By name; those who hold nothing too. */
  members(): readonly MemberDescription[] {
    return this.#serving.describeMembers();
  }

  /** For the screen: at most `max` of each kind. */
  view(max: number): LogGroupView {
    return viewOf(this.state, { ...this.#settings, max, line: this.line });
  }

  /** No more times, no more events. Waiting receives reject with `error`, or are answered empty without one. */
  close(error?: MqError): void {
    this.#isClosed = true;
    this.#alarm.cancel();
    this.burial.close();
    this.#serving.close(error);
  }

  #onHandOut({ hasSteppedOver }: Pick<HandOutResult, 'hasSteppedOver'>): void {
    this.#arm();
    this.burial.wake();
    if (hasSteppedOver) this.#settings.onProgress();
  }

  #afterAck(claims: readonly { readonly memberId: string }[]): void {
    let touched: string | undefined;
    for (const { memberId } of claims) {
      if (memberId !== touched) this.#serving.members.touch(memberId);
      touched = memberId;
    }
    this.#settings.onProgress();
    this.serve(); // those who waited because too many were in flight, or for a key
  }

  /** Something came back, or died. */
  #afterChange(): void {
    this.#arm();
    this.burial.wake();
    this.serve();
  }

  #onTransaction(): void {
    this.#settings.onProgress();
    this.#afterChange();
  }

  #onBuried(partition: number, offset: number): void {
    if (this.#isClosed) return;
    const { groupId: group } = this;
    this.#record({ kind: 'finished', group, partition, fromOffset: offset, count: 1, how: 'dead' }, this.#moment());
    this.#settings.onProgress();
    this.serve(); // there may have been too many given back for more
  }

  #onAlarm(): void {
    const moment = this.#moment();
    for (const memberId of this.#settling.expireDue(moment)) this.#serving.members.touch(memberId);
    for (const cursor of this.state.cursors) cursor.givenBack.wake(moment.monotonicMs);
    this.#afterChange();
  }

  /** For the first lease that ends, and the first record that comes again. */
  #arm(): void {
    this.#alarm.armFor(this.state.leases.firstToEnd?.deadlineMs);
    for (const { givenBack } of this.state.cursors) this.#alarm.armFor(givenBack.firstDueMs);
  }

  /** I11. The one way in which anything changes. */
  #record(event: GroupEvent, moment: Moment): void {
    this.state.apply(event, moment);
    this.#settings.events.record(event);
  }

  #moment(): Moment {
    const { clock } = this.#settings;
    return { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() };
  }
}
