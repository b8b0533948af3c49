/**
 * `mq verify`: looks through all logs below a folder, every batch and record of them, and says what is wrong.
 *
 * Always true: nothing is written, so it may look at a copy, a backup or a folder nobody has open. Findings are what a
 * start would refuse or a reader would miss; notes are what a start puts right by itself.
 */
import { join } from 'node:path';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Disk } from '../../../shared/disk.ts';
import { SET_ASIDE } from '../log/log-folder.ts';
import { LOG_STATE_NAME, type LogState, readLogState } from '../log/log-state.ts';
import type { LogPlace } from '../log/segment.ts';
import { baseOffsetIn, indexName, segmentName } from '../log/segment-head.ts';
import { decodeIndex } from '../log/segment-index.ts';
import { readWholeFile, UNFINISHED } from '../log/whole-file.ts';
import { findLogs, identify } from './log-folders.ts';
import { type BadStretch, isTornTail, type SegmentSurvey, surveyFile, type TailFacts } from './survey.ts';
import { verifyTopics } from './verify-topics.ts';

export interface VerifyFinding {
  readonly file: string;
  /** In bytes. */
  readonly position: number;
  /** The first record that is missing or damaged, */
  readonly fromOffset: number;
  /** and the first one that is there again; null when nothing behind it says. */
  readonly toOffset: number | null;
  /** The condition of docs/format-log.md that does not hold, and what was found. */
  readonly reason: string;
}

export interface LogReport {
  readonly folder: string;
  readonly segmentCount: number;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly bytes: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly findings: readonly VerifyFinding[];
  readonly notes: readonly VerifyFinding[];
}

export interface VerifyReport {
  readonly logs: readonly LogReport[];
  /** Of all logs, and of the folders of topics. */
  readonly findings: readonly VerifyFinding[];
  /** Of all logs: torn tails, indexes to be made anew, known gaps, left-over files. */
  readonly notes: readonly VerifyFinding[];
}

/** All logs below `folder`: one log, a topic, or the data of a broker. */
export async function verifyFolder({
  disk,
  folder,
}: {
  readonly disk: Disk;
  readonly folder: string;
}): Promise<VerifyReport> {
  const logs: LogReport[] = [];
  for (const log of await findLogs(disk, folder)) logs.push(await verifyLog(disk, log));
  const topics = await verifyTopics(disk, folder);
  return {
    logs,
    findings: [...topics.findings, ...logs.flatMap((log) => log.findings)],
    notes: [...topics.notes, ...logs.flatMap((log) => log.notes)],
  };
}

export async function verifyLog(disk: Disk, folder: string): Promise<LogReport> {
  const place = await identify(disk, folder);
  return await new LogCheck(disk, folder).run(place);
}

class LogCheck {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #findings: VerifyFinding[] = [];
  readonly #notes: VerifyFinding[] = [];
  readonly #surveys: SegmentSurvey[] = [];
  /** Behind all that was seen so far. */
  #nextOffset = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  async run(place: LogPlace | undefined): Promise<LogReport> {
    const names = await this.#disk.list(this.#folder);
    const bases = names.flatMap((name) => baseOffsetIn(name, 'log') ?? []);
    const state = await this.#readState();
    for (const name of names) if (name.endsWith(UNFINISHED)) this.#noteFile(name, 'it was never finished');
    for (const name of names)
      if (name.endsWith(SET_ASIDE)) this.#noteFile(name, 'it was set aside: it is not of this log');
    if (place === undefined) for (const base of bases) this.#noteOrFindHeadless(base, state);
    else await this.#checkSegments(place, bases, state);
    const sum = (of: (survey: SegmentSurvey) => number): number =>
      this.#surveys.reduce((total, survey) => total + of(survey), 0);
    return {
      folder: this.#folder,
      segmentCount: this.#surveys.length,
      batchCount: sum(({ batchCount }) => batchCount),
      recordCount: sum(({ recordCount }) => recordCount),
      bytes: sum(({ fileBytes }) => fileBytes),
      logStartOffset: state?.logStartOffset ?? bases[0] ?? 0,
      logEndOffset: Math.max(this.#nextOffset, state?.logStartOffset ?? 0),
      findings: this.#findings,
      notes: this.#notes,
    };
  }

  async #readState(): Promise<LogState | undefined> {
    try {
      const state = await readLogState(this.#disk, this.#folder);
      if (state === undefined)
        this.#noteFile(LOG_STATE_NAME, 'it is missing or damaged; a start reads all segments instead');
      return state;
    } catch (error) {
      if (!isMqError(error, 'MQ_DATA_VERSION')) throw error;
      this.#find({ file: LOG_STATE_NAME, position: 0, fromOffset: 0, toOffset: null, reason: error.message });
      return undefined;
    }
  }

  /** No segment of the folder has a head. One that never had a batch is no loss. */
  #noteOrFindHeadless(base: number, state: LogState | undefined): void {
    const finding = {
      file: segmentName(base),
      position: 0,
      fromOffset: base,
      toOffset: null,
      reason: 'V4: its head is damaged',
    };
    if (state === undefined) this.#note(finding);
    else this.#find(finding);
  }

  async #checkSegments(place: LogPlace, bases: readonly number[], state: LogState | undefined): Promise<void> {
    const known = new Map(state?.segments.map((segment) => [segment.baseOffset, segment]));
    const firstKnown = state?.segments[0]?.baseOffset ?? 0;
    const all = [...new Set([...known.keys(), ...bases])].sort((a, b) => a - b);
    this.#nextOffset = Math.max(all[0] ?? 0, firstKnown);
    for (const base of all) {
      const knownEnd = known.get(base);
      if (!bases.includes(base)) {
        const toOffset = knownEnd?.nextOffset ?? null;
        this.#find({ file: segmentName(base), position: 0, fromOffset: base, toOffset, reason: 'the file is missing' });
        this.#nextOffset = Math.max(this.#nextOffset, toOffset ?? 0);
      } else if (base < firstKnown) this.#noteFile(segmentName(base), 'it was released; a start removes it');
      else await this.#checkSegment(place, base, { knownPosition: knownEnd?.position, isLast: base === bases.at(-1) });
    }
  }

  async #checkSegment(
    place: LogPlace,
    base: number,
    { knownPosition, isLast }: { readonly knownPosition: number | undefined; readonly isLast: boolean },
  ): Promise<void> {
    const survey = await surveyFile(place, base);
    const file = segmentName(base);
    const isStranger = survey.headFault?.startsWith('V1') || survey.headFault?.startsWith('V5');
    if (survey.headFault !== undefined) {
      const finding = {
        file,
        position: 0,
        fromOffset: base,
        toOffset: isStranger ? base : null,
        reason: survey.headFault,
      };
      // One that was just begun when the power went has nothing to lose.
      if (isLast && knownPosition === undefined && survey.batchCount === 0 && !isStranger) return this.#note(finding);
      this.#find(finding);
      if (isStranger) return;
    }
    this.#surveys.push(survey);
    this.#checkFollows(base);
    const facts = { fileBytes: survey.fileBytes, knownPosition, isLast };
    for (const stretch of survey.bad) this.#judge(stretch, file, facts);
    if (knownPosition !== undefined && survey.fileBytes < knownPosition) {
      const reason = `the end of the file is missing: ${survey.fileBytes} of ${knownPosition} bytes are there`;
      this.#find({ file, position: survey.fileBytes, fromOffset: survey.end.nextOffset, toOffset: null, reason });
    }
    if (survey.roomBytes > 0 && !isLast) {
      const reason = 'V6: zeros up to the end of the file, and it is not the last one';
      this.#find({ file, position: survey.fileBytes, fromOffset: survey.end.nextOffset, toOffset: null, reason });
    }
    this.#nextOffset = Math.max(this.#nextOffset, survey.end.nextOffset);
    await this.#checkIndex(place, survey, isLast);
  }

  #checkFollows(base: number): void {
    const file = segmentName(base);
    if (base < this.#nextOffset) {
      const reason = `V9: the segment before it goes on to offset ${this.#nextOffset}`;
      this.#find({ file, position: 0, fromOffset: base, toOffset: this.#nextOffset, reason });
    } else if (base > this.#nextOffset) {
      const reason = 'there is nothing between the segment before and this one';
      this.#note({ file, position: 0, fromOffset: this.#nextOffset, toOffset: base, reason });
    }
  }

  /** Damage, or a torn tail that a start cuts off. */
  #judge(stretch: BadStretch, file: string, facts: TailFacts): void {
    const { fromPosition, fromOffset, toOffset, reason } = stretch;
    const finding = { file, position: fromPosition, fromOffset, toOffset: toOffset ?? null, reason };
    if (isTornTail(stretch, facts)) this.#note({ ...finding, reason: `a torn tail: ${reason}` });
    else this.#find(finding);
  }

  /** The last segment's index is believed only after it was closed in order, so an old one is nothing to speak of. */
  async #checkIndex(place: LogPlace, { baseOffset, end }: SegmentSurvey, isLast: boolean): Promise<void> {
    const file = indexName(baseOffset);
    const bytes = await readWholeFile(this.#disk, join(this.#folder, file));
    if (bytes === undefined && isLast) return;
    const subject = { logId: place.logId, baseOffset, segmentBytes: end.position, nextOffset: end.nextOffset };
    const index = bytes === undefined ? 'it is missing' : decodeIndex(bytes, subject);
    if (typeof index !== 'string' || (isLast && index.startsWith('V24'))) return;
    this.#noteFile(file, `${index}; it is made anew when it is needed`);
  }

  #noteFile(name: string, reason: string): void {
    this.#note({ file: name, position: 0, fromOffset: this.#nextOffset, toOffset: this.#nextOffset, reason });
  }

  #find(finding: VerifyFinding): void {
    this.#findings.push({ ...finding, file: join(this.#folder, finding.file) });
  }

  #note(finding: VerifyFinding): void {
    this.#notes.push({ ...finding, file: join(this.#folder, finding.file) });
  }
}
