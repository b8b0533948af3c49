/**
 * The file of a segment, opened when somebody needs it: read by many at once, written by one.
 *
 * Always true: whoever gets it open, its head was right; it is not closed while somebody reads. Only the segment uses it.
 */
import type { Disk, DiskFile } from '../../../shared/disk.ts';
import { faultOfHead, SEGMENT_HEAD_BYTES } from './segment-head.ts';
import { corruptError } from './storage-error.ts';

export interface SegmentFileOptions {
  readonly disk: Disk;
  readonly path: string;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly partition: number;
  readonly baseOffset: number;
}

export class SegmentFile {
  readonly #options: SegmentFileOptions;
  #isReadOnly: boolean;
  #opening: Promise<DiskFile> | undefined;
  /** The same, once it is open. */
  #opened: DiskFile | undefined;
  /** Reads under way. */
  readonly #readings = new Set<Promise<unknown>>();

  constructor(options: SegmentFileOptions, { isReadOnly }: { readonly isReadOnly: boolean }) {
    this.#options = options;
    this.#isReadOnly = isReadOnly;
  }

  open(): Promise<DiskFile> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Done when it returns, of few bytes of a file that is open; else false, and nothing was written. */
  writeNow(pieces: readonly Uint8Array[], position: number): boolean {
    return this.#opened?.writeNow(pieces, position) ?? false;
  }

  async reading<T>(read: (file: DiskFile) => Promise<T>): Promise<T> {
    const reading = this.open().then(read);
    this.#readings.add(reading);
    try {
      return await reading;
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** From the next opening on it is not written to. */
  async seal(): Promise<void> {
    this.#isReadOnly = true;
    await this.close();
  }

  /** Resolves when nobody reads any more; who needs it opens it again. */
  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#opened = undefined;
    await Promise.allSettled(this.#readings);
    const file = await opening?.catch(() => undefined);
    await file?.close();
  }

  async #open(): Promise<DiskFile> {
    const { disk, path, topicId, partition, baseOffset } = this.#options;
    const file = await disk.open(path, this.#isReadOnly ? 'read' : 'write');
    try {
      const head = new Uint8Array(SEGMENT_HEAD_BYTES);
      const readBytes = await file.read(head, 0);
      const reason = faultOfHead(head.subarray(0, readBytes), { topicId, partition, baseOffset });
      if (reason !== undefined) throw corruptError({ file: path, position: 0, offset: baseOffset, reason });
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#opened = file;
    return file;
  }
}
