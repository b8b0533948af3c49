/**
 * `npm run diff 1 2`: what changes from one stage to the next. First the two spines as a unified difference, which is
 * the lesson of the later stage; then the parts, computed from the folders and the imports.
 *
 * A tool of the checkout: it is no part of the package, and `mq` does not know it.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { structuredPatch } from 'diff';
import { EXIT, failureOf, usageError } from './exit.ts';
import { compareParts, type Part, type PartsChange, readStages, type StageFolder } from './stage-parts.ts';
import { type Streams, Terminal } from './terminal.ts';

const ROOT = resolve(import.meta.dirname, '..');
const CONTEXT_LINES = 3;
const STAGE_COUNT = 5;
const USAGE = 'type two stages, the earlier first: npm run diff 1 2';

/** Prints the difference; resolves to the exit code. */
export async function runDiff(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const stages = readStages(ROOT);
    const [chosen, to] = chosenStages(args, stages);
    const { from, notes } = comparedWith(chosen, to, stages);
    const lines = [...notes, ...spineLines(terminal, from, to), '', ...partsLines(terminal, from, to, stages)];
    await terminal.print(...lines);
    return EXIT.ok;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.lines.length > 0) terminal.complain(...failure.lines.map((line) => line.replace(/^mq: /, '')));
    return failure.exitCode;
  }
}

function chosenStages(args: readonly string[], stages: readonly StageFolder[]): [StageFolder, StageFolder] {
  const [from, to] = args.map((arg) => {
    const stage = /^\d+$/.test(arg) ? Number(arg) : 0;
    const found = stages.find((candidate) => candidate.stage === stage);
    if (found !== undefined) return found;
    if (stage < 1 || stage > STAGE_COUNT) throw usageError(`there is no stage ${JSON.stringify(arg)}`, USAGE);
    const built = stages.map((candidate) => candidate.stage).join(', ');
    throw usageError(`stage ${stage} is not here yet`, `the stages that are here: ${built}`);
  });
  if (args.length !== 2 || from === undefined || to === undefined) throw usageError('it takes two stages', USAGE);
  if (from.stage >= to.stage) throw usageError(`stage ${to.stage} does not come after stage ${from.stage}`, USAGE);
  return [from, to];
}

/** A stage that is only a wire says nothing about the broker after it: that one continues what the wire was put before. */
function comparedWith(
  chosen: StageFolder,
  to: StageFolder,
  stages: readonly StageFolder[],
): { readonly from: StageFolder; readonly notes: readonly string[] } {
  const before = stages.findLast(({ stage, spine }) => stage < chosen.stage && spine !== null);
  if (chosen.spine !== null || to.spine === null || before === undefined) return { from: chosen, notes: [] };
  const note = `stage ${chosen.stage} has no spine: it wraps any broker, also that of stage ${to.stage}.`;
  return { from: before, notes: [`${note} Stage ${to.stage} continues stage ${before.stage}:`, ''] };
}

function spineLines(terminal: Terminal, from: StageFolder, to: StageFolder): string[] {
  for (const { spine, stage } of [from, to]) {
    if (spine === null) return [`stage ${stage} has no spine: it wraps any broker, so there is nothing to compare`];
  }
  if (from.spine === null || to.spine === null) return [];
  const [before, after] = [from.spine.path, to.spine.path];
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
  const { hunks } = structuredPatch(before, after, read(before), read(after), undefined, undefined, {
    context: CONTEXT_LINES,
  });
  const changed = hunks.flatMap(({ lines }) => lines);
  const addedCount = changed.filter((line) => line.startsWith('+')).length;
  const removedCount = changed.filter((line) => line.startsWith('-')).length;
  return [
    terminal.paint('bold', `--- ${before}`),
    terminal.paint('bold', `+++ ${after}`),
    ...hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
      terminal.paint('cyan', `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
      ...lines.map((line) => paintLine(terminal, line)),
    ]),
    `the spine: ${addedCount} lines added, ${removedCount} taken away`,
  ];
}

function paintLine(terminal: Terminal, line: string): string {
  if (line.startsWith('+')) return terminal.paint('green', line);
  return line.startsWith('-') ? terminal.paint('red', line) : line;
}

function partsLines(terminal: Terminal, from: StageFolder, to: StageFolder, stages: readonly StageFolder[]): string[] {
  const earlier = stages.filter(({ stage }) => stage < to.stage);
  const change = compareParts(from, to, earlier);
  const titles: readonly (readonly [keyof PartsChange, string])[] = [
    ['added', 'new'],
    ['replaced', 'replaced (an earlier stage has its own)'],
    ['carried', 'carried (imported unchanged from its home)'],
    ['leftBehind', `left behind (stage ${from.stage} uses it, stage ${to.stage} does not)`],
  ];
  return titles.flatMap(([kind, title]) => {
    const parts = change[kind].map(partLine);
    return [terminal.paint('bold', title), ...(parts.length === 0 ? ['  none'] : parts)];
  });
}

function partLine({ path, lineCount }: Part): string {
  if (path.endsWith('/index.ts')) return `  ${path.replace(/\/index\.ts$/, '')}: the whole stage`;
  return `  ${path}: ${lineCount} lines`;
}

if (import.meta.main) {
  const terminal = new Terminal(process as unknown as Streams);
  process.exitCode = await runDiff(process.argv.slice(2), terminal);
}
