import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '../../stages/2-ring-buffer/index.ts';
import { isMqError } from '../contract/errors.ts';
import { Consumer } from './consumer.ts';
import { LogConsumer } from './log-consumer.ts';
import { Producer } from './producer.ts';

/** What untyped code could give instead of options. */
const untyped = (options: unknown): never => options as never;
const makers: readonly ((options?: unknown) => unknown)[] = [
  (options) => new Producer(untyped(options)),
  (options) => new Consumer(untyped(options)),
  (options) => new LogConsumer(untyped(options)),
];

const refusedAt = (path: string) => (error: unknown) =>
  isMqError(error, 'MQ_INVALID_ARGUMENT') && error.details.path === path;

test('a client that is given no broker says so at once, and not at its first call', async () => {
  const broker = await createBroker();
  for (const make of makers) {
    for (const nothing of [undefined, {}, { broker: null }, { broker: 'ring-buffer' }, { broker: { send() {} } }]) {
      assert.throws(() => make(nothing), refusedAt('options.broker'));
    }
    for (const noObject of [null, 5, []]) assert.throws(() => make(noObject), refusedAt('options'));
    const without = (member: object): unknown => Object.assign(Object.create(broker), member);
    assert.throws(() => make({ broker: without({ limits: null }) }), refusedAt('options.broker.limits'));
    assert.throws(() => make({ broker: without({ capabilities: [] }) }), refusedAt('options.broker.capabilities'));
  }
});

test('a clock, a source of randomness, a callback or a handler that is none is refused', async () => {
  const whole = { broker: await createBroker(), topic: 't', group: 'g' };
  const [makeProducer, ...makeConsumers] = makers;
  const both = [
    [makeProducer, { broker: whole.broker }] as const,
    ...makeConsumers.map((make) => [make, whole] as const),
  ];
  for (const [make, options] of both) {
    assert.throws(() => make?.({ ...options, clock: 1 }), refusedAt('options.clock'));
    assert.throws(() => make?.({ ...options, clock: { now: () => 0 } }), refusedAt('options.clock'));
    assert.throws(() => make?.({ ...options, random: {} }), refusedAt('options.random'));
  }
  assert.throws(() => new Consumer({ ...whole, onState: untyped('log') }), refusedAt('options.onState'));
  await assert.rejects(new Consumer(whole).onMessage(untyped(undefined)), refusedAt('handler'));
});
