/**
 * A disk whose syncs are timed: how long they take, how many failed, and since when one has not come back.
 *
 *     log --> WatchedDisk --> RealDisk
 *                  \--> sync times, failures, the sync that hangs
 *
 * Always true: it does what the disk does, with the same errors; of the rest it takes no notice. A composition puts it
 * directly before the disk it watches, so that a file that is closed on the way is timed too.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Disk, DiskFile, OpenMode } from '../../../shared/disk.ts';
import { ForwardingDisk } from '../../../shared/forwarding-disk.ts';
import { Histogram, SECONDS } from './histogram.ts';

export class WatchedDisk extends ForwardingDisk {
  readonly syncSeconds = new Histogram(SECONDS);
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #syncFailureCount = 0;
  /** Syncs that have not come back, the oldest first: when each was asked for, monotonic ms. */
  readonly #open = new Map<symbol, number>();

  constructor(disk: Disk, clock: Pick<Clock, 'monotonicMs'>) {
    super(disk);
    this.#clock = clock;
  }

  /** Syncs that were refused. */
  get syncFailureCount(): number {
    return this.#syncFailureCount;
  }

  /** How long the oldest sync that has not come back has taken so far; 0 when there is none. */
  get stalledMs(): number {
    for (const beganMs of this.#open.values()) return this.#clock.monotonicMs() - beganMs;
    return 0;
  }

  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new WatchedFile(await this.disk.open(path, mode), (sync) => this.#timed(sync));
  }

  override syncFolder(folder: string): Promise<void> {
    return this.#timed(() => this.disk.syncFolder(folder));
  }

  async #timed(sync: () => Promise<void>): Promise<void> {
    const key = Symbol();
    const beganMs = this.#clock.monotonicMs();
    this.#open.set(key, beganMs);
    try {
      await sync();
      this.syncSeconds.add((this.#clock.monotonicMs() - beganMs) / 1000);
    } catch (error) {
      this.#syncFailureCount += 1;
      throw error;
    } finally {
      this.#open.delete(key);
    }
  }
}

class WatchedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #timed: (sync: () => Promise<void>) => Promise<void>;

  constructor(file: DiskFile, timed: (sync: () => Promise<void>) => Promise<void>) {
    this.#file = file;
    this.#timed = timed;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position);
  }

  write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(pieces, position);
  }

  writeNow(pieces: readonly Uint8Array[], position: number): boolean {
    return this.#file.writeNow(pieces, position);
  }

  sync(): Promise<void> {
    return this.#timed(() => this.#file.sync());
  }

  truncate(bytes: number): Promise<void> {
    return this.#file.truncate(bytes);
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
