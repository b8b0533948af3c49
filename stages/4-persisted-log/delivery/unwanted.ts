/**
 * What a group's filter does not ask for is finished for the group as soon as it is seen, whether somebody receives or not.
 *
 *     next                                      next moves on past what is finished;
 *      | x  x  4 MATCH  x  x  7 MATCH  ?  ?     behind a match, what does not match is taken out of turn
 *        finished       finished       | looked at up to here
 *
 * Always true: neighbours are one event; what is not in memory is left to whoever receives, and so is the rest when the
 * group would have to remember too many gaps. Each record is looked at once. Only `Serving` uses it.
 */
import { isMqError } from '../../../shared/contract/errors.ts';
import type { DeliveryCursor } from './delivery-cursor.ts';
import type { PartitionReader, ReadableBatch } from './desk-surroundings.ts';
import type { GroupEvent } from './group-events.ts';
import type { GroupState } from './group-state.ts';
import { matches } from './matching.ts';
import type { OffsetSpan } from './offset-spans.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';

/** Gaps in what was never handed out, of one partition; with more, only what stands first is finished. */
const GAPS_COUNT_MAX = 1024;

export interface UnwantedOptions {
  readonly state: GroupState;
  readonly partitions: readonly PartitionReader[];
  readonly matcher: RecordMatcher;
  /** Applies and records. */
  readonly record: (event: GroupEvent) => void;
}

/** How far one partition was looked through. */
interface Place {
  moveCount: number;
  lookedTo: number;
}

export class Unwanted {
  readonly #options: UnwantedOptions;
  readonly #places: readonly Place[];

  constructor(options: UnwantedOptions) {
    this.#options = options;
    this.#places = options.partitions.map(() => ({ moveCount: -1, lookedTo: 0 }));
  }

  /** True when something was finished. */
  finish(looks: Looks): boolean {
    let hasFinished = false;
    for (const reader of this.#options.partitions) hasFinished = this.#finishIn(reader, looks) || hasFinished;
    return hasFinished;
  }

  #finishIn(reader: PartitionReader, looks: Looks): boolean {
    const cursor = this.#options.state.cursors[reader.partition] as DeliveryCursor;
    const place = this.#places[reader.partition] as Place;
    if (place.moveCount !== cursor.moveCount) Object.assign(place, { moveCount: cursor.moveCount, lookedTo: 0 });
    let hasFinished = false;
    while (looks.left > 0) {
      const from = cursor.taken.firstGapFrom(Math.max(cursor.next, place.lookedTo));
      if (from > cursor.next && cursor.taken.spans.length >= GAPS_COUNT_MAX) break;
      const run = this.#runFrom(
        reader,
        { from, below: Math.min(reader.lastStableOffset, cursor.taken.firstFrom(from)) },
        looks,
      );
      if (run === undefined) break;
      place.lookedTo = run.from + run.count;
      if (run.isWanted) continue;
      const { groupId: group } = this.#options.state;
      const { partition } = reader;
      this.#options.record({
        kind: 'finished',
        group,
        partition,
        fromOffset: run.from,
        count: run.count,
        how: 'filtered',
      });
      hasFinished = true;
    }
    return hasFinished;
  }

  /** Neighbours of which all are wanted, or none; undefined where nothing can be seen. */
  #runFrom(reader: PartitionReader, { from, below }: OffsetSpan, looks: Looks): Run | undefined {
    let isWanted: boolean | undefined;
    let offset = from;
    for (; offset < below && looks.left > 0; offset += 1) {
      const batch = batchAt(reader, offset);
      if (batch === undefined) break;
      looks.left -= 1;
      const isThisWanted = this.#isWanted({ batch, reader, offset }, looks);
      isWanted ??= isThisWanted;
      if (isWanted !== isThisWanted) break;
    }
    return isWanted === undefined ? undefined : { from, count: offset - from, isWanted };
  }

  /** What nobody gets is stepped over by others, for reasons of its own. */
  #isWanted({ batch, reader, offset }: Seen, looks: Looks): boolean {
    if (batch.isMarker || reader.isGone(offset)) return true;
    return matches(this.#options.matcher, { record: batch.recordAt(offset), deliveryCount: 1, looks });
  }
}

/** A record in memory. */
interface Seen {
  readonly batch: ReadableBatch;
  readonly reader: PartitionReader;
  readonly offset: number;
}

interface Run {
  readonly from: number;
  readonly count: number;
  readonly isWanted: boolean;
}

/** One that cannot be read is a matter for those who want it. */
function batchAt(reader: PartitionReader, offset: number): ReadableBatch | undefined {
  try {
    return reader.cachedAt(offset);
  } catch (error) {
    if (isMqError(error)) return undefined;
    throw error;
  }
}
