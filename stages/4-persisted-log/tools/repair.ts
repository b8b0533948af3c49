/**
 * `mq repair`: makes a log that refuses to open one that opens, at a price it states. What is damaged is taken out of the
 * segment and kept beside it; all other records keep their offsets; the lost ones are listed and leave a gap.
 *
 *     before   [batch 0..4][ ? ? ? ][batch 9..12]            00000000000000000000.log
 *     after    [batch 0..4][batch 9..12]                     the same name, written anew
 *              [ ? ? ? ]                                      00000000000000000000.log.damaged-1088
 *
 * Always true: nothing is removed without `skip`; a crash at any moment leaves the old segment or the new one, and a log
 * that can be repaired again; no offset is given a second time. Nobody else may have the folder open: the lock of a
 * broker's data is held while it works.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../../shared/disk.ts';
import { readU32, readU64 } from '../bytes/big-endian.ts';
import { AT, placeBatch } from '../bytes/record-batch.ts';
import { SET_ASIDE } from '../log/log-folder.ts';
import { type KnownSegment, type LogState, readLogState, writeLogState } from '../log/log-state.ts';
import { emptyEnd, type LogPlace } from '../log/segment.ts';
import { baseOffsetIn, encodeSegmentHead, indexName, SEGMENT_HEAD_BYTES, segmentName } from '../log/segment-head.ts';
import type { SegmentEnd } from '../log/segment-scan.ts';
import { UNFINISHED } from '../log/whole-file.ts';
import { findLogs, identify } from './log-folders.ts';
import { type BadStretch, isTornTail, type SegmentSurvey, surveyFile } from './survey.ts';
import { type VerifyFinding, verifyLog } from './verify.ts';

const LOCK_FILE = 'lock.db';
const COPY_BYTES = 1024 * 1024;

/** Records that are gone, and where their bytes are now. */
export interface LostRecords {
  readonly file: string;
  readonly fromOffset: number;
  /** Excluded; null when nothing says how many there were. */
  readonly toOffset: number | null;
  readonly reason: string;
  /** The file with the damaged bytes; null when there are none. */
  readonly keptIn: string | null;
}

export interface LogRepair {
  readonly folder: string;
  readonly lost: readonly LostRecords[];
  /** What was done, a sentence each. */
  readonly actions: readonly string[];
  /** What is still wrong. */
  readonly findings: readonly VerifyFinding[];
}

export interface RepairReport {
  readonly logs: readonly LogRepair[];
  readonly lost: readonly LostRecords[];
  readonly findings: readonly VerifyFinding[];
}

export interface RepairOptions {
  readonly disk: Disk;
  /** One log, a topic, or the data of a broker. */
  readonly folder: string;
  /** True: damaged batches are skipped, and their records lost. Without it nothing is done but to look. */
  readonly skip?: boolean;
}

/** `MQ_DATA_LOCKED` while a broker works on the folder. */
export async function repairFolder({ disk, folder, skip = false }: RepairOptions): Promise<RepairReport> {
  const lockPath = join(folder, LOCK_FILE);
  const lock = (await disk.exists(lockPath)) ? await disk.lock(lockPath) : undefined;
  try {
    const logs: LogRepair[] = [];
    for (const log of await findLogs(disk, folder)) logs.push(await repairLog(disk, log, skip));
    return { logs, lost: logs.flatMap(({ lost }) => lost), findings: logs.flatMap(({ findings }) => findings) };
  } finally {
    await lock?.release();
  }
}

async function repairLog(disk: Disk, folder: string, skip: boolean): Promise<LogRepair> {
  const { findings } = await verifyLog(disk, folder);
  const place = await identify(disk, folder);
  if (findings.length === 0 || !skip || place === undefined) return { folder, lost: [], actions: [], findings };
  const repair = new Repair(place, await readLogState(disk, folder));
  await repair.run();
  const left = await verifyLog(disk, folder);
  return { folder, lost: repair.lost, actions: repair.actions, findings: left.findings };
}

class Repair {
  readonly lost: LostRecords[] = [];
  readonly actions: string[] = [];
  readonly #place: LogPlace;
  readonly #state: LogState | undefined;
  readonly #known: ReadonlyMap<number, KnownSegment>;

  constructor(place: LogPlace, state: LogState | undefined) {
    this.#place = place;
    this.#state = state;
    this.#known = new Map(state?.segments.map((segment) => [segment.baseOffset, segment]));
  }

  async run(): Promise<void> {
    const { disk, folder } = this.#place;
    const surveys = await this.#surveyAll();
    const firstDamaged = surveys.findIndex((survey, index) => this.#isDamaged(survey, index === surveys.length - 1));
    await this.#forgetFrom(surveys, firstDamaged < 0 ? surveys.length : firstDamaged);
    const segments: KnownSegment[] = [];
    for (const [index, survey] of surveys.entries()) {
      const isLast = index === surveys.length - 1;
      const nextBase = surveys[index + 1]?.baseOffset ?? this.#known.get(survey.baseOffset)?.nextOffset;
      const end = this.#isDamaged(survey, isLast)
        ? await this.#rewrite(survey, { nextBase, isLast })
        : await this.#keep(survey, isLast);
      segments.push({ baseOffset: survey.baseOffset, ...end });
    }
    this.#listMissing(surveys);
    const last = segments.at(-1);
    if (last !== undefined) segments[segments.length - 1] = { ...last, nextOffset: this.#nextOffset(last) };
    const logStartOffset = this.#state?.logStartOffset ?? segments[0]?.baseOffset ?? 0;
    if (segments.length > 0) await writeLogState(disk, folder, { logStartOffset, segments });
  }

  /** All segments that are of this log; strangers are set aside. */
  async #surveyAll(): Promise<SegmentSurvey[]> {
    const { disk, folder } = this.#place;
    const surveys: SegmentSurvey[] = [];
    for (const name of await disk.list(folder)) {
      const base = baseOffsetIn(name, 'log');
      if (base === undefined || base < (this.#state?.segments[0]?.baseOffset ?? 0)) continue;
      const survey = await surveyFile(this.#place, base);
      const isStranger = survey.headFault?.startsWith('V1') || survey.headFault?.startsWith('V5');
      if (!isStranger) surveys.push(survey);
      else {
        await disk.rename(join(folder, name), join(folder, `${name}${SET_ASIDE}`));
        this.actions.push(`${name} was set aside: ${survey.headFault}`);
        const toOffset = this.#known.get(base)?.nextOffset ?? base;
        if (toOffset > base)
          this.#lose({ fromOffset: base, toOffset, reason: 'V5: the file was another' }, name, `${name}${SET_ASIDE}`);
      }
    }
    return surveys;
  }

  #isDamaged({ baseOffset, headFault, bad, fileBytes, roomBytes }: SegmentSurvey, isLast: boolean): boolean {
    const knownPosition = this.#known.get(baseOffset)?.position;
    if (headFault !== undefined || (roomBytes > 0 && !isLast)) return true;
    return bad.some((stretch) => !isTornTail(stretch, { fileBytes, knownPosition, isLast }));
  }

  /** Until all is done, a start must read again what is being changed. */
  async #forgetFrom(surveys: readonly SegmentSurvey[], count: number): Promise<void> {
    const { disk, folder } = this.#place;
    const kept = surveys.slice(0, count).map(({ baseOffset, end }) => ({ baseOffset, ...end }));
    const next = surveys[count];
    const segments =
      next === undefined ? kept : [...kept, { baseOffset: next.baseOffset, ...emptyEnd(next.baseOffset) }];
    const [first] = segments;
    if (first === undefined) return;
    await writeLogState(disk, folder, { logStartOffset: this.#state?.logStartOffset ?? first.baseOffset, segments });
  }

  /** A segment that is right, its torn tail cut off. */
  async #keep({ baseOffset, bad, end, fileBytes }: SegmentSurvey, isLast: boolean): Promise<SegmentEnd> {
    const known = this.#known.get(baseOffset);
    if (known !== undefined && fileBytes < known.position) {
      this.#lose(
        { fromOffset: end.nextOffset, toOffset: known.nextOffset, reason: 'the end of the file was missing' },
        segmentName(baseOffset),
      );
    }
    const [tail] = bad;
    if (tail === undefined || !isLast) return end;
    const file = await this.#open(baseOffset);
    try {
      await file.truncate(tail.fromPosition);
      await file.sync();
    } finally {
      await file.close();
    }
    this.actions.push(`the torn tail of ${segmentName(baseOffset)} was cut off at position ${tail.fromPosition}`);
    return { ...end, position: tail.fromPosition, nextOffset: tail.fromOffset };
  }

  /** Writes a segment anew with its good batches, and the rest into files beside it. */
  async #rewrite(
    { baseOffset, bad, fileBytes, end, headFault }: SegmentSurvey,
    { nextBase, isLast }: { readonly nextBase: number | undefined; readonly isLast: boolean },
  ): Promise<SegmentEnd> {
    const { disk, folder, topicId, partition } = this.#place;
    const name = segmentName(baseOffset);
    const unfinished = join(folder, `${name}${UNFINISHED}`);
    if (await disk.exists(unfinished)) await disk.remove(unfinished);
    const [from, to] = [await this.#open(baseOffset), await disk.open(unfinished, 'create')];
    let position = SEGMENT_HEAD_BYTES;
    try {
      await to.write([encodeSegmentHead({ partition, topicId, baseOffset, createdAt: 0 })], 0);
      let goodFrom = SEGMENT_HEAD_BYTES;
      for (const stretch of [...bad, undefined]) {
        position = await this.#copyBatches(from, to, {
          from: goodFrom,
          until: stretch?.fromPosition ?? fileBytes,
          position,
        });
        if (stretch === undefined) break;
        const isTail = isTornTail(stretch, { fileBytes, knownPosition: this.#known.get(baseOffset)?.position, isLast });
        if (!isTail) await this.#quarantine(from, stretch, { name, nextBase });
        goodFrom = stretch.toPosition;
      }
      await to.sync();
    } finally {
      await Promise.all([from.close(), to.close()]);
    }
    if (headFault !== undefined) this.actions.push(`${name} has a new head: ${headFault}`);
    const indexPath = join(folder, indexName(baseOffset));
    if (await disk.exists(indexPath)) await disk.remove(indexPath);
    await disk.rename(unfinished, join(folder, name));
    await disk.syncFolder(folder);
    this.actions.push(`${name} was written anew with ${end.batchCount} batches`);
    return { ...end, position };
  }

  /** Copies the batches of a good stretch to `position` of the new file; answers the position behind them. */
  async #copyBatches(
    from: DiskFile,
    to: DiskFile,
    { from: first, until, position }: { readonly from: number; readonly until: number; readonly position: number },
  ): Promise<number> {
    let at = position;
    for (let source = first; source < until; ) {
      const batchBytes = readU32(await readAt(from, source, AT.headCrc), AT.batchBytes);
      const batch = await readAt(from, source, batchBytes);
      const [baseOffset, appendedAt] = [readU64(batch, AT.baseOffset), readU64(batch, AT.appendedAt)];
      placeBatch(batch, { baseOffset, appendedAt, logId: this.#place.logId, syncedPosition: at });
      await to.write([batch], at);
      at += batchBytes;
      source += batchBytes;
    }
    return at;
  }

  /** Keeps the bytes of a bad stretch beside the segment, and lists what was in them. */
  async #quarantine(
    from: DiskFile,
    { fromPosition, toPosition, fromOffset, toOffset, reason }: BadStretch,
    { name, nextBase }: { readonly name: string; readonly nextBase: number | undefined },
  ): Promise<void> {
    const { disk, folder } = this.#place;
    const keptIn = `${name}.damaged-${fromPosition}`;
    const path = join(folder, keptIn);
    if (await disk.exists(path)) await disk.remove(path);
    const file = await disk.open(path, 'create');
    try {
      for (let at = fromPosition; at < toPosition; at += COPY_BYTES) {
        await file.write([await readAt(from, at, Math.min(COPY_BYTES, toPosition - at))], at - fromPosition);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    this.#lose({ fromOffset, toOffset: toOffset ?? nextBase ?? null, reason }, name, keptIn);
  }

  #listMissing(surveys: readonly SegmentSurvey[]): void {
    const there = new Set(surveys.map(({ baseOffset }) => baseOffset));
    for (const { baseOffset, nextOffset } of this.#known.values()) {
      const name = segmentName(baseOffset);
      const isListed = this.lost.some(
        ({ file, fromOffset }) => file === join(this.#place.folder, name) && fromOffset === baseOffset,
      );
      if (there.has(baseOffset) || isListed) continue;
      this.#lose({ fromOffset: baseOffset, toOffset: nextOffset, reason: 'the file is missing' }, name);
    }
  }

  /** Behind all that was ever known to be stored. */
  #nextOffset(last: KnownSegment): number {
    return Math.max(last.nextOffset, this.#state?.segments.at(-1)?.nextOffset ?? 0, this.#state?.logStartOffset ?? 0);
  }

  #lose(lost: Pick<LostRecords, 'fromOffset' | 'toOffset' | 'reason'>, name: string, keptIn?: string): void {
    const { folder } = this.#place;
    this.lost.push({ file: join(folder, name), ...lost, keptIn: keptIn === undefined ? null : join(folder, keptIn) });
  }

  #open(baseOffset: number): Promise<DiskFile> {
    return this.#place.disk.open(join(this.#place.folder, segmentName(baseOffset)), 'write');
  }
}

async function readAt(file: DiskFile, position: number, bytes: number): Promise<Uint8Array> {
  const into = new Uint8Array(bytes);
  return into.subarray(0, await file.read(into, position));
}
