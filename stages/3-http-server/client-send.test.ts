import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../shared/clock.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { type RoomOptions, Sender } from './client-send.ts';
import type { Answer } from './exchange.ts';
import type { Call, Transport, Wait } from './transport.ts';

const ANSWER: Answer = { status: 200, headers: {}, body: Buffer.from('{}') };

type Wire = Pick<Transport, 'request' | 'wait'>;
const FULL = new MqError('MQ_QUEUE_FULL', 'full');

/** A transport that answers "full" after the time it was asked to wait, `fullCount` times, and then accepts. */
function transportOf(clock: VirtualClock, fullCount: number, answersAfterMs = (askedMs: number) => askedMs) {
  const asked: [string, string][] = [];
  let left = fullCount;
  const answer = async ({ path }: Call, { lane, waitMs }: { lane: string; waitMs: number }): Promise<Answer> => {
    asked.push([path, lane]);
    if (left === 0) return ANSWER;
    left -= 1;
    await new Promise<void>((resolve) => clock.setTimer(resolve, answersAfterMs(waitMs)));
    throw FULL;
  };
  const transport: Wire = {
    request: (call) => answer(call, { lane: 'calls', waitMs: 0 }),
    wait: ({ callOf, lane, waitMs }) => answer(callOf(waitMs), { lane, waitMs }),
  };
  return { asked, transport };
}

const NO_OPTIONS: RoomOptions = { partition: undefined, timeoutMs: undefined, signal: undefined };

function send(transport: Wire, clock: VirtualClock, options: Partial<RoomOptions> = {}): Promise<Answer> {
  const message = { body: new Uint8Array([1]), id: 'a' };
  return new Sender(transport, clock).sendOne('/p', message, { ...NO_OPTIONS, ...options });
}

test('where there is room a send is one request that waits for nothing', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 0);
  await send(transport, clock);
  assert.deepEqual(asked, [['/p?timeoutMs=0', 'calls']]);
});

test('a send without a time-out waits as long as it takes, a minute a request, on connections of its own', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 4);
  const sent = send(transport, clock);
  await clock.pass(180_000);
  await sent;
  assert.deepEqual(asked, [['/p?timeoutMs=0', 'calls'], ...Array(4).fill(['/p?timeoutMs=60000', 'blocked'])]);
});

test('a send with a time-out waits so long in all, and then is told that the topic is full', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 9);
  const sent = send(transport, clock, { timeoutMs: 70_000 });
  const refused = assert.rejects(sent, (error) => isMqError(error, 'MQ_QUEUE_FULL'));
  await clock.pass(70_000);
  await refused;
  assert.deepEqual(
    asked.map(([path]) => path),
    ['/p?timeoutMs=0', '/p?timeoutMs=60000', '/p?timeoutMs=10000'],
  );
});

test('a send that may wait for nothing asks once', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 9);
  const refused = assert.rejects(send(transport, clock, { timeoutMs: 0 }));
  await clock.pass(0);
  await refused;
  assert.equal(asked.length, 1);
});

test('a topic that refuses when full does so before the time is over, and that is the answer', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 9, () => 0);
  const refused = assert.rejects(send(transport, clock));
  await clock.pass(10);
  await refused;
  assert.equal(asked.length, 2);
});

test('an answer that comes a little early by this clock is no last word: no two clocks run alike', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 4, (askedMs) => askedMs * 0.98);
  const sent = send(transport, clock);
  await clock.pass(180_000);
  await sent;
  assert.equal(asked.length, 5);
});

test('a send whose time goes by without a connection on which to wait is told that the topic is full', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 1);
  const wait = async ({ waitMs }: Wait): Promise<undefined> => {
    await new Promise<void>((resolve) => clock.setTimer(resolve, waitMs));
  };
  const refused = assert.rejects(send({ ...transport, wait }, clock, { timeoutMs: 500 }), (error) =>
    isMqError(error, 'MQ_QUEUE_FULL'),
  );
  await clock.pass(500);
  await refused;
  assert.deepEqual(asked, [['/p?timeoutMs=0', 'calls']]);
});

test('a partition is part of the request where the caller chose one, also the first: otherwise the broker chooses', async () => {
  const clock = new VirtualClock();
  const { transport, asked } = transportOf(clock, 0);
  await send(transport, clock, { partition: 3 });
  await send(transport, clock, { partition: 0 });
  assert.deepEqual(asked, [
    ['/p?partition=3&timeoutMs=0', 'calls'],
    ['/p?partition=0&timeoutMs=0', 'calls'],
  ]);
});

test('a server that reads only JSON is sent JSON, and is asked only once whether it reads more', async () => {
  const types: (string | undefined)[] = [];
  const request = async ({ headers, body }: Call): Promise<Answer> => {
    types.push(headers?.['content-type']);
    if (headers?.['content-type'] !== 'application/json') throw new MqError('MQ_UNSUPPORTED_MEDIA_TYPE', 'only JSON');
    return { ...ANSWER, body: Buffer.from(String(body)) };
  };
  const wait = async ({ callOf }: Wait): Promise<Answer> => request(callOf(0));
  const sender = new Sender({ request, wait }, new VirtualClock());
  const message = { body: new Uint8Array([255]), id: 'a', key: 'k' };
  const many = await sender.sendMany('/p', [message, message], NO_OPTIONS);
  const one = await sender.sendOne('/p', message, NO_OPTIONS);
  assert.deepEqual(types, ['application/vnd.stagemq.messages.v1', 'application/json', 'application/json']);
  const json = { body: '/w==', encoding: 'base64', id: 'a', key: 'k' };
  assert.deepEqual(JSON.parse(one.body.toString()), json);
  assert.deepEqual(JSON.parse(many.body.toString()), { messages: [json, json] });
});
