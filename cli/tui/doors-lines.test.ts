import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import { doorsLines, doorsSummary } from './doors-lines.ts';
import type { DoorsView } from './killable.ts';
import { lineWidth, textOf } from './text.ts';

const PLACES: DoorsView['places'] = [
  { title: 'STOMP', url: 'stomp://127.0.0.1:61613' },
  { title: 'MQTT', url: 'mqtt://127.0.0.1:1883' },
  { title: 'OpenWire', url: 'tcp://127.0.0.1:61616' },
];
const NOW = 1_800_000_012_000;

function connection(door: string, changes: Partial<ConnectionDescription> = {}): ConnectionDescription {
  const subscriptions = [
    { id: '1', destination: '/queue/orders', topic: 'orders', group: 'default', creditMax: 10, heldCount: 2 },
    { id: '2', destination: '/topic/prices', topic: 'topic/prices', group: 'shop/p', creditMax: null, heldCount: 1 },
  ];
  return {
    ...{ id: `${door}-1`, door, address: '127.0.0.1:53412', connectedAt: NOW - 12_000, clientId: 'shop' },
    ...{ protocolVersion: '1.2', principal: null, messagesInCount: 3, messagesOutCount: 4, bytesIn: 5, bytesOut: 6 },
    ...{ errorCount: 0, subscriptionCount: subscriptions.length, subscriptions },
    ...changes,
  };
}

const http = connection('http', { subscriptions: [], subscriptionCount: 0 });

test('each door is listed with who is there, and each connection with what it reads', () => {
  const view = { places: PLACES, connections: [http, connection('stomp')] };
  const texts = doorsLines(view, { language: 'en', width: 78, height: 22, now: NOW }).map(textOf);
  assert.deepEqual(texts, [
    ' STOMP     stomp://127.0.0.1:61613     1 connected, subscriptions: 2',
    ' MQTT      mqtt://127.0.0.1:1883       0 connected, subscriptions: 0',
    ' OpenWire  tcp://127.0.0.1:61616       0 connected, subscriptions: 0',
    ' HTTP 1, TCP 0: this screen itself',
    '',
    ' stomp shop 127.0.0.1:53412  in 3  out 4  12.0 s',
    '   /queue/orders: group default, holds 2 of 10',
    '   /topic/prices: group shop/p, holds 1',
    '',
    ' any key leaves this page',
  ]);
  assert.equal(doorsSummary(view, 'en'), 'clients: STOMP :61613 MQTT :1883 OpenWire :61616');
});

test('whoever subscribes through TCP is listed like the others, but for the screen itself', () => {
  const ours = { id: 'tcp-1', clientId: 'stagemq 1', subscriptions: [], subscriptionCount: 0 };
  const orders = { id: '1', destination: 'orders', topic: 'orders', group: 'kitchen', creditMax: 10, heldCount: 2 };
  const theirs = { id: 'tcp-2', subscriptions: [orders], subscriptionCount: 1 };
  const view = { places: PLACES, connections: [http, connection('tcp', ours), connection('tcp', theirs)] };
  const texts = doorsLines(view, { language: 'en', width: 78, height: 22, now: NOW }).map(textOf);
  assert.deepEqual(texts.slice(3, 7), [
    ' HTTP 1, TCP 1: this screen itself',
    '',
    ' tcp shop 127.0.0.1:53412  12.0 s',
    '   orders: group kitchen, holds 2 of 10',
  ]);
});

test('while nobody is there it says what to do, in both languages', () => {
  for (const [language, wanted] of [
    ['en', /connect a client to one of these/],
    ['zh', /连接上面任一地址/],
  ] as const) {
    const lines = doorsLines({ places: PLACES, connections: [http] }, { language, width: 78, height: 22, now: NOW });
    assert.match(lines.map(textOf).join('\n'), wanted);
  }
});

test('however many are there, and whatever they call themselves, the page keeps its size', () => {
  const connections = Array.from({ length: 40 }, (_, index) =>
    connection('mqtt', { id: `mqtt-${index}`, clientId: index === 0 ? 'a\u001b[2J\n' : '名'.repeat(100) }),
  );
  for (const [width, height] of [
    [78, 22],
    [118, 38],
  ] as const) {
    const lines = doorsLines({ places: PLACES, connections }, { language: 'en', width, height, now: NOW });
    assert.equal(lines.length, height);
    for (const line of lines) {
      assert.ok(lineWidth(line) <= width, textOf(line));
      assert.doesNotMatch(textOf(line), /\p{Cc}/u);
    }
    assert.match(textOf(lines.at(-2) ?? []), /^ and \d+ more$/);
  }
});
