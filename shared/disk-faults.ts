/**
 * What can go wrong with a call of a simulated disk, and the usual ways to make it so: functions to put into `onCall`.
 *
 *     disk.onCall = failNth(7);
 *     const syncs = new HeldSyncs();
 *     disk.onCall = syncs.watch;          // no sync ends before syncs.open()
 *
 * Always true: which call is hit depends on the calls alone, so a run can be repeated. For tests only.
 */
import type { Disk, DiskFile } from './disk.ts';

/** One call of a `Disk` or `DiskFile`. */
export interface DiskCall {
  /** From 1 on, over all kinds. */
  readonly number: number;
  readonly kind: keyof Disk | keyof DiskFile | 'release';
  readonly path: string;
  /** Of a read or write: how many; else 0. */
  readonly bytes: number;
  /** Of a read or write. */
  readonly position: number;
}

/** What happens to a call instead. */
export interface DiskFault {
  /** The call waits for this first. */
  readonly until?: Promise<void>;
  /** Then it rejects with this code; without one it goes on as usual. */
  readonly code?: string;
  /** Of a write that rejects: so many bytes are written all the same. */
  readonly doneBytes?: number;
  /** Of a sync, also of a folder: it resolves, and nothing is safe. Disks that do so are sold; tests of tests use one. */
  readonly isLie?: boolean;
}

/** Sees each call before it is done. */
export type CallWatcher = (call: DiskCall) => DiskFault | undefined;

/** An error as node:fs makes them. */
export interface DiskError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path: string;
}

const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file already exists',
  ENOTDIR: 'not a directory',
  EISDIR: 'illegal operation on a directory',
  EBADF: 'bad file descriptor',
  ENOSPC: 'no space left on device',
  EMFILE: 'too many open files',
  EROFS: 'read-only file system',
  EIO: 'i/o error',
};

export function diskError(code: string, syscall: DiskCall['kind'], path: string): DiskError {
  const error = new Error(`${code}: ${TEXTS[code] ?? 'failed'}, ${syscall} '${path}'`);
  return Object.assign(error, { code, syscall, path });
}

/** Which call `failNth` fails, and how. */
export interface NthOptions {
  readonly code?: string;
  /** Calls that count; without it all do. */
  readonly isMeant?: (call: DiskCall) => boolean;
}

const isAny = (): boolean => true;

/** The n-th call from now on fails, of those that `isMeant`; of a write half is done. */
export function failNth(n: number, { code = 'EIO', isMeant = isAny }: NthOptions = {}): CallWatcher {
  let callCount = 0;
  return (call) => {
    if (!isMeant(call)) return undefined;
    callCount += 1;
    return callCount === n ? { code, doneBytes: call.bytes >> 1 } : undefined;
  };
}

/** The calls from number `from` on, from now, up to and without `to`, fail; of a write half is done. */
export function failBetween({ from, to, code = 'EIO' }: FailedCalls): CallWatcher {
  let callCount = 0;
  return (call) => {
    callCount += 1;
    return callCount >= from && callCount < to ? { code, doneBytes: call.bytes >> 1 } : undefined;
  };
}

/** A run of calls. */
export interface FailedCalls {
  readonly from: number;
  readonly to: number;
  readonly code?: string;
}

/** From the n-th call from now on the disk is broken: every one fails. */
export function failFrom(n: number, code = 'EIO'): CallWatcher {
  return failBetween({ from: n, to: Number.POSITIVE_INFINITY, code });
}

/** A bad place on the platter: reads that touch it fail. */
export function badBytes(path: string, { from, to }: { readonly from: number; readonly to: number }): CallWatcher {
  return (call) => {
    const isHit = call.kind === 'read' && call.path === path && call.position < to && call.position + call.bytes > from;
    return isHit ? { code: 'EIO' } : undefined;
  };
}

/** A slow disk: no sync of a file ends before it is told to. */
export class HeldSyncs {
  #waiting: (() => void)[] = [];
  #isOpen = false;

  /** Syncs that wait. */
  get heldCount(): number {
    return this.#waiting.length;
  }

  readonly watch: CallWatcher = (call) => {
    if (call.kind !== 'sync' || this.#isOpen) return undefined;
    return { until: new Promise((resolve) => this.#waiting.push(resolve)) };
  };

  /** Lets go what waits now; later ones wait again. */
  releaseHeld(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const release of waiting) release();
  }

  /** Nothing waits any more. */
  open(): void {
    this.#isOpen = true;
    this.releaseHeld();
  }
}
