import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { createBroker } from '../2-ring-buffer/index.ts';
import { untilWaiting } from './testing/doors.ts';
import { until } from './testing/until.ts';
import { reachedOverHttp } from './whole.ts';

const isClosed = (error: unknown): boolean => isMqError(error, 'MQ_CLOSED');

/** Sockets of this process that listen. */
function listenerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
}

test('what cannot be put together is closed again: nothing listens, and the broker takes no calls', async () => {
  const ring = await createBroker();
  const broken: Broker = new Proxy(ring, {
    get: (target, name) => {
      if (name === 'limits') return { ...target.limits, bodyBytesMax: 0 };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await assert.rejects(reachedOverHttp(broken), (error) => isMqError(error, 'MQ_PROTOCOL'));
  await until('nothing listens', () => listenerCount() === 0);
  await assert.rejects(ring.describeTopics(), isClosed);
});

test('closing the whole closes every part in one time-out, and each waiting call learns what became of it', async () => {
  const ring = await createBroker();
  const whole = await reachedOverHttp(ring);
  await whole.createTopic('t', { messagesMax: 1 });
  await whole.send('t', { body: 'full' });
  const send = assert.rejects(whole.send('t', { body: 'never' }), isClosed);
  const receive = whole.receive('u', { waitMs: 60_000 });
  await untilWaiting(ring, 't', 1);
  await untilWaiting(ring, 'u', 1);
  await whole.close();
  await send;
  assert.deepEqual(await receive, []);
  await until('nothing listens', () => listenerCount() === 0);
  await assert.rejects(ring.describeTopics(), isClosed);
  await assert.rejects(whole.describeTopics(), isClosed);
});
