/**
 * Mutants of valid conversations: bits flipped, bytes cut out, doubled, swapped, lengths changed, and what comes of it at a
 * server, while another client works.
 *
 * Always true: the same seed makes the same mutants. A mutant may be answered, refused or cut off, as it likes; the server is as it
 * was before, and the other client never waits.
 */
import assert from 'node:assert/strict';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { Random } from '../../../../../shared/random.ts';
import { type MutationRun, runMutants } from '../../../../4-persisted-log/doors/testing/mutant-run.ts';
import { createMqttServer } from '../server.ts';
import { bytesOf, Peer } from './open-door.ts';

/** Sends `count` mutants to a server in front of `broker`. */
export async function sendMutants(broker: Broker, run: MutationRun): Promise<void> {
  const defects: unknown[] = [];
  await using server = await createMqttServer(broker, {
    onDefect: (error) => defects.push(error),
    sessionExpirySecondsMax: 1,
  });
  const client = await Peer.open(server.port, { clientId: 'control' });
  await client.subscribe('control', { qos: 1 });
  const seeds = conversations();
  const control = async (sent: number): Promise<void> => {
    client.publish('control', String(sent), { qos: 0 });
    assert.equal(String((await client.next('publish')).payload), String(sent));
  };
  const clear = (): Promise<void> => forgetTopics(broker);
  await runMutants({ server, defects, mutate: (random) => mutate(seeds, random), control, clear }, run);
  await client.vanish();
  await server.close({ timeoutMs: 1000 });
  assert.deepEqual(defects, [], `seed ${run.seed}`);
}

async function forgetTopics(broker: Broker): Promise<void> {
  for (const { topic } of await broker.describeTopics()) if (topic !== 'topic/control') await broker.deleteTopic(topic);
}

/** Valid ones, packet by packet. */
function conversations(): readonly (readonly Buffer[])[] {
  return ([3, 4, 5] as const).map((protocolVersion) => {
    const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
    const will = { topic: 'w', payload: Buffer.from('w'), qos: 1, retain: false } as const;
    const connect: IConnectPacket = {
      cmd: 'connect',
      protocolVersion,
      protocolId,
      clientId: 'mutant',
      clean: false,
      keepalive: 5,
      will,
      username: 'u',
      password: Buffer.from('p'),
    };
    const properties = {
      userProperties: { a: ['b', 'c'] },
      contentType: 't',
      responseTopic: 'r',
      correlationData: Buffer.from('c'),
      messageExpiryInterval: 1,
      topicAlias: 1,
    };
    const packets: readonly Packet[] = [
      { ...connect, properties: { sessionExpiryInterval: 1, receiveMaximum: 3, topicAliasMaximum: 2 } },
      {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [
          { topic: 'a/#', qos: 2 },
          { topic: '$share/g/b/+', qos: 1 },
          { topic: '$queue/q', qos: 1 },
        ],
        properties: { subscriptionIdentifier: 3 },
      },
      {
        cmd: 'publish',
        topic: 'a/b',
        payload: 'x'.repeat(100),
        qos: 1,
        messageId: 2,
        dup: false,
        retain: true,
        properties,
      },
      { cmd: 'publish', topic: 'a/c', payload: 'y', qos: 2, messageId: 3, dup: false, retain: false, properties },
      { cmd: 'publish', topic: 'b/c', payload: '', qos: 0, dup: false, retain: false },
      { cmd: 'pubrel', messageId: 3 },
      { cmd: 'puback', messageId: 1 },
      { cmd: 'pubrec', messageId: 2 },
      { cmd: 'pubcomp', messageId: 2 },
      { cmd: 'pingreq' },
      { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/#', 'x'] },
      { cmd: 'disconnect', reasonCode: 0 },
    ];
    return packets.map((packet) => bytesOf(packet, protocolVersion));
  });
}

/** One to eight changes somewhere; one in four leaves the CONNECT alone, so that the rest is looked at. */
function mutate(seeds: readonly (readonly Buffer[])[], random: Random): Buffer {
  const packets = [...(seeds[random.below(seeds.length)] ?? [])];
  if (random.below(2) === 0) packets.splice(1 + random.below(packets.length - 1), 1);
  if (random.below(4) === 0) packets.push(packets[random.below(packets.length)] ?? Buffer.alloc(0));
  const whole = Buffer.concat(packets);
  const from = random.below(4) === 0 ? 0 : (packets[0]?.length ?? 0);
  let bytes = Buffer.from(whole);
  for (let change = random.below(8); change >= 0; change -= 1) {
    const at = from + random.below(Math.max(bytes.length - from, 1));
    const kind = random.below(5);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 1) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)] ?? 0;
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
    else if (kind === 3)
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(random.hex(1 + random.below(4)), 'hex'),
        bytes.subarray(at),
      ]);
    else bytes = bytes.subarray(0, at);
  }
  return bytes;
}
