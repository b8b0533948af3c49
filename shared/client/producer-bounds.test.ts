import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { createBroker } from '../../stages/1-blocking-queue/index.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import { Producer } from './producer.ts';
import { openOnQueue, type Send } from './testing/producer-on-queue.ts';
import { rejectsWith } from './testing/producer-world.ts';

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
    const { producer } = await openOnQueue(counting, { inFlightMax: 3, batchCountMax: 1 });
    await Promise.all(Array.from({ length: 30 }, () => producer.send('t', { body: '' })));
    assert.equal(most, 3);
  });

  test('the line has a bound: the send beyond it is refused with MQ_LIMIT_EXCEEDED', async () => {
    const stuck = (): Send => () => new Promise(() => undefined);
    const { clock, producer } = await openOnQueue(stuck, { inFlightMax: 1, waitingMax: 2 });
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
    const { clock, producer } = await openOnQueue(slow, { inFlightMax: 1, waitingBytesMax: 100 });
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
    const { clock, producer } = await openOnQueue(stuck, { inFlightMax: count });
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
