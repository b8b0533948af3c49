/** `mq serve --stomp --mqtt --openwire`: what listens where, for whom, and how it ends. Processes and sockets are real. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import type { ConnectionDescription } from '../shared/contract/connections.ts';
import type { ServeReport } from './serve-report.ts';
import { runCaptured } from './testing/captured-terminal.ts';
import { MqProcess, type StartOptions } from './testing/mq-process.ts';

const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no signals to send' } : {};
const FREE = ['--port', '0', '--stomp', '0', '--mqtt', '0', '--openwire', '0'];

async function freshFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-doors-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts `mq serve ... --json`; resolves when it listens. */
async function serve(args: readonly string[], options: StartOptions = {}) {
  const mq = new MqProcess(['serve', ...args, '--json'], options);
  const [line] = await mq.saw(/^\{.*\}$/m);
  const report = JSON.parse(line) as ServeReport;
  return { mq, report, [Symbol.asyncDispose]: () => mq[Symbol.asyncDispose]() };
}

/** A client of STOMP, as far as a test needs one. */
class Stomp implements AsyncDisposable {
  readonly #socket: Socket;
  #text = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
    });
  }

  static async connect(url: string | null, headers: readonly string[] = []): Promise<Stomp> {
    const { hostname, port } = new URL(url ?? '');
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const client = new Stomp(socket);
    client.send('CONNECT', ['accept-version:1.2', 'host:/', ...headers]);
    return client;
  }

  send(command: string, headers: readonly string[], body = ''): void {
    this.#socket.write(`${[command, ...headers].join('\n')}\n\n${body}\0`);
  }

  /** Resolves when it came. */
  async saw(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) return match;
      assert.ok(!this.#socket.readableEnded && !this.#socket.destroyed, `closed after: ${this.#text}`);
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]);
    }
  }

  async closed(): Promise<string> {
    if (!this.#socket.closed) await once(this.#socket, 'close');
    return this.#text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed();
  }
}

test('a line for each door of others says what listens where, and so does JSON', async (context) => {
  const folder = await freshFolder(context);
  await using mq = new MqProcess(['serve', '5', '--data', folder, '--tcp-port', '0', ...FREE]);
  const [greeting] = await mq.saw(/^stage 5 listens on .*\n( .*\n)*(?=data in)/m);
  const port = String.raw`127\.0\.0\.1:\d+`;
  const lines = [
    String.raw`stage 5 listens on http://${port} and mq://${port} {5}\(Ctrl-C stops it\)`,
    ...[` {2}STOMP    on stomp://${port}`, ` {2}MQTT     on mqtt://${port}`, ` {2}OpenWire on tcp://${port}`],
  ];
  assert.match(greeting, new RegExp(`^${lines.join('\\n')}\\n$`));
  await using other = await serve(['2', '--port', '0', '--stomp', '0']);
  const { stompUrl, mqttUrl, openwireUrl, tcpUrl } = other.report;
  assert.match(stompUrl ?? '', /^stomp:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual([mqttUrl, openwireUrl, tcpUrl], [null, null, null]);
});

test('a door takes the broker of any stage, and what came through one is read through another', async () => {
  for (const stage of ['1', '3']) {
    await using server = await serve([stage, '--port', '0', '--stomp', '0']);
    await using stomp = await Stomp.connect(server.report.stompUrl);
    stomp.send('SEND', ['destination:/queue/tea', 'receipt:r'], 'green');
    await stomp.saw(/RECEIPT/);
    const read = await runCaptured(['receive', 'tea', '--wait', '0', '--target', server.report.url]);
    assert.deepEqual([read.exitCode, read.stdout], [0, 'green\n']);
  }
});

test('who is connected through a door is told by mq connections, with what it reads', async (context) => {
  const folder = await freshFolder(context);
  await using server = await serve(['5', '--data', folder, '--tcp-port', '0', '--port', '0', '--stomp', '0']);
  await using stomp = await Stomp.connect(server.report.stompUrl, ['client-id:shop']);
  stomp.send('SUBSCRIBE', ['id:1', 'destination:/queue/orders', 'ack:client', 'receipt:r']);
  await stomp.saw(/RECEIPT/);
  const { stdout } = await runCaptured(['connections', server.report.url, '--json']);
  const [listed] = (JSON.parse(stdout) as ConnectionDescription[]).filter(({ door }) => door === 'stomp');
  assert.equal(listed?.clientId, 'shop');
  assert.equal(listed.protocolVersion, '1.2');
  assert.deepEqual(
    listed.subscriptions.map(({ destination, topic, group }) => [destination, topic, group]),
    [['/queue/orders', 'orders', 'default']],
  );
  assert.match(
    (await runCaptured(['connections', server.report.url])).stdout,
    /^stomp +shop .*\/queue\/orders: holds 0/m,
  );
});

test('the users of the server are those of every door', async (context) => {
  const folder = await freshFolder(context);
  const users = join(folder, 'users.json');
  const added = await runCaptured(['user', 'add', 'shop', '--rule', 'orders=publish', '--users', users], {
    input: 'planted\n',
  });
  assert.equal(added.exitCode, 0, added.stderr);
  await using server = await serve(['5', '--data', join(folder, 'data'), '--users', users, '--tcp-port', '0', ...FREE]);
  await using stranger = await Stomp.connect(server.report.stompUrl);
  assert.match(await stranger.closed(), /^ERROR/);
  await using shop = await Stomp.connect(server.report.stompUrl, ['login:shop', 'passcode:planted']);
  await shop.saw(/^CONNECTED/);
  shop.send('SEND', ['destination:/queue/orders', 'receipt:r'], 'tea');
  await shop.saw(/RECEIPT/);
  const basic = `Basic ${Buffer.from('shop:planted').toString('base64')}`;
  const metrics = await (await fetch(`${server.report.url}/metrics`, { headers: { authorization: basic } })).text();
  assert.match(metrics, /^mq_door_connections_refused_count\{door="stomp"\} 1$/m);
  assert.match(metrics, /^mq_door_messages_count\{door="stomp",direction="in"\} 1$/m);
  const asShop = { MQ_USER: 'shop', MQ_PASSWORD: 'planted' };
  const listed = JSON.parse((await runCaptured(['connections', server.report.url, '--json'], { env: asShop })).stdout);
  assert.deepEqual(
    listed.map(({ door, principal }: ConnectionDescription) => [door, principal]),
    [['stomp', 'shop']],
  );
  shop.send('SEND', ['destination:/queue/secret', 'receipt:s'], 'tea');
  await shop.saw(/ERROR\n/);
});

test('a token is asked for on every door', async (context) => {
  const folder = await freshFolder(context);
  // In stage 5 it is an Admission that asks.
  for (const stage of [['2'], ['5', '--data', folder, '--tcp-port', '0']]) {
    await using server = await serve([...stage, '--port', '0', '--stomp', '0', '--token', 'planted-token']);
    await using stranger = await Stomp.connect(server.report.stompUrl);
    assert.match(await stranger.closed(), /^ERROR/);
    await using friend = await Stomp.connect(server.report.stompUrl, ['login:me', 'passcode:planted-token']);
    await friend.saw(/^CONNECTED/);
  }
});

test(
  'a signal drains all doors: what was accepted is answered, and all of it ends in good order',
  needsSignals,
  async (context) => {
    const folder = await freshFolder(context);
    await using server = await serve(['5', '--data', folder, '--tcp-port', '0', ...FREE]);
    await using stomp = await Stomp.connect(server.report.stompUrl);
    await stomp.saw(/^CONNECTED/);
    stomp.send('SEND', ['destination:/queue/orders', 'receipt:r'], 'tea');
    await stomp.saw(/RECEIPT/);
    server.mq.child.kill('SIGTERM');
    const { exitCode, stderr } = await server.mq.ended;
    assert.deepEqual([exitCode, stderr], [0, '']);
    await stomp.closed();
    assert.ok(existsSync(join(folder, 'mqtt-sessions.db')), 'what MQTT remembers lies with the data');
    assert.ok(existsSync(join(folder, 'clean')));
    await using again = await serve(['5', '--data', folder, '--tcp-port', '0', ...FREE]);
    assert.deepEqual(again.report.opening?.notices, []);
  },
);

test('the configuration may open doors, on their usual ports or on others', async (context) => {
  const folder = await freshFolder(context);
  const file = join(folder, 'mq.json');
  await writeFile(file, JSON.stringify({ port: 0, stomp: 0, mqtt: false }));
  await using server = await serve(['2', '--config', file]);
  assert.match(server.report.stompUrl ?? '', /^stomp:/);
  assert.equal(server.report.mqttUrl, null);
  await writeFile(file, JSON.stringify({ stomp: 'here' }));
  assert.match(
    (await runCaptured(['serve', '2', '--config', file])).stderr,
    /stomp must be a whole number from 0 to 65535/,
  );
});

test('a port that cannot be had is told with the flag that takes another', async (context) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  context.after(() => taken.close());
  const port = String((taken.address() as AddressInfo).port);
  for (const flag of ['--stomp', '--mqtt', '--openwire', '--tcp-port']) {
    const { exitCode, stderr } = await runCaptured(['serve', '2', '--port', '0', flag, port]);
    assert.equal(exitCode, 1);
    assert.match(stderr, new RegExp(`^mq: port ${port} of 127\\.0\\.0\\.1 is in use\\n.*${flag} 0 takes a free one`));
  }
});

test('a page of another site opens a WebSocket only where its origin is allowed, by a flag or by the configuration', async (context) => {
  const statusOf = async (url: string | null, origin: string): Promise<string> => {
    const { port } = new URL(url ?? '');
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { origin } });
    return new Promise((resolve) => {
      webSocket.on('error', ({ message }) => resolve(message.replace(/\D+/, '')));
      webSocket.on('open', () => {
        webSocket.terminate();
        resolve('open');
      });
    });
  };
  const [shop, games] = ['https://shop.example', 'https://games.example'];
  await using closed = await serve(['2', '--port', '0', '--stomp', '0']);
  assert.equal(await statusOf(closed.report.stompUrl, shop), '403', 'as long as nobody allows it');
  assert.equal(await statusOf(closed.report.stompUrl, 'http://localhost:5173'), 'open');
  const flags = ['--allowed-origins', `${shop},null`, '--allowed-origins', 'http://a.example:81'];
  await using server = await serve(['2', '--port', '0', '--stomp', '0', '--mqtt', '0', ...flags]);
  for (const url of [server.report.stompUrl, server.report.mqttUrl]) {
    const statuses = await Promise.all([shop, 'null', 'http://a.example:81', games].map((each) => statusOf(url, each)));
    assert.deepEqual(statuses, ['open', 'open', 'open', '403']);
  }
  const file = join(await freshFolder(context), 'mq.json');
  await writeFile(file, JSON.stringify({ port: 0, mqtt: 0, allowedOrigins: [games] }));
  await using configured = await serve(['2', '--config', file]);
  assert.equal(await statusOf(configured.report.mqttUrl, games), 'open');
});

test('an origin that no browser sends, and origins for doors that browsers do not use, are refused', async () => {
  const wrong = async (...args: string[]): Promise<string> => (await runCaptured(['serve', '2', ...args])).stderr;
  for (const origin of ['*', 'shop.example', 'https://shop.example/', 'https://a.example,', '']) {
    assert.match(
      await wrong('--stomp', '0', '--allowed-origins', origin),
      /It takes origins as browsers say them/,
      origin,
    );
  }
  assert.match(await wrong('--openwire', '0', '--allowed-origins', 'null'), /browsers use.*\n.*--stomp or --mqtt/);
});

test('two doors on one port, and a stage taken for a port, are refused before anything is opened', async () => {
  const wrong = async (...args: string[]): Promise<string> => (await runCaptured(['serve', ...args])).stderr;
  assert.match(await wrong('2', '--stomp', '7000', '--mqtt', '7000'), /^mq: --stomp and --mqtt both name port 7000/);
  for (const flag of ['--stomp', '--mqtt', '--openwire']) {
    const first = new RegExp(`It takes a port\\. For stage 5 type it first, as in mq serve 5 ${flag}\\.`);
    assert.match(await wrong(flag, '5'), first);
  }
  assert.match(await wrong('2', '--openwire', '70000'), /'--openwire \[port\]'.*whole number from 0 to 65535/);
});
