import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/1-blocking-queue/index.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { type ErrorCode, isMqError, MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import { SeededRandom } from '../random.ts';
import { Producer } from './producer.ts';
import type { ProducerOptions } from './producer-options.ts';

type Send = Broker['send'];

const rejectsWith = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isMqError(error, code));

/** A producer on stage 1's broker, whose `send` may be replaced. */
async function open(send?: (broker: Broker) => Send, options: Partial<ProducerOptions> = {}) {
  const clock = new VirtualClock();
  const inner = await createBroker({ clock });
  const changed: Broker = Object.create(inner, {
    ...Object.fromEntries(
      (['sendBatch', 'receive', 'close', 'describeTopics', 'createTopic'] as const).map((name) => [
        name,
        { value: inner[name].bind(inner) },
      ]),
    ),
    send: { value: send === undefined ? inner.send.bind(inner) : send(inner) },
  });
  const producer = new Producer({ broker: changed, clock, random: new SeededRandom(3), ...options });
  return { clock, broker: inner, producer };
}

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
    const { producer } = await open();
    const receipt = await producer.send('t', { body: 'a', id: 'mine' });
    assert.deepEqual([receipt.offset, receipt.id, receipt.durability], [0, 'mine', 'memory']);
    const batch = await producer.sendBatch('t', [{ body: 'b' }, { body: 'c' }]);
    assert.deepEqual([batch.baseOffset, batch.count], [1, 2]);
    assert.equal(new Set(batch.ids).size, 2);
  });

  test('a message keeps its id through all attempts', async () => {
    const ids: (string | undefined)[] = [];
    const { clock, producer } = await open((broker) => (topic, message, options) => {
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
    const { producer, clock } = await open();
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
    const { clock, broker, producer } = await open(flaky, { inFlightMax: 1, batchCountMax: 1 });
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
    const { producer, broker } = await open();
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
    const { producer, broker } = await open();
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
    const { clock, broker, producer } = await open(flaky, { inFlightMax: 1, batchCountMax: 1 });
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
    const { producer, broker } = await open(undefined, { inFlightMax: 1 });
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

describe('bounds', () => {
  test('no more than inFlightMax sends are at the broker at once', async () => {
    let atBroker = 0;
    let most = 0;
    const counting = (broker: Broker): Send => {
      return async (...args) => {
        atBroker += 1;
        most = Math.max(most, atBroker);
        await new Promise((resolve) => setImmediate(resolve));
        atBroker -= 1;
        return broker.send(...args);
      };
    };
    const { producer } = await open(counting, { inFlightMax: 3, batchCountMax: 1 });
    await Promise.all(Array.from({ length: 30 }, () => producer.send('t', { body: '' })));
    assert.equal(most, 3);
  });

  test('the line has a bound: the send beyond it is refused with MQ_LIMIT_EXCEEDED', async () => {
    const stuck = (): Send => () => new Promise(() => undefined);
    const { clock, producer } = await open(stuck, { inFlightMax: 1, waitingMax: 2 });
    const waiting = [rejectsWith(producer.send('t', { body: '' }), 'MQ_CLOSED')];
    await clock.pass(0);
    for (const _ of [1, 2]) waiting.push(rejectsWith(producer.send('t', { body: '' }), 'MQ_CLOSED'));
    await rejectsWith(producer.send('t', { body: '' }), 'MQ_LIMIT_EXCEEDED');
    await rejectsWith(producer.sendBatch('t', [{ body: '' }]), 'MQ_LIMIT_EXCEEDED');
    const closed = producer.close({ timeoutMs: 1 });
    await clock.pass(1);
    await Promise.all([closed, ...waiting]);
  });

  test('the line has a bound in bytes too, and what leaves it makes room again', async () => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = (broker: Broker): Send => {
      return async (...args) => {
        await held;
        return broker.send(...args);
      };
    };
    const { clock, producer } = await open(slow, { inFlightMax: 1, waitingBytesMax: 100 });
    const sends = [producer.send('t', { body: new Uint8Array(500), id: 'i' })];
    await clock.pass(0);
    sends.push(producer.send('t', { body: 'x'.repeat(93), id: 'i', key: '\u00e9', headers: { a: '\u00e9' } }));
    const one = { body: 'x', id: 'i' };
    await rejectsWith(producer.send('t', one), 'MQ_LIMIT_EXCEEDED');
    await rejectsWith(producer.sendBatch('t', [one]), 'MQ_LIMIT_EXCEEDED');
    const abort = new AbortController();
    letGo();
    await Promise.all(sends);
    sends.push(producer.send('t', { body: new Uint8Array(99), id: 'i' }, { signal: abort.signal }));
    abort.abort();
    await rejectsWith(sends.at(-1) ?? held, 'MQ_ABORTED');
    await producer.send('t', { body: new Uint8Array(99), id: 'i' });
  });

  test('twenty thousand sends at once are nothing quadratic: each has a signal, the one they share has one listener', {
    timeout: 20_000,
  }, async () => {
    const count = 20_000;
    const atBroker = new Set<AbortSignal | undefined>();
    const stuck = (): Send => (_topic, _message, options) => {
      atBroker.add(options?.signal);
      return new Promise(() => undefined);
    };
    const { clock, producer } = await open(stuck, { inFlightMax: count });
    const { signal } = new AbortController();
    const sends = Array.from({ length: 2 * count }, () =>
      rejectsWith(producer.send('t', { body: '' }, { signal }), 'MQ_CLOSED'),
    );
    await clock.pass(0);
    assert.equal(atBroker.size, count);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    const closed = producer.close({ timeoutMs: 1 });
    await clock.pass(1);
    await Promise.all([closed, ...sends]);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('options that are misspelt or out of range are refused', async () => {
    const broker = await createBroker();
    const path = (options: object): unknown => {
      try {
        new Producer({ broker, ...options });
      } catch (error) {
        return isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path;
      }
    };
    assert.equal(path({ inFlightMax: 0 }), 'options.inFlightMax');
    assert.equal(path({ inflightMax: 5 }), 'options.inflightMax');
    assert.equal(path({ retry: { delayMs: -1 } }), 'options.retry.delayMs');
  });
});

describe('the end', () => {
  test('flush resolves when all sends begun before it have settled', async () => {
    const { producer, broker } = await open();
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
    const { producer, broker, clock } = await open();
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
    const { clock, producer } = await open(stuck);
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
    const { clock, producer } = await open(stuck, { inFlightMax: 1, batchCountMax: 1 });
    const [atBroker, inLine] = ['a', 'b'].map((body) => producer.send('t', { body }));
    const ended = Promise.allSettled([atBroker, inLine, producer.close({ timeoutMs: 1 })]);
    await clock.pass(1);
    const texts = (await ended).map((result) => (result.status === 'rejected' ? String(result.reason.message) : ''));
    assert.match(texts[0] ?? '', /may have been stored/);
    assert.match(texts[1] ?? '', /was not sent/);
  });
});
