/**
 * A disk that keeps only so many files open, however many logs there are: the one not used for longest is closed, and
 * opened again when somebody needs it.
 *
 *     10,000 logs  ->  10,000 `DiskFile`s that look open  ->  at most `openFilesMax` that are
 *
 * Always true: what was written is synced before its file is closed on the way (an error of that sync is told to whoever
 * uses the file next, never lost); a file in use is not closed. A composition puts it between the logs and the real disk.
 */
import type { Disk, DiskFile, OpenMode } from '../../../shared/disk.ts';
import { ForwardingDisk } from '../../../shared/forwarding-disk.ts';

export class FewFiles extends ForwardingDisk {
  readonly #openFilesMax: number;
  /** Files that are open, the one not used for longest first. */
  readonly #open = new Set<ReopenedFile>();

  constructor(disk: Disk, { openFilesMax }: { readonly openFilesMax: number }) {
    super(disk);
    this.#openFilesMax = openFilesMax;
  }

  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await this.#openAs(path, mode);
    const reopened = new ReopenedFile(file, {
      open: () => this.#openAs(path, mode === 'read' ? 'read' : 'write'),
      onUse: (self) => this.#used(self),
      onClose: (self) => this.#open.delete(self),
    });
    this.#used(reopened);
    return reopened;
  }

  async #openAs(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#makeRoom();
    return await this.disk.open(path, mode);
  }

  async #makeRoom(): Promise<void> {
    for (const file of this.#open) {
      if (this.#open.size < this.#openFilesMax) return;
      if (file.isInUse) continue;
      this.#open.delete(file);
      await file.pause();
    }
  }

  #used(file: ReopenedFile): void {
    this.#open.delete(file);
    this.#open.add(file);
  }
}

interface ReopenedFileOptions {
  readonly open: () => Promise<DiskFile>;
  readonly onUse: (file: ReopenedFile) => void;
  readonly onClose: (file: ReopenedFile) => void;
}

/** A file that may be closed between two uses without anybody noticing. */
class ReopenedFile implements DiskFile {
  readonly #options: ReopenedFileOptions;
  /** undefined while it is paused. */
  #file: Promise<DiskFile> | undefined;
  /** The same, once it is open. */
  #opened: DiskFile | undefined;
  #useCount = 0;
  /** Written to since the last sync. */
  #isDirty = false;
  /** What went wrong when it was paused. */
  #error: unknown;
  #isClosed = false;

  constructor(file: DiskFile, options: ReopenedFileOptions) {
    this.#file = Promise.resolve(file);
    this.#opened = file;
    this.#options = options;
  }

  get isInUse(): boolean {
    return this.#useCount > 0;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#use((file) => file.read(into, position));
  }

  write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.#isDirty = true;
    return this.#use((file) => file.write(pieces, position));
  }

  writeNow(pieces: readonly Uint8Array[], position: number): boolean {
    const file = this.#opened;
    if (file === undefined || this.#isClosed || this.#error !== undefined) return false;
    this.#isDirty = true;
    this.#options.onUse(this);
    return file.writeNow(pieces, position);
  }

  async sync(): Promise<void> {
    await this.#use((file) => file.sync());
    this.#isDirty = false;
  }

  truncate(bytes: number): Promise<void> {
    this.#isDirty = true;
    return this.#use((file) => file.truncate(bytes));
  }

  size(): Promise<number> {
    return this.#use((file) => file.size());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.onClose(this);
    this.#opened = undefined;
    const file = await this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Of the disk: gives its place to another. */
  async pause(): Promise<void> {
    const opened = this.#file;
    this.#file = undefined;
    this.#opened = undefined;
    try {
      const file = await opened;
      if (this.#isDirty) await file?.sync();
      this.#isDirty = false;
      await file?.close();
    } catch (error) {
      this.#error = error;
    }
  }

  async #use<T>(act: (file: DiskFile) => Promise<T>): Promise<T> {
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error;
    }
    if (this.#isClosed) throw Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' });
    this.#useCount += 1;
    this.#options.onUse(this);
    try {
      this.#file ??= this.#options.open();
      this.#opened = await this.#file;
      return await act(this.#opened);
    } catch (error) {
      // One that could not be opened again is tried anew by who comes next.
      await this.#file?.catch(() => {
        this.#file = undefined;
      });
      throw error;
    } finally {
      this.#useCount -= 1;
    }
  }
}
