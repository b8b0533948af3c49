/**
 * A client for each door, as far as the interop matrix needs one: it publishes messages, and reads what others published.
 *
 * Always true: each speaks its protocol with a client that is not the door's own, but OpenWire, whose door is proven with the
 * Java client beside it; what a protocol cannot say is null, never made up.
 */
import mqtt, { type IPublishPacket } from 'mqtt';
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { Headers } from '../../../../shared/contract/message.ts';
import type { BytesMessage, Message as JmsMessage } from '../../jms/index.ts';
import { createConnectionFactory, DeliveryMode, Session, TextMessage } from '../../jms/index.ts';
import { type Destination, topicOf } from '../destinations.ts';
import { Peer } from '../stomp/testing/peer.ts';
import { type InteropClient, Mailbox, type Seen } from './interop-client.ts';
import { OpenWirePeer } from './openwire-peer.ts';

const CORRELATION = 'correlation-id';
const RECEIVE_MS = 10_000;

/** Of any Broker: in this process, or a client over HTTP or TCP. */
export function contractClient(broker: Broker): InteropClient {
  return {
    publish: async (destination, samples) => {
      for (const { body, correlationId, headers } of samples) {
        await broker.send(topicOf(destination), { body, headers: { ...headers, [CORRELATION]: correlationId } });
      }
    },
    subscribe: async (destination) => {
      const topic = topicOf(destination);
      const group = destination.kind === 'queue' ? 'default' : 'reader';
      await broker.createTopic(topic);
      await broker.createGroup(topic, group);
      return {
        next: async () => {
          const [delivery] = await broker.receive(topic, { group, waitMs: RECEIVE_MS });
          if (delivery === undefined) throw new Error('nothing came');
          await broker.ack([delivery]);
          return seenOf(delivery.id, delivery.body, delivery.headers);
        },
      };
    },
    close: () => Promise.resolve(),
  };
}

export async function stompClient(port: number): Promise<InteropClient> {
  // A receipt and a message have no order between them, so each has a connection of its own.
  const [peer, reader] = [await Peer.connected(port), await Peer.connected(port)];
  let subscriptionCount = 0;
  const nameOf = ({ kind, name }: Destination): string => `/${kind}/${name}`;
  return {
    publish: async (destination, samples) => {
      for (const { body, correlationId, headers } of samples) {
        const bytes = Buffer.from(body);
        const all = { ...headers, [CORRELATION]: correlationId, destination: nameOf(destination), receipt: 'sent' };
        const lines = Object.entries({ ...all, 'content-length': String(bytes.length) });
        const head = lines.map(([name, value]) => `${escaped(name)}:${escaped(value)}\n`).join('');
        peer.socket.write(Buffer.concat([Buffer.from(`SEND\n${head}\n`), bytes, Buffer.alloc(1)]));
        const answer = await peer.hears();
        if (answer.command !== 'RECEIPT') throw new Error(`${answer.command}: ${answer.body}`);
      }
    },
    subscribe: async (destination) => {
      subscriptionCount += 1;
      await reader.asks('SUBSCRIBE', { id: String(subscriptionCount), destination: nameOf(destination) });
      return {
        next: async () => {
          const { headers: escapedHeaders, body } = await reader.hears();
          const pairs = Object.entries(escapedHeaders).map(([name, value]) => [unescaped(name), unescaped(value)]);
          const headers = Object.fromEntries(pairs) as Record<string, string>;
          return seenOf(headers['message-id'] ?? null, Buffer.from(body, 'latin1'), headers);
        },
      };
    },
    close: async () => {
      peer.destroy();
      reader.destroy();
    },
  };
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
const UNESCAPES = new Map(Object.entries(ESCAPES).map(([character, written]) => [written, character]));

function escaped(text: string): string {
  return text.replace(/[\\\n\r:]/g, (character) => ESCAPES[character] ?? character);
}

function unescaped(text: string): string {
  return text.replace(/\\./g, (written) => UNESCAPES.get(written) ?? written);
}

export async function mqttClient(port: number): Promise<InteropClient> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0 });
  const nameOf = ({ kind, name }: Destination): string =>
    kind === 'queue' ? `$queue/${name}` : name.replaceAll('.', '/');
  const readings = new Map<string, Mailbox<Seen>>();
  client.on('message', (topic: string, payload: Buffer, { properties }: IPublishPacket) => {
    const { userProperties = {}, correlationData } = properties ?? {};
    const headers = Object.fromEntries(Object.entries(userProperties).map(([name, value]) => [name, String(value)]));
    readings.get(topic)?.put({ id: null, body: payload, correlationId: correlationData?.toString() ?? null, headers });
  });
  return {
    publish: async (destination, samples) => {
      for (const { body, correlationId, headers } of samples) {
        const properties = {
          userProperties: { ...headers },
          correlationData: Buffer.from(correlationId),
          payloadFormatIndicator: typeof body === 'string',
        };
        await client.publishAsync(nameOf(destination), Buffer.from(body), { qos: 1, properties });
      }
    },
    subscribe: async (destination) => {
      const reading = new Mailbox<Seen>();
      readings.set(nameOf(destination), reading);
      await client.subscribeAsync(nameOf(destination), { qos: 1 });
      return reading;
    },
    close: () => client.endAsync(true),
  };
}

export async function openWireClient(port: number): Promise<InteropClient> {
  const peer = await OpenWirePeer.connected(port);
  return {
    publish: async (destination, samples) => {
      for (const sample of samples) await peer.send(destination, sample);
    },
    subscribe: (destination) => peer.subscribe(destination),
    close: () => peer.close(),
  };
}

/** Over TCP, as a program would have it. */
export async function jmsClient(url: string): Promise<InteropClient> {
  const factory = createConnectionFactory(url);
  const connection = await factory.createConnection();
  await connection.start();
  const session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
  const placeOf = ({ kind, name }: Destination) =>
    kind === 'queue' ? session.createQueue(name) : session.createTopic(name);
  return {
    publish: async (destination, samples) => {
      const producer = session.createProducer(placeOf(destination));
      for (const { body, correlationId, headers } of samples) {
        const message = typeof body === 'string' ? session.createTextMessage(body) : bytesMessage(session, body);
        message.setJMSCorrelationID(correlationId);
        for (const [name, value] of Object.entries(headers)) message.setStringProperty(name, value);
        await producer.send(message, { deliveryMode: DeliveryMode.PERSISTENT });
      }
    },
    subscribe: async (destination) => {
      const consumer = await session.createConsumer(placeOf(destination));
      return {
        next: async () => {
          const message = await consumer.receive(RECEIVE_MS);
          if (message === null) throw new Error('nothing came');
          return seenOfJms(message);
        },
      };
    },
    close: async () => {
      await connection.close();
      await factory[Symbol.asyncDispose]();
    },
  };
}

function bytesMessage(session: Session, bytes: Uint8Array): BytesMessage {
  const message = session.createBytesMessage();
  message.writeBytes(bytes);
  return message;
}

function seenOfJms(message: JmsMessage): Seen {
  const headers: Record<string, string> = {};
  for (const name of message.getPropertyNames()) headers[name] = message.getStringProperty(name) ?? '';
  let body = Buffer.alloc(0);
  if (message instanceof TextMessage) body = Buffer.from(message.getText() ?? '');
  else {
    const bytes = message as BytesMessage;
    body = Buffer.from(bytes.readBytes(bytes.getBodyLength()) ?? []);
  }
  return { id: message.getJMSMessageID(), body, correlationId: message.getJMSCorrelationID(), headers };
}

function seenOf(id: string | null, body: Uint8Array, headers: Headers): Seen {
  return { id, body: Buffer.from(body), correlationId: headers[CORRELATION] ?? null, headers };
}
