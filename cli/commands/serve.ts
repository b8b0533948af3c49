/**
 * `mq serve <n>`: a stage behind the HTTP server and, from stage 4 on, the TCP server, until it is told to stop.
 *
 * Always true: it listens on loopback unless told otherwise; SIGINT, SIGTERM or SIGHUP drains (waiting polls are
 * answered, accepted work finishes) and exits 0 within `--timeout`, a second one ends at once; with `--users` or TLS SIGHUP
 * reads those files again instead; a reader of its output that goes away does not end it; no secret is ever printed.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { CommandError, usageError } from '../exit.ts';
import { onNpmGone } from '../npm-parent.ts';
import * as option from '../options.ts';
import {
  type Armour,
  type ArmourFlags,
  addArmourOptions,
  armourOf,
  canReadAgain,
  isLoopback,
  readAgain,
} from '../serve-armour.ts';
import { withConfig } from '../serve-config.ts';
import { addLogOptions, type LogFlags, type ServeLog, serveLogOf } from '../serve-log.ts';
import type { ServeReport } from '../serve-report.ts';
import { onStopSignal, type StopSignal } from '../signals.ts';
import { type OpenedServer, openServer, type StageOptions } from '../target.ts';
import { tokenOf } from '../target-access.ts';
import { DEFAULT_PORT, DEFAULT_TCP_PORT, DISK_STAGE } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';
import { addTopicOptions, type TopicFlags, topicOptionsOf } from './topics.ts';

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_DATA_FOLDER = 'stagemq-data';
const FLUSH_POLICIES = ['always', 'interval', 'never'] as const;
type FlushPolicy = (typeof FLUSH_POLICIES)[number];
/** How long accepted work may take to finish after the first signal. */
const DEFAULT_DRAIN_MS = 5000;

interface ServeCommandOptions extends TopicFlags, StorageFlags, ArmourFlags, LogFlags {
  readonly config?: string;
  readonly port: number;
  readonly tcpPort?: number;
  readonly host: string;
  readonly token?: string;
  readonly allowHost?: readonly string[];
  readonly timeout: number;
  readonly json?: boolean;
}

/** Where a stage with a disk keeps its data, and how safe it is before it answers. */
interface StorageFlags {
  readonly data?: string;
  readonly flush?: FlushPolicy;
  readonly flushInterval?: number;
  readonly segmentBytesMax?: number;
  readonly codec?: 'gzip' | 'zstd';
  readonly diskReserve?: number;
}

const STORAGE_FLAGS = {
  data: '--data',
  flush: '--flush',
  flushInterval: '--flush-interval',
  segmentBytesMax: '--segment-bytes-max',
  codec: '--codec',
  diskReserve: '--disk-reserve',
} as const;

export function define(command: Command, terminal: Terminal): void {
  const port = option.wholeNumber({ min: 0, max: 65_535 });
  command
    .addArgument(option.stageArgument())
    .option('--port <n>', 'of HTTP; 0 takes a free one', port, DEFAULT_PORT)
    .option('--tcp-port <n>', `of TCP; 0 takes a free one (default: ${DEFAULT_TCP_PORT} from stage 4, else none)`, port)
    .option('--data <folder>', `where it keeps everything, from stage 4 (default: ./${DEFAULT_DATA_FOLDER})`)
    .addOption(
      option.choice(
        '--flush <when>',
        'a send is answered when the disk has it (always), or before (from stage 4)',
        FLUSH_POLICIES,
      ),
    )
    .option('--flush-interval <ms>', 'how often with --flush interval (default: 1000)', option.wholeNumber({ min: 1 }))
    .option('--segment-bytes-max <n>', 'of one file of a log (default: 64 MiB)', option.wholeNumber({ min: 1024 }))
    .addOption(option.codecOption('compress what comes over HTTP, from stage 4 (mq:// clients do so themselves)'))
    .option(
      '--disk-reserve <bytes>',
      'nothing new is stored while less is free on the disk (default: 16 MiB)',
      option.wholeNumber({ min: 0 }),
    )
    .option('--config <file>', 'these flags from a JSON file; those on the command line win')
    .option('--host <address>', 'address to listen on', DEFAULT_HOST)
    .option('--token <token>', 'ask every caller for this bearer token (default: $MQ_TOKEN, else none)')
    .option('--allow-host <name>', 'answer to this host name too; may be repeated', option.gathered)
    .option('--timeout <ms>', 'how long stopping may take', option.wholeNumber({ min: 0 }), DEFAULT_DRAIN_MS);
  addArmourOptions(command);
  addLogOptions(command);
  option.addJsonOption(addTopicOptions(command), 'where it listens');
  option.addExamples(
    command,
    'mq serve 3',
    'mq serve 4 --data ./orders --flush interval',
    'mq serve 5 --data ./orders --users users.json',
    'mq serve 1 --port 8080',
    'mq serve 2 --messages-max 100 --overflow reject',
  );
  command.action(async (stage: number, options: ServeCommandOptions) => {
    await runServe(terminal, stage, await withConfig(command, options));
  });
}

async function runServe(terminal: Terminal, stage: number, options: ServeCommandOptions): Promise<void> {
  const token = tokenOf(terminal, options);
  const armour = await armourOf(stage, options, { host: options.host, token });
  const stopped = Promise.withResolvers<StopSignal>();
  let reload: (() => void) | undefined;
  const onHangUp = canReadAgain(options) ? (): void => reload?.() : undefined;
  using _signals = onStopSignal(stopped.resolve, onHangUp);
  using _npm = onNpmGone(() => stopped.resolve('SIGTERM'));
  // A reader that went away is none of the server's business.
  const say = (...lines: readonly string[]): Promise<void> => terminal.print(...lines).catch(() => undefined);
  const log = await serveLogOf(stage, options, terminal);
  const onNotice = log.doors?.onNotice ?? ((text: string): void => terminal.complain(`mq: ${printable(text)}`));
  const { opened, report } = await open(stage, options, { token, armour, log, onNotice });
  reload = () => void readAgain(options, opened, onNotice);
  if (options.json) await say(JSON.stringify(report));
  else await say(...greeting(report));
  if (token === undefined && armour.admission === undefined && !isLoopback(options.host)) {
    terminal.complain(`mq: anybody who reaches ${printable(options.host)} may send and read; ask for a --token`);
  }
  const signal = await stopped.promise;
  if (!options.json) await say(`${signal}: finishing what was accepted`);
  await opened.close(options.timeout);
  log.doors?.close();
}

type Storage = Required<Pick<StageOptions, 'dataFolder' | 'flushPolicy'>> &
  Pick<StageOptions, 'flushIntervalMs' | 'segmentBytesMax' | 'codec' | 'diskReserveBytes'>;

interface Opening {
  readonly token: string | undefined;
  readonly armour: Armour;
  readonly log: ServeLog;
  /** Told what the broker has to say once it runs. */
  readonly onNotice: (text: string) => void;
}

async function open(
  stage: number,
  options: ServeCommandOptions,
  { token, armour, log, onNotice }: Opening,
): Promise<{ readonly opened: OpenedServer; readonly report: ServeReport }> {
  const { host, port, tcpPort = stage < DISK_STAGE ? undefined : DEFAULT_TCP_PORT, allowHost } = options;
  const notices: string[] = [];
  let tell = (text: string): void => void notices.push(text);
  const storage = storageOf(stage, options);
  const { tls } = armour;
  const whoMayCome = { ...(armour.admission === undefined && { token }), ...(tls && { tls }) };
  try {
    const opened = await openServer(stage, {
      brokerOptions: {
        topicDefaults: topicOptionsOf(options),
        ...(storage !== null && { ...storage, onNotice: (text) => tell(text) }),
        ...armour.broker,
        ...log.broker,
      },
      server: { host, port, allowedHosts: allowHost, ...whoMayCome, ...tellingOf(log) },
      tcpServer:
        tcpPort === undefined ? undefined : { host, port: tcpPort, ...whoMayCome, ...log.doors?.listenersOf('tcp') },
      admission: armour.admission,
    });
    tell = onNotice;
    return { opened, report: reportOf(stage, opened, { storage, notices }) };
  } catch (error) {
    throw explained(error, options);
  }
}

/** Of the HTTP door: to the log, and to whoever scrapes. */
function tellingOf({ doors, metricsTopicsMax }: ServeLog) {
  const listeners = doors && { ...doors.listenersOf('http'), moreMetrics: doors.moreMetrics };
  return { ...listeners, ...(metricsTopicsMax !== undefined && { metricsTopicsMax }) };
}

/** What the flags say about the disk; null for a stage that has none. */
function storageOf(stage: number, flags: StorageFlags): Storage | null {
  const { data, flush, flushInterval, segmentBytesMax, codec, diskReserve } = flags;
  if (stage < DISK_STAGE) {
    const names = Object.keys(STORAGE_FLAGS) as (keyof typeof STORAGE_FLAGS)[];
    const flag = names.find((name) => flags[name] !== undefined);
    if (flag === undefined) return null;
    const message = `${STORAGE_FLAGS[flag]} is for stage ${DISK_STAGE}: stage ${stage} keeps everything in memory`;
    throw usageError(message, `type: mq serve ${DISK_STAGE} --data <folder>`);
  }
  if (data === '') throw usageError('--data takes the path of a folder', `type: mq serve ${stage} --data ./orders`);
  if (flushInterval !== undefined && flush !== 'interval') {
    throw usageError('--flush-interval goes with --flush interval', 'leave it out, or add: --flush interval');
  }
  return {
    dataFolder: resolve(data ?? DEFAULT_DATA_FOLDER),
    flushPolicy: flush ?? 'always',
    flushIntervalMs: flushInterval,
    segmentBytesMax,
    codec,
    diskReserveBytes: diskReserve,
  };
}

function reportOf(
  stage: number,
  { server, tcpServer, openingMs }: OpenedServer,
  { storage, notices }: { readonly storage: Storage | null; readonly notices: readonly string[] },
): ServeReport {
  return {
    stage,
    pid: process.pid,
    url: server.url,
    tcpUrl: tcpServer?.url ?? null,
    dataFolder: storage?.dataFolder ?? null,
    flushPolicy: storage?.flushPolicy ?? null,
    opening: storage === null ? null : { durationMs: Math.round(openingMs), notices },
  };
}

/** What a person reads once it listens. */
function greeting({ stage, url, tcpUrl, dataFolder, flushPolicy, opening }: ServeReport): string[] {
  const urls = tcpUrl === null ? url : `${url} and ${tcpUrl}`;
  const lines = [`stage ${stage} listens on ${urls}     (Ctrl-C stops it)`];
  if (dataFolder === null || opening === null) return lines;
  const opened = `opened in ${opening.durationMs} ms`;
  lines.push(`data in ${printable(dataFolder)}, flushed: ${flushPolicy}; ${opened}`);
  return [...lines, ...opening.notices.map((notice) => `  ${printable(notice)}`)];
}

/** What the operating system said about listening, in words. */
function explained(error: unknown, options: ServeCommandOptions): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  const { host, tcpPort = DEFAULT_TCP_PORT, port: httpPort } = options;
  const port = 'port' in error ? error.port : httpPort;
  const flag = port === tcpPort && port !== httpPort ? '--tcp-port' : '--port';
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(`port ${port} of ${host} is in use`, {
        hint: `stop the other server, or take another port: ${flag} 0 takes a free one`,
      });
    case 'EACCES':
      return new CommandError(`this user may not listen on port ${port}`, {
        hint: `take a port above 1023: ${flag} 8080`,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return usageError(`--host ${host} is no address of this machine`, `leave --host out: it is then ${DEFAULT_HOST}`);
    default:
      return error;
  }
}
