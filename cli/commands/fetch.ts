/**
 * `mq fetch <topic>`: reads a topic by offset. Nothing is taken: any number of readers see the same records.
 *
 * Always true: it goes on at the `nextOffset` the broker answers, never at a sum of its own, so gaps are no holes;
 * with `--group` the position is committed after the records were accepted by standard output, never before.
 */
import type { Command } from 'commander';
import type { Broker, FetchResult } from '../../shared/contract/broker.ts';
import { type ErrorDetails, isMqError } from '../../shared/contract/errors.ts';
import { usageError } from '../exit.ts';
import * as option from '../options.ts';
import { writeRecords } from '../record-output.ts';
import { requireCapability, withServer } from '../server-target.ts';
import { untilStopped } from '../signals.ts';
import type { Terminal } from '../terminal.ts';

const FETCH_COUNT_MAX = 500;

interface FetchCommandOptions extends option.TargetOptions {
  readonly offset?: ReturnType<typeof option.startPlace>;
  readonly group?: string;
  readonly partition: number;
  readonly max: number;
  readonly wait: number;
  readonly follow?: boolean;
  readonly readUncommitted?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<topic>', 'what to read')
    .option('--offset <place>', 'start at an offset, earliest or latest (default: earliest)', option.startPlace)
    .option('--group <name>', 'start where this group stands, and commit what was printed')
    .option('--partition <n>', 'which partition', option.wholeNumber({ min: 0 }), 0)
    .option('--wait <ms>', 'at the end of the log, wait so long for more', option.wholeNumber({ min: 0 }), 0)
    .option('--follow', 'do not end: wait for the next record')
    .option('--read-uncommitted', 'also what transactions have not committed, or aborted (stage 5)')
    .option('--raw', 'print bodies without a line end after each');
  option.addMaxOption(command, 'end after so many records');
  option.addJsonOption(option.addTargetOptions(command), 'each record on a line');
  option.addExamples(command, 'mq fetch numbers', 'mq fetch t --offset 100 --max 10 --json', 'mq fetch t --group log');
  command.action((topic: string, options: FetchCommandOptions) => runFetch(terminal, topic, options));
}

async function runFetch(terminal: Terminal, topic: string, options: FetchCommandOptions): Promise<void> {
  if (options.offset !== undefined && options.group !== undefined) {
    throw usageError('a group knows where it stands, so --offset does not go with --group', 'move it: mq groups seek');
  }
  await untilStopped((signal) =>
    withServer(terminal, options, async (broker) => {
      requireCapability(broker, 'offsets', 'mq fetch');
      if (options.readUncommitted) requireCapability(broker, 'transactions', '--read-uncommitted');
      await readOn(terminal, broker, { topic, options, signal });
    }),
  );
}

interface Reading {
  readonly topic: string;
  readonly options: FetchCommandOptions;
  readonly signal: AbortSignal;
}

/** Prints records until there are enough, no more, or somebody stops it. */
async function readOn(terminal: Terminal, broker: Broker, reading: Reading): Promise<void> {
  const { topic, options, signal } = reading;
  const { group, partition } = options;
  let offset = await startOffset(broker, topic, options);
  let leftCount = options.max;
  while (leftCount > 0 && !signal.aborted) {
    const { records, nextOffset } = await fetchSome(broker, { ...reading, offset, leftCount });
    if (nextOffset === offset) return;
    if (records.length > 0) await writeRecords(terminal, records, options);
    offset = nextOffset;
    leftCount -= records.length;
    if (group !== undefined) await broker.commit(topic, { group, partition, offset });
  }
}

/** The first offset to read. */
async function startOffset(broker: Broker, topic: string, options: FetchCommandOptions): Promise<number> {
  const { group, partition, offset = 'earliest' } = options;
  if (group !== undefined) {
    try {
      return await broker.committed(topic, { group, partition });
    } catch (error) {
      // A group begins to exist with its first commit; until then it stands at the beginning.
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
    }
  }
  if (typeof offset === 'object') return offset.offset;
  const [description] = await broker.describeTopics({ topic });
  const ends = description?.partitionCount === 1 ? description : await endsOf(broker, topic, partition);
  return (offset === 'latest' ? ends.logEndOffset : ends.logStartOffset) ?? 0;
}

/** Of one partition: a description has only the sums over all of them, but a refusal says what would be right. */
async function endsOf(broker: Broker, topic: string, partition: number): Promise<ErrorDetails> {
  try {
    const { nextOffset } = await broker.fetch(topic, { partition, offset: Number.MAX_SAFE_INTEGER });
    return { logStartOffset: nextOffset, logEndOffset: nextOffset };
  } catch (error) {
    if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
    return error.details;
  }
}

interface FetchStep extends Reading {
  readonly offset: number;
  readonly leftCount: number;
}

/** The next records; none, and the same offset, when `--wait` passed at the end of the log or the reader was stopped. */
async function fetchSome(broker: Broker, step: FetchStep): Promise<FetchResult> {
  const { topic, offset, leftCount, options, signal } = step;
  const { receiveCountMax, waitMsMax } = broker.limits;
  let leftMs = options.follow ? Number.POSITIVE_INFINITY : options.wait;
  for (;;) {
    const waitMs = Math.min(leftMs, waitMsMax);
    const max = Math.min(FETCH_COUNT_MAX, receiveCountMax, leftCount);
    const { partition, readUncommitted } = options;
    const isolation = readUncommitted ? 'read-uncommitted' : undefined;
    try {
      const fetched = await broker.fetch(topic, { partition, offset, max, waitMs, isolation, signal });
      leftMs -= waitMs;
      if (fetched.nextOffset > offset || leftMs <= 0) return fetched;
    } catch (error) {
      if (!(signal.aborted && isMqError(error, 'MQ_ABORTED'))) throw error;
      return { records: [], nextOffset: offset, logStartOffset: offset, highWatermark: offset };
    }
  }
}
