/**
 * The whole state of one group at one moment, as plain JSON: with it and the events after it the state is there again.
 *
 * Always true: two states that will do the same from now on have equal snapshots, so the order of everything in it is
 * fixed; times are epoch ms. Whoever keeps it makes sure that it is read as it was written. Pure.
 */
import type { GroupOptions } from '../../../shared/contract/description.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import type { AcceptedRun } from './accepted-runs.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { GivenBack } from './given-back.ts';
import type { DeathReason } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import { type History, isSameHistory } from './history.ts';
import { type LeaseBlock, leaseEndMs } from './lease-block.ts';
import type { OffsetSpan } from './offset-spans.ts';

/** Neighbours that were given back alike. */
export interface GivenBackRun extends OffsetSpan {
  readonly history: Partial<History>;
  readonly key?: string | undefined;
  /** 0 for at once. */
  readonly availableAt: number;
  readonly why?: DeathReason | undefined;
  readonly diedAt: number;
}

export interface LeaseSnapshot extends OffsetSpan {
  readonly partition: number;
  readonly place: number;
  readonly serial: number;
  readonly token: string;
  readonly memberId: string;
  readonly history: Partial<History>;
  readonly key?: string | undefined;
  readonly deadlineAt: number;
  /** What of it is in flight. */
  readonly open: readonly OffsetSpan[];
}

export interface CursorSnapshot {
  readonly next: number;
  readonly runFrom: number;
  readonly strandedAt?: number | undefined;
  readonly taken: readonly OffsetSpan[];
  readonly earlier: readonly OffsetSpan[];
  /** By offset; those that die once more in `dying`, in the order in which they began. */
  readonly givenBack: readonly GivenBackRun[];
  readonly dying: readonly GivenBackRun[];
}

export interface GroupSnapshot {
  readonly group: number;
  readonly name: string;
  readonly options: Required<GroupOptions>;
  readonly kind: 'undecided' | 'queue' | 'log';
  readonly isPaused: boolean;
  readonly tokenPrefix: string;
  readonly serial: number;
  readonly redeliveredCount: number;
  readonly expiredCount: number;
  readonly deadCount: number;
  readonly droppedCount: number;
  readonly cursors: readonly CursorSnapshot[];
  readonly leases: readonly LeaseSnapshot[];
  /** Oldest first. */
  readonly accepted: readonly AcceptedRun[];
}

export function snapshotOf(state: GroupState, name: string): GroupSnapshot {
  const { kind, isPaused, tokenPrefix, serial, redeliveredCount, expiredCount, deadCount, droppedCount } = state;
  return {
    group: state.groupId,
    name,
    options: state.options,
    ...{ kind, isPaused, tokenPrefix, serial, redeliveredCount, expiredCount, deadCount, droppedCount },
    cursors: state.cursors.map(cursorSnapshot),
    leases: [...state.leases.all()].sort(byOffset).map(leaseSnapshot),
    accepted: state.accepted.runs.map((run) => ({ ...run })),
  };
}

/** Makes a new state what the snapshot says. */
export function putSnapshot(state: GroupState, snapshot: GroupSnapshot, moment: Moment): void {
  state.kind = snapshot.kind;
  state.isPaused = snapshot.isPaused;
  state.tokenPrefix = snapshot.tokenPrefix;
  state.serial = snapshot.serial;
  state.redeliveredCount = snapshot.redeliveredCount;
  state.expiredCount = snapshot.expiredCount;
  state.deadCount = snapshot.deadCount;
  state.droppedCount = snapshot.droppedCount;
  for (const [partition, cursor] of state.cursors.entries()) {
    const kept = snapshot.cursors[partition];
    if (kept !== undefined) putCursor(cursor, kept, moment);
  }
  for (const lease of snapshot.leases) putLease(state, lease, moment);
  state.leases.findFreePlaces();
  for (const run of snapshot.accepted) state.accepted.remember(run);
  for (const partition of state.cursors.keys()) state.restartLocks(partition);
}

function cursorSnapshot(cursor: DeliveryCursor): CursorSnapshot {
  const { next, runFrom, strandedAt, taken, earlier } = cursor;
  const given = [...cursor.givenBack.all].filter(({ why }) => why === undefined);
  return {
    next,
    runFrom,
    strandedAt,
    taken: [...taken.spans],
    earlier: [...earlier.spans],
    givenBack: runsOf(given.sort((one, other) => one.offset - other.offset)),
    dying: runsOf([...cursor.givenBack.dying]),
  };
}

function putCursor(cursor: DeliveryCursor, kept: CursorSnapshot, { now, monotonicMs }: Moment): void {
  cursor.standAt(kept);
  cursor.strandedAt = kept.strandedAt;
  for (const span of kept.taken) cursor.taken.add(span);
  for (const span of kept.earlier) cursor.earlier.add(span);
  for (const run of [...kept.givenBack, ...kept.dying]) {
    const { availableAt, diedAt, key, why } = run;
    const dueMs = availableAt === 0 ? 0 : monotonicMs + availableAt - now;
    const history = historyOf(run.history);
    for (let offset = run.from; offset < run.below; offset += 1) {
      cursor.givenBack.put({ offset, history, key, availableAt, dueMs, why, diedAt }, monotonicMs);
    }
  }
}

function leaseSnapshot(block: LeaseBlock): LeaseSnapshot {
  const { partition, from, below, place, serial, token, memberId, history, key, deadlineAt } = block;
  return { partition, from, below, place, serial, token, memberId, history, key, deadlineAt, open: block.openSpans() };
}

function putLease(state: GroupState, kept: LeaseSnapshot, moment: Moment): void {
  const { from, below, deadlineAt } = kept;
  const deadlineMs = leaseEndMs({ deadlineAt, leaseMsMax: LIMITS.leaseMsMax }, moment);
  const block = state.leases.add({ ...kept, history: historyOf(kept.history), key: kept.key, deadlineMs });
  let closedFrom = from;
  for (const open of [...kept.open, { from: below, below }]) {
    if (closedFrom < open.from) state.leases.close(block, closedFrom, open.from);
    closedFrom = open.below;
  }
}

/** JSON leaves out what is undefined. */
function historyOf({ deliveryCount = 0, reason, firstAt, error }: Partial<History>): History {
  return { deliveryCount, reason, firstAt, error };
}

/** Neighbours that are alike, as one each. */
function runsOf(given: readonly GivenBack[]): GivenBackRun[] {
  const runs: { run: GivenBackRun; first: GivenBack }[] = [];
  for (const one of given) {
    const last = runs.at(-1);
    const { offset: from, history, key, availableAt, why, diedAt } = one;
    if (last !== undefined && last.run.below === from && isAlike(last.first, one)) {
      last.run = { ...last.run, below: from + 1 };
    } else runs.push({ run: { from, below: from + 1, history, key, availableAt, why, diedAt }, first: one });
  }
  return runs.map(({ run }) => run);
}

function isAlike(one: GivenBack, other: GivenBack): boolean {
  return (
    isSameHistory(one.history, other.history) &&
    one.key === other.key &&
    one.availableAt === other.availableAt &&
    one.why === other.why &&
    one.diedAt === other.diedAt
  );
}

function byOffset(one: LeaseBlock, other: LeaseBlock): number {
  return one.partition - other.partition || one.openFrom - other.openFrom;
}
