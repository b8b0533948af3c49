/**
 * The log of one partition: batches in the order of their offsets, on the disk, for as long as nobody releases them.
 *
 *                 logStartOffset              highWatermark   logEndOffset
 *     released ........ | records that readers see | accepted, not safe yet |
 *                                                                            <- append
 *
 * Always true:
 *   I1  an offset belongs to one record for ever: none is given twice once its append was answered well
 *   I3  readers see only below `highWatermark`: under `always` what is on the disk for sure, else what the system has
 *   I4  nothing is shown that is not what was appended: `MQ_CORRUPT` instead, naming file, position and reason
 *   -   memory is bounded by the cache, what waits to be written, and a row per 32 KiB of the segments that are read
 * docs/format-log.md has the bytes. A topic has one for each partition; the journal of its groups is one too.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { PartitionView } from '../../../shared/contract/inside.ts';
import type { Disk } from '../../../shared/disk.ts';
import { logIdOf } from '../bytes/record-batch.ts';
import type { StoredBatch } from '../bytes/stored-batch.ts';
import { Appender, type AppendReceipt, type FlushPolicy } from './appender.ts';
import type { BatchCache, CacheShelf } from './batch-cache.ts';
import type { LogFinding } from './log-folder.ts';
import { LogReader } from './log-reader.ts';
import { type RecoveredLog, recoverLog, type TornTail } from './recovery.ts';
import { type LogPlace, Segment } from './segment.ts';
import { SegmentList } from './segment-list.ts';
import { storageError } from './storage-error.ts';

export type { AppendReceipt, FlushPolicy } from './appender.ts';

/** Read at once by a load that does not say. */
const LOAD_BYTES = 256 * 1024;

export interface PartitionLogOptions {
  readonly disk: Disk;
  /** Made when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** 16 random bytes, of the topic. */
  readonly topicId: Uint8Array;
  readonly partition: number;
  readonly flushPolicy: FlushPolicy;
  readonly flushIntervalMs: number;
  /** At most 1 GiB. */
  readonly segmentBytesMax: number;
  /** Shared by all logs of a broker. */
  readonly cache: BatchCache;
  /** The log was closed in order: nothing is scanned. */
  readonly wasClean: boolean;
  /** Called after `highWatermark` or `logStartOffset` moved, before who caused it is answered. */
  readonly onVisible?: () => void;
  /** True: after a failure it could not be opened again, which every append tries; false: now it could. */
  readonly onBroken?: (isBroken: boolean) => void;
  /** What recovery cut off, and what goes wrong while nobody waits. */
  readonly onNotice?: (text: string) => void;
}

export class PartitionLog {
  readonly partition: number;
  readonly flushPolicy: FlushPolicy;
  readonly #options: PartitionLogOptions;
  readonly #segments: SegmentList;
  readonly #appender: Appender;
  readonly #shelf: CacheShelf;
  readonly #reader: LogReader;
  readonly #findings: LogFinding[];
  /** Position of logStartOffset in the first segment. */
  #startPosition = 0;
  #removing: Promise<void> = Promise.resolve();

  private constructor(place: LogPlace, options: PartitionLogOptions, recovered: RecoveredLog) {
    const { clock, partition, flushPolicy, cache } = options;
    this.partition = partition;
    this.flushPolicy = flushPolicy;
    this.#options = options;
    this.#findings = [...recovered.findings];
    this.#segments = new SegmentList(place, clock, recovered);
    this.#shelf = cache.shelf();
    this.#reader = new LogReader({ folder: place.folder, segments: this.#segments, shelf: this.#shelf });
    this.#appender = new Appender({
      ...options,
      segments: this.#segments,
      logId: place.logId,
      nextOffset: recovered.nextOffset,
      onAccepted: (batches) => this.#accepted(batches),
      onSynced: () => this.#options.onVisible?.(),
      onLost: ({ fromOffset, toOffset }) => this.#lost(fromOffset, toOffset),
      onBroken: (isBroken) => this.#options.onBroken?.(isBroken),
    });
  }

  /** `MQ_CORRUPT` when what was stored is damaged; `MQ_DATA_VERSION` when a later version wrote it. */
  static async open(options: PartitionLogOptions): Promise<PartitionLog> {
    const { disk, folder, topicId, partition, wasClean, clock } = options;
    const place: LogPlace = { disk, folder, topicId, partition, logId: logIdOf({ topicId, partition }) };
    try {
      const recovered = await recoverLog(place, { wasClean });
      if (recovered.tornTail !== undefined) options.onNotice?.(noticeOf(recovered.tornTail));
      const isNew = recovered.segments.length === 0;
      const first = { baseOffset: recovered.nextOffset, createdAt: clock.now() };
      if (isNew) recovered.segments.push(await Segment.create(place, first));
      const log = new PartitionLog(place, options, recovered);
      try {
        if (isNew || !recovered.isStateSaved) await log.#segments.save();
        await log.#findStart();
      } catch (error) {
        await log.#segments.closeFiles().catch(() => undefined); // why it cannot be opened says more
        throw error;
      }
      return log;
    } catch (error) {
      throw storageError(error, `the log in ${folder} cannot be opened`);
    }
  }

  get logStartOffset(): number {
    return this.#segments.logStartOffset;
  }

  /** What the next record gets. */
  get logEndOffset(): number {
    return this.#appender.nextOffset;
  }

  /** I3 */
  get highWatermark(): number {
    return this.flushPolicy === 'always' ? this.#appender.syncedOffset : this.#appender.acceptedOffset;
  }

  get syncedOffset(): number {
    return this.#appender.syncedOffset;
  }

  /** Of the files of its segments. */
  get bytes(): number {
    return this.#segments.bytes;
  }

  /** Of the batches from the one with logStartOffset on. */
  get heldBytes(): number {
    return this.bytes - this.#startPosition;
  }

  /** What was found wrong when it was opened, or since, and did not keep it from working. */
  get findings(): readonly LogFinding[] {
    return this.#findings;
  }

  /**
   * The offset is given at once, in the order of the calls. Resolves when the batch is as safe as the flush policy says, or
   * as `isSynced` does: true waits for the disk, false never. `at` is now, for whoever knows it. The bytes are the log's from
   * then on: it fills in their placement. `MQ_STORAGE_FAILED`, `MQ_STORAGE_FULL`: nothing of it was stored. `MQ_CLOSED`.
   */
  append(
    batch: Uint8Array,
    { isSynced, at }: { readonly isSynced?: boolean; readonly at?: number } = {},
  ): Promise<AppendReceipt> {
    return this.#appender.append(batch, isSynced ?? this.flushPolicy === 'always', at);
  }

  /** False after a failure, until the segment is open again and `findings` says what was lost. */
  get isWell(): boolean {
    return this.#appender.isWell;
  }

  /** All that was appended before is on the disk when it resolves. */
  sync(): Promise<void> {
    return this.#appender.sync();
  }

  /** The batch with this offset, when it is in memory and may be seen. */
  cachedAt(offset: number): StoredBatch | undefined {
    if (offset < this.logStartOffset || offset >= this.highWatermark) return undefined;
    return this.#shelf.at(offset);
  }

  /**
   * Whole batches from the one with `offset` on, at least one, which are then in the cache too; none at `highWatermark`.
   * The first one lies behind `offset` where records are missing (after `repair`): go on there. `MQ_CORRUPT`,
   * `MQ_OFFSET_OUT_OF_RANGE`, `MQ_STORAGE_FAILED`.
   */
  load(
    offset: number,
    { bytesMax = LOAD_BYTES }: { readonly bytesMax?: number } = {},
  ): Promise<readonly StoredBatch[]> {
    const { logStartOffset: start, highWatermark: end } = this;
    return this.#reader.load({ offset, bytesMax, start, end });
  }

  /** The first offset behind the missing records, when a load found out that `offset` is one of them. */
  gapEndAt(offset: number): number | undefined {
    return this.#reader.gapEndAt(offset);
  }

  /** The first offset appended at `ms` (epoch) or later; `highWatermark` when there is none. */
  async offsetOfTimestamp(ms: number): Promise<number> {
    const offset = await this.#reader.offsetOfTime(ms);
    return Math.min(Math.max(offset ?? this.highWatermark, this.logStartOffset), this.highWatermark);
  }

  /** Moves logStartOffset up at once; resolves when that is on the disk. Whole segments below it go in the background. */
  async releaseBelow(offset: number): Promise<void> {
    const start = Math.min(offset, this.highWatermark);
    if (start <= this.logStartOffset && this.#segments.isStartSaved) return;
    try {
      const released = this.#segments.release(start);
      this.#shelf.dropBelow(start);
      this.#startPosition = 0;
      this.#options.onVisible?.();
      await released;
      await this.#findStart();
    } catch (error) {
      throw storageError(error, `the log in ${this.#options.folder} could not be released`);
    }
    this.#removing = this.#removing
      .then(() => this.#segments.removeReleased())
      .catch((error: unknown) => this.#options.onNotice?.(`a released segment was not removed: ${String(error)}`));
  }

  /** A view for the screen, without waiting for the disk. */
  inspect(max: number): Omit<PartitionView, 'cells'> {
    const { logStartOffset, logEndOffset, highWatermark, syncedOffset, partition } = this;
    const { all, active } = this.#segments;
    const segments = all.slice(0, max).map((segment) => ({
      baseOffset: segment.baseOffset,
      nextOffset: segment.end.nextOffset,
      bytes: segment.bytes,
      batchCount: segment.end.batchCount,
      indexEntryCount: segment.index?.rows.length ?? 0,
      timeEntryCount: segment.index?.timeCount ?? 0,
      isActive: segment === active,
    }));
    const { counts } = this.#appender;
    const offsets = { logStartOffset, logEndOffset, highWatermark, syncedOffset };
    return { partition, ...offsets, ...counts, segments, segmentCount: all.length };
  }

  /** Resolves when all that was accepted is on the disk, and what the next start needs to know; rejects when it is not. */
  async close(): Promise<void> {
    try {
      try {
        await this.#closeInOrder();
      } finally {
        this.#reader.close();
        await this.#segments.closeFiles();
      }
    } catch (error) {
      throw storageError(error, `the log in ${this.#options.folder} was not closed in order`);
    } finally {
      this.#shelf.dropFrom(0);
    }
  }

  async #closeInOrder(): Promise<void> {
    await this.#appender.close();
    await this.#removing;
    await this.#segments.close();
  }

  #accepted(batches: readonly StoredBatch[]): void {
    for (const batch of batches) this.#shelf.push(batch);
    if (this.flushPolicy !== 'always') this.#options.onVisible?.();
  }

  #lost(fromOffset: number, toOffset: number): void {
    this.#shelf.dropFrom(fromOffset);
    const { active } = this.#segments;
    const reason = 'the disk lost what was written and not synced yet';
    this.#findings.push({ file: active.path, position: active.bytes, fromOffset, toOffset, reason });
    this.#options.onNotice?.(`${active.path}: ${reason}: offsets ${fromOffset} to ${toOffset - 1}`);
  }

  async #findStart(): Promise<void> {
    const [first] = this.#segments.all;
    const start = this.logStartOffset;
    if (first === undefined || start <= first.baseOffset) return;
    const position = await first.positionOf(start);
    if (first === this.#segments.all[0] && start === this.logStartOffset) this.#startPosition = position;
  }
}

function noticeOf({ file, cutBytes, endOffset }: TornTail): string {
  const tail = cutBytes === 1 ? '1 byte' : `${cutBytes} bytes`;
  return `${file}: a torn tail of ${tail} was cut off; the file ends before offset ${endOffset}`;
}
