/**
 * A lock that one process holds, and that ends with the process however it ends: the exclusive transaction of an empty
 * SQLite database. SQLite locks the file in the kernel, which frees it even after kill -9; a file of an own making, with a
 * process id in it, would be left behind and believed.
 *
 * Always true: nothing else in this process may open and close the locked file, since that would end the lock (POSIX).
 * For RealDisk.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { MqError } from './contract/errors.ts';
import type { DiskLock } from './disk.ts';

/** `MQ_DATA_LOCKED` when another has it; the error of node:fs when the file cannot be written. */
export async function lockFile(path: string): Promise<DiskLock> {
  await assertWritable(path);
  const { DatabaseSync } = sqlite();
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new MqError('MQ_DATA_LOCKED', `another process has the lock on ${path}`, { cause: error });
  }
  let isHeld = true;
  return {
    release: async () => {
      if (isHeld) database.close();
      isHeld = false;
    },
  };
}

/** SQLite falls back to reading what it may not write, and then locks nothing; so this is asked before. */
async function assertWritable(path: string): Promise<void> {
  try {
    await access(path, constants.W_OK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    await access(dirname(path), constants.W_OK);
  }
}

/** The first Node 24 say at each start that SQLite is new to them; of what is used here nothing changed since. */
function sqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...more: unknown[]) => {
    if (String(warning).startsWith('SQLite is an experimental feature')) return;
    Reflect.apply(emitWarning, process, [warning, ...more]);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** SQLITE_BUSY is 5; its refinements have it in the low byte. */
function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' && (code & 255) === 5;
}
