/**
 * The flags of `mq serve` that are about who may come in and how much of it: users, quotas, TLS, water marks.
 *
 * Always true: a flag that a stage does not know is refused, never ignored; whoever listens beyond this machine from stage 5
 * on asks for a credential; no flag takes a password.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { usageError } from './exit.ts';
import * as option from './options.ts';
import { pemOf } from './pem-file.ts';
import type { AdmissionOptions, ClientQuota, OpenedServer, StageOptions, TlsOptions } from './target.ts';
import { ARMOUR_STAGE } from './target-name.ts';
import { readUsersFile } from './users-file.ts';

type SlowConsumerRule = NonNullable<StageOptions['slowConsumers']>[number];

export interface ArmourFlags {
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly sendRate?: number;
  readonly sendBytesRate?: number;
  readonly readRate?: number;
  readonly readBytesRate?: number;
  readonly inFlightMax?: number;
  readonly clientConnectionsMax?: number;
  readonly memoryHigh?: number;
  readonly memoryLow?: number;
  readonly slowConsumers?: readonly SlowConsumerRule[];
}

const FLAGS = {
  users: '--users',
  tlsCert: '--tls-cert',
  tlsKey: '--tls-key',
  tlsCa: '--tls-ca',
  sendRate: '--send-rate',
  sendBytesRate: '--send-bytes-rate',
  readRate: '--read-rate',
  readBytesRate: '--read-bytes-rate',
  inFlightMax: '--in-flight-max',
  clientConnectionsMax: '--client-connections-max',
  memoryHigh: '--memory-high',
  memoryLow: '--memory-low',
  slowConsumers: '--slow-consumers',
} as const satisfies { readonly [Name in keyof ArmourFlags]-?: string };

/** The names that quotas have everywhere else. */
const QUOTAS = {
  sendRate: 'sendMessagesPerSecond',
  sendBytesRate: 'sendBytesPerSecond',
  readRate: 'readMessagesPerSecond',
  readBytesRate: 'readBytesPerSecond',
  inFlightMax: 'inFlightCountMax',
  clientConnectionsMax: 'connectionsCountMax',
} as const satisfies Partial<Record<keyof ArmourFlags, keyof ClientQuota>>;

export function addArmourOptions(command: Command): Command {
  const count = option.wholeNumber({ min: 1 });
  return command
    .option('--users <file>', 'who may come in and do what (see: mq user --help); SIGHUP reads it again (stage 5)')
    .option('--tls-cert <file>', 'certificate of this server, PEM: https:// and mqs:// (stage 5)')
    .option('--tls-key <file>', 'its key, PEM (stage 5)')
    .option('--tls-ca <file>', 'who signs the certificates of clients, PEM; they may show one then (stage 5)')
    .option('--send-rate <n>', 'messages a client may send in a second (stage 5)', count)
    .option('--send-bytes-rate <n>', 'bytes a client may send in a second (stage 5)', count)
    .option('--read-rate <n>', 'messages a client may read in a second (stage 5)', count)
    .option('--read-bytes-rate <n>', 'bytes a client may read in a second (stage 5)', count)
    .option('--in-flight-max <n>', 'deliveries a client may hold (stage 5)', count)
    .option('--client-connections-max <n>', 'connections of one client (stage 5)', count)
    .option('--memory-high <bytes>', 'sends wait while more memory is in use (stage 5)', count)
    .option('--memory-low <bytes>', 'and until less than this is (default: four fifths)', count)
    .option(
      '--slow-consumers <rule>',
      'what becomes of a group for which more than so many messages wait (stage 5), such as news.*=drop-oldest:10000; ' +
        'or block or disconnect; may be repeated',
      slowConsumerRule,
    );
}

/** A parser for `<topics>=<policy>:<count>`. */
function slowConsumerRule(text: string, before: readonly SlowConsumerRule[] = []): readonly SlowConsumerRule[] {
  const [, topics, policy, count] = /^(.+)=(block|drop-oldest|disconnect):(\d+)$/.exec(text) ?? [];
  if (topics === undefined || policy === undefined || !Number.isSafeInteger(Number(count)) || Number(count) < 1) {
    throw new InvalidArgumentError('It takes topics=policy:count, such as news.*=drop-oldest:10000.');
  }
  return [...before, { topics, policy: policy as SlowConsumerRule['policy'], availableMax: Number(count) }];
}

/** What the flags come to. */
export interface Armour {
  /** undefined: the doors decide by themselves. */
  readonly admission: AdmissionOptions | undefined;
  readonly tls: TlsOptions | undefined;
  readonly broker: Pick<StageOptions, 'memory' | 'slowConsumers'>;
}

export interface ArmourSurroundings {
  readonly host: string;
  readonly token: string | undefined;
}

/** Reads and checks all that the flags name, before anything is opened. */
export async function armourOf(
  stage: number,
  flags: ArmourFlags,
  { host, token }: ArmourSurroundings,
): Promise<Armour> {
  const names = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
  const given = names.filter((name) => flags[name] !== undefined);
  if (stage < ARMOUR_STAGE) {
    if (given[0] === undefined) return { admission: undefined, tls: undefined, broker: {} };
    throw usageError(
      `${FLAGS[given[0]]} is for stage ${ARMOUR_STAGE}`,
      `type: mq serve ${ARMOUR_STAGE} --data <folder>`,
    );
  }
  checkReach(host, flags, token);
  const { users: path, slowConsumers } = flags;
  const users = path === undefined ? null : await readUsersFile(path);
  const quota = quotaOf(flags);
  const asks = users !== null || token !== undefined || Object.keys(quota).length > 0;
  const memory = memoryOf(flags);
  return {
    admission: asks ? { users, token, quota } : undefined,
    tls: await tlsOf(flags),
    broker: { ...(memory && { memory }), ...(slowConsumers && { slowConsumers }) },
  };
}

/** Users, certificate and key as the files have them now. What is wrong with one of them changes nothing, and is told. */
export async function readAgain(
  flags: ArmourFlags,
  opened: OpenedServer,
  onNotice: (text: string) => void,
): Promise<void> {
  try {
    const { users: path } = flags;
    const users = path === undefined ? undefined : await readUsersFile(path);
    const tls = await tlsOf(flags);
    if (tls !== undefined) opened.replaceTls(tls);
    if (users !== undefined) opened.replaceUsers(users);
    const told = [users && `users ${users.users.size}`, tls && 'the certificate'].filter((one) => one !== undefined);
    onNotice(`read again: ${told.join(', ')}`);
  } catch (error) {
    onNotice(`${error instanceof Error ? error.message : error}; all stays as it was`);
  }
}

/** Whether there are files that a SIGHUP can be about. */
export function canReadAgain({ users, tlsCert }: ArmourFlags): boolean {
  return users !== undefined || tlsCert !== undefined;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function checkReach(host: string, { users }: ArmourFlags, token: string | undefined): void {
  if (users !== undefined && token !== undefined) {
    throw usageError('--users and --token are two answers to one question', 'leave --token (and $MQ_TOKEN) out');
  }
  if (isLoopback(host) || users !== undefined || token !== undefined) return;
  throw usageError(
    `whoever reaches ${host} from another machine could read and send everything`,
    'type: mq user add <name> --rule "*=publish,consume"     and then add: --users users.json',
  );
}

function quotaOf(flags: ArmourFlags): ClientQuota {
  const names = Object.keys(QUOTAS) as (keyof typeof QUOTAS)[];
  const given = names.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [QUOTAS[name], flags[name]]));
}

function memoryOf({ memoryHigh, memoryLow }: ArmourFlags): StageOptions['memory'] {
  if (memoryHigh === undefined) {
    if (memoryLow === undefined) return undefined;
    throw usageError('--memory-low goes with --memory-high', 'leave it out, or add: --memory-high <bytes>');
  }
  if (memoryLow !== undefined && memoryLow > memoryHigh) {
    throw usageError('--memory-low is above --memory-high', `take at most ${memoryHigh}`);
  }
  return { highBytes: memoryHigh, ...(memoryLow !== undefined && { lowBytes: memoryLow }) };
}

async function tlsOf({ tlsCert, tlsKey, tlsCa }: ArmourFlags): Promise<TlsOptions | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError('TLS takes a certificate and its key', 'add: --tls-cert <file> --tls-key <file>');
  }
  const [cert, key, ca] = await Promise.all([
    pemOf('--tls-cert', tlsCert),
    pemOf('--tls-key', tlsKey),
    tlsCa === undefined ? undefined : pemOf('--tls-ca', tlsCa),
  ]);
  return { cert, key, ...(ca !== undefined && { ca, requestCertificate: true }) };
}
