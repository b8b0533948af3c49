/**
 * What is wrong with a log, as lines for a person, and the folder that was asked about. Used by `mq verify`, `mq repair`
 * and `mq inspect`.
 */
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { CommandError, usageError } from './exit.ts';
import { grouped, printable } from './text.ts';

/** A stretch of records that are damaged or missing. */
interface Stretch {
  readonly file: string;
  readonly fromOffset: number;
  /** Excluded; null when nothing says how many there were. */
  readonly toOffset: number | null;
  readonly reason: string;
}

/** Refuses what is no folder, before anything is looked for in it. */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  const what = found === undefined ? 'there is no folder' : 'this is no folder:';
  throw usageError(`${what} ${folder}`, 'give the folder of mq serve 4 --data: ./stagemq-data');
}

/** Refuses a folder with no log below it: whoever asked meant another one, or has nothing stored yet. */
export function checkHasLogs(folder: string, logs: readonly unknown[]): void {
  if (logs.length > 0) return;
  throw new CommandError(`there is no log below ${folder}`, { hint: 'give the folder of mq serve 4 --data' });
}

/** One line for each; none when there are none. */
export function damageLines(
  folder: string,
  label: string,
  stretches: readonly (Stretch & { readonly position: number })[],
): string[] {
  return stretches.map((stretch) => {
    const place = `${logName(folder, stretch.file)}, byte ${grouped(stretch.position)}`;
    return printable(`${label}: ${place}, ${offsetsText(stretch)}: ${stretch.reason}`);
  });
}

/** `offsets 3 to 7`, both included. */
export function offsetsText({ fromOffset, toOffset }: Pick<Stretch, 'fromOffset' | 'toOffset'>): string {
  if (toOffset === null) return `from offset ${fromOffset} on`;
  const lastOffset = toOffset - 1;
  if (lastOffset < fromOffset) return 'no record';
  return lastOffset === fromOffset ? `offset ${fromOffset}` : `offsets ${fromOffset} to ${lastOffset}`;
}

/** A path below `folder` as short as it can be. */
export function logName(folder: string, path: string): string {
  return relative(folder, path) || '.';
}
