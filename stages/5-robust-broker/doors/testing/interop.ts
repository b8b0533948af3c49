/**
 * The interop matrix: messages sent through each door are read through each other one, and what came is held against what was
 * sent.
 *
 *     node stages/5-robust-broker/doors/testing/interop.ts        writes docs/interop.md from a real run
 *
 * Always true: a cell says what was seen in this run; what a protocol has no place for is named, never passed over.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { createClient } from '../../../3-http-server/index.ts';
import { createTcpClient } from '../../../4-persisted-log/index.ts';
import { createBroker } from '../../index.ts';
import { type Destination, topicOf } from '../destinations.ts';
import { type OpenDoors, openDoors } from '../open-doors.ts';
import type { InteropClient, Reading, Sample, Seen } from './interop-client.ts';
import { contractClient, jmsClient, mqttClient, openWireClient, stompClient } from './interop-clients.ts';
import { pageOf } from './interop-page.ts';

export const DOORS = ['in process', 'HTTP', 'TCP', 'STOMP', 'MQTT', 'OpenWire', 'JMS API'] as const;
export type DoorName = (typeof DOORS)[number];
export const KINDS = ['queue', 'topic'] as const;
export type Kind = (typeof KINDS)[number];

/** Text, text beyond ASCII with headers that need escapes, and bytes that are no text. */
export const SAMPLES: readonly Sample[] = [
  { body: 'green tea', correlationId: 'c-1', headers: { color: 'blue', size: '12' } },
  { body: '茶 \u{1f375}\nsecond line', correlationId: 'c-2', headers: { color: 'rouge: é \\ %24', note: 'a=b&c' } },
  { body: Uint8Array.of(0, 1, 255, 10, 0, 128), correlationId: 'c-3', headers: { color: 'none' } },
];

/** What of a pair was not as it was sent; null: has no place in the protocol of the reader. */
export interface Cell {
  readonly kind: Kind;
  readonly from: DoorName;
  readonly to: DoorName;
  readonly differences: readonly string[];
  readonly hasNoId: boolean;
}

const READ_MS_MAX = 10_000;

/** Every pair, as queue and as topic, through one broker of stage 5. */
export async function runInterop(): Promise<readonly Cell[]> {
  await using broker = await createBroker({ flushPolicy: 'never' });
  const doors = await openDoors(broker, { http: {}, tcp: {}, stomp: {}, mqtt: {}, openwire: {} });
  const clients = await openClients(broker, doors);
  try {
    const cells: Cell[] = [];
    for (const kind of KINDS) {
      for (const from of DOORS) {
        for (const to of DOORS) cells.push(await tryPair({ broker, clients, kind, from, to }));
      }
    }
    return cells;
  } finally {
    await Promise.all([...clients.values()].map((client) => client.close()));
    await doors.close({ timeoutMs: 1000 });
  }
}

async function openClients(broker: Broker, doors: OpenDoors): Promise<ReadonlyMap<DoorName, InteropClient>> {
  const tcpUrl = doors.tcp?.url ?? '';
  const [http, tcp] = [await createClient(doors.http?.url ?? ''), await createTcpClient(tcpUrl)];
  const portOf = (protocol: 'stomp' | 'mqtt' | 'openwire'): number => doors.protocols.get(protocol)?.port ?? 0;
  const closing = (client: InteropClient, own: Broker): InteropClient => ({ ...client, close: () => own.close() });
  return new Map<DoorName, InteropClient>([
    ['in process', contractClient(broker)],
    ['HTTP', closing(contractClient(http), http)],
    ['TCP', closing(contractClient(tcp), tcp)],
    ['STOMP', await stompClient(portOf('stomp'))],
    ['MQTT', await mqttClient(portOf('mqtt'))],
    ['OpenWire', await openWireClient(portOf('openwire'))],
    ['JMS API', await jmsClient(tcpUrl)],
  ]);
}

interface Pair {
  readonly broker: Broker;
  readonly clients: ReadonlyMap<DoorName, InteropClient>;
  readonly kind: Kind;
  readonly from: DoorName;
  readonly to: DoorName;
}

async function tryPair({ broker, clients, kind, from, to }: Pair): Promise<Cell> {
  const place: Destination = { kind, name: `${from}.${to}`.replaceAll(' ', '-') };
  const [sender, reader] = [clients.get(from), clients.get(to)];
  if (sender === undefined || reader === undefined) throw new Error('every door has a client');
  const reading = await reader.subscribe(place);
  // What every subscriber has finished is gone: here somebody stays who has not.
  if (kind === 'topic') await broker.createGroup(topicOf(place), 'kept');
  await sender.publish(place, SAMPLES);
  const seen = await readAll(reading);
  const { records } = await broker.fetch(topicOf(place), { offset: 0, max: SAMPLES.length });
  const ids = records.map(({ id }) => id);
  const differences = SAMPLES.flatMap((sample, index) => differencesOf({ sample, id: ids[index], seen: seen[index] }));
  const hasNoId = seen.every(({ id }) => id === null);
  return { kind, from, to, differences: [...new Set(differences)], hasNoId };
}

/** In the order in which they came; fewer when no more come. */
async function readAll(reading: Reading): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const timeout = once(AbortSignal.timeout(READ_MS_MAX), 'abort').then(() => undefined);
  while (seen.length < SAMPLES.length) {
    const next = await Promise.race([reading.next(), timeout]);
    if (next === undefined) break;
    seen.push(next);
  }
  return seen;
}

/** What of a message is not as it was sent; empty: nothing. `id`: by which the broker keeps it. */
export function differencesOf(compared: {
  readonly sample: Sample;
  readonly id: string | undefined;
  readonly seen: Seen | undefined;
}): string[] {
  const { sample, id, seen } = compared;
  if (seen === undefined) return ['did not come'];
  const { body, correlationId, headers } = seen;
  const others = Object.entries(sample.headers).filter(([name, value]) => headers[name] !== value);
  return [
    ...(seen.id === null || seen.id === id ? [] : [`id ${seen.id} is ${id} to others`]),
    ...(body.equals(Buffer.from(sample.body)) ? [] : ['body']),
    ...(correlationId === sample.correlationId ? [] : ['correlation id']),
    ...others.map(([name, value]) => `header ${name}: ${headers[name]} instead of ${value}`),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = pageOf(await runInterop(), DOORS);
  writeFileSync(fileURLToPath(new URL('../../../../docs/interop.md', import.meta.url)), page);
}
