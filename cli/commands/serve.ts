/**
 * `mq serve <n>`: a stage behind HTTP, from stage 4 on TCP, and the protocols of others that are asked for, until it is told to
 * stop.
 *
 * Always true: it listens on loopback unless told otherwise; SIGINT, SIGTERM or SIGHUP drains (waiting polls are
 * answered, accepted work finishes) and exits 0 within `--timeout`, a second one ends at once; with `--users` or TLS SIGHUP
 * reads those files again instead; a reader of its output that goes away does not end it; no secret is ever printed.
 */
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { usageError } from '../exit.ts';
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
import {
  addDoorOptions,
  callersOf,
  type DoorFlags,
  type DoorPorts,
  doorPortsOf,
  explained,
  opensDoorsOfOthers,
} from '../serve-doors.ts';
import { addLogOptions, type LogFlags, type ServeLog, serveLogOf } from '../serve-log.ts';
import type { ServeReport } from '../serve-report.ts';
import { onStopSignal, type StopSignal } from '../signals.ts';
import {
  type OpenedServer,
  openServer,
  type ProtocolDoorsOptions,
  type StageOptions,
  type TlsOptions,
} from '../target.ts';
import { tokenOf } from '../target-access.ts';
import { DISK_STAGE, PROTOCOLS } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';
import { addTopicOptions, type TopicFlags, topicOptionsOf } from './topics.ts';

const DEFAULT_DATA_FOLDER = 'stagemq-data';
/** In the data folder: what MQTT remembers of clients that are away. */
const MQTT_STORE_FILE = 'mqtt-sessions.db';
const TITLE_COLUMNS = Math.max(...PROTOCOLS.map(({ title }) => title.length));
const FLUSH_POLICIES = ['always', 'interval', 'never'] as const;
type FlushPolicy = (typeof FLUSH_POLICIES)[number];
/** How long accepted work may take to finish after the first signal. */
const DEFAULT_DRAIN_MS = 5000;

interface ServeCommandOptions extends TopicFlags, StorageFlags, DoorFlags, ArmourFlags, LogFlags {
  readonly config?: string;
  readonly token?: string;
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
  addDoorOptions(command.addArgument(option.stageArgument()))
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
    .option('--token <token>', 'ask every caller for this bearer token (default: $MQ_TOKEN, else none)')
    .option('--timeout <ms>', 'how long stopping may take', option.wholeNumber({ min: 0 }), DEFAULT_DRAIN_MS);
  addArmourOptions(command);
  addLogOptions(command);
  option.addJsonOption(addTopicOptions(command), 'where it listens');
  option.addExamples(
    command,
    'mq serve 3',
    'mq serve 4 --data ./orders --flush interval',
    'mq serve 5 --data ./orders --users users.json',
    'mq serve 5 --stomp --mqtt --openwire',
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
  const log = await serveLogOf(stage, options, { terminal, hasDoorsOfOthers: opensDoorsOfOthers(options) });
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
  const { host } = options;
  const ports = doorPortsOf(stage, options);
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
      http: { host, port: ports.http, allowedHosts: options.allowHost, ...whoMayCome, ...tellingOf(log) },
      tcp:
        ports.tcp === undefined
          ? undefined
          : { host, port: ports.tcp, ...whoMayCome, ...log.doors?.listenersOf('tcp') },
      ...protocolsOf(ports, { options, storage, log, whoMayCome }),
      admission: armour.admission,
      onNotice: (text) => tell(text),
    });
    tell = onNotice;
    return { opened, report: reportOf(stage, opened, { storage, notices }) };
  } catch (error) {
    throw explained(error, host, ports);
  }
}

/** The protocols of others that were asked for. */
function protocolsOf(
  ports: DoorPorts,
  {
    options,
    storage,
    log,
    whoMayCome,
  }: {
    readonly options: ServeCommandOptions;
    readonly storage: Storage | null;
    readonly log: ServeLog;
    readonly whoMayCome: { readonly token?: string | undefined; readonly tls?: TlsOptions };
  },
): ProtocolDoorsOptions {
  const { host } = options;
  const asked = PROTOCOLS.flatMap(({ name }) => {
    const port = ports[name];
    if (port === undefined) return [];
    const own = name === 'mqtt' && storage !== null ? { storeFile: join(storage.dataFolder, MQTT_STORE_FILE) } : {};
    const listeners = log.doors?.listenersOf(name);
    return [[name, { host, port, ...callersOf(options), ...whoMayCome, ...listeners, ...own }] as const];
  });
  return Object.fromEntries(asked);
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
  { url, doors, openingMs }: OpenedServer,
  { storage, notices }: { readonly storage: Storage | null; readonly notices: readonly string[] },
): ServeReport {
  return {
    stage,
    pid: process.pid,
    url,
    tcpUrl: doors.tcp?.url ?? null,
    stompUrl: doors.protocols.get('stomp')?.url ?? null,
    mqttUrl: doors.protocols.get('mqtt')?.url ?? null,
    openwireUrl: doors.protocols.get('openwire')?.url ?? null,
    dataFolder: storage?.dataFolder ?? null,
    flushPolicy: storage?.flushPolicy ?? null,
    opening: storage === null ? null : { durationMs: Math.round(openingMs), notices },
  };
}

/** What a person reads once it listens; each door of others has a line of its own. */
function greeting(report: ServeReport): string[] {
  const { stage, url, tcpUrl, dataFolder, flushPolicy, opening } = report;
  const urls = tcpUrl === null ? url : `${url} and ${tcpUrl}`;
  const others = PROTOCOLS.flatMap(({ name, title }) => {
    const where = report[`${name}Url`];
    return where === null ? [] : [`  ${title.padEnd(TITLE_COLUMNS)} on ${where}`];
  });
  const lines = [`stage ${stage} listens on ${urls}     (Ctrl-C stops it)`, ...others];
  if (dataFolder === null || opening === null) return lines;
  const opened = `opened in ${opening.durationMs} ms`;
  lines.push(`data in ${printable(dataFolder)}, flushed: ${flushPolicy}; ${opened}`);
  return [...lines, ...opening.notices.map((notice) => `  ${printable(notice)}`)];
}
