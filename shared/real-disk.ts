/**
 * The disk of this machine, over node:fs: a `Disk` for real use. What it adds to Node's calls: a write is written whole
 * even when the system takes it in parts, a folder can be synced, and a lock that dies with its process.
 *
 * Always true: a file's bytes count as safe after `sync` (fdatasync), a name after `syncFolder` or, for a folder, after
 * `makeFolder`. Named by compositions only; everybody else takes a `Disk`.
 */
import fs, { constants } from 'node:fs';
import { access, mkdir, readdir, rename, rm, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';
import { lockFile } from './file-lock.ts';
import { readWhole, writeWhole, writeWholeNow } from './whole-transfer.ts';

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const readSome = promisify(fs.read);
const writeSome = promisify(fs.write);
const writevSome = promisify(fs.writev);
const syncData = promisify(fs.fdatasync);
const syncAll = promisify(fs.fsync);
const truncateFile = promisify(fs.ftruncate);
const statFile = promisify(fs.fstat);

/** The disk of this machine. */
export class RealDisk implements Disk {
  async list(folder: string): Promise<readonly string[]> {
    return (await readdir(folder)).sort();
  }

  /** Level by level, each synced before the next is made; a level whose sync fails is taken back, so a retry makes it anew. */
  async makeFolder(folder: string): Promise<void> {
    const parent = dirname(folder);
    try {
      await mkdir(folder);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return await isFolder(folder, error);
      if (codeOf(error) !== 'ENOENT' || parent === folder) throw error;
      await this.makeFolder(parent);
      // Once more and not again and again: there are parents in which nothing can be made, such as /proc.
      await mkdir(folder);
    }
    try {
      await this.syncFolder(dirname(folder));
    } catch (error) {
      await rmdir(folder);
      throw error;
    }
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new RealFile(await openFile(path, FLAGS[mode]));
  }

  async exists(path: string): Promise<boolean> {
    try {
      await access(path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await unlink(path);
  }

  async removeFolder(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  async syncFolder(folder: string): Promise<void> {
    // Windows opens no folder; its file system journals names by itself.
    if (process.platform === 'win32') return;
    const handle = await openFile(folder, constants.O_RDONLY);
    try {
      await syncAll(handle);
    } finally {
      await closeFile(handle);
    }
  }

  async freeBytes(folder: string): Promise<number> {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  }

  lock(path: string): Promise<DiskLock> {
    return lockFile(path);
  }
}

class RealFile implements DiskFile {
  /** undefined once closed: the number may by then be another file's. */
  #number: number | undefined;

  constructor(handle: number) {
    this.#number = handle;
  }

  get #handle(): number {
    if (this.#number === undefined) throw closedError();
    return this.#number;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return await readWhole(into, async (rest, doneBytes) => {
      return (await readSome(this.#handle, rest, 0, rest.length, position + doneBytes)).bytesRead;
    });
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    await writeWhole(pieces, async (rest, doneBytes) => {
      const [first] = rest;
      if (rest.length > 1 || first === undefined) {
        return (await writevSome(this.#handle, rest, position + doneBytes)).bytesWritten;
      }
      return (await writeSome(this.#handle, first, 0, first.length, position + doneBytes)).bytesWritten;
    });
  }

  /** 3 µs for a small batch, where `write` takes 40: it has to wake a thread, and to be woken by it. */
  writeNow(pieces: readonly Uint8Array[], position: number): boolean {
    writeWholeNow(pieces, (rest, doneBytes) => fs.writevSync(this.#handle, rest, position + doneBytes));
    return true;
  }

  sync(): Promise<void> {
    return this.#number === undefined ? Promise.reject(closedError()) : syncData(this.#number);
  }

  async truncate(bytes: number): Promise<void> {
    await truncateFile(this.#handle, bytes);
  }

  async size(): Promise<number> {
    return (await statFile(this.#handle)).size;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#number = undefined;
    await closeFile(handle);
  }
}

function closedError(): Error {
  return Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' });
}

/** Rejects with `error` for what has the name and is none: a file, or a link that leads nowhere. */
async function isFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
