/**
 * Makes room in a full topic: what every durable group is done with goes first, and under `drop-oldest` then what is
 * oldest. With `deleteFinished` what every group is done with does not even wait for that. Replaces the part of stage 2: several partitions, records on a disk, groups that may die.
 *
 *     logStartOffset        lowest floor of a durable group      logEndOffset
 *           | finished by all |  somebody still needs these           |      of each partition
 *           +-- released ---->+-- dropped, and counted -------------->|
 *
 * Always true:
 *   - I21: under `wait` and `reject` a record goes only when room is needed, there is a durable group, and every durable
 *     group has finished it; with `deleteFinished` also at once, when there is a group, and every one has finished it
 *   - a message that is not due yet has its place from the moment it was accepted
 * The one place, with retention, from which anything leaves a log. Only the topic uses it.
 */
import type { TopicOptions } from '../../shared/contract/description.ts';
import type { GroupDesk } from './delivery/group-desk.ts';
import type { JournalEvent } from './delivery/group-events.ts';
import type { Partition } from './partition.ts';

/** Dropped offsets that the screen still shows. */
const OVERWRITTEN_SHOWN_COUNT = 8;
/** A full topic releases a little more than is needed, so that it does not do so for each message. */
const STRIDE_SHARE = 64;

/** What asks for room. */
export interface RoomRequest {
  readonly count: number;
  readonly heldBytes: number;
}

export function sumOf(requests: readonly (RoomRequest | undefined)[]): RoomRequest {
  let [count, heldBytes] = [0, 0];
  for (const request of requests) {
    count += request?.count ?? 0;
    heldBytes += request?.heldBytes ?? 0;
  }
  return { count, heldBytes };
}

export interface RoomMakerOptions {
  readonly options: TopicOptions;
  readonly partitions: readonly Partition[];
  /** Those of now. */
  readonly desks: () => Iterable<GroupDesk>;
  /** What is accepted and not in a partition yet. */
  readonly pending: () => RoomRequest;
  /** Counted before the last start. */
  readonly droppedCount?: number | undefined;
  readonly record: (event: JournalEvent) => void;
}

export class RoomMaker {
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** The youngest offsets that were dropped before every group had finished them. */
  readonly overwritten: { readonly partition: number; readonly offset: number }[] = [];
  /** Records dropped before every group had finished them, or while there was no group. */
  droppedCount: number;
  readonly #options: RoomMakerOptions;

  constructor(options: RoomMakerOptions) {
    this.#options = options;
    this.droppedCount = options.droppedCount ?? 0;
    this.messagesMax = options.options.messagesMax ?? Number.MAX_SAFE_INTEGER;
    this.bytesMax = options.options.bytesMax ?? Number.MAX_SAFE_INTEGER;
  }

  get bytes(): number {
    const { partitions, pending } = this.#options;
    return partitions.reduce((sum, { heldBytes }) => sum + heldBytes, pending().heldBytes);
  }

  /** False for what would not fit even into an empty topic. */
  canEverHold({ count, heldBytes }: RoomRequest): boolean {
    return count <= this.messagesMax && heldBytes <= this.bytesMax;
  }

  /** True when `request` fits now. */
  makeFor(request: RoomRequest): boolean {
    if (this.#hasRoomFor(request)) return true;
    this.#releaseFinished(request);
    if (!this.#hasRoomFor(request) && this.#stepOverExpired()) this.#releaseFinished(request);
    if (this.#options.options.overflow !== 'drop-oldest') return this.#hasRoomFor(request);
    while (!this.#hasRoomFor(request)) if (!this.#dropOldest(request)) return false;
    return true;
  }

  /** After a start: what was let go just before a crash, and is still there, goes again. */
  start(): void {
    const { overflow, deleteFinished } = this.#options.options;
    if (deleteFinished) this.releaseAllFinished();
    if (overflow === 'drop-oldest') this.makeFor({ count: 0, heldBytes: 0 });
  }

  /** I21. What every group has finished goes now: who only looks on is not to miss what others have done with. */
  releaseAllFinished(): void {
    for (const partition of this.#options.partitions) {
      const below = this.#finishedBelow(partition, this.#options.desks());
      if (below > partition.logStartOffset) partition.releaseBelow(below);
    }
  }

  /** What the journal has from after the snapshot. */
  noteDropped({
    partition,
    offset,
    count,
  }: {
    readonly partition: number;
    readonly offset: number;
    readonly count: number;
  }): void {
    this.droppedCount += count;
    this.#options.partitions[partition]?.releaseBelow(offset);
  }

  /** Everything below `offset` goes, finished or not. */
  drop(partition: Partition, offset: number): void {
    const from = partition.logStartOffset;
    if (offset <= from) return;
    const count = this.#countMissed(partition, from, offset);
    this.droppedCount += count;
    if (count > 0) this.#options.record({ kind: 'dropped', partition: partition.partition, offset, count });
    partition.releaseBelow(offset);
  }

  #hasRoomFor({ count, heldBytes }: RoomRequest): boolean {
    const pending = this.#options.pending();
    let [allCount, allBytes] = [pending.count + count, pending.heldBytes + heldBytes];
    for (const partition of this.#options.partitions) {
      allCount += partition.heldCount;
      allBytes += partition.heldBytes;
    }
    return allCount <= this.messagesMax && allBytes <= this.bytesMax;
  }

  /** What nobody may get any more is finished as soon as a group looks, and here one does. False without groups. */
  #stepOverExpired(): boolean {
    const desks = [...this.#options.desks()];
    for (const desk of desks) desk.counts();
    return desks.length > 0;
  }

  #releaseFinished(request: RoomRequest): void {
    for (const partition of this.#options.partitions) {
      const finishedBelow = this.#finishedBelow(partition, this.#durableDesks());
      if (finishedBelow <= partition.logStartOffset) continue;
      // No more than this partition has, and no less than what makes it worth it.
      const stride = Math.max(request.count, Math.floor(partition.heldCount / STRIDE_SHARE));
      while (partition.logStartOffset < finishedBelow && !this.#hasRoomFor(request)) {
        const wanted = Math.max(
          partition.logStartOffset + stride,
          this.#bytesShort(request) > 0 ? partition.held.nextFree(partition.logStartOffset) : 0,
        );
        partition.releaseBelow(Math.min(wanted, finishedBelow));
      }
    }
  }

  *#durableDesks(): Iterable<GroupDesk> {
    for (const desk of this.#options.desks()) if (!desk.options.isEphemeral) yield desk;
  }

  /** These groups have finished all offsets below; without one, none. */
  #finishedBelow(partition: Partition, desks: Iterable<GroupDesk>): number {
    let lowest: number | undefined;
    for (const desk of desks) {
      const floor = desk.floorOf(partition.partition);
      lowest = Math.min(lowest ?? floor, floor);
    }
    return Math.min(lowest ?? partition.logStartOffset, partition.highWatermark);
  }

  /** The oldest of the partition that holds most. False when nothing is left that readers can see. */
  #dropOldest(request: RoomRequest): boolean {
    const isShortOfBytes = this.#bytesShort(request) > 0;
    const weightOf = (partition: Partition): number => (isShortOfBytes ? partition.heldBytes : partition.heldCount);
    const [fullest] = this.#options.partitions.toSorted((one, other) => weightOf(other) - weightOf(one));
    if (fullest === undefined || fullest.logStartOffset >= fullest.highWatermark) return false;
    const next = isShortOfBytes ? fullest.held.nextFree(fullest.logStartOffset) : fullest.logStartOffset + 1;
    this.drop(fullest, Math.min(next, fullest.highWatermark));
    return true;
  }

  #bytesShort({ heldBytes }: RoomRequest): number {
    return this.bytes + heldBytes - this.bytesMax;
  }

  /** How many of them some group had not finished, or nobody was there to. */
  #countMissed(partition: Partition, from: number, below: number): number {
    let count = 0;
    const desks = [...this.#options.desks()];
    for (let offset = from; offset < below; offset += 1) {
      const isMissed =
        desks.length === 0 || desks.some((desk) => desk.standingOf(partition.partition, offset).state !== 'finished');
      if (!isMissed) continue;
      count += 1;
      this.overwritten.push({ partition: partition.partition, offset });
      if (this.overwritten.length > OVERWRITTEN_SHOWN_COUNT) this.overwritten.shift();
    }
    return count;
  }
}
