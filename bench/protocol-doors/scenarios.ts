/**
 * The table of the protocol doors: the same client against the real broker and against us, under the same promise.
 *
 *     raw client     many frames in one write, nothing parsed that is not counted: what the broker can do
 *     stock client   as its users use it: what they get, and often what the client can do
 *
 * Always true: messages have 100 bytes, a number each, and are counted; STOMP and OpenWire queues are read, untimed, when the
 * run is over, MQTT topics meanwhile.
 */
import type { Plan } from '../plan.ts';
import type { Contestant, Role, Run, Scenario } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { Tally } from '../tally.ts';
import { freshTopic, timed } from '../tcp-door/door-run.ts';
import type { ProtocolDoors } from './doors.ts';
import { openMqttClients } from './mqtt-client.ts';
import { openMqttJs, openStompJs } from './stock-clients.ts';
import { openStompClient } from './stomp-client.ts';
import { type LoadClient, type LoadEvents, runWindowLoad } from './window-load.ts';

/** Unanswered at a time: what a coalescing client has, and what a pipelining one. */
const RAW_WINDOW = 1000;
const STOCK_WINDOW = 100;
/** Connections of the Java client: each waits for its answer. */
const JAVA_CONNECTIONS = 16;
const RELAY = 'relay that keeps nothing';

type Open = (door: Door, place: string, events: LoadEvents) => Promise<LoadClient>;

const stomp: Open = ({ url }, queue, events) => openStompClient(url, queue, events);
const stompJs: Open = ({ url }, queue, events) => openStompJs(url, queue, events);
const mqtt: Open = ({ url }, topic, events) => openMqttClients({ url, topic, clientId: topic }, events);
const mqttStored: Open = ({ url }, topic, events) =>
  openMqttClients({ url, topic, clientId: topic, isReaderAway: true }, events);
const mqttJs: Open = ({ url }, topic, events) => openMqttJs({ url, topic, clientId: topic }, events);

export function protocolScenarios(doors: ProtocolDoors, { doorMs }: Plan): Scenario[] {
  const { durable, inMemory, activeMq, mosquitto, aedes, mqttRelay } = doors;
  const stompDoors = { 'ActiveMQ, synced': activeMq.stomp, 'stage 5, synced': durable.stomp };
  const mqttDoors = { mosquitto, aedes, 'stage 2, in memory': inMemory.mqtt, 'stage 5, synced': durable.mqtt };
  const relayedDoors = { [RELAY]: mqttRelay, ...mqttDoors };
  const race = (open: Open, windowCount: number, between: Readonly<Record<string, Door>>, isReadMeanwhile = false) =>
    Object.entries(between).map(([name, door]) =>
      contestant(name, () => {
        const place = freshTopic();
        const load = { door, windowCount, durationMs: doorMs, isReadMeanwhile };
        return runWindowLoad({ ...load, open: (events) => open(door, place, events) });
      }),
    );
  return [
    {
      name: 'stomp-raw',
      title: 'STOMP, one raw client, persistent sends with a receipt each',
      how: `${RAW_WINDOW} without a receipt at a time. A receipt comes when the message is on the disk.`,
      contestants: race(stomp, RAW_WINDOW, stompDoors),
    },
    {
      name: 'stomp-stock',
      title: 'STOMP, stompjs, the same',
      how: `${STOCK_WINDOW} without a receipt at a time.`,
      contestants: race(stompJs, STOCK_WINDOW, stompDoors),
    },
    {
      name: 'stomp-stock-one',
      title: 'STOMP, stompjs, one in flight',
      how: 'The next one leaves when the receipt is there.',
      contestants: race(stompJs, 1, stompDoors),
    },
    {
      name: 'mqtt-raw',
      title: 'MQTT, raw clients, QoS 1 to one subscriber with QoS 1',
      how: `${RAW_WINDOW} without a PUBACK at a time; counted when the subscriber has all. Mosquitto keeps them in memory.`,
      contestants: race(mqtt, RAW_WINDOW, mqttDoors, true),
    },
    {
      name: 'mqtt-raw-stored',
      title: 'MQTT, one raw client, QoS 1 to a session whose owner is away',
      how: `${RAW_WINDOW} without a PUBACK at a time; all are kept, and read when the run is over. Aedes and Mosquitto keep them in memory.`,
      contestants: race(mqttStored, RAW_WINDOW, mqttDoors),
    },
    {
      name: 'mqtt-stock',
      title: 'MQTT, MQTT.js, the same',
      how: `${STOCK_WINDOW} without a PUBACK at a time. The relay answers, passes on, and keeps nothing: above it is only the client.`,
      contestants: race(mqttJs, STOCK_WINDOW, relayedDoors, true),
    },
    {
      name: 'mqtt-stock-one',
      title: 'MQTT, MQTT.js, one in flight',
      how: 'The next one leaves when the PUBACK is there.',
      contestants: race(mqttJs, 1, relayedDoors, true),
    },
    ...[JAVA_CONNECTIONS, 1].map((connectionsCount) => openWireScenario(doors, { connectionsCount, doorMs })),
  ];
}

function openWireScenario(
  { durable, activeMq, openWireLoad }: ProtocolDoors,
  { connectionsCount, doorMs }: { readonly connectionsCount: number; readonly doorMs: number },
): Scenario {
  const isOne = connectionsCount === 1;
  const run = (door: Door, reader: Door) => () => runOpenWire({ door, reader, openWireLoad, connectionsCount, doorMs });
  return {
    name: isOne ? 'openwire-one' : 'openwire',
    title: `OpenWire, ActiveMQ's own Java client, persistent sends, ${isOne ? 'one in flight' : `${connectionsCount} connections`}`,
    how: 'Each connection sends its next message when the last one is answered.',
    contestants: [
      contestant('ActiveMQ, synced', run(activeMq.openWire, activeMq.stomp)),
      contestant('stage 5, synced', run(durable.openWire, durable.stomp)),
    ],
  };
}

interface OpenWireRun {
  readonly door: Door;
  /** The STOMP door of the same broker: what was sent is read there. */
  readonly reader: Door;
  readonly openWireLoad: ProtocolDoors['openWireLoad'];
  readonly connectionsCount: number;
  readonly doorMs: number;
}

async function runOpenWire({ door, reader, openWireLoad, connectionsCount, doorMs }: OpenWireRun): Promise<Run> {
  const queue = freshTopic();
  const tally = new Tally();
  let answeredCount = 0;
  const work = async (): Promise<{ messagesPerSecond: number }> => {
    const answer = await openWireLoad.ask(`${door.url} ${queue} ${doorMs} ${connectionsCount}`);
    const { answered, nanoseconds } = JSON.parse(answer) as { readonly answered: number; readonly nanoseconds: number };
    answeredCount = answered;
    for (let number = 0; number < answered; number += 1) tally.sent(number);
    return { messagesPerSecond: (answered / nanoseconds) * 1e9 };
  };
  const after = async (): Promise<void> => {
    const events = {
      sent: () => undefined,
      received: (number: number) => tally.received(number),
      pieceRead: () => undefined,
    };
    const client = await openStompClient(reader.url, queue, events);
    await client.drain?.(answeredCount);
    await client.close();
  };
  const run = await timed(door, { count: 1, counts: () => tally.counts, work, after });
  const { serverCpuUsPerMessage: cpuUs } = run;
  return cpuUs === undefined ? run : { ...run, serverCpuUsPerMessage: cpuUs / Math.max(answeredCount, 1) };
}

function contestant(name: string, run: () => Promise<Run>): Contestant {
  const role: Role = name === RELAY ? 'floor' : name.startsWith('stage') ? 'stage' : 'peer';
  return { name, role, run };
}
