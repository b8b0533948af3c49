/**
 * `mq verify <folder>`: looks through every batch of every log below a folder and says what is damaged. Reads only, so a
 * broker may run meanwhile, or the folder may be a backup. Exit code 1 when something is damaged.
 */
import type { Command } from 'commander';
import { EXIT, QuietEnd } from '../exit.ts';
import { checkFolder, checkHasLogs, damageLines, logName } from '../log-lines.ts';
import { addExamples, addJsonOption } from '../options.ts';
import { openLogTools } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, grouped, printable, shellWord, tableLines } from '../text.ts';

export function define(command: Command, terminal: Terminal): void {
  command.argument('<folder>', 'the data of a broker, a topic of it, or one log');
  addJsonOption(command, 'the whole report');
  addExamples(command, 'mq verify ./stagemq-data', 'mq verify ./stagemq-data --json');
  command.action((folder: string, options: { json?: boolean }) => runVerify(terminal, folder, options.json === true));
}

async function runVerify(terminal: Terminal, folder: string, isJson: boolean): Promise<void> {
  await checkFolder(folder);
  const { disk, verifyFolder } = await openLogTools();
  const report = await verifyFolder({ disk, folder });
  if (report.findings.length === 0) checkHasLogs(folder, report.logs);
  const { logs, findings, notes } = report;
  if (isJson) await terminal.printJson(report);
  else {
    const header = ['log', 'segments', 'batches', 'records', 'bytes', 'start', 'end'];
    const rows = logs.map((log) => {
      const { segmentCount, batchCount, recordCount, bytes, logStartOffset, logEndOffset } = log;
      const counts = [segmentCount, batchCount, recordCount, bytes, logStartOffset, logEndOffset];
      return [logName(folder, log.folder), ...counts];
    });
    const recordCount = logs.reduce((sum, log) => sum + log.recordCount, 0);
    const verdict = findings.length === 0 ? terminal.paint('green', 'Clean') : terminal.paint('red', 'Damaged');
    const what = findings.length === 0 ? 'every one can be read' : counted(findings.length, 'finding');
    await terminal.print(
      ...tableLines(header, rows),
      '',
      ...damageLines(folder, 'damaged', findings),
      ...damageLines(folder, 'note', notes),
      `${verdict}: ${counted(logs.length, 'log')}, ${grouped(recordCount)} records, ${what}.`,
    );
  }
  if (findings.length === 0) return;
  terminal.complain(`mq: see what can be saved: mq repair ${printable(shellWord(folder))}`);
  throw new QuietEnd(EXIT.failed);
}
