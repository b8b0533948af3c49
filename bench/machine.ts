/** Where and with what a bench ran: figures of two machines, or of two commits, are not comparable without it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Machine {
  readonly cpuModel: string;
  readonly coreCount: number;
  readonly memoryBytes: number;
  /** Kind and release, such as `Linux 6.8.0`. */
  readonly os: string;
  readonly node: string;
  /** Of this package. */
  readonly version: string;
  /** Short hash, with `+` when the working tree differed from it; null outside a checkout. */
  readonly commit: string | null;
  /** Average number of running processes over the last minute, before the bench: near 0 on a quiet machine. */
  readonly loadAverage: number;
}

const FOLDER = dirname(fileURLToPath(import.meta.url));

export async function describeMachine(): Promise<Machine> {
  const processors = cpus();
  return {
    cpuModel: processors[0]?.model.trim() ?? 'unknown',
    coreCount: processors.length,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    node: process.version,
    version: await readVersion(),
    commit: await readCommit(),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** The nearest package.json above: of the checkout, or of the installed package. */
async function readVersion(folder = FOLDER): Promise<string> {
  try {
    const description: unknown = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    if (typeof description === 'object' && description !== null && 'version' in description) {
      return String(description.version);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return dirname(folder) === folder ? 'unknown' : readVersion(dirname(folder));
}

/** Null when git or the repository is missing: a tarball has neither. */
async function readCommit(): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', args, { cwd: FOLDER });
    return stdout.trim();
  };
  try {
    const hash = await git('rev-parse', '--short=10', 'HEAD');
    const changes = await git('status', '--porcelain', '--untracked-files=no');
    return changes === '' ? hash : `${hash}+`;
  } catch {
    return null;
  }
}
