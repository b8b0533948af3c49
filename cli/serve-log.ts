/**
 * The flags of `mq serve` that are about its log and its numbers, and what they open.
 *
 *     --log-format json --log-level info  -->  EventLog on standard error, told by the broker and its doors
 *
 * Always true: without these flags only what needs somebody's attention is told; a reader of the log that is slow or goes
 * away keeps nobody waiting; the doors of others have a log in front of every stage, and where there are none a stage before 5
 * has no log, and refuses the flags.
 */
import process from 'node:process';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { usageError } from './exit.ts';
import * as option from './options.ts';
import { type DoorLog, openDoorLog, type StageOptions } from './target.ts';
import { ARMOUR_STAGE } from './target-name.ts';
import type { Terminal } from './terminal.ts';

const FORMATS = ['text', 'json'] as const;
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export interface LogFlags {
  readonly logFormat?: (typeof FORMATS)[number];
  readonly logLevel?: (typeof LEVELS)[number];
  /** False: said so. */
  readonly metrics?: boolean;
  readonly advisories?: boolean;
  readonly metricsTopicsMax?: number;
}

type IsGiven = Readonly<Record<string, (flags: LogFlags) => boolean>>;

/** Of the log, whoever writes it. */
const OF_THE_LOG: IsGiven = {
  '--log-format': ({ logFormat }) => logFormat !== undefined,
  '--log-level': ({ logLevel }) => logLevel !== undefined,
};
/** Of the broker; commander gives `--no-...` the default true. */
const OF_THE_BROKER: IsGiven = {
  '--no-metrics': ({ metrics }) => metrics === false,
  '--no-advisories': ({ advisories }) => advisories === false,
};

/** What serving is given. */
export interface ServeLog {
  /** Undefined where there is no log. */
  readonly doors: DoorLog | undefined;
  readonly broker: Pick<StageOptions, 'metrics' | 'advisories'>;
  readonly metricsTopicsMax: number | undefined;
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      option.choice(
        '--log-format <how>',
        'of the log on standard error, from stage 5 or with --stomp, --mqtt, --openwire (default: text)',
        FORMATS,
      ),
    )
    .addOption(option.choice('--log-level <level>', 'what is told in it (default: warn; with a format: info)', LEVELS))
    .option('--no-metrics', 'do not time and count what becomes of messages (stage 5 does)')
    .option('--no-advisories', 'do not tell of dead letters and the like in topics $sys/... (stage 5 does)')
    .option(
      '--metrics-topics-max <n>',
      'topics, and groups, that /metrics tells each by itself (default: 1000)',
      option.wholeNumber({ min: 0 }),
    );
}

export interface LogSurroundings {
  readonly terminal: Terminal;
  /** The protocols of others, of which at least one was asked for. */
  readonly hasDoorsOfOthers: boolean;
}

export async function serveLogOf(
  stage: number,
  flags: LogFlags,
  { terminal, hasDoorsOfOthers }: LogSurroundings,
): Promise<ServeLog> {
  const { metrics, advisories, metricsTopicsMax } = flags;
  const isObserved = stage >= ARMOUR_STAGE;
  const hasLog = isObserved || hasDoorsOfOthers;
  if (!isObserved) refuseAny(flags, hasLog ? OF_THE_BROKER : { ...OF_THE_LOG, ...OF_THE_BROKER });
  const doors = hasLog ? await openLog(flags, terminal) : undefined;
  const broker = isObserved ? { metrics, advisories: advisories ?? true } : {};
  return { doors, broker, metricsTopicsMax };
}

/** They are for a later stage. */
function refuseAny(flags: LogFlags, refused: IsGiven): void {
  const given = Object.entries(refused).find(([, isGiven]) => isGiven(flags));
  if (given === undefined) return;
  throw usageError(`${given[0]} is for stage ${ARMOUR_STAGE}`, `type: mq serve ${ARMOUR_STAGE} --data <folder>`);
}

function openLog({ logFormat, logLevel }: LogFlags, terminal: Terminal): Promise<DoorLog> {
  const level = logLevel ?? (logFormat === undefined ? 'warn' : 'info');
  // What the terminal writes to, unless that is the process's own: a file may hang, and is then written by a thread.
  const stream = terminal.stderr === process.stderr ? 'stderr' : (terminal.stderr as Writable);
  return openDoorLog({ format: logFormat ?? 'text', level, stream });
}
