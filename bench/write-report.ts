/** Writes a report where it can be read again: JSON for programs, one HTML file with its charts inside for people. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { htmlOf } from './html.ts';
import type { BenchReport } from './report.ts';

/** Ignored by git; runs that are to be kept are written to `bench/results` itself. */
export const DEFAULT_OUTPUT_FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'results', 'local');

/** Resolves to the two paths, such as `2026-11-20T0812-a17b265e33-quick.json`. */
export async function writeReport(report: BenchReport, folder: string): Promise<{ json: string; html: string }> {
  await mkdir(folder, { recursive: true });
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
