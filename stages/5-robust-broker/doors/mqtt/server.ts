/**
 * A broker behind a port that speaks MQTT 3.1, 3.1.1 and 5, over TCP, TLS and WebSocket, as docs/protocol-mqtt.md says.
 *
 *     bytes --> PacketReader --> Connection --> Publisher --> exchange --> broker
 *                                     ^--> Sender <-- Reading <-- feeds <--/
 *
 * Always true: it takes any Broker, and closes neither that nor an exchange it was given; sessions, packet ids and retained
 * messages are the door's own, and survive a restart where it has a file for them.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { type DoorServer, listen } from '../door-server.ts';
import { createExchange } from '../exchange.ts';
import { Connection } from './connection.ts';
import { Publishing } from './publishing.ts';
import { Retained } from './retained.ts';
import { checkMqttServerOptions, type MqttServerOptions } from './server-options.ts';
import { Sessions } from './sessions.ts';
import { openStore } from './store.ts';

/** A listening server. Closing it leaves the broker open. */
export type MqttServer = DoorServer;

/**
 * Serves `broker` over MQTT; url `mqtt://host:port`, with TLS `mqtts:`; clients of `ws:` come to the same port. Rejects with
 * `MQ_INVALID_ARGUMENT`, with `MQ_DATA_LOCKED` when another process has the file, or with Node's error when the port cannot be had.
 */
export async function createMqttServer(broker: Broker, options?: MqttServerOptions): Promise<MqttServer> {
  const checked = checkMqttServerOptions(options);
  const { clock, random, onDefect } = checked;
  const ownExchange = checked.exchange === undefined ? createExchange(broker, { clock, random }) : undefined;
  const exchange = checked.exchange ?? ownExchange ?? createExchange(broker, { clock, random });
  const store = openStore(checked.storeFile);
  const onClosed = async (): Promise<void> => {
    await sessions.close();
    ownExchange?.close();
    await store.close();
  };
  const retained = new Retained({ ...checked, store });
  const publishing = new Publishing({ broker, clock, random, store, retained, onDefect });
  const sessions = new Sessions({ ...checked, broker, exchange, publishing });
  try {
    await sessions.restore();
    return await listen(
      broker,
      { ...checked, exchange },
      {
        name: 'mqtt',
        schemes: { plain: 'mqtt', tls: 'mqtts' },
        webSocket: { protocols: ['mqtt', 'mqttv3.1'], sendsText: false, messageBytesMax: checked.packetBytesMax },
        newSession: (channel, door) => new Connection({ channel, door, options: checked, sessions, publishing }),
        onClosed,
      },
    );
  } catch (error) {
    await onClosed();
    throw error;
  }
}
