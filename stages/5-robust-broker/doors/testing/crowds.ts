/**
 * Crowds at the doors of others, as tests send them: what their peers say, and the client that works meanwhile. Of STOMP and MQTT
 * every fifth peer comes over WebSocket.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { SystemClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { AUTHORITY_CERT, SERVER } from '../../../3-http-server/testing/certificates.ts';
import { handshakeTalk } from '../../../3-http-server/testing/client-hello.ts';
import type { CrowdedDoor, Talk } from '../../../3-http-server/testing/crowd.ts';
import { ConnectionBook } from '../connection-book.ts';
import type { DoorServer } from '../door-server.ts';
import { createMqttServer } from '../mqtt/server.ts';
import { bytesOf, Peer as MqttPeer } from '../mqtt/testing/open-door.ts';
import { encodeCommand } from '../openwire/codec.ts';
import { ACK, type NumberedCommand, VERSIONS } from '../openwire/commands.ts';
import { createOpenWireServer } from '../openwire/server.ts';
import { connectionInfoOf, queue, WireClient } from '../openwire/testing/wire-client.ts';
import { wireFormatInfo } from '../openwire/wire-format.ts';
import { createStompServer } from '../stomp/server.ts';
import { Peer as StompPeer, wire } from '../stomp/testing/peer.ts';

/** Longer than a slow peer comes in the time it has. */
const LONG = 'x'.repeat(1000);
const WEB_SOCKET_EVERY = 5;
/** So few that some come in the place of others. */
const CLIENT_IDS_COUNT = 40;

/** `timeoutMs` is that of a greeting, of a frame, and of a peer that does not take that it was sent away. */
interface CrowdOptions {
  readonly timeoutMs: number;
}

type OpenForCrowds = (broker: Broker, options: CrowdOptions) => Promise<CrowdedDoor & AsyncDisposable>;

/** Each in front of a broker that stays whoever's it is. Over TLS no peer of a crowd comes to the end of the handshake. */
export const CROWDED_DOORS: Readonly<Record<'STOMP' | 'STOMP over TLS' | 'MQTT' | 'OpenWire', OpenForCrowds>> = {
  STOMP: async (broker, options) => {
    const { defects, ...given } = givenFor(options);
    const server = await createStompServer(broker, given);
    const client = await StompPeer.connected(server.port);
    await client.asks('SUBSCRIBE', { id: 's', destination: '/queue/control' });
    const control = async (): Promise<void> => {
      client.says('SEND\ndestination:/queue/control\n\nx^@');
      assert.equal((await client.hears()).command, 'MESSAGE');
    };
    return {
      ...{ server: counted(server, given.book), defects, talk: stompTalk, control },
      ...closing(server, () => client.destroy()),
    };
  },
  'STOMP over TLS': async (broker, options) => {
    const { defects, ...given } = givenFor(options);
    const server = await createStompServer(broker, { ...given, tls: SERVER });
    const client = connectTls({ host: '127.0.0.1', port: server.port, ca: AUTHORITY_CERT });
    const asks = async (frame: string): Promise<string> => {
      client.write(wire(frame));
      const [answer] = await once(client, 'data');
      return String(answer);
    };
    assert.match(await asks('CONNECT\naccept-version:1.2\nhost:localhost\n\n^@'), /^CONNECTED/);
    assert.match(await asks('SUBSCRIBE\nid:s\ndestination:/queue/control\nreceipt:r\n\n^@'), /^RECEIPT/);
    const control = async (): Promise<void> => {
      assert.match(await asks('SEND\ndestination:/queue/control\n\nx^@'), /^MESSAGE/);
    };
    const handshake = await handshakeTalk();
    const talk = (): Talk => handshake;
    return {
      ...{ server: counted(server, given.book), defects, talk, control },
      ...closing(server, () => client.destroy()),
    };
  },
  MQTT: async (broker, options) => {
    const { defects, ...given } = givenFor(options);
    const server = await createMqttServer(broker, given);
    const client = await MqttPeer.open(server.port, { clientId: 'control' });
    await client.subscribe('control', { qos: 0 });
    const control = async (): Promise<void> => {
      client.publish('control', 'x');
      await client.next('publish');
    };
    return {
      ...{ server: counted(server, given.book), defects, talk: mqttTalk, control },
      ...closing(server, () => client.socket.destroy()),
    };
  },
  OpenWire: async (broker, options) => {
    const { defects, ...given } = givenFor(options);
    const server = await createOpenWireServer(broker, given);
    const client = await new WireClient(server.port, { connectionId: 'ID:control-1:1' }).enter();
    await client.openSession();
    await client.ask(client.consumerInfo(queue('control')));
    let sentCount = 0;
    const control = async (): Promise<void> => {
      sentCount += 1;
      assert.equal(await client.refusal(client.textMessage(queue('control'), 'x', sentCount)), '');
      client.send(client.ackOf(await client.next('MessageDispatch'), ACK.standard));
    };
    return {
      ...{ server: counted(server, given.book), defects, talk: openWireTalk, control },
      ...closing(server, () => client.socket.destroy()),
    };
  },
};

function givenFor({ timeoutMs }: CrowdOptions) {
  const defects: unknown[] = [];
  const onDefect = (error: unknown): void => void defects.push(error);
  const book = new ConnectionBook({ clock: new SystemClock() });
  return { defects, onDefect, book, handshakeTimeoutMs: timeoutMs, frameTimeoutMs: timeoutMs, stalledMs: timeoutMs };
}

/** Nobody has gone who is still in the book. */
function counted(server: DoorServer, book: ConnectionBook): CrowdedDoor['server'] {
  return {
    port: server.port,
    get connectionCount() {
      return Math.max(server.connectionCount, book.connectionCount());
    },
  };
}

function closing(server: DoorServer, leave: () => void): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      leave();
      await server.close({ timeoutMs: 0 });
    },
  };
}

function stompTalk(index: number): Talk {
  if (index % WEB_SOCKET_EVERY === 0) return webSocketTalk('v12.stomp');
  return {
    greeting: wire(`CONNECT\naccept-version:1.2\nhost:localhost\nclient-id:c${index}\n\n^@`),
    welcome: 'CONNECTED',
    later: wire(`SEND\ndestination:/queue/slow\ncontent-length:${LONG.length}\n\n${LONG}^@`),
  };
}

function mqttTalk(index: number): Talk {
  if (index % WEB_SOCKET_EVERY === 0) return webSocketTalk('mqtt');
  const clientId = `c${index % CLIENT_IDS_COUNT}`;
  const connect = { clientId, clean: index % 2 === 0, keepalive: 0, protocolVersion: 5, protocolId: 'MQTT' } as const;
  const publish = { topic: 'slow', payload: LONG, qos: 0, dup: false, retain: true } as const;
  return {
    greeting: bytesOf({ cmd: 'connect', ...connect }),
    welcome: '\x20',
    later: bytesOf({ cmd: 'publish', ...publish }),
  };
}

function openWireTalk(index: number): Talk {
  const timing = { inactivityMs: 30_000, firstSilenceMs: 10_000, frameBytesMax: 1024 * 1024 };
  const info: NumberedCommand = { ...connectionInfoOf(`ID:crowd-${index}`), commandId: 1, responseRequired: true };
  const greeting = [wireFormatInfo(timing), info].map((command) => encodeCommand(command, VERSIONS.max));
  const keepAlive = { type: 'KeepAliveInfo', commandId: 2, responseRequired: true } as const;
  return {
    greeting: Buffer.concat(greeting),
    welcome: 'StageMQ',
    later: Buffer.concat([Buffer.from([0, 0, 4, 0]), encodeCommand(keepAlive, VERSIONS.max), Buffer.from(LONG)]),
  };
}

function webSocketTalk(protocol: string): Talk {
  const head = [
    ...['GET / HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `Sec-WebSocket-Protocol: ${protocol}`],
  ];
  // A text of 1,000 bytes, masked with zeros.
  const frame = Buffer.from([0x81, 0xfe, LONG.length >> 8, LONG.length & 0xff, 0, 0, 0, 0]);
  return {
    greeting: Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
    welcome: 'HTTP/1.1 101 ',
    later: Buffer.concat([frame, Buffer.from(LONG)]),
  };
}
