import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Delivery, DeliveryRef } from '../contract/message.ts';
import { SeededRandom } from '../random.ts';
import { AckDesk } from './ack-desk.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import { checkConsumerOptions } from './consumer-options.ts';
import { lagOf, sendAll } from './testing/steps.ts';

type Ack = Broker['ack'];

/** Ten messages in the hands of a consumer, and every ack the broker is sent, which `ack` may replace. */
async function open(ack?: (broker: Ack) => Ack) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await createBroker({ clock, random });
  const calls: number[][] = [];
  const inner = ack === undefined ? broker.ack.bind(broker) : ack(broker.ack.bind(broker));
  broker.ack = (deliveries: readonly DeliveryRef[], options) => {
    calls.push(deliveries.map(({ offset }) => offset ?? -1));
    return inner(deliveries, options);
  };
  await sendAll(broker, [...'abcdefghij']);
  const consumer = new Consumer({ broker, topic: 't', clock, random, ackMode: 'explicit', leaseMs: 6000 });
  const loop = consumer[Symbol.asyncIterator]();
  const messages: ConsumedMessage[] = [];
  while (messages.length < 10) {
    const { value } = await loop.next();
    assert.ok(value);
    messages.push(value);
  }
  return { clock, broker, consumer, calls, messages };
}

const codeOf = (result: PromiseSettledResult<void>): string =>
  result.status === 'fulfilled' ? 'acked' : isMqError(result.reason) ? result.reason.code : String(result.reason);

test('acks of one tick go in one call, and a lonely one goes at once', async () => {
  const { broker, consumer, calls, messages } = await open();
  await messages[0]?.ack();
  await Promise.all(messages.slice(1, 9).map((message) => message.ack()));
  await messages[9]?.ack();
  assert.deepEqual(calls, [[0], [1, 2, 3, 4, 5, 6, 7, 8], [9]]);
  assert.deepEqual([await lagOf(broker), consumer.state.ackedCount], [0, 10]);
});

test('while a call is under way acks gather, and go together after it', async () => {
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { clock, calls, messages } = await open((ack) => async (...args) => {
    await held;
    return ack(...args);
  });
  const acks = [messages[0]?.ack()];
  await clock.pass(1);
  for (const message of messages.slice(1)) {
    acks.push(message.ack());
    await clock.pass(1);
  }
  assert.deepEqual(calls, [[0]]);
  letGo();
  await Promise.all(acks);
  assert.deepEqual(calls, [[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
});

test('of acks that share a call each is told what became of its own message', async () => {
  const { broker, consumer, calls, messages } = await open();
  // A seek voids the leases.
  await broker.seek('t', { group: 'default', to: { offset: 7 } });
  const settled = await Promise.allSettled(messages.map((message) => message.ack()));
  assert.deepEqual(settled.map(codeOf), Array(10).fill('MQ_LEASE_EXPIRED'));
  assert.deepEqual([calls.length, consumer.state.lostCount], [1, 10]);
  const other = await open();
  const [first] = other.messages;
  assert.ok(first);
  await other.broker.nack(first.delivery, { outcome: 'return' });
  const results = await Promise.allSettled(other.messages.map((message) => message.ack()));
  assert.deepEqual(results.map(codeOf), ['MQ_LEASE_EXPIRED', ...Array(9).fill('acked')]);
  assert.deepEqual([other.consumer.state.lostCount, other.consumer.state.ackedCount], [1, 9]);
  assert.equal(await lagOf(other.broker), 10);
});

test('a call that fails for a while is repeated whole, and later acks wait for it', async () => {
  let failures = 2;
  const { clock, calls, messages } = await open((ack) => (...args) => {
    failures -= 1;
    return failures >= 0 ? Promise.reject(new MqError('MQ_CONNECTION_LOST', 'cut')) : ack(...args);
  });
  const acks = messages.slice(0, 3).map((message) => message.ack());
  await clock.pass(0);
  acks.push(...messages.slice(3).map((message) => message.ack()));
  await Promise.all([clock.pass(1000), ...acks]);
  assert.deepEqual(calls, [
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
    [3, 4, 5, 6, 7, 8, 9],
  ]);
});

test('what close could not wait for is told so, and its messages are lost to this consumer', async () => {
  const { clock, consumer, messages } = await open(() => () => new Promise(() => undefined));
  const settled = Promise.allSettled(messages.map((message) => message.ack()));
  await Promise.all([consumer.close({ timeoutMs: 10 }), clock.pass(10)]);
  assert.deepEqual((await settled).map(codeOf), Array(10).fill('MQ_ABORTED'));
  assert.deepEqual([consumer.state.status, consumer.state.lostCount], ['closed', 10]);
});

test('the signal of a message is aborted also for a handler that asks for it after its lease was lost', async () => {
  const { broker, messages } = await open();
  const [early, late] = messages;
  const { signal } = early ?? assert.fail();
  await broker.seek('t', { group: 'default', to: 'earliest' });
  await Promise.allSettled([early?.ack(), late?.ack()]);
  assert.ok(signal.aborted);
  assert.ok(late?.signal.aborted && isMqError(late.signal.reason, 'MQ_LEASE_EXPIRED'));
});

test('a call has no more acks than the broker takes, and of offsets under one token each is told its own', async () => {
  const clock = new VirtualClock();
  const inner = await createBroker({ clock });
  const calls: number[][] = [];
  const broker: Broker = Object.assign(Object.create(inner), {
    ack: async (deliveries: readonly DeliveryRef[]) => {
      calls.push(deliveries.map(({ offset }) => offset ?? -1));
      const failed = deliveries.filter(({ offset }) => offset === 1);
      if (failed.length > 0) throw new MqError('MQ_LEASE_EXPIRED', 'late', { details: { failed: failed as never } });
    },
  });
  Object.defineProperty(broker, 'limits', { value: { ...inner.limits, receiveCountMax: 4 } });
  const acks = new AckDesk(checkConsumerOptions({ broker, topic: 't', clock }));
  const place = { topic: 't', partition: 0, group: 'g', memberId: 'm', leaseToken: 'shared' };
  const settled = await Promise.allSettled(
    Array.from({ length: 6 }, (_, offset) => acks.ack({ ...place, offset } as Delivery)),
  );
  assert.deepEqual(calls, [
    [0, 1, 2, 3],
    [4, 5],
  ]);
  assert.deepEqual(settled.map(codeOf), ['acked', 'MQ_LEASE_EXPIRED', 'acked', 'acked', 'acked', 'acked']);
});
