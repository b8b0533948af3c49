/**
 * Where a group stands, moved by other means than deliveries: commits of a log group, seeks, and what happens to the log
 * under it.
 *
 * Always true: a commit never moves back; a seek and a log that lost its begin or its end do. Nothing is awaited.
 */
import type { Clock } from '../../../shared/clock.ts';
import { outOfRangeError } from '../../2-ring-buffer/refusals.ts';
import type { PartitionReader } from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';

export interface PositionsOptions {
  readonly state: GroupState;
  readonly clock: Clock;
  readonly partitions: readonly PartitionReader[];
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
}

export class Positions {
  readonly #options: PositionsOptions;

  constructor(options: PositionsOptions) {
    this.#options = options;
  }

  /** What is further on must be held; the end is, too. */
  checkCommit(partition: number, offset: number): void {
    const { logStartOffset, highWatermark } = this.#reader(partition);
    if (offset <= this.#options.state.floorOf(partition)) return;
    if (offset >= logStartOffset && offset <= highWatermark) return;
    throw outOfRangeError(offset, { logStartOffset, logEndOffset: highWatermark });
  }

  /** False when the group has passed it already. */
  commit(partition: number, offset: number): boolean {
    if (offset <= this.#options.state.floorOf(partition)) return false;
    this.#record({ kind: 'committed', group: this.#group, partition, offset });
    return true;
  }

  seek(partition: number, offset: number): void {
    const { logStartOffset } = this.#reader(partition);
    this.#record({ kind: 'sought', group: this.#group, partition, offset, logStartOffset });
  }

  /** The log has lost what came last: nothing of that was ever there. */
  cutBack(partition: number): void {
    const { highWatermark: logEndOffset } = this.#reader(partition);
    if ((this.#options.state.cursors[partition]?.endOffset ?? 0) <= logEndOffset) return;
    this.#record({ kind: 'cut-back', group: this.#group, partition, logEndOffset });
  }

  /** Records were deleted. Answers whose leases ended with them. */
  fallBehind(partition: number): ReadonlySet<string> {
    const { state } = this.#options;
    const { logStartOffset, highWatermark: logEndOffset } = this.#reader(partition);
    const memberIds = new Set<string>();
    if (!state.hasAnyBelow(partition, logStartOffset)) return memberIds;
    for (const { openFrom, memberId } of state.leases.all(partition)) {
      if (openFrom < logStartOffset) memberIds.add(memberId);
    }
    this.#record({ kind: 'fell-behind', group: this.#group, partition, logStartOffset, logEndOffset });
    return memberIds;
  }

  get #group(): number {
    return this.#options.state.groupId;
  }

  #reader(partition: number): PartitionReader {
    return this.#options.partitions[partition] as PartitionReader;
  }

  #record(event: GroupEvent): void {
    const { clock, record } = this.#options;
    record(event, { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() });
  }
}
