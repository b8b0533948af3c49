/**
 * What one partition knows of transactions: which are open in it, where, and which of its records were aborted.
 *
 *     offset          0     10     20      30        40     50
 *                     | 7-3 |      | 7-4   |   7-3   |marker of 7-4: aborted
 *     open            7-3: [0 .. 10) [30 .. 40)      last stable offset: 0, where 7-3 began
 *     aborted         [20 .. 30) [40 .. 41)
 *
 * Always true:
 *   - I10: the last stable offset is the first offset of the first transaction without a marker that readers may see, or
 *     the high watermark: below it every record is decided for ever
 *   - I27: a transaction that is held has no such marker here, wherever that is, until it is shown
 *   - aborted records and their markers are spans that touch where they can, and are forgotten below the start of the log
 *   - I11: all of it follows from the heads of the batches: `noteStored` for each of them leads to the same
 * Pure. The rules of a partition use it.
 */
import type { MarkerView } from '../../../shared/contract/inside.ts';
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';
import { readU32, readU64 } from '../../4-persisted-log/bytes/big-endian.ts';
import { AT, OF_BATCH, SUMMARY, senderOf } from '../../4-persisted-log/bytes/record-batch.ts';
import { type OffsetSpan, OffsetSpans } from '../../4-persisted-log/delivery/offset-spans.ts';
import { nameOf, outcomeIn, type TransactionEpoch } from './marker.ts';
import { MarkerCounts, type MarkerCountsState } from './marker-counts.ts';

/** The youngest markers that are remembered one by one, so that a start knows how transactions ended. */
const MARKERS_REMEMBERED_COUNT = 256;

interface Ending {
  readonly offset: number;
  readonly outcome: TransactionOutcome;
}

interface PartOfTransaction extends TransactionEpoch {
  readonly records: OffsetSpans;
  /** Its marker, while readers may not see that yet. */
  ending: Ending | undefined;
  /** True: nor when it is safe, before the other partitions have theirs. Of this life alone: a start shows what is decided. */
  isHeld: boolean;
}

/** As snapshots keep it. */
export interface TransactionIndexState {
  /** The offset up to which everything is known. */
  readonly endOffset: number;
  readonly open: readonly (TransactionEpoch & { readonly records: readonly OffsetSpan[]; readonly ending?: Ending })[];
  readonly aborted: readonly OffsetSpan[];
  readonly markers: readonly MarkerView[];
  readonly counts: MarkerCountsState;
}

export class TransactionIndex {
  #endOffset = 0;
  /** In the order in which they began here. */
  readonly #open = new Map<string, PartOfTransaction>();
  /** Those of them that have a marker and are not held, in the order of the markers. */
  #ending: PartOfTransaction[] = [];
  readonly #aborted = new OffsetSpans();
  /** Of committed ones; those of aborted ones are among the spans. */
  #counts = new MarkerCounts();
  #markers: MarkerView[] = [];

  constructor(state?: TransactionIndexState) {
    if (state === undefined) return;
    this.#endOffset = state.endOffset;
    this.#counts = new MarkerCounts(state.counts);
    this.#markers = [...state.markers];
    for (const span of state.aborted) this.#aborted.add(span);
    for (const { producerId, epoch, records, ending } of state.open) {
      const part: PartOfTransaction = { producerId, epoch, records: OffsetSpans.of(records), ending, isHeld: false };
      this.#open.set(nameOf(part), part);
      if (ending !== undefined) this.#ending.push(part);
    }
    this.#ending.sort(byMarker);
  }

  /** The youngest, oldest first. */
  get markers(): readonly MarkerView[] {
    return this.#markers;
  }

  /** Without a marker, in the order in which they began here. */
  get open(): readonly TransactionEpoch[] {
    return [...this.#open.values()].filter(({ ending }) => ending === undefined);
  }

  /** How many records it has here. */
  recordCountOf(transaction: TransactionEpoch): number {
    return this.#open.get(nameOf(transaction))?.records.size ?? 0;
  }

  /** Where its records are, ascending. */
  recordsOf(transaction: TransactionEpoch): readonly OffsetSpan[] {
    return this.#open.get(nameOf(transaction))?.records.spans ?? [];
  }

  /** I27. It is committed; its marker is about to come. */
  hold(transaction: TransactionEpoch): void {
    const part = this.#open.get(nameOf(transaction));
    if (part !== undefined && part.ending === undefined) part.isHeld = true;
  }

  /** Its other partitions can show it too. */
  show(transaction: TransactionEpoch): void {
    const part = this.#open.get(nameOf(transaction));
    if (part === undefined || !part.isHeld) return;
    part.isHeld = false;
    if (part.ending !== undefined) this.#noteEnding(part, part.ending);
  }

  /** After a start; answers from where on batches are to be noted. A log that lost its end is read from its begin. */
  resumeAt({
    logStartOffset,
    logEndOffset,
  }: {
    readonly logStartOffset: number;
    readonly logEndOffset: number;
  }): number {
    if (this.#endOffset > logEndOffset) this.#clear();
    this.#endOffset = Math.max(this.#endOffset, logStartOffset);
    return this.#endOffset;
  }

  noteStored(batch: Uint8Array): void {
    const baseOffset = readU64(batch, AT.baseOffset);
    if (baseOffset >= this.#endOffset) this.note(batch, baseOffset);
  }

  /** The batch has its offset; what was to come there before did not. */
  note(batch: Uint8Array, baseOffset: number): void {
    if (baseOffset < this.#endOffset) this.dropFrom(baseOffset);
    const below = baseOffset + readU32(batch, AT.recordCount);
    this.#endOffset = below;
    const flags = (batch[AT.flags + 1] ?? 0) & OF_BATCH; // the low byte of the two
    if (flags === 0) return;
    const sender = senderOf(batch);
    if (sender === undefined) return;
    if ((flags & SUMMARY.marker) !== 0) this.#noteMarker(sender, { offset: baseOffset, outcome: outcomeIn(batch) });
    else this.#partOf(sender).records.add({ from: baseOffset, below });
  }

  /** The log has nothing from `offset` on, also if it had. */
  dropFrom(offset: number): void {
    if (offset >= this.#endOffset) return;
    this.#endOffset = offset;
    for (const [id, part] of this.#open) {
      part.records.forgetFrom(offset);
      if (part.ending !== undefined && part.ending.offset >= offset) part.ending = undefined;
      if (part.records.size === 0 && part.ending === undefined) this.#open.delete(id);
    }
    this.#ending = this.#ending.filter(({ ending }) => ending !== undefined);
    this.#markers = this.#markers.filter((marker) => marker.offset < offset);
    this.#counts.dropFrom(offset);
    this.#aborted.forgetFrom(offset);
  }

  forgetBelow(offset: number): void {
    this.#aborted.forgetBelow(offset);
    this.#counts.forgetBelow(offset);
    for (const { records } of this.#open.values()) records.forgetBelow(offset);
  }

  lastStableOffset(highWatermark: number): number {
    if (this.#open.size === 0) return highWatermark;
    this.#settle(highWatermark);
    for (const { records } of this.#open.values()) {
      const [first] = records.spans;
      if (first !== undefined) return Math.min(first.from, highWatermark);
    }
    return highWatermark;
  }

  isHidden(offset: number): boolean {
    return this.#aborted.has(offset);
  }

  hasHiddenIn({ from, below }: OffsetSpan): boolean {
    return this.#aborted.firstFrom(from) < below;
  }

  /** Markers included. */
  hiddenCountIn(span: OffsetSpan): number {
    const { from, below } = span;
    if (from >= below) return 0;
    const aborted = this.#aborted.size === 0 ? 0 : this.#aborted.countBelow(below) - this.#aborted.countBelow(from);
    return aborted + this.#counts.countIn(span);
  }

  /** A copy: it is written while more comes. */
  state(): TransactionIndexState {
    const open = [...this.#open.values()].map(({ producerId, epoch, records, ending }) => {
      const part = { producerId, epoch, records: [...records.spans] };
      return ending === undefined ? part : { ...part, ending };
    });
    const [aborted, markers] = [[...this.#aborted.spans], [...this.#markers]];
    return { endOffset: this.#endOffset, open, aborted, markers, counts: this.#counts.state() };
  }

  #partOf({ producerId, epoch }: TransactionEpoch): PartOfTransaction {
    const id = nameOf({ producerId, epoch });
    let part = this.#open.get(id);
    if (part === undefined) {
      part = { producerId, epoch, records: new OffsetSpans(), ending: undefined, isHeld: false };
      this.#open.set(id, part);
    }
    return part;
  }

  #noteMarker({ producerId, epoch }: TransactionEpoch, ending: Ending): void {
    const { offset, outcome } = ending;
    this.#markers.push({ offset, producerId, epoch, outcome });
    if (this.#markers.length > MARKERS_REMEMBERED_COUNT) this.#markers.shift();
    if (outcome === 'committed') this.#counts.add(offset);
    const part = this.#partOf({ producerId, epoch });
    if (part.ending !== undefined) return; // said once more, by a start that did not know
    part.ending = ending;
    if (!part.isHeld) this.#noteEnding(part, ending);
  }

  /** In the order of the markers; what was held is a little late. */
  #noteEnding(part: PartOfTransaction, { offset }: Ending): void {
    const before = this.#ending.findLastIndex(({ ending }) => ending !== undefined && ending.offset < offset);
    this.#ending.splice(before + 1, 0, part);
  }

  /** Readers may see these markers by now: what they end is decided for good. */
  #settle(highWatermark: number): void {
    for (let [part] = this.#ending; part?.ending !== undefined; [part] = this.#ending) {
      const { offset, outcome } = part.ending;
      if (offset >= highWatermark) return;
      this.#ending.shift();
      this.#open.delete(nameOf(part));
      if (outcome === 'committed') continue;
      for (const span of part.records.spans) this.#aborted.add(span);
      this.#aborted.add({ from: offset, below: offset + 1 });
    }
  }

  #clear(): void {
    this.#endOffset = 0;
    this.#open.clear();
    this.#ending = [];
    this.#aborted.clear();
    this.#counts = new MarkerCounts();
    this.#markers = [];
  }
}

function byMarker(one: PartOfTransaction, other: PartOfTransaction): number {
  return (one.ending?.offset ?? 0) - (other.ending?.offset ?? 0);
}
