/** Crowds at the HTTP door, as its tests send them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { AUTHORITY_CERT, SERVER } from './certificates.ts';
import { handshakeTalk } from './client-hello.ts';
import type { CrowdedDoor } from './crowd.ts';
import { type OpenDoor, openDoor } from './doors.ts';
import { RawConnection, requestText } from './raw-connection.ts';

const RAW = 'content-type: application/octet-stream';
const JSON_TYPE = 'content-type: application/json';
const TALK = {
  greeting: Buffer.from(requestText('GET', '/healthz')),
  welcome: 'HTTP/1.1 200 ',
  later: Buffer.from(requestText('POST', '/topics/slow/messages', [RAW], 'x'.repeat(1000))),
};

export interface CrowdedHttp extends CrowdedDoor, AsyncDisposable {
  readonly broker: OpenDoor['broker'];
}

/** In front of a ring; `timeoutMs` is that of the head of a request, and of all of it. */
export async function openForCrowds({ timeoutMs }: { readonly timeoutMs: number }): Promise<CrowdedHttp> {
  const defects: unknown[] = [];
  const onDefect = (error: unknown): void => void defects.push(error);
  const door = await openDoor(
    { headersTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs, onDefect },
    { topicDefaults: { messagesMax: 100 } },
  );
  const client = new RawConnection(door.url);
  const post = async (path: string, type: string, body: string): Promise<string> => {
    client.write(requestText('POST', `/topics/control/${path}`, [type], body));
    const answer = await client.answer();
    assert.ok(answer?.status === 200 || answer?.status === 204, `${path}: ${answer?.status}`);
    return answer.body;
  };
  const control = async (): Promise<void> => {
    await post('messages', RAW, 'x');
    await post('deliveries/ack', JSON_TYPE, await post('deliveries', JSON_TYPE, '{}'));
  };
  return {
    ...{ server: portOf(door), broker: door.broker, talk: () => TALK, defects, control },
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await door[Symbol.asyncDispose]();
    },
  };
}

/** The same over TLS, and no peer comes to the end of the handshake, which has `timeoutMs`. */
export async function openTlsForCrowds({ timeoutMs }: { readonly timeoutMs: number }): Promise<CrowdedHttp> {
  const defects: unknown[] = [];
  const onDefect = (error: unknown): void => void defects.push(error);
  const door = await openDoor({ tls: SERVER, headersTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs, onDefect });
  const server = portOf(door);
  const client = connect({ host: '127.0.0.1', port: server.port, ca: AUTHORITY_CERT });
  const control = async (): Promise<void> => {
    client.write(requestText('GET', '/healthz'));
    const [answer] = await once(client, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
  };
  const talk = await handshakeTalk();
  return {
    ...{ server, broker: door.broker, talk: () => talk, defects, control },
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await door[Symbol.asyncDispose]();
    },
  };
}

function portOf({ server, url }: OpenDoor): CrowdedDoor['server'] {
  return {
    port: Number(new URL(url).port),
    get connectionCount() {
      return server.connectionCount;
    },
  };
}
