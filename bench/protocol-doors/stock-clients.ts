/** Clients that others made, as their users use them; they are often what costs most. */
import { connect } from 'node:net';
import type { IStompSocket } from '@stomp/stompjs';
import type { MqttClient } from 'mqtt';
import { loadOptional } from '../optional-package.ts';
import { numberedBody, numberedText, numberIn } from '../tally.ts';
import type { MqttOptions } from './mqtt-client.ts';
import { openStompClient } from './stomp-client.ts';
import type { LoadClient, LoadEvents } from './window-load.ts';

/** States of a WebSocket. */
const [CONNECTING, OPEN] = [0, 1];

/**
 * stompjs sends, with a receipt for each, over a socket, which its users wrap like this where there is no WebSocket; what is
 * there afterwards is read by our own client.
 */
export async function openStompJs(url: string, queue: string, events: LoadEvents): Promise<LoadClient> {
  const { Client } = await loadOptional('@stomp/stompjs');
  const client = await new Promise<InstanceType<typeof Client>>((resolve, reject) => {
    const opened = new Client({
      webSocketFactory: () => socketOf(url),
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
      reconnectDelay: 0,
      onConnect: () => resolve(opened),
      onStompError: ({ headers }) => reject(new Error(headers.message)),
    });
    opened.activate();
  });
  const reader = await openStompClient(url, queue, {
    sent: () => undefined,
    received: (number) => events.received(number),
    pieceRead: () => undefined,
  });
  return {
    send: (from, count) => {
      for (let number = from; number < from + count; number += 1) {
        const receipt = `r${number}`;
        client.watchForReceipt(receipt, () => {
          events.sent(number);
          events.pieceRead();
        });
        const headers = { persistent: 'true', receipt };
        client.publish({ destination: `/queue/${queue}`, body: numberedText(number), headers });
      }
    },
    drain: (count) => reader.drain?.(count) ?? Promise.resolve(),
    close: async () => {
      await Promise.all([client.deactivate({ force: true }), reader.close()]);
    },
  };
}

/** What stompjs needs of a WebSocket, on a socket. */
function socketOf(url: string): IStompSocket {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const wrapped: IStompSocket = {
    url,
    binaryType: 'arraybuffer',
    readyState: CONNECTING,
    send: (data) => void socket.write(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
    close: () => void socket.end(),
    onopen: null,
    onmessage: null,
    onerror: null,
    onclose: null,
  };
  socket.on('connect', () => {
    Object.assign(wrapped, { readyState: OPEN });
    wrapped.onopen?.({});
  });
  socket.on('data', (bytes: Buffer) => wrapped.onmessage?.({ data: Uint8Array.from(bytes).buffer }));
  socket.on('error', (error) => wrapped.onerror?.(error));
  socket.on('close', () => wrapped.onclose?.({}));
  return wrapped;
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
