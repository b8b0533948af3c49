/**
 * `mq inspect <what>`: the inside of a log, in the file or alive. A file of a log (a segment, its index), and a folder with
 * logs in it, is what is on the disk; anything else is a topic of the server.
 *
 * Always true: nothing is written and nothing is taken; files are read as they are, also while a broker writes to them, and
 * damaged bytes are shown with the reason beside them.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { MqError } from '../../shared/contract/errors.ts';
import { usageError } from '../exit.ts';
import { insideLines } from '../inside-tables.ts';
import { type HexShare, inspectionLines } from '../inspection-lines.ts';
import { checkHasLogs } from '../log-lines.ts';
import * as option from '../options.ts';
import { withServer } from '../server-target.ts';
import { type Inspection, type LogTools, openLogTools } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';

const SHOWN_MAX = 20;
const LOG_FILE = /(\d{20}\.(log|index)|log-state\.json)$/;
const HEX_SHARES: readonly HexShare[] = ['head', 'all', 'none'];

interface InspectOptions extends option.TargetOptions {
  readonly max: number;
  readonly from?: number;
  readonly hex: HexShare;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<what>', 'a file or folder of a log, else a topic of the server')
    .option('--max <n>', 'batches, records of each, rows: at most so many', option.wholeNumber({ min: 1 }), SHOWN_MAX)
    .option('--from <offset>', 'of a segment: begin at the batch with this offset', option.wholeNumber({ min: 0 }))
    .addOption(option.choice('--hex <share>', 'bytes shown of each batch', HEX_SHARES).default('head'));
  option.addJsonOption(option.addTargetOptions(command), 'all of it');
  option.addExamples(
    command,
    'mq inspect ./stagemq-data',
    'mq inspect ./stagemq-data/topics/t-orders-*/p0/00000000000000000000.log --hex all',
    'mq inspect orders --target mq://127.0.0.1:6768',
  );
  command.action((what: string, options: InspectOptions) => runInspect(terminal, what, options));
}

async function runInspect(terminal: Terminal, what: string, options: InspectOptions): Promise<void> {
  const found = await stat(what).catch(() => undefined);
  if (found === undefined) {
    if (LOG_FILE.test(what) || /^\.{1,2}[/\\]/.test(what))
      throw usageError(`there is no ${what}`, 'look what there is: ls');
    return await inspectTopic(terminal, what, options);
  }
  const tools = await openLogTools();
  if (!found.isDirectory()) {
    if (LOG_FILE.test(what)) return await inspectPaths(terminal, [what], { ...options, tools, isFolder: false });
    throw usageError(
      `${what} is no file of a log`,
      'those are called 00000000000000000000.log, .index, log-state.json',
    );
  }
  const logs = await tools.findLogs(tools.disk, what);
  // A folder that happens to be called like a topic.
  if (logs.length === 0 && basename(what) === what) return await inspectTopic(terminal, what, options);
  checkHasLogs(what, logs);
  await inspectPaths(terminal, logs, { ...options, tools, isFolder: true });
}

async function inspectTopic(terminal: Terminal, topic: string, options: InspectOptions): Promise<void> {
  const inside = await withServer(terminal, options, (broker) => {
    if (broker.inspect === undefined)
      throw new MqError('MQ_NOT_SUPPORTED', 'the broker there shows nothing of its inside');
    return broker.inspect(topic, { max: options.max });
  });
  if (options.json) await terminal.printJson(inside);
  else await terminal.print(...insideLines(inside));
}

interface PathOptions extends InspectOptions {
  readonly tools: LogTools;
  readonly isFolder: boolean;
}

async function inspectPaths(
  terminal: Terminal,
  paths: readonly string[],
  { tools, isFolder, max, from, hex, json }: PathOptions,
): Promise<void> {
  const { disk, hexLine, inspectFile } = tools;
  const inspections: Inspection[] = [];
  for (const path of paths) inspections.push(await inspectFile({ disk, path, max, fromOffset: from }));
  if (json) return terminal.printJson(isFolder ? inspections : inspections[0]);
  for (const [index, inspection] of inspections.entries()) {
    const lines = inspectionLines(inspection, { hex, hexLine });
    await terminal.print(...(index === 0 ? [] : ['']), ...lines.map(printable));
  }
}
