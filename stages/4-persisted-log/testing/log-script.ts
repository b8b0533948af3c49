/**
 * A script of some 200 operations on one log: appends alone, together and unawaited, small and large batches, releases,
 * orderly restarts, and rolls of the segment every few appends.
 *
 * Always true: the same seed does the same; a call of the disk that fails once does not end it. Used by the crash tests of the log.
 */
import type { Disk } from '../../../shared/disk.ts';
import type { Random } from '../../../shared/random.ts';
import type { PartitionLog } from '../log/log.ts';
import { type LogHistory, type OpenLogOptions, openLog } from './log-history.ts';

export interface LogScriptOptions extends OpenLogOptions {
  readonly disk: Disk;
  readonly history: LogHistory;
  readonly random: Random;
  readonly operationCount: number;
}

/** Ends with the log open and idle. */
export async function runLogScript(options: LogScriptOptions): Promise<PartitionLog> {
  const { disk, history, random, operationCount } = options;
  let log = await openStubbornly(disk, options);
  let waiting: Promise<void>[] = [];
  const idle = async (): Promise<void> => {
    await Promise.all(waiting);
    waiting = [];
  };
  for (let operation = 0; operation < operationCount; operation += 1) {
    const kind = random.below(20);
    waiting.push(kind === 0 ? history.release(log, someOffset(log, random)) : history.append(log));
    if (kind === 1) {
      await idle();
      log = await restart(log, options);
    } else if (kind < 12) await idle();
  }
  await idle();
  return log;
}

/** A close that failed left no mark that it was orderly. */
async function restart(log: PartitionLog, options: LogScriptOptions): Promise<PartitionLog> {
  const wasClean = await log.close().then(
    () => true,
    () => false,
  );
  return await openStubbornly(options.disk, { ...options, wasClean });
}

/** A disk that fails once does not keep a log from being opened for ever. */
async function openStubbornly(disk: Disk, options: OpenLogOptions): Promise<PartitionLog> {
  try {
    return await openLog(disk, options);
  } catch {
    return await openLog(disk, { ...options, wasClean: false });
  }
}

function someOffset(log: PartitionLog, random: Random): number {
  return log.logStartOffset + random.below(log.highWatermark - log.logStartOffset + 1);
}
