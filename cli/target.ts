/**
 * From a word on the command line to a broker: the one file of the command that knows which stages exist.
 *
 *     "2"                      the broker of stage 2, inside this process
 *     "3"                      stage 2's broker, a server in front of it, and a client of that server
 *     "4"  "5"                 the broker of that stage, inside this process, on a folder that goes with it
 *     "http://host:6767"       a client of a running server, ours or anybody's
 *     "mq://host:6768"         the same over TCP
 *
 * Always true: a stage is loaded when it is asked for; closing what was opened closes everything it took.
 * `cli/`'s commands and the screen call this.
 */
import type { Writable } from 'node:stream';
import type { BrokerOptions } from '../shared/broker-options.ts';
import { SystemClock } from '../shared/clock.ts';
import type { ConformanceTarget } from '../shared/conformance/conformance-test.ts';
import type { Broker } from '../shared/contract/broker.ts';
import { MqError } from '../shared/contract/errors.ts';
import type { ShowLimits, Story } from '../shared/lesson.ts';
import type { ConnectionsReader } from '../stages/3-http-server/create-client.ts';
import type { RequestLogEntry } from '../stages/3-http-server/index.ts';
import type { TlsOptions } from '../stages/3-http-server/tls.ts';
import type { ClientQuota } from '../stages/5-robust-broker/armour/quotas.ts';
import type { Users } from '../stages/5-robust-broker/armour/users.ts';
import type { DoorsOptions, OpenDoors, ProtocolDoorsOptions } from '../stages/5-robust-broker/doors/open-doors.ts';
import type { RobustBrokerOptions } from '../stages/5-robust-broker/index.ts';
import type { DoorLog } from '../stages/5-robust-broker/observe/door-log.ts';
import { usageError } from './exit.ts';
import type { TargetAccess } from './target-access.ts';
import { checkStage, DEFAULT_TCP_URL, DISK_STAGE, isOverTcp, parseTarget, WIRE_STAGE } from './target-name.ts';

/** How long a server of our own may take to close. */
const CLOSE_MS_MAX = 5000;

/** What the broker of a stage is made with; each takes what it knows. */
export type StageOptions = RobustBrokerOptions;
/** Who there is, what they may do and use up, as a users file has it. */
export type { ClientQuota, DoorLog, ProtocolDoorsOptions, TlsOptions, Users };

export interface OpenTargetOptions {
  readonly brokerOptions?: StageOptions;
  /** Told about every request; only where the target brings its own server (stage 3). */
  readonly onRequest?: (entry: RequestLogEntry) => void;
  /** Who asks, and whom it trusts; only for a url. */
  readonly access?: TargetAccess;
  /** How batches are compressed before they leave; only for `mq://`, where they leave as they are stored. */
  readonly codec?: StageOptions['codec'];
  /** How long its first answer may take, asked for once; only for a url. Default 30 s, asked for three times. */
  readonly answerMsMax?: number;
}

export interface OpenedTarget {
  readonly broker: Broker;
  /** What it is, for people: `stage 2`, or the url. */
  readonly name: string;
  readonly stage: number | null;
  /** Where its server listens; null for a broker inside this process. */
  readonly url: string | null;
  close(): Promise<void>;
}

/** Opens a stage, or a client of a url. A url that does not answer rejects with `MQ_UNREACHABLE`. */
export async function openTarget(target: string, options: OpenTargetOptions = {}): Promise<OpenedTarget> {
  const parsed = parseTarget(target);
  if (parsed.url !== null) return openUrl(parsed.url, options);
  const { stage } = parsed;
  if (stage === WIRE_STAGE) return openWire(options);
  const broker = await openStageBroker(stage, options.brokerOptions);
  return { broker, name: `stage ${stage}`, stage, url: null, close: () => broker.close() };
}

/** HTTP is always there; other doors only where they are named. */
export interface OpenServerOptions extends Omit<DoorsOptions, 'admission'> {
  readonly brokerOptions?: StageOptions;
  /** Left out: the doors decide by themselves whom they let in. */
  readonly admission?: AdmissionOptions | undefined;
}

/** Whom every door lets in. */
export interface AdmissionOptions {
  /** null: those of the token, or everybody where there is none. */
  readonly users: Users | null;
  readonly token: string | undefined;
  /** Of clients whose own quota does not say otherwise. */
  readonly quota: ClientQuota;
}

/** A broker and the doors in front of it. */
export interface OpenedServer {
  readonly broker: Broker;
  readonly doors: OpenDoors;
  /** Of HTTP. */
  readonly url: string;
  /** How long it took until the broker was ready: of stage 4, with all that had to be looked through. */
  readonly openingMs: number;
  /** From now on these may come in; only where there is an admission. */
  replaceUsers(users: Users): void;
  /** New connections meet this certificate; only where there is TLS. */
  replaceTls(tls: TlsOptions): void;
  /** The doors first, so that what they took is finished; all of it within `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

/** The broker of `stage` behind its doors, as `mq serve` runs it. */
export async function openServer(stage: number, options: OpenServerOptions = {}): Promise<OpenedServer> {
  const { brokerOptions, admission: asked, http = {}, ...others } = options;
  const { openDoors } = await import('../stages/5-robust-broker/doors/open-doors.ts');
  await using opened = new AsyncDisposableStack();
  const beganMs = performance.now();
  const broker = opened.use(await openStageBroker(stage === WIRE_STAGE ? 2 : stage, brokerOptions));
  const openingMs = performance.now() - beganMs;
  const admission = asked && (await openAdmission(broker, asked));
  const doors = await openDoors(broker, { ...others, http, admission });
  opened.move();
  const close = async (timeoutMs: number): Promise<void> => {
    const endsAtMs = performance.now() + timeoutMs;
    await doors.close({ timeoutMs });
    // Its accepted work is done; what is left is to write down that all is in order.
    await broker.close({ timeoutMs: Math.max(0, Math.ceil(endsAtMs - performance.now())) });
  };
  const replaceUsers = (users: Users): void => admission?.replaceUsers(users);
  const { url = '' } = doors.http ?? {};
  return { broker, doors, url, openingMs, replaceUsers, replaceTls: doors.setTls, close };
}

async function openAdmission(broker: Broker, { users, token, quota }: AdmissionOptions) {
  const { ArmouredAdmission } = await import('../stages/5-robust-broker/armour/armoured-admission.ts');
  const { plainUsers } = await import('../stages/5-robust-broker/armour/plain-users.ts');
  return new ArmouredAdmission({ broker, users: users ?? plainUsers(token), quota });
}

/** What tells who is connected to the server at `url`, an address of HTTP. */
export async function openConnectionsReader(url: string, access: TargetAccess = {}): Promise<ConnectionsReader> {
  const { createConnectionsReader } = await import('../stages/3-http-server/create-client.ts');
  return createConnectionsReader(url, access);
}

/** The log of a process that serves a broker, which tells of every broker in it. */
export async function openDoorLog(options: {
  readonly format: 'text' | 'json';
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly stream: 'stderr' | Writable;
}): Promise<DoorLog> {
  const { DoorLog } = await import('../stages/5-robust-broker/observe/door-log.ts');
  const { EventLog, openLogOutput } = await import('../stages/5-robust-broker/observe/event-log.ts');
  const stream = options.stream === 'stderr' ? openLogOutput(2) : options.stream;
  const clock = new SystemClock();
  const log = new EventLog({ ...options, clock, stream });
  log.watch();
  return new DoorLog(log, clock);
}

/** What reads and makes users files: behind `mq serve 5 --users` and `mq user`. */
export async function openUserTools() {
  const { checkClientQuota, checkRule, checkUsers } = await import('../stages/5-robust-broker/armour/users.ts');
  const { isPassword, recordOf } = await import('../stages/5-robust-broker/armour/passwords.ts');
  return { checkClientQuota, checkRule, checkUsers, isPassword, recordOf };
}

/** A target as the conformance suite takes it. A url takes no broker options, and time at its other end is real. */
export async function conformanceTargetOf(
  target: string,
  options: Pick<OpenTargetOptions, 'access'>,
): Promise<ConformanceTarget> {
  const { stage, url } = parseTarget(target);
  if (url !== null) {
    const createBroker = async (): Promise<Broker> => (await openUrl(url, options)).broker;
    return { name: target, createBroker, clock: 'real', isConfigurable: false };
  }
  if (stage >= DISK_STAGE) return { name: target, ...(await onDisksInMemory(stage)), stage, clock: 'virtual' };
  const createBroker = async (brokerOptions?: BrokerOptions): Promise<Broker> => {
    if (stage !== WIRE_STAGE) return openStageBroker(stage, brokerOptions);
    return (await import('../stages/3-http-server/index.ts')).createBroker(brokerOptions);
  };
  return { name: target, createBroker, stage, clock: stage === WIRE_STAGE ? 'real' : 'virtual' };
}

/** A stage with a disk where an hour passes in a microsecond, and a restart is a power cut. */
async function onDisksInMemory(stage: number): Promise<Pick<ConformanceTarget, 'createBroker' | 'restartBroker'>> {
  const { onSimulatedDisks } = await import('../shared/conformance/simulated-target.ts');
  return onSimulatedDisks((options) => openStageBroker(stage, { ...options, dataFolder: '/data' }));
}

/** What looks at the files of stage 4, and puts them right: behind `mq inspect`, `mq verify` and `mq repair`. */
export async function openLogTools() {
  const { RealDisk } = await import('../shared/real-disk.ts');
  const { hexLine } = await import('../stages/4-persisted-log/tools/hexdump.ts');
  const { inspectFile } = await import('../stages/4-persisted-log/tools/inspect.ts');
  const { findLogs } = await import('../stages/4-persisted-log/tools/log-folders.ts');
  const { repairFolder } = await import('../stages/4-persisted-log/tools/repair.ts');
  const { verifyFolder } = await import('../stages/4-persisted-log/tools/verify.ts');
  return { disk: new RealDisk(), findLogs, hexLine, inspectFile, repairFolder, verifyFolder };
}
export type LogTools = Awaited<ReturnType<typeof openLogTools>>;
/** What `inspectFile` found in a file or folder. */
export type Inspection = Awaited<ReturnType<LogTools['inspectFile']>>;
export type HexRow = Parameters<LogTools['hexLine']>[0];

export async function storyOf(stage: number): Promise<Story> {
  return (await lessonOf(checkStage(stage)).story()).story;
}

export async function limitsOf(stage: number): Promise<ShowLimits> {
  return (await lessonOf(checkStage(stage)).limit()).showLimits;
}

type UrlOptions = Pick<OpenTargetOptions, 'access' | 'codec' | 'answerMsMax'>;

async function openUrl(url: string, options: UrlOptions): Promise<OpenedTarget> {
  const open = isOverTcp(url) ? openTcpClient : openHttpClient;
  const broker = await open(url, options);
  return { broker, name: url, stage: null, url, close: () => broker.close() };
}

/** It does not come back by itself when the connection breaks: a command says so, and ends. */
async function openTcpClient(url: string, { access, codec, answerMsMax }: UrlOptions): Promise<Broker> {
  const { createTcpClient } = await import('../stages/4-persisted-log/doors/tcp/create-client.ts');
  return createTcpClient(url, { ...access, codec, connectTimeoutMs: answerMsMax, reconnects: false });
}

async function openHttpClient(url: string, { access, codec, answerMsMax }: UrlOptions): Promise<Broker> {
  if (codec !== undefined) {
    const hint = `take mq://, such as ${DEFAULT_TCP_URL}, or let the server do it: mq serve ${DISK_STAGE} --codec ${codec}`;
    throw usageError('--codec compresses messages before they leave, which only mq:// does', hint);
  }
  // Not the stage's index.ts: that loads the server too, which takes longer than most commands.
  const { createClient } = await import('../stages/3-http-server/create-client.ts');
  const patience = answerMsMax === undefined ? {} : { requestTimeoutMs: answerMsMax, retriesMax: 0 };
  return createClient(url, { ...patience, ...access }).catch((error) => {
    throw isPlainHttp(error) ? new MqError('MQ_PROTOCOL', `${url}: the server there speaks http, not https`) : error;
  });
}

/** What OpenSSL says when the other side answers its greeting with a line of HTTP. */
function isPlainHttp(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return cause?.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || cause?.code === 'ERR_SSL_HTTP_REQUEST';
}

async function openWire(options: OpenTargetOptions): Promise<OpenedTarget> {
  const { onRequest, brokerOptions } = options;
  const opened = await openServer(WIRE_STAGE, { brokerOptions, http: { port: 0, onRequest } });
  const { url } = opened;
  const client = await openUrl(url, {});
  const close = async (): Promise<void> => {
    await client.close();
    await opened.close(CLOSE_MS_MAX);
  };
  return { broker: client.broker, name: `stage ${WIRE_STAGE}`, stage: WIRE_STAGE, url, close };
}

async function openStageBroker(stage: number, options?: StageOptions): Promise<Broker> {
  switch (stage) {
    case 1:
      return (await import('../stages/1-blocking-queue/index.ts')).createBroker(options);
    case 2:
      return (await import('../stages/2-ring-buffer/index.ts')).createBroker(options);
    case DISK_STAGE:
      return (await import('../stages/4-persisted-log/index.ts')).createBroker(options);
    default:
      return (await import('../stages/5-robust-broker/index.ts')).createBroker(options);
  }
}

/** How to load the two lessons of a stage. Written out: the paths must be literal to be found in the package. */
function lessonOf(stage: number): {
  story(): Promise<{ readonly story: Story }>;
  limit(): Promise<{ readonly showLimits: ShowLimits }>;
} {
  switch (stage) {
    case 1:
      return {
        story: () => import('../stages/1-blocking-queue/story.ts'),
        limit: () => import('../stages/1-blocking-queue/limit.ts'),
      };
    case 2:
      return {
        story: () => import('../stages/2-ring-buffer/story.ts'),
        limit: () => import('../stages/2-ring-buffer/limit.ts'),
      };
    case 3:
      return {
        story: () => import('../stages/3-http-server/story.ts'),
        limit: () => import('../stages/3-http-server/limit.ts'),
      };
    case 4:
      return {
        story: () => import('../stages/4-persisted-log/story.ts'),
        limit: () => import('../stages/4-persisted-log/limit.ts'),
      };
    default:
      return {
        story: () => import('../stages/5-robust-broker/story.ts'),
        limit: () => import('../stages/5-robust-broker/limit.ts'),
      };
  }
}
