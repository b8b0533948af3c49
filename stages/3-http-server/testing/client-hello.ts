/** What a client of TLS says first, as bytes, for peers that never come to the end of its handshake. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';
import type { Talk } from './crowd.ts';

/** The type of the first record that a server of TLS sends. */
const SERVER_HELLO = '\x16';

export async function handshakeTalk(): Promise<Talk> {
  const hello = await clientHello();
  return { greeting: hello, welcome: SERVER_HELLO, later: hello };
}

async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  const [socket] = await once(listener, 'connection');
  const [bytes] = await once(socket, 'data');
  client.destroy();
  socket.destroy();
  listener.close();
  await once(listener, 'close');
  return bytes;
}
