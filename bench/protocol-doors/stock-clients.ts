/** Clients that others made, as their users use them; they are often what costs most. */
import type { MqttClient } from 'mqtt';
import type { StompitClient } from 'stompit';
import { loadOptional } from '../optional-package.ts';
import { numberedBody, numberIn } from '../tally.ts';
import type { MqttOptions } from './mqtt-client.ts';
import { openStompClient } from './stomp-client.ts';
import type { LoadClient, LoadEvents } from './window-load.ts';

/** stompit sends, with a receipt for each; what is there afterwards is read by our own client. */
export async function openStompit(url: string, queue: string, events: LoadEvents): Promise<LoadClient> {
  const { default: stompit } = await loadOptional('stompit');
  const { hostname: host, port } = new URL(url);
  const client = await new Promise<StompitClient>((resolve, reject) => {
    const headers = { host, 'heart-beat': '0,0' };
    stompit.connect({ host, port: Number(port), connectHeaders: headers }, (error, opened) => {
      if (error) reject(error);
      else resolve(opened);
    });
  });
  const reader = await openStompClient(url, queue, {
    sent: () => undefined,
    received: (number) => events.received(number),
    pieceRead: () => undefined,
  });
  return {
    send: (from, count) => {
      for (let number = from; number < from + count; number += 1) {
        const onReceipt = (): void => {
          events.sent(number);
          events.pieceRead();
        };
        const frame = client.send({ destination: `/queue/${queue}`, persistent: 'true' }, { onReceipt });
        frame.end(numberedBody(number));
      }
    },
    drain: (count) => reader.drain?.(count) ?? Promise.resolve(),
    close: async () => {
      client.destroy();
      await reader.close();
    },
  };
}

/** Two of MQTT.js: one publishes with QoS 1, one reads. */
export async function openMqttJs({ url, topic, clientId }: MqttOptions, events: LoadEvents): Promise<LoadClient> {
  const { connectAsync } = await loadOptional('mqtt');
  const connect = (role: string): Promise<MqttClient> =>
    connectAsync(url, { clientId: `${clientId}-${role}`, protocolVersion: 4, keepalive: 0 });
  const [publisher, reader] = [await connect('publisher'), await connect('reader')];
  reader.on('message', (_, body) => {
    events.received(numberIn(body));
    events.pieceRead();
  });
  await reader.subscribeAsync(topic, { qos: 1 });
  return {
    send: (from, count) => {
      for (let number = from; number < from + count; number += 1) {
        publisher.publish(topic, Buffer.from(numberedBody(number)), { qos: 1 }, (error) => {
          if (!error) events.sent(number);
          events.pieceRead();
        });
      }
    },
    close: async () => {
      await Promise.all([publisher.endAsync(true), reader.endAsync(true)]);
    },
  };
}
