/** Leases on bad connections: late answers, long waits, brokers that throw where they should reject. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';

const LEASE_MS = 3000;

/** A consumer with one handler that never ends; `handled` are the messages it was given. */
async function open(change: (broker: Broker, clock: VirtualClock) => void, options: Partial<ConsumerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await createBroker({ clock, random });
  await broker.createTopic('t');
  change(broker, clock);
  const consumer = new Consumer({ broker, topic: 't', clock, random, leaseMs: LEASE_MS, ...options });
  const handled: ConsumedMessage[] = [];
  void consumer.onMessage((message) => {
    handled.push(message);
    return new Promise(() => undefined);
  });
  return { clock, broker, consumer, handled };
}

const after = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimer(resolve, ms);
  });

const unreachable = (): Promise<never> => Promise.reject(new MqError('MQ_UNREACHABLE', 'no route'));

test('a lease counts from the asking: what came late and cannot be extended is lost before a lease after its arrival', async () => {
  const { clock, broker, handled } = await open((broker, clock) => {
    const receive = broker.receive.bind(broker);
    broker.receive = async (...args) => {
      const deliveries = await receive(...args);
      await after(clock, 2500);
      return deliveries;
    };
    broker.extendLease = unreachable;
  });
  await broker.send('t', { body: 'a' });
  await clock.pass(2600);
  assert.equal(handled[0]?.isLost, false);
  // It arrived 2.5 s late with half a second left, and its holder is told a sweep later, not three.
  await clock.pass(1000);
  assert.equal(handled[0]?.isLost, true);
  assert.ok(isMqError(handled[0]?.signal.reason, 'MQ_LEASE_EXPIRED'));
});

test('a message that came after a wait longer than the lease is extended at once, and kept', async () => {
  let extendedCount = 0;
  const { clock, broker, consumer, handled } = await open(
    (broker, clock) => {
      const extendLease = broker.extendLease.bind(broker);
      broker.extendLease = async (...args) => {
        extendedCount += 1;
        await after(clock, 400);
        return extendLease(...args);
      };
    },
    { waitMs: 20_000, concurrency: 2 },
  );
  await clock.pass(15_000);
  await broker.send('t', { body: 'first' });
  await clock.pass(8990);
  const extendedBefore = extendedCount;
  await broker.send('t', { body: 'second' });
  await clock.pass(1);
  assert.deepEqual([extendedCount - extendedBefore, handled.length], [1, 2]);
  // The next sweep, for the first message, comes before that extension is answered.
  await clock.pass(60_000);
  assert.deepEqual([consumer.state.handlingCount, consumer.state.lostCount], [2, 0]);
});

test('a broker that throws where it should reject loses the message and crashes nobody', async () => {
  const { clock, broker, consumer, handled } = await open((broker) => {
    broker.extendLease = () => {
      throw new TypeError('thrown, not rejected');
    };
  });
  await broker.send('t', { body: 'a' });
  await clock.pass(1500);
  assert.match(String(handled[0]?.signal.reason), /thrown, not rejected/);
  assert.equal(consumer.state.lostCount, 1);
  assert.match(String(consumer.state.reason), /thrown, not rejected/);
});

test('an extension that never answers is as good as none: the message is lost when its lease has ended', async () => {
  const { clock, broker, consumer, handled } = await open((broker) => {
    broker.extendLease = () => new Promise(() => undefined);
  });
  await broker.send('t', { body: 'a' });
  await clock.pass(0);
  await clock.pass(LEASE_MS - 1);
  assert.equal(handled[0]?.isLost, false);
  await clock.pass(1);
  assert.equal(handled[0]?.isLost, true);
  assert.equal(consumer.state.lostCount, 1);
});
