/** Leases kept alive, leases lost, and closing in time: the parts of a consumer that are about time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import { SeededRandom } from '../random.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';

async function open(options: Partial<ConsumerOptions> = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const broker = await createBroker({ clock, random });
  const consumer = new Consumer({ broker, topic: 't', clock, random, leaseMs: 3000, ...options });
  return { clock, broker, consumer };
}

/** A consumer that holds one message, in the hands of a handler that ends when `release` is called. */
async function holding(options: Partial<ConsumerOptions> = {}) {
  const opened = await open(options);
  await opened.broker.send('t', { body: 'a' });
  let release: (error?: Error) => void = () => undefined;
  let message: ConsumedMessage | undefined;
  const finished = opened.consumer.onMessage((given) => {
    message = given;
    return new Promise<void>((resolve, reject) => {
      release = (error) => (error === undefined ? resolve() : reject(error));
    });
  });
  await opened.clock.pass(0);
  assert.ok(message);
  return { ...opened, finished, message, release: (error?: Error) => release(error) };
}

const turns = async (clock: VirtualClock): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await clock.pass(0);
};

async function isDeliverable(broker: Broker): Promise<boolean> {
  const [delivery] = await broker.receive('t', { memberId: 'somebody else' });
  return delivery !== undefined;
}

describe('lease extension', () => {
  test('a message in the hands of a slow handler stays its own far beyond the lease', async () => {
    const { broker, clock, consumer, release, finished } = await holding();
    for (let minute = 0; minute < 4; minute += 1) {
      await clock.pass(60_000);
      assert.ok(!(await isDeliverable(broker)));
    }
    release();
    await turns(clock);
    assert.equal(consumer.state.ackedCount, 1);
    assert.equal(consumer.state.lostCount, 0);
    await consumer.close();
    await finished;
  });

  test('a message that waits in the buffer, or backs off, keeps its lease too', async () => {
    const { broker, clock, consumer } = await open({ ackMode: 'explicit' });
    for (const body of ['fails', 'buffered']) await broker.send('t', { body });
    const { value } = await consumer[Symbol.asyncIterator]().next();
    assert.ok(value);
    await value.retry({ delayMs: 20_000 });
    await clock.pass(15_000);
    assert.deepEqual([consumer.state.backingOffCount, consumer.state.bufferedCount], [1, 1]);
    assert.ok(!(await isDeliverable(broker)));
    await Promise.all([consumer.close(), clock.pass(0)]);
    assert.ok(await isDeliverable(broker));
  });

  test('a message held longer than holdMsMax is let go, and its handler sees it', async () => {
    const { broker, clock, consumer, message, release, finished } = await holding({ holdMsMax: 10_000 });
    await clock.pass(9000);
    assert.ok(!message.isLost);
    await clock.pass(6000);
    assert.ok(message.isLost);
    assert.ok(isMqError(message.signal.reason, 'MQ_LEASE_EXPIRED'));
    assert.equal(consumer.state.lostCount, 1);
    release();
    await turns(clock);
    assert.equal(consumer.state.ackedCount, 0);
    assert.equal(consumer.state.handlingCount + consumer.state.bufferedCount, 1, 'it came again');
    release();
    await Promise.all([consumer.close({ timeoutMs: 1 }), clock.pass(1)]);
    await Promise.all([finished, broker.close()]);
  });

  test('an extension that fails for a while does not lose the message', async () => {
    const { broker, clock, consumer, message, release, finished } = await holding();
    const extendLease = broker.extendLease.bind(broker);
    let callCount = 0;
    broker.extendLease = (...args) => {
      callCount += 1;
      return callCount % 2 === 1 ? Promise.reject(new MqError('MQ_TIMEOUT', 'late')) : extendLease(...args);
    };
    await clock.pass(30_000);
    assert.ok(!message.isLost);
    assert.ok(callCount >= 20);
    release();
    await turns(clock);
    assert.equal(consumer.state.ackedCount, 1);
    await consumer.close();
    await finished;
  });

  test('a seek away takes the message from its handler, which is counted and no crash', async () => {
    const { broker, clock, consumer, message, release, finished } = await holding();
    await broker.seek('t', { group: 'default', to: 'latest' });
    await clock.pass(1000);
    assert.ok(message.isLost);
    release();
    await turns(clock);
    assert.deepEqual([consumer.state.lostCount, consumer.state.ackedCount], [1, 0]);
    await consumer.close();
    await finished;
  });
});

describe('outcomes on a bad connection', () => {
  test('an ack whose answer was lost is repeated and succeeds', async () => {
    const { broker, clock, consumer, release, finished } = await holding();
    const ack = broker.ack.bind(broker);
    let callCount = 0;
    broker.ack = async (...args) => {
      await ack(...args);
      callCount += 1;
      if (callCount < 3) throw new MqError('MQ_CONNECTION_LOST', 'the answer was lost');
    };
    release();
    await clock.pass(1000);
    assert.equal(callCount, 3);
    assert.deepEqual([consumer.state.ackedCount, consumer.state.lostCount], [1, 0]);
    await consumer.close();
    await finished;
    assert.ok(!(await isDeliverable(broker)));
  });

  test('an ack that never comes through is given up after a lease, and the message comes again', async () => {
    const { broker, clock, consumer, release, finished } = await holding({ retry: { attemptsMax: 1000 } });
    const ack = broker.ack.bind(broker);
    broker.ack = () => Promise.reject(new MqError('MQ_UNREACHABLE', 'no route'));
    release();
    await clock.pass(7000);
    assert.equal(consumer.state.lostCount, 1);
    assert.equal(consumer.state.receivedCount, 2);
    broker.ack = ack;
    release();
    await turns(clock);
    assert.equal(consumer.state.ackedCount, 1);
    await consumer.close();
    await finished;
  });
});

describe('close', () => {
  test('it waits for the handlers, gives back what none has begun, and leaves the group', async () => {
    const { broker, clock, consumer, release, finished } = await holding();
    for (const body of ['b', 'c']) await broker.send('t', { body });
    await turns(clock);
    assert.equal(consumer.state.bufferedCount, 2);
    let isClosed = false;
    const closed = consumer.close().then(() => {
      isClosed = true;
    });
    await clock.pass(5000);
    assert.equal(isClosed, false);
    assert.equal(consumer.state.status, 'closing');
    assert.equal(consumer.state.givenBackCount, 2);
    release();
    await Promise.all([closed, finished]);
    assert.equal(consumer.state.ackedCount, 1);
    const [description] = await broker.describeTopics({ topic: 't' });
    assert.deepEqual(description?.groups[0]?.members, []);
    const again = await broker.receive('t', { max: 9 });
    assert.deepEqual(
      again.map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [
        [1, 1],
        [2, 1],
      ],
    );
  });

  test('a handler that never ends is let go after timeoutMs and sees it on its signal', async () => {
    const { clock, consumer, message, broker } = await holding();
    const closed = consumer.close({ timeoutMs: 2000 });
    await clock.pass(1999);
    assert.ok(!message.signal.aborted);
    await clock.pass(1);
    await closed;
    assert.ok(isMqError(message.signal.reason, 'MQ_CLOSED'));
    assert.equal(consumer.state.status, 'closed');
    await turns(clock);
    assert.ok(!(await isDeliverable(broker)), 'the handler may still be at it');
    await clock.pass(3000);
    assert.ok(await isDeliverable(broker), 'its lease ended by itself');
  });

  test('it may be awaited in a handler or loop body that has settled its message, and else runs out of time', async () => {
    for (const isAcked of [true, false]) {
      const { broker, clock, consumer } = await open();
      for (const body of ['a', 'b']) await broker.send('t', { body });
      const read = async (): Promise<void> => {
        for await (const message of consumer) {
          if (isAcked) await message.ack();
          await consumer.close({ timeoutMs: 500 });
        }
      };
      const reading = read();
      await turns(clock);
      assert.equal(consumer.state.status, isAcked ? 'closed' : 'closing');
      await clock.pass(isAcked ? 0 : 500);
      await reading;
      assert.deepEqual([consumer.state.ackedCount, consumer.state.lostCount], isAcked ? [1, 0] : [0, 1]);
      assert.equal(consumer.state.givenBackCount, 1);
    }
  });

  test('a broker that never answers does not hold it up', async () => {
    const { broker, clock, consumer, release, finished } = await holding();
    const stuck = (): Promise<never> => new Promise(() => undefined);
    Object.assign(broker, { ack: stuck, nack: stuck, leave: stuck, receive: stuck, extendLease: stuck });
    release();
    const closed = consumer.close({ timeoutMs: 100 });
    await clock.pass(100);
    await closed;
    await finished;
    assert.equal(consumer.state.status, 'closed');
    assert.equal(consumer.state.lostCount, 1);
  });

  test('a message that backs off is given back at once, as a failure', async () => {
    const { broker, clock, consumer, release, finished } = await holding({
      retry: { delayMs: 60_000, delayMsMax: 60_000 },
    });
    release(new Error('no'));
    await turns(clock);
    assert.equal(consumer.state.backingOffCount, 1);
    await consumer.close();
    await finished;
    const [again] = await broker.receive('t');
    assert.deepEqual([again?.deliveryCount, again?.redeliveryReason], [2, 'retry']);
  });

  test('closing twice, and closing what never began, is no error', async () => {
    const { broker, consumer, clock } = await open();
    await consumer.close();
    await consumer.close();
    assert.equal(consumer.state.status, 'closed');
    await using another = new Consumer({ broker, topic: 't', clock });
    assert.equal(another.state.status, 'idle');
  });
});
