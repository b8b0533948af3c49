/**
 * Opening a log: from the files in its folder to the segments that count, and where the next batch goes.
 *
 *     closed in order     believe log-state.json; read nothing
 *     otherwise           [sealed] [sealed] [ known so far | scan ------> valid end | cut ]
 *                          believed          from the last good point
 *
 * A scan that meets something that is no batch (V6 to V15 of docs/format-log.md) has to tell two things apart:
 *   - a torn tail: what was being written when the power went. It is cut off, and said; nobody was told that it was safe.
 *   - damage: it was on the disk before. So it is when a batch behind it says so (its syncedPosition lies behind the
 *     damage), or when a newer segment exists. Then the log refuses to open: `MQ_CORRUPT`.
 *
 * Always true (I7): doing it again, or from where a crash interrupted it, leads to the same; no batch is ever removed but
 * those of a torn tail and of segments that were released. Called by `PartitionLog.open` alone.
 */
import { join } from 'node:path';
import type { DiskFile } from '../../../shared/disk.ts';
import { checkHead, type LogFinding, tidyLogFolder } from './log-folder.ts';
import { type KnownSegment, type LogState, readLogState } from './log-state.ts';
import { emptyEnd, type LogPlace, Segment } from './segment.ts';
import { segmentName } from './segment-head.ts';
import { SegmentIndex } from './segment-index.ts';
import { bytesBeforeZeros, findBatch, type ScanEnd, type SegmentEnd, scanBatches } from './segment-scan.ts';
import { corruptError } from './storage-error.ts';

/** What recovery took off the end of the last segment: nothing that anybody was told is on the disk. */
export interface TornTail {
  readonly file: string;
  /** Without the room behind it, which goes as well, and of which nothing is said where there is nothing else. */
  readonly cutBytes: number;
  /** That of the first record that is not in the file. */
  readonly endOffset: number;
}

export interface RecoveredLog {
  /** Ascending; the last one is active. None when nothing was ever stored. */
  readonly segments: Segment[];
  readonly logStartOffset: number;
  readonly nextOffset: number;
  readonly findings: readonly LogFinding[];
  readonly tornTail: TornTail | undefined;
  /** The state on the disk says all this. */
  readonly isStateSaved: boolean;
}

/** `MQ_CORRUPT` when what was once on the disk is damaged, and somebody has to decide. */
export async function recoverLog(place: LogPlace, { wasClean }: { readonly wasClean: boolean }): Promise<RecoveredLog> {
  await place.disk.makeFolder(place.folder);
  const state = await readLogState(place.disk, place.folder);
  const { bases, findings } = await tidyLogFolder(place, state);
  const recovery = new Recovery(place, findings);
  await recovery.openAll({ bases, state, wasClean });
  const logStartOffset = state?.logStartOffset ?? recovery.segments[0]?.baseOffset ?? 0;
  return {
    segments: recovery.segments,
    logStartOffset,
    nextOffset: Math.max(recovery.nextOffset, logStartOffset),
    findings: recovery.findings,
    tornTail: recovery.tornTail,
    isStateSaved: wasClean && state !== undefined && recovery.findings.length === 0,
  };
}

class Recovery {
  readonly segments: Segment[] = [];
  readonly findings: LogFinding[];
  tornTail: TornTail | undefined;
  /** Behind all that was seen so far. */
  nextOffset = 0;
  readonly #place: LogPlace;

  constructor(place: LogPlace, findings: readonly LogFinding[]) {
    this.#place = place;
    this.findings = [...findings];
  }

  async openAll({
    bases,
    state,
    wasClean,
  }: {
    readonly bases: readonly number[];
    readonly state: LogState | undefined;
    readonly wasClean: boolean;
  }): Promise<void> {
    const known = new Map(state?.segments.map((segment) => [segment.baseOffset, segment]));
    const lastKnown = state?.segments.at(-1);
    const all = [...new Set([...known.keys(), ...bases])].sort((a, b) => a - b);
    const lastBase = bases.at(-1);
    this.nextOffset = all[0] ?? 0;
    for (const base of all) {
      const segment = known.get(base);
      if (segment !== undefined && !bases.includes(base)) this.#reportMissing(segment);
      else if (segment !== undefined && segment !== lastKnown) this.#believe(segment);
      else await this.#openUnsealed(base, { known: segment, isLast: base === lastBase, wasClean });
    }
  }

  #reportMissing({ baseOffset, nextOffset }: KnownSegment): void {
    const file = this.#pathOf(baseOffset);
    this.#report({ file, position: 0, fromOffset: baseOffset, toOffset: nextOffset, reason: 'the file is missing' });
    this.nextOffset = Math.max(this.nextOffset, nextOffset);
  }

  /** A sealed segment is complete; whoever reads from it checks what he reads. */
  #believe(known: KnownSegment): void {
    this.#add(new Segment(this.#place, { baseOffset: known.baseOffset, end: endOf(known), isSealed: true }));
  }

  async #openUnsealed(
    base: number,
    {
      known,
      isLast,
      wasClean,
    }: { readonly known: KnownSegment | undefined; readonly isLast: boolean; readonly wasClean: boolean },
  ): Promise<void> {
    const file = await this.#place.disk.open(this.#pathOf(base), 'write');
    try {
      await checkHead(this.#place, file, base);
      this.#checkFollows(base);
      const fileBytes = await file.size();
      if (wasClean && isLast && known?.position === fileBytes) return await this.#addUnread(known);
      this.#reportGapBefore(base);
      await this.#scan(file, { base, fileBytes, known, isLast });
    } finally {
      await file.close();
    }
  }

  /** The active segment of a log that was closed in order. */
  async #addUnread(known: KnownSegment): Promise<void> {
    const segment = new Segment(this.#place, { baseOffset: known.baseOffset, end: endOf(known), isSealed: false });
    await segment.readIndex();
    this.#add(segment);
  }

  async #scan(
    file: DiskFile,
    {
      base,
      fileBytes,
      known,
      isLast,
    }: {
      readonly base: number;
      readonly fileBytes: number;
      readonly known: KnownSegment | undefined;
      readonly isLast: boolean;
    },
  ): Promise<void> {
    // A file that lost what was known of it is read from its begin.
    const from = known !== undefined && known.position <= fileBytes ? endOf(known) : emptyEnd(base);
    const isWhole = from.batchCount === 0;
    const index = new SegmentIndex();
    const { logId } = this.#place;
    const end = await scanBatches({ file, fileBytes, logId, from, onBatch: (batch, at) => index.noteBatch(batch, at) });
    const tailBytes = await bytesBeforeZeros({ file, fileBytes, from: end.position });
    if (end.fault !== undefined && (tailBytes > 0 || !isLast))
      await this.#judge(file, { base, fileBytes, end, isLast });
    if (isLast) await this.#cut(file, { base, fileBytes, end, tailBytes });
    this.#add(
      new Segment(this.#place, { baseOffset: base, end: endOf(end), isSealed: !isLast, ...(isWhole && { index }) }),
    );
    if (known !== undefined && end.nextOffset < known.nextOffset) this.#reportLost(base, end, known.nextOffset);
  }

  /** I7. Returns when the scan ended in a torn tail. */
  async #judge(
    file: DiskFile,
    {
      base,
      fileBytes,
      end,
      isLast,
    }: { readonly base: number; readonly fileBytes: number; readonly end: ScanEnd; readonly isLast: boolean },
  ): Promise<void> {
    const { position, nextOffset, fault = '' } = end;
    const damage = { file: this.#pathOf(base), position, offset: nextOffset, reason: fault };
    if (!isLast) throw corruptError(damage);
    const { logId } = this.#place;
    for (let from = position + 1; ; ) {
      const found = await findBatch({ file, fileBytes, logId, from, offsetMin: nextOffset });
      if (found === undefined) return;
      if (found.syncedPosition > position) {
        const reason = `${fault}; it was there when the batch of offset ${found.baseOffset} was written behind it`;
        throw corruptError({ ...damage, reason });
      }
      from = found.position + 1;
    }
  }

  /** Also where nothing is cut: what a killed process wrote may be with the system only. */
  async #cut(
    file: DiskFile,
    {
      base,
      fileBytes,
      end,
      tailBytes,
    }: { readonly base: number; readonly fileBytes: number; readonly end: ScanEnd; readonly tailBytes: number },
  ): Promise<void> {
    if (fileBytes > end.position) await file.truncate(end.position);
    await file.sync();
    if (tailBytes > 0) this.tornTail = { file: this.#pathOf(base), cutBytes: tailBytes, endOffset: end.nextOffset };
  }

  /** I1. Two segments never have the same offset. */
  #checkFollows(base: number): void {
    if (base >= this.nextOffset) return;
    const reason = `V9: the segment before it goes on to offset ${this.nextOffset}`;
    throw corruptError({ file: this.#pathOf(base), position: 0, offset: base, reason });
  }

  #reportGapBefore(base: number): void {
    if (base <= this.nextOffset) return;
    const reason = 'a segment is missing before this one';
    this.#report({ file: this.#pathOf(base), position: 0, fromOffset: this.nextOffset, toOffset: base, reason });
  }

  #reportLost(base: number, end: SegmentEnd, toOffset: number): void {
    const reason = 'the end of the file is missing';
    const file = this.#pathOf(base);
    this.#report({ file, position: end.position, fromOffset: end.nextOffset, toOffset, reason });
    this.nextOffset = Math.max(this.nextOffset, toOffset);
  }

  #report(finding: LogFinding): void {
    this.findings.push(finding);
  }

  #add(segment: Segment): void {
    this.segments.push(segment);
    this.nextOffset = Math.max(this.nextOffset, segment.end.nextOffset);
  }

  #pathOf(base: number): string {
    return join(this.#place.folder, segmentName(base));
  }
}

function endOf({ position, nextOffset, lastTimestamp, batchCount }: SegmentEnd): SegmentEnd {
  return { position, nextOffset, lastTimestamp, batchCount };
}
