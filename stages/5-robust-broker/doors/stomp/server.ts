/**
 * A broker that speaks STOMP 1.0, 1.1 and 1.2, on a socket and over WebSocket on the same port, as docs/protocol-stomp.md says.
 *
 *     await using server = await createStompServer(broker, { port: 61613 });        any Broker
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { type DoorServer, listen } from '../door-server.ts';
import { checkStompServerOptions, type StompServerOptions } from './server-options.ts';
import { StompSession } from './session.ts';

/** A listening server: `url` is `stomp://host:port`, or `stomp+ssl:` with TLS. */
export type StompServer = DoorServer;

/** Serves `broker` to clients of STOMP. Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when the port cannot be had. */
export async function createStompServer(broker: Broker, options?: StompServerOptions): Promise<StompServer> {
  const checked = checkStompServerOptions(options);
  return listen(broker, checked, {
    name: 'stomp',
    schemes: { plain: 'stomp', tls: 'stomp+ssl' },
    webSocket: {
      protocols: ['v12.stomp', 'v11.stomp', 'v10.stomp'],
      sendsText: true,
      messageBytesMax: checked.headBytesMax + checked.bodyBytesMax + 1,
    },
    newSession: (channel, door) => new StompSession(channel, { door, options: checked }),
  });
}
