/**
 * `mq test [target...]`: the conformance suite on stages and on any url, also that of a broker written in another
 * language. Prints five counts a target and, for a failure, its story. Exit code 1 when a test failed or could not be
 * run, 3 when a target cannot be reached at all.
 */
import type { Command } from 'commander';
import type { ConformanceTarget } from '../../shared/conformance/conformance-test.ts';
import type { ConformanceReport, FailureStory, TestResult } from '../../shared/conformance/verdict.ts';
import { EXIT, QuietEnd } from '../exit.ts';
import { endWithNpm } from '../npm-parent.ts';
import * as option from '../options.ts';
import { Progress } from '../progress.ts';
import { namedTargets } from '../server-target.ts';
import { conformanceTargetOf } from '../target.ts';
import { accessTo } from '../target-access.ts';
import { DEFAULT_URL } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { printable, tableLines } from '../text.ts';

interface TestCommandOptions extends option.AccessOptions {
  readonly seed?: number;
  readonly only?: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('[target...]', `stage numbers and urls, http:// or mq:// (default: $MQ_TARGET, else ${DEFAULT_URL})`)
    .option('--seed <n>', 'repeat a run', option.wholeNumber({ min: 0, max: 2 ** 32 - 1 }))
    .option('--only <text>', 'only the tests whose sentence is, or contains, this text')
    .option('--verbose', 'print every test with its verdict');
  option.addAccessOptions(command);
  option.addJsonOption(command, 'an array of reports');
  option.addExamples(
    command,
    'mq test 1 2 3',
    'mq test http://localhost:8080 --only "a message"',
    'mq test 4 mq://127.0.0.1:6768',
    'mq test 2 --seed 7 --json',
  );
  command.action((targets: string[], options: TestCommandOptions) => runTest(terminal, targets, options));
}

async function runTest(terminal: Terminal, words: readonly string[], options: TestCommandOptions): Promise<void> {
  using _npm = endWithNpm();
  const access = await accessTo(words, terminal, options);
  const targets = await namedTargets(terminal, words, { command: 'test', access });
  const chosen = await Promise.all(targets.map((word) => conformanceTargetOf(word, { access })));
  // All are opened once before any is tested: a wrong url should not be found out after a minute.
  for (const target of chosen) await (await target.createBroker()).close();
  const reports: ConformanceReport[] = [];
  for (const target of chosen) reports.push(await testTarget(terminal, target, options));
  if (options.json) await terminal.printJson(reports);
  else await terminal.print(...(await reportLines(terminal, reports, options.verbose === true)));
  if (reports.some((report) => report.failed + report.couldNotTest > 0)) throw new QuietEnd(EXIT.failed);
}

async function testTarget(
  terminal: Terminal,
  target: ConformanceTarget,
  { seed, only }: TestCommandOptions,
): Promise<ConformanceReport> {
  // Loaded here: the suite is large, and `mq test --help` is not about it.
  const { chosenTests, runConformance } = await import('../../shared/conformance/run.ts');
  const total = chosenTests(only).length;
  using progress = new Progress(terminal, `testing ${target.name}`);
  let doneCount = 0;
  const onResult = (result: TestResult): void => {
    doneCount += 1;
    progress.show(`${doneCount} of ${total}  ${result.name}`, doneCount / total);
  };
  return await runConformance({
    ...target,
    onResult,
    seed,
    only,
  });
}

async function reportLines(
  terminal: Terminal,
  reports: readonly ConformanceReport[],
  isVerbose: boolean,
): Promise<string[]> {
  const { describeStory } = await import('../../shared/conformance/conformance.ts');
  const header = ['target', 'passed', 'failed', 'not yet', 'option off', 'could not test', 'seed'];
  const rows = reports.map(({ target, passed, failed, notYet, optionOff, couldNotTest, seed }) => {
    return [target, passed, failed, notYet, optionOff, couldNotTest, seed];
  });
  const details = reports.flatMap((report) => {
    const shown = report.tests.filter(({ verdict }) => isVerbose || verdict === 'failed' || verdict === 'couldNotTest');
    return shown.flatMap((result) => resultLines(terminal, report.target, result, describeStory));
  });
  return [...details, ...tableLines(header, rows)];
}

const COLORS = { passed: 'green', failed: 'red', notYet: 'gray', optionOff: 'gray', couldNotTest: 'yellow' } as const;
const WORDS = {
  passed: 'passed',
  failed: 'failed',
  notYet: 'not yet',
  optionOff: 'option off',
  couldNotTest: 'could not test',
} as const;

function resultLines(
  terminal: Terminal,
  target: string,
  result: TestResult,
  describeStory: (story: FailureStory) => string,
): string[] {
  const verdict = terminal.paint(COLORS[result.verdict], WORDS[result.verdict]);
  const reason = result.reason === undefined || result.story !== undefined ? '' : ` (${printable(result.reason)})`;
  const line = `${target}  ${verdict}: ${printable(result.name)}${reason}`;
  if (result.story === undefined) return [line];
  return [line, ...describeStory(result.story).split('\n').map(printable), ''];
}
