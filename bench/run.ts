/**
 * `npm run bench`, and what `mq bench` calls: measures the targets, judges the bars, prints, and writes the report.
 *
 *     node bench/run.ts [target...] [--quick | --long] [--json] [--output <folder>]
 *
 * A target is a stage number (1 to 5; all of them by default), `protocols` (STOMP, MQTT and OpenWire beside the brokers of
 * others, which have to be installed), or the url of a running server. Exit codes: 0 measured
 * (also when a bar is not met, for that is a finding and not a failure), 1 failed, 2 wrong use.
 */
import { parseArgs } from 'node:util';
import { isMqError, MqError } from '../shared/contract/errors.ts';
import { measureFigures } from './figures/figures.ts';
import { withDoors } from './http-door/doors.ts';
import { doorScenarios } from './http-door/scenarios.ts';
import { measureWaiters } from './http-door/waiters.ts';
import { inProcessScenarios } from './in-process/scenarios.ts';
import { describeMachine } from './machine.ts';
import { requirePackages } from './optional-package.ts';
import { FULL_PLAN, LONG_PLAN, type Plan, QUICK_PLAN } from './plan.ts';
import { withProtocolDoors } from './protocol-doors/doors.ts';
import { protocolScenarios } from './protocol-doors/scenarios.ts';
import { race, type Scenario } from './race.ts';
import {
  type BenchReport,
  judge,
  judgeWaiters,
  reportScenario,
  type ScenarioReport,
  type Table,
  type WaitersReport,
} from './report.ts';
import { ServerProcess } from './servers/server-process.ts';
import { PROTOCOLS, parseTargets, type Targets } from './targets.ts';
import { withTcpDoors } from './tcp-door/doors.ts';
import { tcpScenarios } from './tcp-door/scenarios.ts';
import { printReport } from './text-table.ts';
import { DEFAULT_OUTPUT_FOLDER, prepareOutputFolder, writeReport } from './write-report.ts';

export type { BenchReport } from './report.ts';
export { printReport } from './text-table.ts';

export interface BenchOptions {
  /** Stage numbers, `protocols`, or urls of servers. */
  readonly targets: readonly string[];
  readonly isQuick: boolean;
  /** With what takes minutes more: ten million messages stored. Not together with `isQuick`. */
  readonly isLong?: boolean;
  /** Told what is being measured, a line at a time. */
  readonly onProgress?: (text: string) => void;
  /** Where the JSON and the HTML go; without it nothing is written. */
  readonly outputFolder?: string;
}

const IN_PROCESS_TITLE = 'In process: calls in one process, no wire (stage 3: its own loopback client)';
const HTTP_DOOR_TITLE = 'HTTP door: the same server in front of each broker, in a process of its own';
const PROTOCOL_DOORS_TITLE =
  'Protocol doors: stage 5, and stage 2 in memory, beside the brokers of others, each in a process of its own';
const TCP_DOOR_TITLE = 'TCP door: stage 4 in a process of its own, one client process, everything stored';

/**
 * Before anything is measured it rejects with `MQ_INVALID_ARGUMENT` for an unknown target or a folder that cannot be
 * written into, and with `MQ_MISSING_DEPENDENCY`.
 */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const targets = parseTargets(options.targets);
  const plan = planOf(options);
  if (options.outputFolder !== undefined) await prepareOutputFolder(options.outputFolder);
  await requirePackages(['fastq', 'async', 'p-queue', 'denque', 'autocannon', 'vega', 'vega-lite']);
  const startedAt = new Date();
  const machine = await describeMachine();
  const measure = (scenarios: readonly Scenario[]): Promise<ScenarioReport[]> =>
    raceAll(scenarios, plan, options.onProgress);
  const hasHttp = targets.stages.length + targets.urls.length > 0;
  const hasLog = targets.stages.includes(4) || targets.tcpUrls.length > 0;
  const tables: Table[] = [
    {
      name: 'in-process',
      title: IN_PROCESS_TITLE,
      scenarios: await measure(inProcessScenarios(targets, plan.passMs)),
    },
    {
      name: 'http-door',
      title: HTTP_DOOR_TITLE,
      scenarios: hasHttp ? await withDoors(targets, (doors) => measure(doorScenarios(doors, plan))) : [],
    },
    {
      name: 'tcp-door',
      title: TCP_DOOR_TITLE,
      scenarios: hasLog ? await withTcpDoors(targets, (doors) => measure(tcpScenarios(doors, plan))) : [],
    },
    {
      name: 'protocol-doors',
      title: PROTOCOL_DOORS_TITLE,
      scenarios: targets.hasProtocols
        ? await withProtocolDoors((doors) => measure(protocolScenarios(doors, plan)))
        : [],
    },
  ];
  const waiters = await measureLongPolls(targets, plan, options.onProgress);
  const figures = targets.stages.includes(4) ? await measureFigures(plan, options.onProgress) : [];
  const report: BenchReport = {
    formatVersion: 2,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    command: commandOf(options),
    isQuick: options.isQuick,
    roundsCount: plan.roundsCount,
    targets: namesOf(targets),
    machine,
    tables: tables.filter(({ scenarios }) => scenarios.length > 0),
    waiters,
    figures,
    bars: judge(tables),
  };
  if (options.outputFolder !== undefined) {
    const { html } = await writeReport(report, options.outputFolder);
    options.onProgress?.(`written: ${html}, and the JSON beside it`);
  }
  return report;
}

function namesOf({ stages, hasProtocols, urls, tcpUrls }: Targets): string[] {
  return [...stages.map(String), ...(hasProtocols ? [PROTOCOLS] : []), ...urls, ...tcpUrls];
}

function planOf({ isQuick, isLong = false }: BenchOptions): Plan {
  if (isQuick && isLong) throw new MqError('MQ_INVALID_ARGUMENT', 'a bench is quick or long, not both');
  if (isQuick) return QUICK_PLAN;
  return isLong ? LONG_PLAN : FULL_PLAN;
}

/** Needs the server's own word about its memory, so only a server of ours is asked. */
async function measureLongPolls(
  targets: Targets,
  plan: Plan,
  onProgress: BenchOptions['onProgress'],
): Promise<WaitersReport | null> {
  if (!targets.stages.some((stage) => stage === 3)) return null;
  onProgress?.(`${plan.waiterCount.toLocaleString('en')} long polls`);
  const server = await ServerProcess.start('stage-2');
  try {
    return judgeWaiters(await measureWaiters(server, plan.waiterCount));
  } finally {
    await server.stop();
  }
}

async function raceAll(
  scenarios: readonly Scenario[],
  plan: Plan,
  onProgress: BenchOptions['onProgress'],
): Promise<ScenarioReport[]> {
  const reports: ScenarioReport[] = [];
  for (const scenario of scenarios) {
    const result = await race(scenario, { roundsCount: plan.roundsCount, onProgress });
    reports.push(reportScenario(scenario, result));
  }
  return reports;
}

/** What to type to measure the same again. */
function commandOf({ targets, isQuick, isLong }: BenchOptions): string {
  return ['npm run bench --', ...targets, ...(isQuick ? ['--quick'] : []), ...(isLong ? ['--long'] : [])].join(' ');
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      output: { type: 'string', default: DEFAULT_OUTPUT_FOLDER },
    },
  });
  const report = await runBench({
    targets: positionals,
    isQuick: values.quick,
    isLong: values.long,
    onProgress: (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`),
    outputFolder: values.output,
  });
  if (process.stderr.isTTY) process.stderr.write('\n\n');
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
  return 0;
}

function isWrongUse(error: unknown): boolean {
  const isUnknownFlag =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  return isUnknownFlag || isMqError(error, 'MQ_INVALID_ARGUMENT');
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = isWrongUse(error) ? 2 : 1;
  }
}
