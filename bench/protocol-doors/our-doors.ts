/** All protocol doors of ours before one broker, on free ports. */
import type { Broker } from '../../shared/contract/broker.ts';
import { createExchange } from '../../stages/5-robust-broker/doors/exchange.ts';
import { createMqttServer } from '../../stages/5-robust-broker/doors/mqtt/server.ts';
import { createOpenWireServer } from '../../stages/5-robust-broker/doors/openwire/server.ts';
import { createStompServer } from '../../stages/5-robust-broker/doors/stomp/server.ts';

/** Resolves to their urls, as JSON. */
export async function openProtocolDoors(broker: Broker): Promise<string> {
  const exchange = createExchange(broker);
  const [stomp, mqtt, openWire] = await Promise.all([
    createStompServer(broker, { exchange }),
    createMqttServer(broker, { exchange }),
    createOpenWireServer(broker, { exchange }),
  ]);
  return JSON.stringify({ stomp: stomp.url, mqtt: mqtt.url, openWire: openWire.url });
}
