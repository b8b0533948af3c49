/**
 * A broker that speaks OpenWire, versions 9 to 12, as docs/protocol-openwire.md says: to the Java client of ActiveMQ and its kin.
 *
 *     await using server = await createOpenWireServer(broker, { port: 61616 });        any Broker
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { checkBroker } from '../../../../shared/contract/validation.ts';
import { clientIdsOf } from '../client-ids.ts';
import { type DoorServer, listen } from '../door-server.ts';
import { Names } from './names.ts';
import { checkOpenWireServerOptions, type OpenWireServerOptions } from './server-options.ts';
import { OpenWireSession } from './session.ts';

/** A listening server: `url` is `tcp://host:port`, or `ssl:` with TLS, as `ActiveMQConnectionFactory` takes it. */
export type OpenWireServer = DoorServer;

/** Serves `broker` to clients of OpenWire. Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when the port cannot be had. */
export async function createOpenWireServer(broker: Broker, options?: OpenWireServerOptions): Promise<OpenWireServer> {
  const checked = checkOpenWireServerOptions(options);
  checkBroker('broker', broker);
  const clientIds = clientIdsOf(broker);
  let names: Names | undefined;
  return listen(broker, checked, {
    name: 'openwire',
    schemes: { plain: 'tcp', tls: 'ssl' },
    newSession: (channel, door) => {
      names ??= new Names(door.exchange);
      return new OpenWireSession(channel, { door, options: checked, clientIds, names });
    },
    onClosed: () => names?.close(),
  });
}
