/**
 * `mq repair <folder>`: says what would be lost by making damaged logs readable again; with `--skip` does it, and says what
 * was lost. Damaged bytes are kept beside the log they were taken out of.
 *
 * Always true: without `--skip` nothing is written. Exit code 1 while something is damaged.
 */
import type { Command } from 'commander';
import { EXIT, QuietEnd } from '../exit.ts';
import { checkFolder, checkHasLogs, damageLines, logName, offsetsText } from '../log-lines.ts';
import { addExamples, addJsonOption } from '../options.ts';
import { type LogTools, openLogTools } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, printable, shellWord } from '../text.ts';

interface RepairCommandOptions {
  readonly skip?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<folder>', 'the data of a broker that does not run, a topic of it, or one log')
    .option('--skip', 'do it: step over what is damaged, and lose the records in it');
  addJsonOption(command, 'the whole report');
  addExamples(command, 'mq repair ./stagemq-data', 'mq repair ./stagemq-data --skip');
  command.action((folder: string, options: RepairCommandOptions) => runRepair(terminal, folder, options));
}

async function runRepair(terminal: Terminal, folder: string, options: RepairCommandOptions): Promise<void> {
  await checkFolder(folder);
  const { disk, repairFolder } = await openLogTools();
  const report = await repairFolder({ disk, folder, skip: options.skip === true });
  checkHasLogs(folder, report.logs);
  if (options.json) await terminal.printJson(report);
  else await terminal.print(...linesOf(folder, report));
  const { findings } = report;
  if (findings.length === 0) return;
  const command = `mq repair ${printable(shellWord(folder))} --skip`;
  terminal.complain(
    options.skip
      ? 'mq: this cannot be repaired here'
      : `mq: nothing was changed; to step over what is damaged: ${command}`,
  );
  throw new QuietEnd(EXIT.failed);
}

function linesOf(folder: string, report: Awaited<ReturnType<LogTools['repairFolder']>>): string[] {
  const { logs, lost, findings } = report;
  const done = logs.flatMap((log) => log.actions.map((action) => `${logName(folder, log.folder)}: ${action}`));
  if (done.length + lost.length + findings.length === 0) return [`nothing is damaged below ${printable(folder)}`];
  const losses = lost.map((loss) => {
    const kept = loss.keptIn === null ? '' : `; the bytes are kept in ${logName(folder, loss.keptIn)}`;
    return `lost: ${logName(folder, loss.file)}, ${offsetsText(loss)}: ${loss.reason}${kept}`;
  });
  const repaired = logs.filter(({ actions }) => actions.length > 0);
  const summary =
    done.length === 0 ? [] : [`Done: ${counted(repaired.length, 'log')}, ${counted(lost.length, 'gap')}.`];
  return [...done, ...losses, ...summary].map(printable).concat(damageLines(folder, 'damaged', findings));
}
