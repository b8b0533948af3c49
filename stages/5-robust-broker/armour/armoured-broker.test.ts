import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { createBroker } from '../index.ts';
import { CHANNELS } from '../observe/channels.ts';
import type { ArmourOptions } from './armoured-broker.ts';

test('memory that is full is told in health, in metrics and on the channel of flow control; sends wait meanwhile', async () => {
  const clock = new VirtualClock();
  let used = 0;
  const memory = { highBytes: 1000, lowBytes: 500, gauge: () => used };
  await using broker = await createBroker({ clock, flushPolicy: 'never', memory });
  const told: unknown[] = [];
  const listen = (event: object): void => void told.push({ ...event, source: undefined, at: undefined });
  const channel = process.getBuiltinModule('node:diagnostics_channel').channel(CHANNELS.flowControl.name);
  const onMessage = (event: unknown): void => listen(event as object);
  channel.subscribe(onMessage);
  const blocked = (): unknown => broker.metrics?.().find(({ name }) => name === 'mq_memory_blocked')?.series[0]?.value;
  assert.deepEqual([broker.health?.().isReady, blocked()], [true, 0]);
  used = 2000;
  await clock.pass(250);
  const sent = broker.send('t', { body: 'x' });
  await clock.pass(0);
  assert.deepEqual(
    broker.health?.().findings.map(({ code }) => code),
    ['memory-full'],
  );
  assert.deepEqual([broker.health?.().isReady, blocked()], [false, 1]);
  used = 400;
  await clock.pass(250);
  await sent;
  assert.equal(broker.health?.().isReady, true);
  channel.unsubscribe(onMessage);
  assert.deepEqual(
    told.map((event) => JSON.stringify(event)),
    ['{"isOn":true,"why":"memory"}', '{"isOn":false,"why":"memory"}'],
  );
});

test('a group that does not keep up is told on its channel, and treated as its rule says', async () => {
  const clock = new VirtualClock();
  const slowConsumers = [{ topics: 'news.*', availableMax: 5, policy: 'drop-oldest' }] as const;
  await using broker = await createBroker({ clock, flushPolicy: 'never', slowConsumers });
  const told = Promise.withResolvers<unknown>();
  const channel = process.getBuiltinModule('node:diagnostics_channel').channel(CHANNELS.slowConsumer.name);
  channel.subscribe(told.resolve);
  await broker.receive('news.a', { group: 'g', memberId: 'm' });
  await broker.sendBatch(
    'news.a',
    Array.from({ length: 20 }, (_, index) => ({ body: String(index) })),
  );
  await clock.pass(1000);
  const { topic, group, memberId, action } = (await told.promise) as Readonly<Record<string, unknown>>;
  channel.unsubscribe(told.resolve);
  assert.deepEqual([topic, group, memberId, action], ['news.a', 'g', 'm', 'drop-oldest']);
  let left = await broker.describeTopics({ topic: 'news.a' });
  while ((left[0]?.availableCount ?? 0) > 5) {
    await clock.pass(0); // the look is under way
    left = await broker.describeTopics({ topic: 'news.a' });
  }
  assert.equal(left[0]?.availableCount, 5);
});

test('what is closed is closed with its timers, and refuses like any broker', async () => {
  const clock = new VirtualClock();
  const slowConsumers = [{ topics: '*', availableMax: 5, policy: 'block' }] as const;
  const broker = await createBroker({ clock, flushPolicy: 'never', memory: { highBytes: 1e15 }, slowConsumers });
  await broker.send('t', { body: 'x' });
  await broker.close();
  await assert.rejects(broker.send('t', { body: 'x' }), { code: 'MQ_CLOSED' });
  await assert.rejects(broker.receive('t'), { code: 'MQ_CLOSED' });
  await broker.close();
});

test('options that are misspelt, of the wrong type or out of range are refused with their path', async () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ memory: {} }, 'options.memory.highBytes'],
    [{ memory: { highBytes: 0 } }, 'options.memory.highBytes'],
    [{ memory: { highBytes: 5, lowBytes: 6 } }, 'options.memory.lowBytes'],
    [{ memory: { highBytes: 5, gauge: 7 } }, 'options.memory.gauge'],
    [{ memory: { high: 5 } }, 'options.memory.high'],
    [{ slowConsumers: {} }, 'options.slowConsumers'],
    [{ slowConsumers: [{ topics: 'a*b', availableMax: 1 }] }, 'options.slowConsumers[0].topics'],
    [{ slowConsumers: [{ topics: 'a' }] }, 'options.slowConsumers[0].availableMax'],
    [{ slowConsumers: [{ topics: 'a', availableMax: 1, policy: 'drop' }] }, 'options.slowConsumers[0].policy'],
  ];
  for (const [options, path] of wrong) {
    await assert.rejects(createBroker(options as ArmourOptions), { code: 'MQ_INVALID_ARGUMENT', details: { path } });
  }
  const unknown = { dataFoldr: 'x', halfCheck: { intervalMs: 5 } } as ArmourOptions;
  await assert.rejects(createBroker(unknown), {
    message: /^options\.dataFoldr .*\(known: dataFolder, .*, halfCheck, memory, slowConsumers, /,
  });
});
