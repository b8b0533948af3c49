/**
 * The flags of `mq serve` that are about doors: where each listens, what is said of it, and what the system says against it.
 *
 *     --port, --tcp-port           HTTP, TCP: ours
 *     --stomp, --mqtt, --openwire  the protocols of others, each when it is asked for: on its usual port, or on one that is named
 *
 * Always true: two doors never name one port; a port that cannot be had is told with the flag that chooses another.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { isOrigin } from '../shared/web-origin.ts';
import { CommandError, usageError } from './exit.ts';
import * as option from './options.ts';
import { DEFAULT_PORT, DEFAULT_TCP_PORT, DISK_STAGE, PROTOCOLS, type Protocol } from './target-name.ts';

const DEFAULT_HOST = '127.0.0.1';
/** Above it every user may listen. */
const PRIVILEGED_PORT_MAX = 1023;

export interface DoorFlags {
  readonly host: string;
  readonly port: number;
  readonly tcpPort?: number;
  readonly allowHost?: readonly string[];
  /** Of pages that may open a WebSocket, besides those of this server. */
  readonly allowedOrigins?: readonly string[];
  /** True: on the port it has everywhere. */
  readonly stomp?: number | boolean;
  readonly mqtt?: number | boolean;
  readonly openwire?: number | boolean;
}

type DoorName = 'http' | 'tcp' | Protocol;

/** Where each door is to listen; undefined: not at all. */
export type DoorPorts = { readonly http: number } & { readonly [Name in DoorName]?: number | undefined };

/** Whether one of the protocols of others was asked for. */
export function opensDoorsOfOthers(flags: DoorFlags): boolean {
  return PROTOCOLS.some(({ name }) => flags[name] !== undefined && flags[name] !== false);
}

/** Under which names, and to whose pages, the doors of others answer. */
export function callersOf({ allowHost, allowedOrigins }: DoorFlags) {
  return { ...(allowHost && { allowedHosts: allowHost }), ...(allowedOrigins && { allowedOrigins }) };
}

export function addDoorOptions(command: Command): Command {
  const port = option.wholeNumber({ min: 0, max: 65_535 });
  command
    .option('--port <n>', 'of HTTP; 0 takes a free one', port, DEFAULT_PORT)
    .option(
      '--tcp-port <n>',
      `of TCP; 0 takes a free one (default: ${DEFAULT_TCP_PORT} from stage 4, else none)`,
      port,
    );
  for (const { name, title, port: usual } of PROTOCOLS) {
    const about = `clients of ${title} may come, too: on port ${usual} or the one that is named; 0 takes a free one`;
    command.option(`--${name} [port]`, about, protocolPort(name, port));
  }
  return command
    .option('--host <address>', 'address to listen on', DEFAULT_HOST)
    .option('--allow-host <name>', 'answer to this host name too; may be repeated', option.gathered)
    .option(
      '--allowed-origins <origins>',
      'pages that may use --stomp and --mqtt over WebSocket, besides those of this server: ' +
        'such as https://shop.example, with commas between them; may be repeated',
      origins,
    );
}

/** A parser for `https://shop.example,null`, given once or several times. */
function origins(text: string, before: readonly string[] = []): readonly string[] {
  const named = text.split(',');
  if (named.every(isOrigin)) return [...before, ...named];
  throw new InvalidArgumentError(
    'It takes origins as browsers say them, such as https://shop.example or null, without a path and without *.',
  );
}

/** `mq serve --stomp 5` is likely to mean stage 5. */
function protocolPort(name: Protocol, port: (text: string) => number): (text: string) => number {
  return (text) => {
    if (/^[1-9]$/.test(text)) {
      throw new InvalidArgumentError(
        `It takes a port. For stage ${text} type it first, as in mq serve ${text} --${name}.`,
      );
    }
    return port(text);
  };
}

/** Of `stage`: what the flags say, with the ports that doors usually have. */
export function doorPortsOf(stage: number, flags: DoorFlags): DoorPorts {
  const tcp = flags.tcpPort ?? (stage < DISK_STAGE ? undefined : DEFAULT_TCP_PORT);
  const protocols = PROTOCOLS.map(({ name, port }) => {
    const asked = flags[name];
    return [name, asked === true ? port : asked === false ? undefined : asked] as const;
  });
  const ports: DoorPorts = { http: flags.port, tcp, ...Object.fromEntries(protocols) };
  checkDistinct(ports);
  if (flags.allowedOrigins !== undefined && ports.stomp === undefined && ports.mqtt === undefined) {
    throw usageError('--allowed-origins is for doors that browsers use, over WebSocket', 'add: --stomp or --mqtt');
  }
  return ports;
}

function checkDistinct(ports: DoorPorts): void {
  const flagOfPort = new Map<number, string>();
  for (const [name, port] of Object.entries(ports) as [DoorName, number | undefined][]) {
    if (port === undefined || port === 0) continue;
    const other = flagOfPort.get(port);
    if (other !== undefined) {
      throw usageError(`${other} and ${flagOf(name)} both name port ${port}`, `take another: ${flagOf(name)} 0`);
    }
    flagOfPort.set(port, flagOf(name));
  }
}

function flagOf(door: DoorName): string {
  return door === 'http' ? '--port' : door === 'tcp' ? '--tcp-port' : `--${door}`;
}

/** What the operating system said about listening, in words; any other error as it is. */
export function explained(error: unknown, host: string, ports: DoorPorts): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  const port = 'port' in error ? error.port : ports.http;
  const [door = 'http'] = (Object.entries(ports) as [DoorName, unknown][]).find(([, wanted]) => wanted === port) ?? [];
  const flag = flagOf(door);
  switch (error.code) {
    case 'EADDRINUSE':
      return new CommandError(`port ${port} of ${host} is in use`, {
        hint: `stop the other server, or take another port: ${flag} 0 takes a free one`,
      });
    case 'EACCES':
      return new CommandError(`this user may not listen on port ${port}`, {
        hint: `take a port above ${PRIVILEGED_PORT_MAX}: ${flag} ${door === 'http' ? 8080 : usualPortOf(door)}`,
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

function usualPortOf(door: Exclude<DoorName, 'http'>): number {
  return PROTOCOLS.find(({ name }) => name === door)?.port ?? DEFAULT_TCP_PORT;
}
