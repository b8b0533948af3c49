/** Connections that end while a subscription is on its way to be in force: nothing of it stays, through any door. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import { until } from '../../3-http-server/testing/until.ts';
import { viewOf } from '../armour/broker-view.ts';
import { createBroker } from '../index.ts';
import type { DoorServer } from './door-server.ts';
import { createMqttServer } from './mqtt/server.ts';
import { Peer as MqttPeer } from './mqtt/testing/open-door.ts';
import { createOpenWireServer } from './openwire/server.ts';
import { WireClient } from './openwire/testing/wire-client.ts';
import { createStompServer } from './stomp/server.ts';
import { Peer as StompPeer } from './stomp/testing/peer.ts';

/** Answers with what cuts the connection. */
type Subscribe = (port: number, kind: 'queue' | 'topic') => Promise<() => void>;

const DOORS: readonly {
  readonly name: string;
  readonly create: (broker: Broker) => Promise<DoorServer>;
  readonly subscribe: Subscribe;
}[] = [
  {
    name: 'STOMP',
    create: createStompServer,
    subscribe: async (port, kind) => {
      const peer = await StompPeer.connected(port);
      peer.says(`SUBSCRIBE\nid:1\ndestination:/${kind}/a\nack:client\n\n^@`);
      return () => peer.destroy();
    },
  },
  {
    name: 'MQTT',
    create: createMqttServer,
    subscribe: async (port, kind) => {
      const peer = await MqttPeer.open(port);
      const topic = kind === 'queue' ? '$queue/a' : 'a';
      peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
      return () => peer.socket.destroy();
    },
  },
  {
    name: 'OpenWire',
    create: createOpenWireServer,
    subscribe: async (port, kind) => {
      const client = await new WireClient(port).enter();
      await client.openSession();
      client.send(client.consumerInfo({ type: kind === 'queue' ? 'Queue' : 'Topic', physicalName: 'a' }));
      return () => client.socket.destroy();
    },
  },
];

for (const { name, create, subscribe } of DOORS) {
  for (const kind of ['queue', 'topic'] as const) {
    test(`${name}: a connection that ends while it subscribes to a ${kind} holds nothing afterwards`, async () => {
      await using broker = await createBroker({ flushPolicy: 'never' });
      await broker.send('a', { body: 'x' });
      const held = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      // The broker has handed it out, and the door does not know it yet.
      const slow = viewOf(broker, {
        receive: async (...args): Promise<readonly Delivery[]> => {
          const deliveries = await broker.receive(...args);
          asked.resolve();
          await held.promise;
          return deliveries;
        },
      });
      const server = await create(slow);
      const cut = await subscribe(server.port, kind);
      await asked.promise;
      cut();
      await until('the door knows', () => server.connectionCount === 0);
      held.resolve();
      await server.close();
      const topics = await broker.describeTopics();
      const groups = topics.flatMap(({ groups }) => groups);
      assert.deepEqual(
        groups.map(({ group, inFlightCount, members }) => [group, inFlightCount, members.length]),
        kind === 'queue' ? [['default', 0, 0]] : [],
      );
    });
  }
}
