/**
 * The disk comes in from outside, like time: a broker takes a `Disk`, so that a test can pull the plug at every write, tear
 * a sector, fail the n-th call, and look at what is left. `RealDisk` in real use, `SimulatedDisk` in tests.
 *
 * Always true, of both: what `write` took is seen by `read` at once, and survives a power cut only after `sync` of the
 * file resolved; a file that was made, renamed or removed is so after a power cut only when `syncFolder` of its folder
 * resolved. Paths are those of `node:path`. Errors are those of `node:fs`, with their `code` (`ENOSPC`, `EIO`, `ENOENT`).
 */

/** `read`: must exist, is not written. `write`: must exist. `create`: must not exist. */
export type OpenMode = 'read' | 'write' | 'create';

/** An open file. Positions are bytes from its begin. */
export interface DiskFile {
  /** Fills `into` from `position` on; answers how many bytes there were, less than asked only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all pieces, one after the other; after a rejection nobody knows how much of them is there. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * The same, done when it returns; for a few bytes, which the system only copies, so that waking a thread would take
   * longer than the write. Throws what `write` rejects with. False: not now, nothing was written; `write` can.
   */
  writeNow(pieces: readonly Uint8Array[], position: number): boolean;
  /** fdatasync. After a rejection what was not synced before may be gone, even if a later call succeeds. */
  sync(): Promise<void>;
  /** Cuts off, or fills with zeros up to, `bytes`. */
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /** Names in a folder, sorted; rejects with `ENOENT` when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** With all its parents, each safe from a power cut; fine when it exists. */
  makeFolder(folder: string): Promise<void>;
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** True for a file or folder. */
  exists(path: string): Promise<boolean>;
  /** Takes the place of what is at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** A file. */
  remove(path: string): Promise<void>;
  /** A folder with all that is in it; fine when there is none. */
  removeFolder(folder: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
  /** Room left for this process, in bytes. */
  freeBytes(folder: string): Promise<number>;
  /** Holds `path` for this process until `release`, or its end, however it ends; `MQ_DATA_LOCKED` when another has it. */
  lock(path: string): Promise<DiskLock>;
}

export interface DiskLock {
  release(): Promise<void>;
}
