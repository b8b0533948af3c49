/** An MQTT server in front of a broker of some stage, and peers that say what a test wants, byte by byte if need be. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import type { IPublishPacket, Packet, Parser } from 'mqtt-packet';
import * as mqttPacket from 'mqtt-packet';
import { VirtualClock } from '../../../../../shared/clock.ts';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { MqError } from '../../../../../shared/contract/errors.ts';
import { SeededRandom } from '../../../../../shared/random.ts';
import { SimulatedDisk } from '../../../../../shared/simulated-disk.ts';
import { createBroker as createStage1 } from '../../../../1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../../../2-ring-buffer/index.ts';
import { until } from '../../../../3-http-server/testing/until.ts';
import { createBroker as createStage5 } from '../../../index.ts';
import { createMqttServer, type MqttServer } from '../server.ts';
import type { MqttServerOptions } from '../server-options.ts';

export interface OpenMqttDoor extends AsyncDisposable {
  readonly broker: Broker;
  readonly server: MqttServer;
  readonly clock: VirtualClock;
  readonly disk: SimulatedDisk;
  readonly refusals: readonly MqError[];
}

export interface DoorWant extends MqttServerOptions {
  readonly stage?: 1 | 2 | 5;
  /** Of a stage 5 broker that was there before. */
  readonly disk?: SimulatedDisk;
}

/** Time passes only when the test says so; a defect of the door fails the test. */
export async function openMqttDoor({
  stage = 2,
  disk = new SimulatedDisk(),
  ...options
}: DoorWant = {}): Promise<OpenMqttDoor> {
  const clock = options.clock instanceof VirtualClock ? options.clock : new VirtualClock();
  const random = new SeededRandom(7);
  const defects: unknown[] = [];
  const refusals: MqError[] = [];
  const broker = await openBroker(stage, { clock, random, disk });
  const server = await createMqttServer(broker, {
    ...{ clock, random, ...options },
    onDefect: (error) => void defects.push(error),
    onRefused: (reason) => void refusals.push(reason),
  });
  return {
    ...{ broker, server, clock, disk, refusals },
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
      assert.deepEqual(defects, []);
    },
  };
}

function openBroker(
  stage: 1 | 2 | 5,
  {
    clock,
    random,
    disk,
  }: { readonly clock: VirtualClock; readonly random: SeededRandom; readonly disk: SimulatedDisk },
): Promise<Broker> {
  if (stage === 1) return createStage1({ clock, random });
  if (stage === 2) return createStage2({ clock, random });
  return createStage5({ clock, random, disk, dataFolder: '/data' });
}

type Version = 3 | 4 | 5;

/** The packets that come, read by a parser that is not ours. */
export class Peer {
  readonly socket: Socket;
  readonly version: Version;
  readonly #parser: Parser;
  readonly #packets: Packet[] = [];
  isOver = false;

  constructor(port: number, version: Version = 5) {
    this.version = version;
    this.#parser = mqttPacket.parser({ protocolVersion: version });
    this.#parser.on('packet', (packet) => void this.#packets.push(packet));
    this.#parser.on('error', (error: unknown) => {
      throw error;
    });
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes: Buffer) => void this.#parser.parse(bytes));
    this.socket.on('error', () => undefined); // a reset is a way to end a conversation with somebody hostile
    this.socket.on('close', () => {
      this.isOver = true;
    });
  }

  /** One that was let in. */
  static async open(port: number, connect: Partial<mqttPacket.IConnectPacket> = {}): Promise<Peer> {
    const peer = new Peer(port, connect.protocolVersion ?? 5);
    peer.connect(connect);
    const connack = await peer.next('connack');
    assert.equal(connack.reasonCode ?? connack.returnCode, 0, 'it was let in');
    peer.sessionPresent = connack.sessionPresent;
    peer.properties = connack.properties ?? {};
    return peer;
  }

  sessionPresent = false;
  properties: NonNullable<mqttPacket.IConnackPacket['properties']> = {};

  connect(connect: Partial<mqttPacket.IConnectPacket> = {}): void {
    const protocolId = this.version === 3 ? 'MQIsdp' : 'MQTT';
    const said = { clientId: 'peer', clean: true, keepalive: 0, protocolVersion: this.version, protocolId, ...connect };
    this.send({ cmd: 'connect', ...said } as Packet);
  }

  send(packet: Packet): void {
    this.write(bytesOf(packet, this.version));
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next packet; of the kind that is expected. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    await until(`a ${cmd} comes`, () => this.#packets.length > 0 || this.isOver);
    const packet = this.#packets.shift();
    assert.equal(packet?.cmd, cmd);
    return packet as Extract<Packet, { cmd: Cmd }>;
  }

  /** The next so many packets, sorted by what they are; answers to a client and what it is sent are not ordered. */
  async take(count: number): Promise<{ readonly publishes: IPublishPacket[]; readonly others: Packet[] }> {
    await until(`${count} packets come`, () => this.#packets.length >= count || this.isOver);
    const packets = this.#packets.splice(0, count);
    assert.equal(packets.length, count);
    return {
      publishes: packets.filter((packet) => packet.cmd === 'publish'),
      others: packets.filter((packet) => packet.cmd !== 'publish'),
    };
  }

  /** What has come by now, and was not taken. */
  get waiting(): readonly Packet[] {
    return this.#packets;
  }

  /** Everything until now was read by the server, and its answers are here. */
  async settled(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await until('a pingresp comes', () => this.#packets.some(({ cmd }) => cmd === 'pingresp') || this.isOver);
    const index = this.#packets.findIndex(({ cmd }) => cmd === 'pingresp');
    if (index >= 0) this.#packets.splice(index, 1);
  }

  async subscribe(
    topic: string,
    options: Partial<Omit<mqttPacket.ISubscription, 'topic'>> & { readonly identifier?: number } = {},
  ): Promise<number> {
    const { identifier, ...wanted } = options;
    const properties = identifier === undefined ? {} : { properties: { subscriptionIdentifier: identifier } };
    this.send({ cmd: 'subscribe', messageId: 1000, subscriptions: [{ topic, qos: 2, ...wanted }], ...properties });
    const { granted } = await this.next('suback');
    return Number(granted[0]);
  }

  publish(topic: string, payload: string, options: Partial<mqttPacket.IPublishPacket> = {}): void {
    this.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...options });
  }

  /** Resolves to the reason of the DISCONNECT, or undefined where there is none. */
  async ended(): Promise<number | undefined> {
    await until('the connection ends', () => this.isOver);
    const last = this.#packets.at(-1);
    return last?.cmd === 'disconnect' ? last.reasonCode : undefined;
  }

  /** Without a word. */
  async vanish(): Promise<void> {
    this.socket.destroy();
    await until('it is gone', () => this.isOver);
  }
}

export function bytesOf(packet: Packet, version: Version = 5): Buffer {
  return mqttPacket.generate(packet, { protocolVersion: version });
}
