/**
 * `mq bench [target...]`: measures targets side by side, each beside its floor, and checks what the project promises
 * about its own speed. The numbers are those of bench/, which this command only calls.
 */
import type { Command } from 'commander';
import { usageError } from '../exit.ts';
import { endWithNpm } from '../npm-parent.ts';
import * as option from '../options.ts';
import { Progress } from '../progress.ts';
import { namedTargets } from '../server-target.ts';
import { accessTo } from '../target-access.ts';
import { DEFAULT_URL, parseTarget } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';

interface BenchCommandOptions {
  readonly quick?: boolean;
  readonly long?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('[target...]', `stage numbers and urls (default: $MQ_TARGET, else ${DEFAULT_URL})`)
    .option('--quick', 'shorter runs, for a class: less exact')
    .option('--long', 'with what takes minutes more: a log of ten million messages')
    .option('--output <folder>', 'folder for the JSON and the HTML with charts');
  option.addJsonOption(command, 'the whole report');
  option.addExamples(command, 'mq bench 1 2 3', 'mq bench 1 2 3 --quick', `mq bench ${DEFAULT_URL} --json`);
  command.action((targets: string[], options: BenchCommandOptions) => runBenchCommand(terminal, targets, options));
}

async function runBenchCommand(
  terminal: Terminal,
  words: readonly string[],
  options: BenchCommandOptions,
): Promise<void> {
  using _npm = endWithNpm();
  if (options.quick && options.long) throw usageError('--quick and --long together', 'take one of them');
  for (const word of words) parseTarget(word);
  const targets = await namedTargets(terminal, words, {
    command: 'bench',
    access: await accessTo(words, terminal, {}),
  });
  const { printReport, runBench } = await import('../../bench/run.ts');
  const { DEFAULT_OUTPUT_FOLDER, prepareOutputFolder, writeReport } = await import('../../bench/write-report.ts');
  // The package has no folder of its own to write into, so there only --output writes.
  const folder = options.output ?? (import.meta.url.endsWith('.ts') ? DEFAULT_OUTPUT_FOLDER : undefined);
  if (folder !== undefined) await prepareOutputFolder(folder);
  const report = await measured(terminal, (onProgress) => {
    return runBench({ targets, isQuick: options.quick === true, isLong: options.long === true, onProgress });
  });
  if (options.json) await terminal.printJson(report);
  else await terminal.write(printReport(report));
  if (folder === undefined) return;
  const { json, html } = await writeReport(report, folder);
  terminal.complain(`written: ${printable(json)}`, `written: ${printable(html)}`);
}

/** Shows how far `work` has come, and wipes that before anything else is printed. */
async function measured<Result>(
  terminal: Terminal,
  work: (onProgress: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  using progress = new Progress(terminal, 'measuring');
  return await work((text) => progress.show(text));
}
