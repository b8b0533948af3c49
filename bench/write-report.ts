/** Writes a report where it can be read again: JSON for programs, one HTML file with its charts inside for people. */
import { mkdir, mkdtemp, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMessage } from 'node:util';
import { isMqError, MqError } from '../shared/contract/errors.ts';
import { quote } from '../shared/contract/validation.ts';
import { htmlOf } from './html.ts';
import type { BenchReport } from './report.ts';

/** Ignored by git; runs that are to be kept are written to `bench/results` itself. */
export const DEFAULT_OUTPUT_FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'results', 'local');
const PATH_CHARACTERS_SHOWN = 200;

/**
 * Creates the folder and proves that files can be made in it. Rejects with `MQ_INVALID_ARGUMENT` otherwise; to be asked
 * before a measurement, because afterwards minutes of work would have nowhere to go.
 */
export async function prepareOutputFolder(folder: string): Promise<void> {
  try {
    await createFolder(resolve(folder));
    await rmdir(await mkdtemp(join(folder, '.mq-bench-')));
  } catch (error) {
    if (isMqError(error) || !isSystemError(error)) throw error;
    throw unwritable(folder, getSystemErrorMessage(error.errno));
  }
}

/** Level by level: `mkdir` with `recursive` never returns below a folder such as /proc, which denies that it exists. */
async function createFolder(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'folder') return;
  if (kind === 'file') throw unwritable(path, 'it is a file');
  const parent = dirname(path);
  if (parent !== path) await createFolder(parent);
  try {
    await mkdir(path);
  } catch (error) {
    // Somebody else may have created it meanwhile.
    if ((await kindOf(path)) !== 'folder') throw error;
  }
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'nothing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return 'nothing';
    throw error;
  }
}

function isSystemError(error: unknown): error is Error & { readonly code: string; readonly errno: number } {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && 'code' in error;
}

function unwritable(folder: string, why: string): MqError {
  return new MqError(
    'MQ_INVALID_ARGUMENT',
    `no report can be written into the folder ${quote(folder, PATH_CHARACTERS_SHOWN)}: ${why}`,
  );
}

/** Resolves to the two paths, such as `2026-11-20T0812-a17b265e33-quick.json`. */
export async function writeReport(report: BenchReport, folder: string): Promise<{ json: string; html: string }> {
  await prepareOutputFolder(folder);
  const name = join(folder, nameOf(report));
  const paths = { json: `${name}.json`, html: `${name}.html` };
  await writeFile(paths.json, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(paths.html, await htmlOf(report));
  return paths;
}

function nameOf({ startedAt, machine, isQuick }: BenchReport): string {
  const minute = startedAt.slice(0, 16).replace(':', '');
  const commit = machine.commit === null ? '' : `-${machine.commit.replace('+', '-changed')}`;
  return `${minute}${commit}${isQuick ? '-quick' : ''}`;
}
