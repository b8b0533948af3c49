/**
 * The server's process: one server, told by its arguments which, so that load and server never share a core's time by
 * accident, and so that the server's memory and CPU can be asked for alone.
 *
 *     parent --- 'usage' | 'memory' | 'forget' --->  this process
 *            <-- ready, usage, memory, forgotten ---
 *
 * Started by `ServerProcess` only, with `--expose-gc`; ends when its parent does.
 */
import { rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Broker } from '../../shared/contract/broker.ts';
import { collectGarbage } from '../race.ts';
import type { LogOptions, StageNumber } from '../targets.ts';

/** What the parent is told; `kind` says which. */
export type ServerReport =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'usage'; readonly usage: Usage }
  | { readonly kind: 'memory'; readonly memory: Memory }
  | { readonly kind: 'forgotten' };

/** Running totals of the process. */
export interface Usage {
  /** CPU time, user and system. */
  readonly cpuUs: number;
  /** Wall time. */
  readonly wallUs: number;
}

export interface Memory {
  /** Heap in use and buffers outside it, after garbage collection: what something still refers to. */
  readonly heldBytes: number;
  /** What the operating system counts; an allocator rarely gives it back at once. */
  readonly residentBytes: number;
  /** The most the operating system has counted since the process began. */
  readonly residentBytesMax: number;
}

/** Servers this process can be; each loads only what it needs, for its memory is measured. */
const SERVERS = {
  floor: async () => (await (await import('../http-door/floor-server.ts')).startFloorServer()).url,
  'stage-1': async () => overHttp(await stage(1)),
  'stage-2': async () => overHttp(await stage(2)),
  'stage-4': async (options: LogOptions) => overHttp(await log(options)),
  'stage-5': async (options: LogOptions) => overHttp(await (await import('../targets.ts')).createRobust(options)),
  'stage-4-tcp': async (options: LogOptions) => {
    const { createTcpServer } = await import('../../stages/4-persisted-log/doors/tcp/server.ts');
    return (await createTcpServer(await log(options))).url;
  },
  'byte-floor': async (options: LogOptions) => (await import('../tcp-door/byte-floor.ts')).startByteFloor(options),
  echo: async () => (await import('../tcp-door/echo-server.ts')).startEchoServer(),
  protocols: async (options: LogOptions) => overProtocols(await (await import('../targets.ts')).createRobust(options)),
  'protocols-in-memory': async () => overProtocols(await (await import('../targets.ts')).createRoomyRing()),
  'mqtt-relay': async () => (await import('../protocol-doors/mqtt-relay.ts')).startMqttRelay(),
  aedes: async () => (await import('../protocol-doors/aedes-server.ts')).startAedes(),
  'synced-echo': async (options: LogOptions) => (await import('../tcp-door/echo-server.ts')).startEchoServer(options),
} as const;

async function overHttp(broker: Broker): Promise<string> {
  const { createServer } = await import('../../stages/3-http-server/index.ts');
  return (await createServer(broker)).url;
}

/** The broker behind the doors of protocols. */
let served: Broker | undefined;

async function overProtocols(broker: Broker): Promise<string> {
  served = broker;
  return (await import('../protocol-doors/our-doors.ts')).openProtocolDoors(broker);
}

async function stage(number: StageNumber): Promise<Broker> {
  return (await import('../targets.ts')).createStage(number);
}

async function log(options: LogOptions): Promise<Broker> {
  const { createBroker } = await import('../../stages/4-persisted-log/index.ts');
  return createBroker(options);
}

export type ServerKind = keyof typeof SERVERS;

/** A parent that has gone is told nothing; `disconnect` then ends this process. */
function tell(report: ServerReport): void {
  process.send?.(report, () => {});
}

function readUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, wallUs: performance.now() * 1000 };
}

/** Twice, with a turn of the event loop between: what a closed socket still holds is let go in its callback. */
async function readMemory(): Promise<Memory> {
  for (let count = 0; count < 2; count += 1) {
    await nextTurn();
    collectGarbage();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const residentBytesMax = process.resourceUsage().maxRSS * 1024;
  return { heldBytes: heapUsed + external, residentBytes: rss, residentBytesMax };
}

/** What a run left is no burden to the next one: its topics are deleted, and garbage is collected. */
async function forget(): Promise<void> {
  const topics = (await served?.describeTopics()) ?? [];
  for (const { topic } of topics) if (!topic.startsWith('$')) await served?.deleteTopic(topic);
  await nextTurn();
  collectGarbage();
}

process.on('message', async (question) => {
  if (question === 'usage') tell({ kind: 'usage', usage: readUsage() });
  if (question === 'memory') tell({ kind: 'memory', memory: await readMemory() });
  if (question === 'forget') {
    await forget();
    tell({ kind: 'forgotten' });
  }
});
const [kind, options = '{}'] = process.argv.slice(2);
const how = JSON.parse(options) as LogOptions;
// However the parent ended, also by a signal that this process got too: nothing is left of it.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => {
  if (how.dataFolder !== undefined) rmSync(how.dataFolder, { recursive: true, force: true });
  process.exit(0);
});
tell({ kind: 'ready', url: await SERVERS[kind as ServerKind](how) });
