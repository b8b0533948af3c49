/**
 * What a group is looking for and has not found yet: batches on their way from the disk, and filters that go on looking in the
 * next turn. Each is for those who want the same, by the key of their filter: a long search for one keeps no other waiting.
 *
 *     take --> "missing 4711" --> load --------------> serve again
 *          \-> "unfinished"   --> one turn for others -> serve again
 *
 * Always true: for one key one batch of a partition is read at a time; who waits for nothing else is pending exactly as long
 * as something is under way for its key. Only `Serving` uses it.
 */

import type { GroupDeskOptions, PartitionReader, ReceiveWant } from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState, Moment } from './group-state.ts';
import type { HandOutResult } from './hand-out.ts';
import { turnLooks } from './turn-looks.ts';

/** The key of a want without conditions. */
export const EVERYTHING = '';

/** Of a want: those that want the same, on the same credit, have the same. */
export function keyOf({ matcher, credit }: Pick<ReceiveWant, 'matcher' | 'credit'>): string {
  if (matcher === undefined && credit === undefined) return EVERYTHING;
  return `${credit?.key ?? ''} ${matcher?.key ?? ''}`;
}

export interface SearchesOptions extends Pick<GroupDeskOptions, 'clock' | 'groupId' | 'partitions'> {
  readonly state: GroupState;
  /** Applies and records. */
  readonly record: (event: GroupEvent, moment: Moment) => void;
  /** Records that were to be handed out are not held: they were finished. */
  readonly onGap: () => void;
  /** There may be something for those who wait. */
  readonly serve: () => void;
  /** What those who want the same were looking for cannot be read. */
  readonly fail: (key: string, error: unknown) => void;
}

export class Searches {
  readonly #options: SearchesOptions;
  /** By key: partitions of which a batch is being read. */
  readonly #loading = new Map<string, Set<number>>();
  /** Keys that go on in the next turn. */
  readonly #unfinished = new Set<string>();
  #isClosed = false;

  constructor(options: SearchesOptions) {
    this.#options = options;
  }

  isPending(key: string): boolean {
    return this.#loading.has(key) || this.#unfinished.has(key);
  }

  /** What has to be read for more is on its way when it returns, and another turn, when it needs one. */
  goOn(key: string, { missing, isUnfinished }: Pick<HandOutResult, 'missing' | 'isUnfinished'>): void {
    for (const [partition, offset] of missing) this.#load(key, partition, offset);
    if (!isUnfinished) return;
    if (this.#unfinished.size === 0) turnLooks.waitInLine(() => this.#nextTurn());
    this.#unfinished.add(key);
  }

  close(): void {
    this.#isClosed = true;
  }

  #nextTurn(): void {
    this.#unfinished.clear();
    if (!this.#isClosed) this.#options.serve();
  }

  #load(key: string, partition: number, offset: number): void {
    const loading = this.#loading.get(key) ?? new Set();
    if (loading.has(partition)) return;
    this.#loading.set(key, loading.add(partition));
    const reader = this.#options.partitions[partition] as PartitionReader;
    const end = (): void => {
      loading.delete(partition);
      if (loading.size === 0) this.#loading.delete(key);
    };
    const onLoaded = (held: number): void => {
      end();
      if (this.#isClosed) return;
      if (held > offset) this.#stepOverGap(partition, { from: offset, below: held });
      this.#options.serve();
    };
    const onFailed = (error: unknown): void => {
      end();
      // What was released meanwhile is not wanted any more.
      if (!this.#isClosed && offset >= reader.logStartOffset) this.#options.fail(key, error);
      this.#options.serve();
    };
    reader.load(offset).then(onLoaded, onFailed);
  }

  /** Nothing is held there: it was lost, and repaired away. */
  #stepOverGap(partition: number, { from, below }: { readonly from: number; readonly below: number }): void {
    const { groupId, clock, state, record } = this.#options;
    const moment = { now: Math.floor(clock.now()), monotonicMs: clock.monotonicMs() };
    const cursor = state.cursors[partition];
    for (let offset = from; offset < below; offset += 1) {
      if (!cursor?.isFresh(offset) && !cursor?.givenBack.isReady(offset)) continue;
      record({ kind: 'finished', group: groupId, partition, fromOffset: offset, count: 1, how: 'gone' }, moment);
    }
    this.#options.onGap();
  }
}
