import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BrokerOptions } from '../../shared/broker-options.ts';
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import type { TopicDescription } from '../../shared/contract/description.ts';
import { type ErrorCode, isMqError } from '../../shared/contract/errors.ts';
import type { QueueView } from '../../shared/contract/inside.ts';
import { SeededRandom } from '../../shared/random.ts';
import { createBroker } from './index.ts';

const rejectsWith = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => isMqError(error, code));

async function open(options?: BrokerOptions): Promise<{ broker: Broker; clock: VirtualClock }> {
  const clock = new VirtualClock();
  return { clock, broker: await createBroker({ clock, random: new SeededRandom(7), ...options }) };
}

async function describeOne(broker: Broker, topic: string): Promise<TopicDescription> {
  const [description] = await broker.describeTopics({ topic });
  assert.ok(description);
  return description;
}

describe('what can be seen', () => {
  test('a description counts what is held, dropped and waiting', async () => {
    const { broker } = await open();
    await broker.createTopic('t', { messagesMax: 2, overflow: 'drop-oldest' });
    for (const body of ['a', 'b', 'c']) await broker.send('t', { body });
    const description = await describeOne(broker, 't');
    assert.equal(description.availableCount, 2);
    assert.equal(description.droppedCount, 1);
    assert.equal(description.lag, 2);
    assert.deepEqual([description.logStartOffset, description.logEndOffset], [1, 3]);
    const receives = [1, 2, 3].map(() => broker.receive('empty', { waitMs: 1000 }));
    assert.equal((await describeOne(broker, 'empty')).waiterCount, 3);
    await broker.close();
    await Promise.all(receives);
  });

  test('inspect shows the slots, both lines and how long each call has waited', async () => {
    const { broker, clock } = await open({ topicDefaults: { messagesMax: 2 } });
    assert.ok(broker.inspect);
    await broker.sendBatch('t', [
      { body: 'tea\n', id: 'a' },
      { body: 'milk', id: 'b' },
    ]);
    const sends = ['c', 'd'].map((id) => broker.send('t', { body: '', id }));
    await clock.pass(40);
    assert.deepEqual(await broker.inspect('t', { max: 1 }), {
      kind: 'queue',
      topic: 't',
      capacity: 2,
      size: 2,
      slots: [{ offset: 0, id: 'a', bytes: 4, preview: 'tea·' }],
      waitingSends: [{ who: 'c', waitedMs: 40 }],
      waitingReceives: [],
      waitingSendsCount: 2,
      waitingReceivesCount: 0,
    });
    await broker.receive('t', { max: 9 });
    await Promise.all(sends);
    const receive = broker.receive('empty', { waitMs: 1000, memberId: 'cook' });
    const { waitingReceives } = (await broker.inspect('empty')) as QueueView;
    assert.deepEqual(waitingReceives, [{ who: 'cook', waitedMs: 0 }]);
    await broker.close();
    await receive;
  });
});

describe('close', () => {
  test('waiting sends reject, waiting receives answer with nothing, new calls reject', async () => {
    const { broker } = await open({ topicDefaults: { messagesMax: 1 } });
    await broker.send('full', { body: '' });
    const send = rejectsWith(broker.send('full', { body: '' }), 'MQ_CLOSED');
    const receive = broker.receive('empty', { waitMs: 1000 });
    await broker.close({ timeoutMs: 10 });
    await broker.close();
    await send;
    assert.deepEqual(await receive, []);
    await rejectsWith(broker.send('t', { body: '' }), 'MQ_CLOSED');
    await rejectsWith(broker.receive('t'), 'MQ_CLOSED');
    await rejectsWith(broker.createTopic('t'), 'MQ_CLOSED');
    await rejectsWith(broker.describeTopics(), 'MQ_CLOSED');
  });
});
