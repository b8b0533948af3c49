/** What all protocol doors have in common as servers, shown with a door that sends back what it is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { VirtualClock } from '../../../shared/clock.ts';
import type { MqError } from '../../../shared/contract/errors.ts';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { until } from '../../3-http-server/testing/until.ts';
import type { ByteChannel, DoorSession } from './byte-channel.ts';
import { ConnectionBook } from './connection-book.ts';
import { type Door, type DoorServer, listen } from './door-server.ts';
import { checkProtocolDoorOptions, type ProtocolDoorOptions } from './door-server-options.ts';

/** Lines, each sent back; `login <password>` first, `bad` breaks the protocol. */
class EchoSession implements DoorSession {
  openFrame: number | undefined;
  readonly #channel: ByteChannel;
  readonly #door: Door;
  readonly #told: string[];
  #text = '';
  #lineCount = 0;

  constructor(channel: ByteChannel, { door, told }: { readonly door: Door; readonly told: string[] }) {
    this.#channel = channel;
    this.#door = door;
    this.#told = told;
  }

  receive(bytes: Buffer): void {
    const lines = (this.#text + bytes.toString()).split('\n');
    this.#text = lines.pop() ?? '';
    this.#lineCount += lines.length;
    for (const line of lines) this.#line(line);
    this.openFrame = this.#text === '' ? undefined : this.#lineCount;
  }

  drained(): void {
    this.#told.push('drained');
  }

  refuse(reason: MqError): void {
    this.#channel.write(Buffer.from(`error ${reason.code}\n`));
    this.#channel.end(reason);
  }

  drain(): void {
    this.#channel.write(Buffer.from('bye\n'));
    this.#channel.end();
  }

  async gone(error: MqError | undefined): Promise<void> {
    this.#told.push(`gone ${error?.code}`);
  }

  #line(line: string): void {
    if (line === 'bad') throw new Error('a defect');
    if (line.startsWith('login ')) {
      this.#door.admit(this.#channel, { password: line.slice(6) }).then(
        () => this.#channel.greeted(),
        (error) => this.#channel.fail(error),
      );
    } else if (line.startsWith('many ')) {
      this.#channel.write(Buffer.alloc(Number(line.slice(5)), 'x'));
      this.#told.push(this.#channel.isCongested ? 'congested' : 'free');
    } else if (line === 'pulse') {
      const say = (): void => this.#channel.write(Buffer.from('beat\n'));
      this.#channel.startPulse({ sayEveryMs: 1000, say, silenceMsMax: 2500 });
    } else {
      this.#channel.write(Buffer.from(`${line}`), Buffer.from('\n'));
    }
  }
}

interface Open extends AsyncDisposable {
  readonly server: DoorServer;
  readonly book: ConnectionBook;
  readonly clock: VirtualClock;
  readonly told: string[];
  readonly refused: string[];
  readonly defects: unknown[];
}

async function open(options: ProtocolDoorOptions = {}): Promise<Open> {
  const clock = new VirtualClock();
  const broker = await createBroker();
  const told: string[] = [];
  const refused: string[] = [];
  const defects: unknown[] = [];
  const book = new ConnectionBook({ clock });
  const checked = checkProtocolDoorOptions(
    {
      ...{
        book,
        clock,
        onRefused: ({ code }: MqError) => refused.push(code),
        onDefect: (error) => defects.push(error),
      },
      ...options,
    },
    { numbers: {} },
  );
  const server = await listen(broker, checked, {
    name: 'echo',
    schemes: { plain: 'echo', tls: 'echos' },
    webSocket: { protocols: ['v2.echo', 'v1.echo'], sendsText: true, messageBytesMax: 1000 },
    newSession: (channel, door) => new EchoSession(channel, { door, told }),
  });
  return {
    ...{ server, book, clock, told, refused, defects },
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

class Peer {
  readonly socket: Socket;
  text = '';
  isOver = false;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isOver = true;
    });
  }

  says(text: string): this {
    this.socket.write(text);
    return this;
  }

  async hears(text: string): Promise<void> {
    await until(`${JSON.stringify(text)} after ${JSON.stringify(this.text)}`, () => this.text === text);
  }

  async ended(): Promise<string> {
    await until('the connection is over', () => this.isOver);
    return this.text;
  }
}

test('the protocol is spoken on a socket and over WebSocket, on one port; what comes in pieces is whole', async () => {
  await using door = await open();
  const peer = new Peer(door.server.port);
  for (const piece of ['G', 'E', 'X', '\n']) {
    peer.says(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await peer.hears('GEX\n');
  const webSocket = new WebSocket(`ws://127.0.0.1:${door.server.port}/any`, ['v1.echo', 'v2.echo']);
  await once(webSocket, 'open');
  assert.equal(webSocket.protocol, 'v2.echo');
  webSocket.send('one\ntw');
  const [first, isFirstBinary] = await once(webSocket, 'message');
  assert.deepEqual([String(first), isFirstBinary], ['one\n', false]);
  webSocket.send('o\n');
  const [second] = await once(webSocket, 'message');
  assert.equal(String(second), 'two\n');
  webSocket.send(Buffer.from([0xff, 0x0a]));
  await once(webSocket, 'message');
  assert.equal(door.server.connectionCount, 2);
  assert.deepEqual(
    door.book.connections().map(({ door: name, bytesIn }) => [name, bytesIn]),
    [
      ['echo', 4],
      ['echo', 10],
    ],
  );
  webSocket.close();
  peer.socket.end();
  await until('both are gone', () => door.server.connectionCount === 0);
  assert.deepEqual(door.told, ['gone undefined', 'gone undefined']);
  assert.deepEqual(door.book.connections(), []);
});

test('a WebSocket of another site, to another host or to another path is refused', async () => {
  await using door = await open({ webSocketPath: '/echo', allowedOrigins: ['null'] });
  const status = (path: string, headers: Record<string, string> = {}): Promise<string> =>
    new Promise((resolve) => {
      const webSocket = new WebSocket(`ws://127.0.0.1:${door.server.port}${path}`, { headers });
      webSocket.on('error', ({ message }) => resolve(message.replace(/\D+/, '')));
      webSocket.on('open', () => {
        webSocket.terminate();
        resolve('open');
      });
    });
  assert.equal(await status('/echo'), 'open');
  assert.equal(await status('/other'), '404');
  assert.equal(await status('/echo', { origin: 'http://localhost:5173' }), 'open');
  assert.equal(await status('/echo', { origin: 'null' }), 'open');
  assert.equal(await status('/echo', { origin: 'https://evil.example' }), '403');
  assert.equal(await status('/echo', { host: 'evil.example:61613', origin: 'http://evil.example:61613' }), '403');
  const plain = new Peer(door.server.port).says('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.match(await plain.ended(), /^HTTP\/1.1 426 .*this port speaks v2.echo/s);
  const broken = new Peer(door.server.port).says('GET nonsense\r\n\r\n');
  await broken.ended();
  assert.equal(door.refused.length, 5);
});

test('who says nothing, drips, or is silent is refused in time', async () => {
  await using door = await open({ handshakeTimeoutMs: 1000, frameTimeoutMs: 2000, token: 'secret' });
  const silent = new Peer(door.server.port);
  await until('it is there', () => door.server.connectionCount === 1);
  await door.clock.pass(1000);
  assert.equal(await silent.ended(), '');
  const unknown = new Peer(door.server.port).says('hello\n');
  await unknown.hears('hello\n');
  await door.clock.pass(1000);
  assert.equal(await unknown.ended(), 'hello\nerror MQ_REQUEST_TIMEOUT\n');
  const dripping = new Peer(door.server.port).says('login secret\nx\n');
  await dripping.hears('x\n');
  await door.clock.pass(5000);
  dripping.says('y');
  await until('it came', () => door.book.connections()[0]?.bytesIn === 16);
  await door.clock.pass(1999);
  assert.equal(dripping.isOver, false);
  await door.clock.pass(1);
  assert.equal(await dripping.ended(), 'x\nerror MQ_REQUEST_TIMEOUT\n');
  const gone = new Peer(door.server.port).says('login secret\npulse\nx\n');
  await gone.hears('x\n');
  await door.clock.pass(1000);
  await gone.hears('x\nbeat\n');
  await door.clock.pass(1500);
  assert.equal(await gone.ended(), 'x\nbeat\nbeat\n');
  assert.equal(door.told.at(-1), 'gone MQ_CONNECTION_LOST');
});

test('a wrong password, and a defect, end the connection; nobody else notices', async () => {
  await using door = await open({ token: 'secret' });
  assert.equal(await new Peer(door.server.port).says('login guess\n').ended(), 'error MQ_UNAUTHORIZED\n');
  assert.equal(await new Peer(door.server.port).says('bad\nlater\n').ended(), 'error MQ_INTERNAL\n');
  assert.deepEqual(door.refused, ['MQ_UNAUTHORIZED', 'MQ_INTERNAL']);
  assert.equal(door.defects.length, 1);
});

test('a client that reads nothing is disconnected, by bytes or in time; its channel says when it is congested', async () => {
  await using door = await open({ unsentBytesMax: 16 * 1024 * 1024, stalledMs: 3000 });
  const greedy = new Peer(door.server.port);
  greedy.socket.pause();
  greedy.says(`many ${30 * 1024 * 1024}\n`);
  await until('it was told', () => door.told.length === 2);
  const slow = new Peer(door.server.port);
  slow.socket.pause();
  slow.says(`many ${15 * 1024 * 1024}\n`);
  await until('it came', () => door.book.connections().some(({ bytesOut }) => bytesOut > 1000));
  await door.clock.pass(1);
  await until('it is cut off', async () => {
    await door.clock.pass(1000);
    return door.told.length === 4;
  });
  const cutOff = ['congested', 'gone MQ_CONNECTION_LOST'];
  assert.deepEqual(door.told, [...cutOff, ...cutOff]);
  const patient = new Peer(door.server.port).says(`many ${15 * 1024 * 1024}\n`);
  await until('all is there', () => patient.text.length === 15 * 1024 * 1024);
  await until('it was told', () => door.told.length === 6);
  assert.deepEqual(door.told.slice(4), ['congested', 'drained']);
});

test('closing lets sessions say goodbye, and waits for what they leave behind', async () => {
  const door = await open();
  const peer = new Peer(door.server.port).says('x\n');
  await peer.hears('x\n');
  const silent = new Peer(door.server.port);
  await until('both are there', () => door.server.connectionCount === 2);
  await door.server.close({ timeoutMs: 1000 });
  assert.equal(await peer.ended(), 'x\nbye\n');
  assert.equal(await silent.ended(), '');
  assert.deepEqual(door.told, ['gone undefined']);
  await door[Symbol.asyncDispose]();
});

test('options that are wrong are named', () => {
  const wrong: readonly (readonly [ProtocolDoorOptions | Record<string, unknown>, string])[] = [
    [{ host: '0.0.0.0' }, 'options.token'],
    [{ prot: 1 }, 'options.prot'],
    [{ webSocketPath: 'stomp' }, 'options.webSocketPath'],
    [{ allowedOrigins: [''] }, 'options.allowedOrigins'],
    [{ allowedOrigins: ['*'] }, 'options.allowedOrigins'],
    [{ exchange: {} }, 'options.exchange'],
    [{ book: 1 }, 'options.book'],
    [{ stalledMs: 0 }, 'options.stalledMs'],
  ];
  for (const [options, path] of wrong) {
    assert.throws(
      () => checkProtocolDoorOptions(options, { numbers: {} }),
      (error: MqError) => error.details.path === path,
      path,
    );
  }
});
