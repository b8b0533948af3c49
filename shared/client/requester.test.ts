import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker as createWithout } from '../../stages/4-persisted-log/index.ts';
import { createBroker } from '../../stages/5-robust-broker/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { CORRELATION_ID_HEADER, REPLY_TO_HEADER } from '../contract/filter.ts';
import type { Delivery } from '../contract/message.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import { Requester } from './requester.ts';
import type { RequesterOptions } from './requester-options.ts';
import { type RequestHandler, Responder, type RespondOptions } from './responder.ts';

async function setUp(options: Partial<RequesterOptions> = {}) {
  const clock = new VirtualClock();
  const broker = await createBroker({ dataFolder: '/data', disk: new SimulatedDisk(), clock });
  const requester = new Requester({ broker, clock, ...options });
  const responder = new Responder({ broker });
  const respond = (handler: RequestHandler, more: RespondOptions = {}) =>
    responder.respond('prices', { clock, ...more }, handler);
  const end = async (): Promise<void> => {
    await requester.close({ timeoutMs: 0 });
    await responder.close({ timeoutMs: 0 });
    await broker.close();
  };
  return { clock, broker, requester, respond, [Symbol.asyncDispose]: end };
}

function textOf({ body }: Delivery): string {
  return new TextDecoder().decode(body);
}

async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** What came to a topic, by hand instead of a Responder. */
async function requestsOf(broker: Broker): Promise<readonly Delivery[]> {
  for (let tries = 0; tries < 50; tries += 1) {
    const deliveries = await broker.receive('prices', { group: 'by hand', max: 10 });
    if (deliveries.length > 0) return deliveries;
    await turns(2);
  }
  return [];
}

async function replyTo(broker: Broker, request: Delivery | undefined, body: string): Promise<void> {
  const { [REPLY_TO_HEADER]: topic = '', [CORRELATION_ID_HEADER]: id = '' } = request?.headers ?? {};
  await broker.send(topic, { body, headers: { [CORRELATION_ID_HEADER]: id } });
}

test('each request gets the reply to it, whatever the order in which they are answered', async () => {
  await using world = await setUp();
  const calls = ['tea', 'milk', 'sugar'].map((body) => world.requester.request('prices', { body }));
  const requests = [...(await requestsOf(world.broker))];
  while (requests.length < 3) requests.push(...(await requestsOf(world.broker)));
  for (const request of requests.toReversed()) await replyTo(world.broker, request, `${textOf(request)}!`);
  assert.deepEqual((await Promise.all(calls)).map(textOf), ['tea!', 'milk!', 'sugar!']);
  assert.equal(new Set(requests.map(({ headers }) => headers[REPLY_TO_HEADER])).size, 1, 'one topic for all');
  const { answeredCount, pendingCount, lateCount } = world.requester.state;
  assert.deepEqual([answeredCount, pendingCount, lateCount], [3, 0, 0]);
});

test('a responder answers with what its handler returns, and acks', async () => {
  await using world = await setUp();
  const responding = world.respond(({ text }) => ({ body: `${text}: 3.50`, headers: { currency: 'EUR' } }), {
    concurrency: 4,
  });
  const replies = await Promise.all(['tea', 'milk'].map((body) => world.requester.request('prices', { body })));
  assert.deepEqual(replies.map(textOf), ['tea: 3.50', 'milk: 3.50']);
  assert.equal(replies[0]?.headers.currency, 'EUR');
  await turns();
  assert.deepEqual([responding.state.repliedCount, responding.state.ackedCount], [2, 2]);
});

test('a handler that fails is asked again, and the request is answered then', async () => {
  await using world = await setUp();
  let tries = 0;
  world.respond(
    ({ delivery }) => {
      tries += 1;
      if (delivery.deliveryCount === 1) throw new Error('not now');
      return 'at last';
    },
    { backOffBy: 'broker' },
  );
  assert.equal(textOf(await world.requester.request('prices', { body: 'tea' })), 'at last');
  assert.equal(tries, 2);
});

test('a request that nobody answers in time is told so, and its late reply is dropped and counted', async () => {
  await using world = await setUp({ timeoutMs: 500 });
  const call = world.requester.request('prices', { body: 'tea' });
  const refused = assert.rejects(call, { code: 'MQ_TIMEOUT' });
  const [request] = await requestsOf(world.broker);
  await world.clock.pass(500);
  await refused;
  assert.deepEqual([world.requester.state.pendingCount, world.requester.state.timedOutCount], [0, 1]);
  await replyTo(world.broker, request, 'too late');
  await turns();
  assert.deepEqual([world.requester.state.lateCount, world.requester.state.answeredCount], [1, 0]);
});

test('an aborted request ends at once and leaves nothing behind', async () => {
  await using world = await setUp();
  const abort = new AbortController();
  const call = world.requester.request('prices', { body: 'tea' }, { signal: abort.signal });
  const refused = assert.rejects(call, { code: 'MQ_ABORTED' });
  abort.abort(new Error('never mind'));
  await refused;
  await assert.rejects(world.requester.request('prices', { body: 'tea' }, { signal: abort.signal }), {
    code: 'MQ_ABORTED',
  });
  assert.equal(world.requester.state.pendingCount, 0);
});

test('no more requests wait than the bound says', async () => {
  await using world = await setUp({ inFlightMax: 2 });
  const calls = [1, 2].map(() => world.requester.request('prices', { body: 'tea' }));
  await assert.rejects(world.requester.request('prices', { body: 'tea' }), { code: 'MQ_LIMIT_EXCEEDED' });
  world.respond(() => 'here');
  assert.equal((await Promise.all(calls)).length, 2);
  assert.equal(textOf(await world.requester.request('prices', { body: 'tea' })), 'here');
});

test('what cannot be sent is told to who asked, and the next request goes on', async () => {
  await using world = await setUp();
  await assert.rejects(world.requester.request('$mine', { body: 'tea' }), { code: 'MQ_INVALID_ARGUMENT' });
  const given = { body: 'tea', headers: { [REPLY_TO_HEADER]: 'elsewhere' } };
  await assert.rejects(world.requester.request('prices', given), { code: 'MQ_INVALID_ARGUMENT' });
  await assert.rejects(world.requester.request('prices', { body: 'tea' }, { timeoutMs: 0 }), {
    code: 'MQ_INVALID_ARGUMENT',
  });
  world.respond(() => 'here');
  assert.equal(textOf(await world.requester.request('prices', { body: 'tea' })), 'here');
  assert.equal(world.requester.state.pendingCount, 0);
});

test('when the topic for replies is gone, who waits is told, and the next request makes another', async () => {
  await using world = await setUp();
  const call = world.requester.request('prices', { body: 'tea' });
  const refused = assert.rejects(call, { code: 'MQ_CONNECTION_LOST' });
  await requestsOf(world.broker);
  const before = world.requester.state.replyTopic;
  await world.broker.deleteTopic(before ?? '');
  await refused;
  assert.equal(world.requester.state.replyTopic, null);
  world.respond(() => 'here', { group: 'others' });
  assert.equal(textOf(await world.requester.request('prices', { body: 'tea' })), 'here');
  assert.notEqual(world.requester.state.replyTopic, before);
});

test('a topic for replies stays however long nobody asks anything', async () => {
  await using world = await setUp();
  world.respond(() => 'here');
  await world.requester.request('prices', { body: 'tea' });
  const { replyTopic } = world.requester.state;
  for (let minute = 0; minute < 5; minute += 1) {
    await world.clock.pass(60_000);
    await turns();
  }
  await world.requester.request('prices', { body: 'tea' });
  assert.equal(world.requester.state.replyTopic, replyTopic);
});

test('close waits for the replies that are due, refuses what comes after, and deletes its topic', async () => {
  await using world = await setUp();
  const call = world.requester.request('prices', { body: 'tea' });
  const [request] = await requestsOf(world.broker);
  const topic = world.requester.state.replyTopic ?? '';
  const closing = world.requester.close();
  await assert.rejects(world.requester.request('prices', { body: 'tea' }), { code: 'MQ_CLOSED' });
  await replyTo(world.broker, request, 'just in time');
  assert.equal(textOf(await call), 'just in time');
  await closing;
  await assert.rejects(world.broker.describeTopics({ topic }), { code: 'MQ_UNKNOWN_TOPIC' });
});

test('close gives up on replies that do not come, after the time it was given', async () => {
  await using world = await setUp();
  const refused = assert.rejects(world.requester.request('prices', { body: 'tea' }), { code: 'MQ_CLOSED' });
  await requestsOf(world.broker);
  const closing = world.requester.close({ timeoutMs: 200 });
  await world.clock.pass(200);
  await Promise.all([refused, closing]);
});

test('a request is sent again under the same id when its answer was lost, and answered once', async () => {
  await using world = await setUp();
  const ids: (string | undefined)[] = [];
  let isLost = true;
  const flaky = Object.create(world.broker, {
    send: {
      value: async (...call: Parameters<Broker['send']>) => {
        const receipt = await world.broker.send(...call);
        ids.push(call[1].id);
        if (!isLost) return receipt;
        isLost = false;
        throw new MqError('MQ_CONNECTION_LOST', 'cut');
      },
    },
    capabilities: { value: world.broker.capabilities },
    limits: { value: world.broker.limits },
    createTemporaryTopic: { value: () => world.broker.createTemporaryTopic() },
    receive: { value: (...call: Parameters<Broker['receive']>) => world.broker.receive(...call) },
    ack: { value: (...call: Parameters<Broker['ack']>) => world.broker.ack(...call) },
    deleteTopic: { value: (topic: string) => world.broker.deleteTopic(topic) },
  }) as Broker;
  await using requester = new Requester({ broker: flaky, clock: world.clock, retry: { delayMs: 1 } });
  const call = requester.request('prices', { body: 'tea' });
  for (let tries = 0; ids.length < 2 && tries < 100; tries += 1) {
    await turns(3);
    await world.clock.pass(1);
  }
  assert.ok(ids.length === 2 && ids[0] !== undefined && ids[0] === ids[1]);
  const responding = world.respond(() => 'here');
  assert.equal(textOf(await call), 'here');
  for (let tries = 0; responding.state.ackedCount < 2 && tries < 50; tries += 1) await turns(3);
  await turns();
  assert.deepEqual([requester.state.answeredCount, requester.state.lateCount], [1, 1]);
});

test('a reply for somebody who is gone, or where it may not go, is dropped and counted; the request is done', async () => {
  await using world = await setUp();
  const responding = world.respond(() => 'anybody?', { mayReplyTo: (topic) => topic.startsWith('$temp/') });
  for (const topic of ['$temp/gone', 'secrets'])
    await world.broker.send('prices', { body: 'tea', headers: { [REPLY_TO_HEADER]: topic } });
  await world.broker.send('prices', { body: 'no answer wanted' });
  for (let tries = 0; responding.state.ackedCount < 3 && tries < 50; tries += 1) await turns(3);
  const { ackedCount, droppedCount, repliedCount } = responding.state;
  assert.deepEqual([ackedCount, droppedCount, repliedCount], [3, 2, 0]);
  await assert.rejects(world.broker.describeTopics({ topic: 'secrets' }), { code: 'MQ_UNKNOWN_TOPIC' });
});

test('a broker that has no temporary topics is refused at once', async () => {
  await using broker = await createWithout({
    dataFolder: '/data',
    disk: new SimulatedDisk(),
    clock: new VirtualClock(),
  });
  assert.throws(() => new Requester({ broker }), { code: 'MQ_NOT_SUPPORTED' });
});
