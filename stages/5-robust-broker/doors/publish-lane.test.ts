/** What is published in one turn leaves together, and each message has its own fate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Message } from '../../../shared/contract/message.ts';
import { codeOf, openExchange, read } from './testing/doors-of.ts';

const QUEUE = { kind: 'queue', name: 'orders' } as const;
const TOPIC = { kind: 'topic', name: 'news' } as const;

/** The broker, and its calls that send, by how many messages they had. */
function counting(broker: Broker): { readonly view: Broker; readonly calls: number[] } {
  const calls: number[] = [];
  const get = (target: Broker, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    if (typeof value !== 'function') return value;
    return (...args: readonly unknown[]): unknown => {
      if (name === 'send') calls.push(1);
      if (name === 'sendBatch') calls.push((args[1] as readonly unknown[]).length);
      return Reflect.apply(value, target, args);
    };
  };
  return { view: new Proxy(broker, { get }), calls };
}

for (const stage of [1, 2, 5] as const) {
  test(`stage ${stage}: messages of one turn are one batch, in their order, each with its receipt`, async () => {
    await using opened = await openExchange(stage);
    const { view, calls } = counting(opened.broker);
    const receipts = await Promise.all(
      ['a', 'b', 'c'].map((body) => opened.exchange.publish(view, QUEUE, { body, id: `id-${body}` })),
    );
    assert.deepEqual(
      receipts.map((receipt) => [receipt?.offset, receipt?.id]),
      [
        [0, 'id-a'],
        [1, 'id-b'],
        [2, 'id-c'],
      ],
    );
    await opened.exchange.publish(view, QUEUE, { body: 'd' });
    assert.deepEqual(calls, [3, 1]);
    const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
    await opened.clock.pass(0);
    assert.deepEqual(reader.taken(), ['a', 'b', 'c', 'd']);
  });
}

test('a message with a key, or for later, goes alone, between its neighbours', async () => {
  await using opened = await openExchange();
  const { view, calls } = counting(opened.broker);
  const messages = [{ body: 'a' }, { body: 'b' }, { body: 'c', key: 'k' }, { body: 'd' }, { body: 'e', delayMs: 1 }];
  const receipts = await Promise.all(messages.map((message) => opened.exchange.publish(view, QUEUE, message)));
  assert.deepEqual(calls, [2, 1, 1, 1]);
  assert.deepEqual(
    receipts.map((receipt) => receipt?.offset),
    [0, 1, 2, 3, null],
  );
});

test('one that is refused takes none of its neighbours with it', async () => {
  await using opened = await openExchange();
  const { exchange, broker, clock } = opened;
  const { bodyBytesMax, headersBytesMax } = broker.limits;
  // The one is too large to share a batch, the other makes the broker refuse the batch that it is in.
  const tooLarge: readonly Message[] = [
    { body: new Uint8Array(bodyBytesMax + 1) },
    { body: 'b', headers: { long: 'x'.repeat(headersBytesMax + 1) } },
  ];
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
  for (const message of tooLarge) {
    const messages = [{ body: 'a' }, message, { body: 'c' }];
    const codes = await Promise.all(messages.map((each) => codeOf(exchange.publish(broker, QUEUE, each))));
    assert.deepEqual(codes, [undefined, 'MQ_MESSAGE_TOO_LARGE', undefined]);
    await clock.pass(0);
    assert.deepEqual(reader.taken(), ['a', 'c']);
  }
});

test('a broker that has closed refuses all of them', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  await broker.close();
  const codes = await Promise.all(['a', 'b'].map((body) => codeOf(exchange.publish(broker, QUEUE, { body }))));
  assert.deepEqual(codes, ['MQ_CLOSED', 'MQ_CLOSED']);
});

test('of a topic nobody awaits all are dropped, and whether somebody does is asked once a turn', async () => {
  await using opened = await openExchange();
  const { exchange, broker } = opened;
  const publish = () => Promise.all(['a', 'b'].map((body) => exchange.publish(broker, TOPIC, { body })));
  assert.deepEqual(await publish(), [null, null]);
  await broker.createTopic('topic/news');
  assert.deepEqual(await publish(), [null, null]);
  await broker.createGroup('topic/news', 'of somebody else');
  assert.deepEqual(
    (await publish()).map((receipt) => receipt?.offset),
    [0, 1],
  );
});

test('what comes in a later turn goes its own way, to one place and then another, and back', async () => {
  await using opened = await openExchange();
  const { view, calls } = counting(opened.broker);
  const other = { kind: 'queue', name: 'returns' } as const;
  const send = (to: typeof QUEUE | typeof other, body: string): Promise<unknown> =>
    opened.exchange.publish(view, to, { body });
  await send(QUEUE, 'a');
  await send(QUEUE, 'b');
  await send(other, 'c');
  await Promise.all([send(QUEUE, 'd'), send(other, 'e'), send(QUEUE, 'f')]);
  assert.deepEqual(calls, [1, 1, 1, 2, 1]);
  const reader = await read(opened, { destination: QUEUE, subscriber: { kind: 'queue' } });
  await opened.clock.pass(0);
  assert.deepEqual(reader.taken(), ['a', 'b', 'd', 'f']);
});
