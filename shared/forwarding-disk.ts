/**
 * A disk in front of another one, which does what that one does: the beginning of each that changes a little on the way.
 *
 *     log --> (ForwardingDisk) --> real disk
 *
 * Always true: what is not overridden goes through untouched, with the same errors. For disks only.
 */
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';

export class ForwardingDisk implements Disk {
  protected readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.disk.open(path, mode);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.disk.list(folder);
  }

  makeFolder(folder: string): Promise<void> {
    return this.disk.makeFolder(folder);
  }

  exists(path: string): Promise<boolean> {
    return this.disk.exists(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.disk.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.disk.remove(path);
  }

  removeFolder(folder: string): Promise<void> {
    return this.disk.removeFolder(folder);
  }

  syncFolder(folder: string): Promise<void> {
    return this.disk.syncFolder(folder);
  }

  freeBytes(folder: string): Promise<number> {
    return this.disk.freeBytes(folder);
  }

  lock(path: string): Promise<DiskLock> {
    return this.disk.lock(path);
  }
}
