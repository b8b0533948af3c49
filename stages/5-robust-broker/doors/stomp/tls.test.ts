/** With TLS the port speaks nothing else, on sockets and over WebSocket; who a certificate names, the Admission is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import type { Credentials } from '../../../../shared/admission.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { AUTHORITY_CERT, CLIENT, SERVER } from '../../../3-http-server/testing/certificates.ts';
import { createStompServer } from './server.ts';
import { Peer } from './testing/peer.ts';

const CONNECT = 'CONNECT\naccept-version:1.2\n\n\0';

test('the same frames on a TLS socket and over wss; a client without TLS hears nothing', async () => {
  const asked: Credentials[] = [];
  const refused: string[] = [];
  await using broker = await createBroker();
  const admit = async (credentials: Credentials) => {
    asked.push(credentials);
    return broker;
  };
  await using server = await createStompServer(broker, {
    tls: { ...SERVER, ca: AUTHORITY_CERT, requestCertificate: true },
    admission: { admit },
    onRefused: ({ code }) => refused.push(code),
  });
  assert.match(server.url, /^stomp\+ssl:\/\/127\.0\.0\.1:\d+$/);
  const socket = connectTls({ host: '127.0.0.1', port: server.port, ca: AUTHORITY_CERT, ...CLIENT });
  socket.write(CONNECT);
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^CONNECTED\nversion:1.2\n/);
  socket.destroy();
  const webSocket = new WebSocket(`wss://127.0.0.1:${server.port}/`, 'v12.stomp', { ca: AUTHORITY_CERT });
  await once(webSocket, 'open');
  webSocket.send(CONNECT);
  const [message] = await once(webSocket, 'message');
  assert.match(String(message), /^CONNECTED\n/);
  webSocket.terminate();
  assert.equal(asked[0]?.certificate?.subject, 'ann');
  assert.deepEqual(asked[1], {});
  const plain = new Peer(server.port).says('CONNECT\n\n^@');
  assert.deepEqual(await plain.rest(), []);
  assert.deepEqual(refused, ['MQ_PROTOCOL']);
});
