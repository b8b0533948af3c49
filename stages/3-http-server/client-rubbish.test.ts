import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import type { DeliveryRef } from '../../shared/contract/message.ts';
import { createClient } from './index.ts';
import { answerJson, introducing, openStranger } from './testing/stranger.ts';

const isCode = (code: ErrorCode) => (error: unknown) => isMqError(error, code);

const REF: DeliveryRef = { topic: 't', partition: 0, offset: 0, group: 'g', memberId: 'm', leaseToken: 'x' };

/** Operations that resolve to nothing: only the status says that they were done. */
const SILENT: readonly (readonly [string, (client: Broker) => Promise<unknown>])[] = [
  ['createTopic', (client) => client.createTopic('t')],
  ['deleteTopic', (client) => client.deleteTopic('t')],
  ['createGroup', (client) => client.createGroup('t', 'g')],
  ['deleteGroup', (client) => client.deleteGroup('t', 'g')],
  ['leave', (client) => client.leave('t', { memberId: 'm' })],
  ['ack', (client) => client.ack([REF])],
  ['nack', (client) => client.nack(REF)],
];
const TELLING: typeof SILENT = [
  ['send', (client) => client.send('t', { body: 'a' })],
  ['sendBatch', (client) => client.sendBatch('t', [{ body: 'a' }])],
  ['receive', (client) => client.receive('t')],
  ['fetch', (client) => client.fetch('t')],
  ['browse', (client) => client.browse('t')],
  ['commit', (client) => client.commit('t', { group: 'g', offset: 0 })],
  ['committed', (client) => client.committed('t', { group: 'g' })],
  ['seek', (client) => client.seek('t', { group: 'g', to: 'latest' })],
  ['extendLease', (client) => client.extendLease(REF)],
  ['describeTopics', (client) => client.describeTopics()],
  ['describeTopics of one', (client) => client.describeTopics({ topic: 't' })],
  ['inspect', async (client) => client.inspect?.('t')],
];

async function refusesFrom(listener: RequestListener, calls: typeof SILENT, code: ErrorCode): Promise<void> {
  await using stranger = await openStranger(introducing(listener));
  await using client = await createClient(stranger.url, { retriesMax: 0 });
  for (const [name, call] of calls) await assert.rejects(call(client), isCode(code), name);
}

test('a redirect is no success, whatever was asked', async () => {
  const redirect: RequestListener = (_, response) => void response.writeHead(302, { location: '/login' }).end();
  await refusesFrom(redirect, [...SILENT, ...TELLING], 'MQ_PROTOCOL');
});

test('a page is no success: what has nothing to say is done only with 204', async () => {
  const page: RequestListener = (_, response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>');
  await refusesFrom(page, [...SILENT, ...TELLING], 'MQ_PROTOCOL');
});

test('an empty answer is no receipt, no offset and no description', async () => {
  await refusesFrom((_, response) => void response.writeHead(204).end(), TELLING, 'MQ_PROTOCOL');
  await refusesFrom((_, response) => answerJson(response, {}), TELLING, 'MQ_PROTOCOL');
});

const RECORD = { topic: 't', partition: 0, offset: 0, id: 'a', headers: {}, body: 'b', encoding: 'utf8', timestamp: 1 };
const LEASED = { group: 'g', memberId: 'm', deliveryCount: 1, leaseToken: 'x', leaseExpiresAt: 2 };
const DELIVERY = { ...RECORD, ...LEASED };

test('a delivery is a delivery in every member, or the answer is MQ_PROTOCOL', async () => {
  let deliveries: unknown;
  await using stranger = await openStranger(introducing((_, response) => answerJson(response, { deliveries })));
  await using client = await createClient(stranger.url);
  deliveries = [DELIVERY];
  assert.equal((await client.receive('t'))[0]?.id, 'a');
  for (const wrong of [
    null,
    {},
    7,
    { ...DELIVERY, body: 5 },
    { ...DELIVERY, encoding: 'latin1' },
    { ...DELIVERY, body: 'AP8', encoding: 'base64' },
    { ...DELIVERY, body: '\ud800' },
    { ...DELIVERY, headers: { a: 1 } },
    { ...DELIVERY, offset: 1.5 },
    { ...DELIVERY, offset: 1e20 },
    { ...DELIVERY, offset: -1 },
    { ...DELIVERY, leaseToken: 7 },
    { ...DELIVERY, deliveryCount: undefined },
  ]) {
    deliveries = [DELIVERY, wrong];
    await assert.rejects(client.receive('t'), isCode('MQ_PROTOCOL'), JSON.stringify(wrong));
  }
});

test('records and where they end are whole numbers that can be counted on', async () => {
  const whole = { records: [RECORD], nextOffset: 1, logStartOffset: 0, highWatermark: 1 };
  let fetched: object = whole;
  await using stranger = await openStranger(introducing((_, response) => answerJson(response, fetched)));
  await using client = await createClient(stranger.url);
  assert.equal((await client.fetch('t')).nextOffset, 1);
  for (const wrong of [{ records: [{}] }, { nextOffset: 1.5 }, { nextOffset: 1e20 }, { logStartOffset: -1 }]) {
    fetched = { ...whole, ...wrong };
    await assert.rejects(client.fetch('t'), isCode('MQ_PROTOCOL'), JSON.stringify(wrong));
  }
});

test('the details of an error are what they must be, or the answer is MQ_PROTOCOL', async () => {
  for (const details of [{ failed: 5 }, { failed: [null] }, { path: {} }, { retryAfterMs: 'soon' }, { allow: 'GET' }]) {
    const refuse: RequestListener = (_, response) => {
      response.statusCode = 409;
      answerJson(response, { code: 'MQ_LEASE_EXPIRED', detail: 'x', ...details });
    };
    await refusesFrom(refuse, [['ack', (client) => client.ack([REF])]], 'MQ_PROTOCOL');
  }
});

test('limits and capabilities of another shape are MQ_PROTOCOL at once', async () => {
  const about = { name: 'x', version: '0', protocolVersion: 1, capabilities: ['send'], limits: {} };
  for (const wrong of [
    { limits: [] },
    { limits: { bodyBytesMax: -1 } },
    { capabilities: [1] },
    { capabilities: 'send' },
  ]) {
    await using stranger = await openStranger((_, response) => answerJson(response, { ...about, ...wrong }));
    await assert.rejects(createClient(stranger.url), isCode('MQ_PROTOCOL'), JSON.stringify(wrong));
  }
});

test('an answer that drips is over in time all the same', async () => {
  await using stranger = await openStranger(
    introducing((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    }),
  );
  await using client = await createClient(stranger.url, { requestTimeoutMs: 150 });
  await assert.rejects(client.send('t', { body: 'a' }), isCode('MQ_TIMEOUT'));
  await assert.rejects(client.describeTopics(), isCode('MQ_TIMEOUT'));
});

test('a name with half a character is refused, also where the broker would know the name', async () => {
  await using stranger = await openStranger(introducing(() => assert.fail('nothing was to be sent')));
  await using client = await createClient(stranger.url);
  for (const call of [client.deleteTopic('$\ud800'), client.fetch('$\ud800'), client.deleteGroup('t', '$\ud800')]) {
    await assert.rejects(call, isCode('MQ_INVALID_ARGUMENT'));
  }
});

test('a token that no header can carry is refused, and not shown', async () => {
  for (const token of ['a\r\nx-evil: 1', '', 'a b', 'ä', 7 as unknown as string]) {
    await assert.rejects(createClient('http://127.0.0.1:1', { token }), (error) => {
      return isMqError(error, 'MQ_INVALID_ARGUMENT') && !error.message.includes('evil');
    });
  }
});

test('every option of a client is checked before anything is opened', async () => {
  for (const options of [
    { clock: {} },
    { random: 7 },
    { connectionsMax: 0 },
    { waitingConnectionsMax: 1.5 },
    { requestTimeoutMs: -1 },
    { retriesMax: '2' },
    { timeoutMs: 5 },
  ]) {
    const refused = createClient('http://127.0.0.1:1', options as object);
    await assert.rejects(refused, isCode('MQ_INVALID_ARGUMENT'), JSON.stringify(options));
  }
});
