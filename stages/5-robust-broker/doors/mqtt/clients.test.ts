/** Clients that nobody here wrote: mqtt.js, and mosquitto_pub and mosquitto_sub where they are installed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { Credentials } from '../../../../shared/admission.ts';
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { AUTHORITY_CERT, CLIENT, SERVER } from '../../../3-http-server/testing/certificates.ts';
import { until } from '../../../3-http-server/testing/until.ts';
import { ConnectionBook } from '../connection-book.ts';
import { openMqttDoor } from './testing/open-door.ts';

interface Received {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
}

async function connect(
  url: string,
  options: IClientOptions,
): Promise<{ readonly client: MqttClient; readonly received: Received[] }> {
  const received: Received[] = [];
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options });
  client.on(
    'message',
    (topic, payload, { qos, retain }) => void received.push({ topic, text: String(payload), qos, retain }),
  );
  return { client, received };
}

for (const protocolVersion of [3, 4, 5] as const) {
  for (const transport of ['mqtt', 'ws'] as const) {
    test(`mqtt.js speaks version ${protocolVersion} over ${transport}`, async () => {
      await using door = await openMqttDoor({ stage: 5 });
      const url = door.server.url.replace('mqtt:', `${transport}:`);
      const said: IClientOptions = { protocolVersion, ...(protocolVersion === 3 && { protocolId: 'MQIsdp' as const }) };
      const reader = await connect(url, {
        ...said,
        clientId: 'reader',
        clean: false,
        properties: { sessionExpiryInterval: 60 },
      });
      await reader.client.subscribeAsync({ 'house/+/temperature': { qos: 2 }, '$queue/jobs': { qos: 1 } });
      const writer = await connect(url, { ...said, clientId: 'writer', clean: true });
      for (const qos of [0, 1, 2] as const)
        await writer.client.publishAsync('house/hall/temperature', `${qos}`, { qos });
      await writer.client.publishAsync('$queue/jobs', Buffer.alloc(100_000, 'j'), { qos: 1 });
      await until('all have come', () => reader.received.length === 4);
      const got = reader.received.map(({ topic, text, qos }) => `${topic} ${text.slice(0, 3)} ${qos}`).sort();
      assert.deepEqual(got, ['$queue/jobs jjj 1', ...[0, 1, 2].map((qos) => `house/hall/temperature ${qos} ${qos}`)]);
      await reader.client.endAsync();
      await writer.client.publishAsync('house/attic/temperature', 'later', { qos: 2, retain: true });
      const again = await connect(url, {
        ...said,
        clientId: 'reader',
        clean: false,
        properties: { sessionExpiryInterval: 60 },
      });
      await until('what was kept has come', () => again.received.length === 1);
      assert.equal(again.received[0]?.text, 'later');
      await again.client.subscribeAsync('house/#');
      await until('what was retained has come', () => again.received.length === 2);
      assert.equal(again.received[1]?.retain, true);
      await Promise.all([again.client.endAsync(), writer.client.endAsync()]);
    });
  }
}

test('mqtt.js comes over TLS and over a WebSocket in TLS, and its certificate is shown to the Admission', async () => {
  const shown: (string | undefined)[] = [];
  let broker: Broker | undefined;
  const admit = async ({ certificate }: Credentials): Promise<Broker> => {
    shown.push(certificate?.subject);
    return broker as Broker;
  };
  const tls = { ...SERVER, ca: AUTHORITY_CERT, requestCertificate: true };
  await using door = await openMqttDoor({ tls, admission: { admit } });
  broker = door.broker;
  assert.match(door.server.url, /^mqtts:/);
  for (const scheme of ['mqtts:', 'wss:']) {
    const certificate = { ca: AUTHORITY_CERT, ...CLIENT };
    const secure = scheme === 'wss:' ? { wsOptions: certificate } : certificate;
    const { client, received } = await connect(door.server.url.replace('mqtts:', scheme), {
      clientId: 'secret',
      ...secure,
    });
    await client.subscribeAsync('t', { qos: 1 });
    await client.publishAsync('t', 'x'.repeat(200_000), { qos: 1 });
    await until('it has come', () => received.length === 1);
    await client.endAsync();
  }
  assert.equal(shown.length, 2);
  assert.ok(
    shown.every((subject) => subject !== undefined && subject !== ''),
    shown.join(),
  );
});

test('mqtt.js pipelines a thousand messages of QoS 1 and 2, and each of them comes once, in order', async () => {
  await using door = await openMqttDoor({ stage: 5 });
  const { client, received } = await connect(door.server.url, { protocolVersion: 5, clientId: 'both' });
  await client.subscribeAsync('t/1', { qos: 1 });
  await client.subscribeAsync('t/2', { qos: 2 });
  const sent = Array.from({ length: 1000 }, (_, index) => String(index));
  await Promise.all(
    sent.flatMap((text) => ([1, 2] as const).map((qos) => client.publishAsync(`t/${qos}`, text, { qos }))),
  );
  await until('all have come', () => received.length === 2000);
  for (const topic of ['t/1', 't/2']) {
    assert.deepEqual(
      received.filter((one) => one.topic === topic).map(({ text }) => text),
      sent,
    );
  }
  await client.endAsync();
});

const hasMosquitto = spawnSync('mosquitto_pub', ['--help']).error === undefined;
const INSTALL = 'mosquitto_pub is not here: apt-get install mosquitto-clients';

for (const version of ['mqttv31', 'mqttv311', 'mqttv5']) {
  test(`mosquitto_pub and mosquitto_sub speak ${version}`, { skip: hasMosquitto ? false : INSTALL }, async () => {
    const book = new ConnectionBook({ clock: new VirtualClock() });
    await using door = await openMqttDoor({ stage: 5, book });
    const to = ['-h', '127.0.0.1', '-p', String(door.server.port), '-V', version];
    const sub = spawn('mosquitto_sub', [...to, '-t', 'a/#', '-q', '2', '-C', '3', '-v', '-i', 'sub'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, errors] = ['', ''];
    sub.stdout.on('data', (bytes) => (out += String(bytes)));
    sub.stderr.on('data', (bytes) => (errors += String(bytes)));
    const ended = new Promise<number | null>((resolve) => sub.on('close', resolve));
    await until('it has subscribed', () => book.connections()[0]?.subscriptionCount === 1);
    for (const qos of ['0', '1', '2'])
      await run('mosquitto_pub', [...to, '-t', `a/${qos}`, '-m', `m${qos}`, '-q', qos]);
    assert.equal(await ended, 0, errors);
    assert.deepEqual(out.trim().split('\n').sort(), ['a/0 m0', 'a/1 m1', 'a/2 m2']);
  });
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
  });
}
