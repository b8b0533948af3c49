/**
 * What happened to the groups of one topic, in order, in a log of its own; and now and then where they all stand, so that
 * a start needs only the newest of these snapshots and what was recorded after it.
 *
 *     journal     ... [events 0..9] [events 10..24] [events 25..31] ...      one batch for all that came meanwhile
 *     snapshots            snapshot-10   snapshot-25                          two are kept, and the journal from the older on
 *     start       read snapshot-25, apply what the journal has from 25 on
 *
 * Always true:
 *   I16  events reach the disk in the order in which they were recorded, and `flushed` resolves only when all that was
 *        recorded before is as safe as the flush policy says; what nobody waits for is written without a sync
 *   -    a snapshot is written only when every event in it is on the disk
 *   I17  after a failure nothing is recorded any more that builds on what was lost: a snapshot of what is in memory, which
 *        is the truth, comes first
 * Only the topic uses it; desks see it as `GroupEvents`.
 */
import { join } from 'node:path';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Disk } from '../../shared/disk.ts';
import { encodeBatch } from './bytes/record-batch.ts';
import { decodeEvents, EventWriter } from './delivery/event-bytes.ts';
import type { JournalEvent } from './delivery/group-events.ts';
import type { AppendReceipt, PartitionLog } from './log/log.ts';
import { storageError } from './log/storage-error.ts';
import { readSealed, UNFINISHED, writeSealed } from './log/whole-file.ts';

/** So many bytes of events, and the next snapshot is due; */
const SNAPSHOT_EVERY_BYTES = 4 * 1024 * 1024;
/** of large ones so many times their own bytes, so that writing them is never most of the work. */
const SNAPSHOT_SHARE = 4;
/** Events that wait for the write before them; more are written at once, so that memory stays bounded. */
const WRITER_BYTES_MAX = 1024 * 1024;
const SNAPSHOT_NAME = /^snapshot-(\d{20})$/;
const SNAPSHOTS_KEPT = 2;

export interface GroupJournalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly log: PartitionLog;
  /** All that the events so far have led to, as JSON can write it. */
  readonly takeSnapshot: () => unknown;
  /** What that answered is on the disk. */
  readonly onSnapshot?: (content: unknown) => void;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class GroupJournal {
  readonly #options: GroupJournalOptions;
  readonly #log: PartitionLog;
  readonly #writer = new EventWriter();
  /** Settles with the write of what is in the writer now; made for the first who waits. */
  #next: PromiseWithResolvers<void> | undefined;
  /** The last write that somebody waited for. */
  #last: Promise<void> = Promise.resolve();
  #isWriting = false;
  /** Writes so far; */
  #writeCount = 0;
  /** the last one that is, or may be, less safe than the flush policy says, because nobody waited for it; */
  #unsafeWrite = 0;
  /** and the last one that made it, and all before it, safe. */
  #safeWrite = 0;
  /** True after a failure, until a snapshot has what was lost. */
  #isBehind = false;
  /** What the log had lost, or found lost, when that was last looked at. */
  #findingCount: number;
  /** What the newest snapshot does not have; also what others say that they keep in it. */
  #bytesSinceSnapshot = 0;
  /** Of the last snapshot. */
  #snapshotBytes = 0;
  #snapshot: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: GroupJournalOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#findingCount = options.log.findings.length;
  }

  record(event: JournalEvent): void {
    if (this.#isClosed) return;
    this.#writer.append(event);
    const isMuch = this.#writer.length > WRITER_BYTES_MAX;
    if (isMuch) this.#noticeLoss();
    if (isMuch && !this.#isBehind) void this.#write();
    else this.#writeSoon();
  }

  /** Resolves when all that was recorded so far is as safe as the flush policy says. */
  flushed(): Promise<void> {
    const isSafe = this.#unsafeWrite <= this.#safeWrite;
    if (this.#writer.length === 0 && isSafe && !this.#isBehind) return this.#last;
    this.#next ??= Promise.withResolvers<void>();
    this.#writeSoon();
    return this.#next.promise;
  }

  /** Something that only snapshots keep has grown by `bytes`: the next one is due the sooner. */
  noteGrowth(bytes: number): void {
    this.#bytesSinceSnapshot += bytes;
    if (!this.#isWriting) this.#snapshotWhenDue();
  }

  /** The newest snapshot that can be read, and the offset from which on events are not in it. */
  async readSnapshot(): Promise<{ readonly content: unknown; readonly offset: number } | undefined> {
    await this.#options.disk.makeFolder(this.#options.folder);
    for (const offset of (await this.#snapshotOffsets()).reverse()) {
      try {
        const content = await readSealed(this.#options.disk, this.#pathOf(offset));
        if (offset < this.#log.logStartOffset || content === undefined) continue;
        await this.#fillUpTo(offset);
        return { content, offset };
      } catch (error) {
        if (!isMqError(error, 'MQ_CORRUPT')) throw error;
        this.#options.onNotice(`${error.message}; an older snapshot is used`);
      }
    }
    if (this.#log.logStartOffset === 0) return undefined;
    throw new MqError(
      'MQ_CORRUPT',
      `${this.#options.folder} has no snapshot that can be read, and its journal begins at ${this.#log.logStartOffset} only`,
    );
  }

  /** All events from `offset` on. */
  async replay(offset: number, apply: (event: JournalEvent) => void): Promise<void> {
    for (let next = offset; next < this.#log.logEndOffset; ) {
      const batches = await this.#log.load(next);
      for (const batch of batches) {
        next = Math.max(next, batch.baseOffset);
        for (; next < batch.nextOffset; next += 1) decodeEvents(batch.recordAt(next).body).forEach(apply);
      }
      if (batches.length === 0) return;
    }
  }

  /** At a start: a snapshot of what that found takes the place of the one it began with. */
  async renew(): Promise<void> {
    await this.#takeSnapshot();
  }

  /** Everything is on the disk, in a snapshot, when it resolves. */
  async close(): Promise<void> {
    await this.flushed().catch(() => undefined); // who waits for it was told
    await this.#snapshot;
    this.#noticeLoss();
    const isChanged = this.#bytesSinceSnapshot > 0 || this.#writer.length > 0 || this.#isBehind;
    this.#isClosed = true;
    try {
      if (isChanged) await this.#takeSnapshot();
    } finally {
      await this.#log.close();
    }
  }

  /** A write begins when this turn's callers are done, and the one before: what they record goes together. */
  #writeSoon(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(() => this.#writeNext());
  }

  #writeNext(): void {
    this.#noticeLoss();
    const written = this.#isBehind ? this.#catchUp() : this.#write();
    void written.finally(() => {
      this.#isWriting = false;
      if (this.#writer.length > 0 || this.#next !== undefined) this.#writeSoon();
      else this.#snapshotWhenDue();
    });
  }

  /** The log may have lost, on its own, what nobody waited for. */
  #noticeLoss(): void {
    const { length } = this.#log.findings;
    if (length > this.#findingCount) this.#isBehind = true;
    this.#findingCount = length;
  }

  /** Hands what was recorded to the log. Never rejects: who waits is told, and what nobody waits for is made up later. */
  async #write(): Promise<void> {
    const next = this.#takeNext();
    const body = this.#writer.take();
    this.#writeCount += 1;
    const write = this.#writeCount;
    if (next !== undefined) this.#last = next.promise;
    else this.#unsafeWrite = write;
    try {
      if (body.length > 0) await this.#append(body, next === undefined ? { isSynced: false } : {});
      else if (this.#log.flushPolicy === 'always') await this.#log.sync();
      if (next !== undefined || this.#log.flushPolicy !== 'always') this.#safeWrite = Math.max(write, this.#safeWrite);
      next?.resolve();
    } catch (error) {
      this.#isBehind = true;
      next?.reject(error);
    }
  }

  /** I17. Some events were lost: what they led to goes to the disk as a snapshot. */
  async #catchUp(): Promise<void> {
    const next = this.#takeNext();
    this.#writer.take();
    try {
      await this.#takeSnapshot();
      this.#isBehind = false;
      this.#safeWrite = this.#writeCount;
      this.#last = Promise.resolve();
      next?.resolve();
    } catch (error) {
      next?.reject(storageError(error, `${this.#options.folder} cannot be written`));
    }
  }

  #takeNext(): PromiseWithResolvers<void> | undefined {
    const next = this.#next;
    this.#next = undefined;
    // Those who wait have handlers of their own; a promise that is kept must not be the one nobody handles.
    next?.promise.catch(() => undefined);
    return next;
  }

  #append(body: Uint8Array, options: { readonly isSynced?: boolean }): Promise<AppendReceipt> {
    this.#bytesSinceSnapshot += body.length;
    return this.#log.append(encodeBatch([{ body }], { idPrefix: '', firstIdNumber: 0 }), options);
  }

  #snapshotWhenDue(): void {
    const dueBytes = Math.max(SNAPSHOT_EVERY_BYTES, this.#snapshotBytes * SNAPSHOT_SHARE);
    if (this.#bytesSinceSnapshot < dueBytes || this.#isBehind || this.#isClosed) return;
    this.#snapshot ??= this.#takeSnapshot()
      .catch((error: unknown) => this.#options.onNotice(`no snapshot in ${this.#options.folder}: ${String(error)}`))
      .finally(() => {
        this.#snapshot = undefined;
      });
  }

  /** A record of its own marks the place: before it is what the snapshot has, behind it what it has not. */
  async #takeSnapshot(): Promise<void> {
    const marked = this.#append(this.#writer.take(), { isSynced: true });
    const content = this.#options.takeSnapshot();
    const bytes = this.#bytesSinceSnapshot;
    marked.catch(() => {
      this.#isBehind = true;
    });
    const { baseOffset } = await marked;
    this.#snapshotBytes = await writeSealed(this.#options.disk, this.#pathOf(baseOffset + 1), content);
    this.#bytesSinceSnapshot -= bytes;
    this.#options.onSnapshot?.(content);
    await this.#removeOld();
  }

  /** The journal begins where the older of the kept snapshots stands. */
  async #removeOld(): Promise<void> {
    const offsets = await this.#snapshotOffsets();
    const old = offsets.splice(0, Math.max(offsets.length - SNAPSHOTS_KEPT, 0));
    for (const offset of old) await this.#options.disk.remove(this.#pathOf(offset));
    const [oldest] = offsets;
    if (offsets.length === SNAPSHOTS_KEPT && oldest !== undefined) await this.#log.releaseBelow(oldest);
  }

  async #snapshotOffsets(): Promise<number[]> {
    const { disk, folder } = this.#options;
    const offsets: number[] = [];
    for (const name of await disk.list(folder)) {
      const match = SNAPSHOT_NAME.exec(name);
      if (match !== null) offsets.push(Number(match[1]));
      else if (name.endsWith(UNFINISHED)) await disk.remove(join(folder, name));
    }
    return offsets;
  }

  /** A journal that lost its end, which only damage can do, goes on where the snapshot stands. */
  async #fillUpTo(offset: number): Promise<void> {
    const missing = offset - this.#log.logEndOffset;
    if (missing <= 0) return;
    const nothing = Array.from({ length: missing }, () => ({ body: new Uint8Array() }));
    await this.#log.append(encodeBatch(nothing, { idPrefix: '', firstIdNumber: 0 }), { isSynced: true });
    this.#options.onNotice(`${this.#options.folder}: the journal had lost its end; the snapshot has what was in it`);
  }

  #pathOf(offset: number): string {
    return join(this.#options.folder, `snapshot-${String(offset).padStart(20, '0')}`);
  }
}
