/**
 * What can go wrong with a call of a simulated disk, and the usual ways to make it so: functions to put into `onCall`.
 *
 *     disk.onCall = failNth(7, 'EIO');
 *     const gate = holdSyncs(); disk.onCall = gate.watch;      // no sync ends before gate.open()
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

/** The n-th call from now on fails; of a write half is done. */
export function failNth(n: number, code = 'EIO'): CallWatcher {
  let callCount = 0;
  return (call) => {
    callCount += 1;
    return callCount === n ? { code, doneBytes: call.bytes >> 1 } : undefined;
  };
}
