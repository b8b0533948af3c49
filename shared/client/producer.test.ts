import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import { openOnQueue, type Send } from './testing/producer-on-queue.ts';
import { rejectsWith } from './testing/producer-world.ts';

/** Passes time until `promise` has settled. */
async function passUntil(clock: VirtualClock, promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  const settled = promise.then(
    () => {
      isSettled = true;
    },
    () => {
      isSettled = true;
    },
  );
  for (let step = 0; step < 1000 && !isSettled; step += 1) await clock.pass(1000);
  await settled;
}

describe('sending', () => {
  test('a send resolves with the receipt of the broker', async () => {
    const { producer } = await openOnQueue();
    const receipt = await producer.send('t', { body: 'a', id: 'mine' });
    assert.deepEqual([receipt.offset, receipt.id, receipt.durability], [0, 'mine', 'memory']);
    const batch = await producer.sendBatch('t', [{ body: 'b' }, { body: 'c' }]);
    assert.deepEqual([batch.baseOffset, batch.count], [1, 2]);
    assert.equal(new Set(batch.ids).size, 2);
  });

  test('a message keeps its id through all attempts', async () => {
    const ids: (string | undefined)[] = [];
    const { clock, producer } = await openOnQueue((broker) => (topic, message, options) => {
      ids.push(message.id);
      if (ids.length < 4) return Promise.reject(new MqError('MQ_CONNECTION_LOST', 'cut'));
      return broker.send(topic, message, options);
    });
    const sent = producer.send('t', { body: 'x' });
    await passUntil(clock, sent);
    const { id } = await sent;
    assert.deepEqual(ids, [id, id, id, id]);
  });

  test('an error that is not retriable comes back at once', async () => {
    const { producer, clock } = await openOnQueue();
    await rejectsWith(producer.send('', { body: 'x' }), 'MQ_INVALID_ARGUMENT');
    await rejectsWith(producer.send('t', 'no message' as unknown as Message), 'MQ_INVALID_ARGUMENT');
    await rejectsWith(producer.sendBatch('t', undefined as unknown as Message[]), 'MQ_INVALID_ARGUMENT');
    assert.equal(clock.timerCount, 0);
    assert.equal(producer.underWayCount, 0);
  });

  test('what is sent is what the message and the options were at the call, also in line and in a retry', async () => {
    let callCount = 0;
    const flaky = (broker: Broker): Send => {
      return (...args) => {
        callCount += 1;
        return callCount === 1 ? Promise.reject(new MqError('MQ_TIMEOUT', 'late')) : broker.send(...args);
      };
    };
    const { clock, broker, producer } = await openOnQueue(flaky, { inFlightMax: 1, batchCountMax: 1 });
    const message = { id: '', body: '', headers: { tag: '' } };
    const options = { partition: 0 };
    const sends = ['a', 'b', 'c'].map((text) => {
      Object.assign(message, { id: text, body: text });
      message.headers.tag = text;
      return producer.send('t', message, options);
    });
    message.headers.tag = 'later';
    options.partition = 7;
    await passUntil(clock, Promise.all(sends));
    assert.deepEqual(
      (await Promise.all(sends)).map(({ id }) => id),
      ['a', 'b', 'c'],
    );
    const received = await broker.receive('t', { max: 9 });
    const texts = received.map(({ id, body, headers }) => [id, new TextDecoder().decode(body), headers.tag].join());
    assert.deepEqual(texts, ['a,a,a', 'b,b,b', 'c,c,c']);
  });

  test('nothing is thrown synchronously, and what is no message or option is refused with its path', async () => {
    const { producer, broker } = await openOnQueue();
    const broken = {
      get body(): string {
        throw new Error('a getter of the caller');
      },
    };
    await assert.rejects(producer.send('t', broken), /a getter of the caller/);
    const path = (call: Promise<unknown>): Promise<unknown> =>
      call.catch((error: unknown) => isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path);
    assert.equal(await path(producer.send('t', { body: '' }, null as unknown as object)), 'options');
    assert.equal(await path(producer.send('t', { body: '' }, { timeout: 5 } as object)), 'options.timeout');
    assert.equal(await path(producer.send('t', { body: '', ttl: 5 } as Message)), 'message.ttl');
    for (const headers of [['no record'], new Map([['no', 'record']]), 'no record', null]) {
      assert.equal(await path(producer.send('t', { body: '', headers } as unknown as Message)), 'message.headers');
    }
    const sparse: Message[] = [];
    sparse[1] = { body: '' };
    assert.equal(await path(producer.sendBatch('t', sparse)), 'messages[0]');
    assert.equal((await broker.describeTopics()).length, 0);
  });

  test('a message may be an object of a class, with getters', async () => {
    class Order {
      get body(): string {
        return 'from a getter';
      }
    }
    const { producer, broker } = await openOnQueue();
    await producer.send('t', new Order());
    const [delivery] = await broker.receive('t');
    assert.equal(new TextDecoder().decode(delivery?.body), 'from a getter');
  });

  test('with one slot the messages stay in order, also when some must be repeated', async () => {
    let callCount = 0;
    const flaky = (broker: Broker): Send => {
      return (topic, message, options) => {
        callCount += 1;
        if (callCount % 3 === 1) return Promise.reject(new MqError('MQ_TIMEOUT', 'late'));
        return broker.send(topic, message, options);
      };
    };
    const { clock, broker, producer } = await openOnQueue(flaky, { inFlightMax: 1, batchCountMax: 1 });
    const bodies = Array.from({ length: 20 }, (_, index) => String(index));
    const all = Promise.all(bodies.map((body) => producer.send('t', { body })));
    await passUntil(clock, all);
    await all;
    const received = await broker.receive('t', { max: 100 });
    assert.deepEqual(
      received.map(({ body }) => new TextDecoder().decode(body)),
      bodies,
    );
  });

  test('an aborted send rejects with MQ_ABORTED, in line as well as at the broker', async () => {
    const { producer, broker } = await openOnQueue(undefined, { inFlightMax: 1 });
    await broker.createTopic('t', { messagesMax: 1 });
    await producer.send('t', { body: 'fills it' });
    const abort = new AbortController();
    const atBroker = rejectsWith(producer.send('t', { body: 'a' }, { signal: abort.signal }), 'MQ_ABORTED');
    const inLine = rejectsWith(producer.send('t', { body: 'b' }, { signal: abort.signal }), 'MQ_ABORTED');
    abort.abort();
    await Promise.all([atBroker, inLine]);
    assert.equal((await broker.receive('t', { max: 9 })).length, 1);
    await producer.send('t', { body: 'the slot is free again' });
  });
});

describe('the end', () => {
  test('flush resolves when all sends begun before it have settled', async () => {
    const { producer, broker } = await openOnQueue();
    await broker.createTopic('t', { messagesMax: 1 });
    const sends = ['a', 'b'].map((body) => producer.send('t', { body }));
    let isFlushed = false;
    const flushed = producer.flush().then(() => {
      isFlushed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isFlushed, false);
    await broker.receive('t');
    await flushed;
    await Promise.all(sends);
  });

  test('close lets sends under way finish and takes no new ones', async () => {
    const { producer, broker, clock } = await openOnQueue();
    await broker.createTopic('t', { messagesMax: 1 });
    await producer.send('t', { body: 'a' });
    const late = producer.send('t', { body: 'b' });
    const closed = producer.close();
    await rejectsWith(producer.send('t', { body: 'c' }), 'MQ_CLOSED');
    await broker.receive('t');
    await closed;
    assert.equal((await late).offset, 1);
    assert.equal(clock.timerCount, 0);
    await producer.close();
  });

  test('close gives up after timeoutMs, also on a broker that never answers', async () => {
    const stuck = (): Send => () => new Promise(() => undefined);
    const { clock, producer } = await openOnQueue(stuck);
    const refused = rejectsWith(producer.send('t', { body: '' }), 'MQ_CLOSED');
    let isClosed = false;
    const closed = producer.close({ timeoutMs: 500 }).then(() => {
      isClosed = true;
    });
    await clock.pass(499);
    assert.equal(isClosed, false);
    await clock.pass(1);
    await Promise.all([closed, refused]);
  });

  test('a send that close gave up on says whether it may have been stored', async () => {
    const stuck = (): Send => () => new Promise(() => undefined);
    const { clock, producer } = await openOnQueue(stuck, { inFlightMax: 1, batchCountMax: 1 });
    const [atBroker, inLine] = ['a', 'b'].map((body) => producer.send('t', { body }));
    const ended = Promise.allSettled([atBroker, inLine, producer.close({ timeoutMs: 1 })]);
    await clock.pass(1);
    const texts = (await ended).map((result) => (result.status === 'rejected' ? String(result.reason.message) : ''));
    assert.match(texts[0] ?? '', /may have been stored/);
    assert.match(texts[1] ?? '', /was not sent/);
  });
});
