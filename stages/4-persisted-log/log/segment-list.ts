/**
 * The segments of one log: which one has an offset, the beginning of a new one, the end of old ones.
 *
 *     [sealed 0..] [sealed 512..] [sealed 1033..] [active 1500.. ]
 *          ^ logStartOffset may lie within                      ^ appends
 *
 * Always true:
 *   I6  a new segment counts only when its file, its name and all that came before it are on the disk
 *   -   logStartOffset never goes back; a segment's file is removed only after the state on the disk no longer names it
 * Only the log and its appender use it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { type LogState, writeLogState } from './log-state.ts';
import type { RecoveredLog } from './recovery.ts';
import { type LogPlace, Segment } from './segment.ts';
import type { SegmentEnd } from './segment-scan.ts';

export class SegmentList {
  readonly #place: LogPlace;
  readonly #clock: Clock;
  readonly #segments: Segment[];
  #logStartOffset: number;
  /** Bytes of sealed segments. */
  #sealedBytes = 0;
  /** Released, and their files not removed yet. */
  readonly #released: Segment[] = [];
  /** The writing of the state under way, and the one that everybody waits for who came since. */
  #saving: Promise<void> | undefined;
  #nextSaving: Promise<void> | undefined;

  /** How far the state on the disk knows the active segment; undefined when it says something else. */
  #savedPosition: number | undefined;
  /** The logStartOffset of that state; undefined before the first is written. */
  #savedStartOffset: number | undefined;

  constructor(place: LogPlace, clock: Clock, recovered: RecoveredLog) {
    this.#place = place;
    this.#clock = clock;
    this.#segments = recovered.segments;
    this.#logStartOffset = recovered.logStartOffset;
    for (const { bytes } of this.#segments.slice(0, -1)) this.#sealedBytes += bytes;
    if (!recovered.isStateSaved) return;
    this.#savedPosition = this.#segments.at(-1)?.bytes;
    this.#savedStartOffset = recovered.logStartOffset;
  }

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get active(): Segment {
    return this.#segments.at(-1) as Segment;
  }

  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  /** Of the youngest batch there was, epoch ms. */
  get lastTimestamp(): number {
    return Math.max(...this.#segments.slice(-2).map(({ end }) => end.lastTimestamp));
  }

  get bytes(): number {
    return this.#sealedBytes + this.active.bytes;
  }

  /** The segment that has `offset`, or, where a gap has it, the next one. */
  find(offset: number): Segment | undefined {
    let from = 0;
    let to = this.#segments.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#segments[middle] as Segment).end.nextOffset <= offset) from = middle + 1;
      else to = middle;
    }
    return this.#segments[from];
  }

  /** The segment behind this one. */
  next(segment: Segment): Segment | undefined {
    return this.#segments[this.#segments.indexOf(segment) + 1];
  }

  /** The first segment with something appended at `ms` or later. */
  findTime(ms: number): Segment | undefined {
    return this.#segments.find((segment) => segment.end.lastTimestamp >= ms);
  }

  /** I6. Seals the active segment, all of which is on the disk, and begins the next one. */
  async roll(baseOffset: number): Promise<void> {
    const sealed = this.active;
    await sealed.trim();
    const { lastTimestamp } = sealed.end;
    const segment = await Segment.create(this.#place, { baseOffset, createdAt: this.#clock.now(), lastTimestamp });
    await sealed.saveIndex();
    this.#segments.push(segment);
    try {
      await this.save();
    } catch (error) {
      this.#segments.pop();
      throw error;
    }
    this.#sealedBytes += sealed.bytes;
    await sealed.seal();
  }

  /** What was released is released on the disk as well. */
  get isStartSaved(): boolean {
    return this.#savedStartOffset === this.#logStartOffset;
  }

  /** Moves the start at once; resolves when that is on the disk. The files go afterwards: `removed` waits for them. */
  async release(offset: number): Promise<void> {
    this.#logStartOffset = Math.max(offset, this.#logStartOffset);
    while (this.#segments.length > 1 && (this.#segments[0] as Segment).end.nextOffset <= offset) {
      const segment = this.#segments.shift() as Segment;
      this.#sealedBytes -= segment.bytes;
      this.#released.push(segment);
    }
    await this.save();
  }

  /** Removes the files that the saved state no longer names; what cannot be removed now is tried again with the next ones. */
  async removeReleased(): Promise<void> {
    for (let segment = this.#released[0]; segment !== undefined; segment = this.#released[0]) {
      if (segment.end.nextOffset > (this.#savedStartOffset ?? 0)) return;
      await segment.remove();
      this.#released.shift();
    }
  }

  /** Resolves when the state of this moment, or a later one, is on the disk. */
  save(): Promise<void> {
    if (this.#saving === undefined) {
      this.#saving = this.#write();
      return this.#saving;
    }
    this.#nextSaving ??= this.#saving
      .catch(() => undefined)
      .then(() => {
        this.#nextSaving = undefined;
        this.#saving = this.#write();
        return this.#saving;
      });
    return this.#nextSaving;
  }

  /** Everything is on the disk already; so is then what the next start needs to know. */
  async close(): Promise<void> {
    await this.active.trim();
    await this.active.saveIndex();
    if (this.#savedPosition !== this.active.bytes) await this.save();
  }

  /** All of them, also when one cannot be closed well. */
  async closeFiles(): Promise<void> {
    const closings = await Promise.allSettled(
      [...this.#released, ...this.#segments].map((segment) => segment.closeFile()),
    );
    for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
  }

  async #write(): Promise<void> {
    try {
      const { position } = this.active.synced;
      const state = this.#state();
      this.#savedPosition = undefined;
      await writeLogState(this.#place.disk, this.#place.folder, state);
      this.#savedPosition = position;
      this.#savedStartOffset = state.logStartOffset;
    } finally {
      this.#saving = undefined;
    }
  }

  #state(): LogState {
    const { active } = this;
    const segments = this.#segments.map((segment) => ({
      baseOffset: segment.baseOffset,
      ...plain(segment === active ? segment.synced : segment.end),
    }));
    return { logStartOffset: this.#logStartOffset, segments };
  }
}

function plain({ position, nextOffset, lastTimestamp, batchCount }: SegmentEnd): SegmentEnd {
  return { position, nextOffset, lastTimestamp, batchCount };
}
