/**
 * Dead letters that go back to their group, or away.
 *
 *     $dead/orders/kitchen   [letter 3] [letter 4] ...  -- redrive -->  orders, p0: [3 again, for "kitchen" only]
 *
 * Always true: a letter leaves its topic when its copy is as safe as the flush policy says; one redrive or drop after the
 * other, so that no letter goes twice. Called by the spine.
 */

import type { DeadLetterOptions } from '../../../shared/contract/broker.ts';
import { DEFAULTS, type Limits } from '../../../shared/contract/limits.ts';
import { checkInteger, checkName, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import type { LogRecord } from '../bytes/record.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { rawBatch } from '../incoming-batch.ts';
import type { Topic } from '../topic.ts';
import { originOf, redrivenOf } from './dead-letters.ts';

/** Letters that go together. */
const TOGETHER_COUNT = 256;

export interface CheckedDeadLetterOptions {
  readonly group: string;
  readonly max: number;
  /** undefined: all. */
  readonly ids: ReadonlySet<string> | undefined;
}

export function checkDeadLetterOptions(
  options: DeadLetterOptions | undefined,
  limits: Limits,
): CheckedDeadLetterOptions {
  checkOptions('options', options, ['group', 'max', 'ids']);
  const { group, ids, max } = options ?? {};
  const range = { min: 1, max: limits.receiveCountMax, fallback: limits.receiveCountMax };
  return {
    group: group === undefined ? DEFAULTS.group : checkName('options.group', group, limits),
    max: checkInteger('options.max', max, range),
    ids: ids === undefined ? undefined : checkIds('options.ids', ids),
  };
}

function checkIds(path: string, ids: unknown): ReadonlySet<string> {
  if (!Array.isArray(ids)) throw invalidArgument(path, 'an array of message ids', ids);
  for (const [index, id] of ids.entries()) {
    if (typeof id !== 'string') throw invalidArgument(`${path}[${index}]`, 'a message id', id);
  }
  return new Set(ids as readonly string[]);
}

/** Where dead letters are found; the table of topics is one. */
export interface DeadLetterTopics {
  deadLettersOf(topic: string, group: string): Topic | Promise<Topic> | undefined;
}

/** Resolves to how many went back. */
export async function redrive(
  topics: DeadLetterTopics,
  source: Topic,
  options: CheckedDeadLetterOptions,
): Promise<number> {
  return await inTurn(topics, source, {
    options,
    work: (letters, keeper) => sendBack(letters, { source, keeper, options }),
  });
}

/** Resolves to how many were deleted. */
export async function drop(
  topics: DeadLetterTopics,
  source: Topic,
  options: CheckedDeadLetterOptions,
): Promise<number> {
  const work = async (letters: readonly LogRecord[], keeper: Topic): Promise<void> => {
    takeOut(letters, { source, keeper, kind: 'dropped', group: options.group });
    await keeper.journal.flushed();
  };
  return await inTurn(topics, source, { options, work });
}

async function inTurn(
  topics: DeadLetterTopics,
  source: Topic,
  {
    options,
    work,
  }: {
    readonly options: CheckedDeadLetterOptions;
    readonly work: (letters: readonly LogRecord[], keeper: Topic) => Promise<void>;
  },
): Promise<number> {
  source.groups.existing(options.group);
  const keeper = await topics.deadLettersOf(source.name, options.group);
  const box = keeper?.box;
  if (keeper === undefined || box === undefined) return 0;
  return await box.inTurn(async () => {
    const letters = await box.pick(options);
    // A letter may go only when its group surely knows that it is kept: else it would be kept again after a crash.
    await source.groups.existing(options.group).burial.settled();
    await source.journal.flushed();
    await work(letters, keeper);
    return letters.length;
  });
}

async function sendBack(
  letters: readonly LogRecord[],
  {
    source,
    keeper,
    options,
  }: { readonly source: Topic; readonly keeper: Topic; readonly options: CheckedDeadLetterOptions },
): Promise<void> {
  const { group } = options;
  for (let from = 0; from < letters.length; from += TOGETHER_COUNT) {
    const together = letters.slice(from, from + TOGETHER_COUNT);
    const partitions = Map.groupBy(together, (letter) => originOf(letter, source.partitionCount).partition);
    const moves: (() => void)[] = [];
    for (const [number, members] of partitions) {
      const partition = source.partition(number);
      const copies = members.map((letter) => redrivenOf(letter, group));
      const batch = rawBatch(encodeBatch(copies, { idPrefix: '', firstIdNumber: 0 }), members.length);
      const { baseOffset } = await source.sendOwn(batch, partition, { signal: undefined, timeoutMs: 0 });
      moves.push(() => partition.noteMove(baseOffset));
      takeOut(members, { source, keeper, kind: 'redriven', group });
    }
    await keeper.journal.flushed();
    for (const noteMove of moves) noteMove();
  }
}

function takeOut(
  letters: readonly LogRecord[],
  {
    source,
    keeper,
    kind,
    group,
  }: {
    readonly source: Topic;
    readonly keeper: Topic;
    readonly kind: 'redriven' | 'dropped';
    readonly group: string;
  },
): void {
  keeper.box?.remove(letters.map(({ offset }) => offset));
  source.noteLetters(kind, letters, group);
}
