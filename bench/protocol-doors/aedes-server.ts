/** Aedes, an MQTT broker for Node that keeps everything in memory, as its documentation starts it. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { loadOptional } from '../optional-package.ts';

/** Resolves to its url. */
export async function startAedes(): Promise<string> {
  const { Aedes } = await loadOptional('aedes');
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a socket has a port');
  return `mqtt://127.0.0.1:${address.port}`;
}
