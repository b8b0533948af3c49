/**
 * `mq bench [target...]`: measures targets side by side, each beside its floor, and checks what the project promises
 * about its own speed. The numbers are those of bench/, which this command only calls.
 */
import type { Command } from 'commander';
import * as option from '../options.ts';
import { Progress } from '../progress.ts';
import { defaultTarget, parseTarget } from '../target.ts';
import type { Terminal } from '../terminal.ts';

interface BenchCommandOptions {
  readonly quick?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('[target...]', 'stage numbers and urls (default: $MQ_TARGET, else http://127.0.0.1:6767)')
    .option('--quick', 'shorter runs, for a class: less exact')
    .option('--output <folder>', 'where the JSON and the HTML with charts go');
  option.addJsonOption(command, 'the whole report');
  option.addExamples(command, 'mq bench 1 2 3', 'mq bench 1 2 3 --quick', 'mq bench http://127.0.0.1:6767 --json');
  command.action((targets: string[], options: BenchCommandOptions) => runBenchCommand(terminal, targets, options));
}

async function runBenchCommand(
  terminal: Terminal,
  words: readonly string[],
  options: BenchCommandOptions,
): Promise<void> {
  const targets = words.length > 0 ? [...words] : [defaultTarget(terminal.env)];
  for (const target of targets) parseTarget(target);
  const { printReport, runBench } = await import('../../bench/run.ts');
  using progress = new Progress(terminal, 'measuring');
  const report = await runBench({
    targets,
    isQuick: options.quick === true,
    onProgress: (text) => progress.show(text),
    ...(options.output === undefined ? {} : { outputFolder: options.output }),
  });
  progress[Symbol.dispose]();
  if (options.json) await terminal.printJson(report);
  else await terminal.print(printReport(report));
}
