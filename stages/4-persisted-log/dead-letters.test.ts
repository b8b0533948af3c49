/** Dead letters of the broker of stage 4: kept once, brought back once, through every kind of end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEAD_LETTER_HEADERS, deadLetterTopicOf } from '../../shared/contract/message.ts';
import { atEveryCall, openVirtual, type VirtualBroker } from './testing/virtual-broker.ts';

const DEAD = deadLetterTopicOf('t', 'g');

/** A topic whose group has been handed all of it, nothing finished. */
async function withDelivered(count: number): Promise<VirtualBroker> {
  const opened = await openVirtual();
  await opened.broker.createGroup(await topicOf(opened), 'g', { deliveriesMax: 2 });
  for (let index = 0; index < count; index += 1) await opened.broker.send('t', { body: `m-${index}` });
  return opened;
}

async function topicOf({ broker }: VirtualBroker): Promise<string> {
  await broker.createTopic('t');
  return 't';
}

async function reject(opened: VirtualBroker, reason?: string): Promise<void> {
  const delivery = await opened.receiveOne('t', 'g');
  await opened.broker.nack(delivery, reason === undefined ? { outcome: 'reject' } : { outcome: 'reject', reason });
}

async function lettersIn(opened: VirtualBroker): Promise<string[]> {
  const topics = await opened.broker.describeTopics();
  return topics.some(({ topic }) => topic === DEAD) ? await opened.read(DEAD) : [];
}

test('a dead letter says what happened to its message', async () => {
  const opened = await withDelivered(0);
  const { broker, clock } = opened;
  await broker.send('t', { body: 'bad', key: 'k', id: 'order-1', headers: { a: 'b' } });
  const firstAt = clock.now();
  await broker.nack(await opened.receiveOne('t', 'g'), { reason: 'first' });
  await clock.pass(50);
  await broker.nack(await opened.receiveOne('t', 'g'), { reason: 'second' });
  const [letter] = (await broker.fetch(DEAD)).records;
  assert.deepEqual([letter?.id, letter?.key], ['order-1', 'k']);
  assert.deepEqual(
    { ...letter?.headers },
    {
      a: 'b',
      [DEAD_LETTER_HEADERS.topic]: 't',
      [DEAD_LETTER_HEADERS.group]: 'g',
      [DEAD_LETTER_HEADERS.partition]: '0',
      [DEAD_LETTER_HEADERS.offset]: '0',
      [DEAD_LETTER_HEADERS.reason]: 'deliveries',
      [DEAD_LETTER_HEADERS.deliveryCount]: '2',
      [DEAD_LETTER_HEADERS.firstAt]: String(firstAt),
      [DEAD_LETTER_HEADERS.lastAt]: String(firstAt + 50),
      [DEAD_LETTER_HEADERS.error]: 'second',
    },
  );
});

test('a power cut at any moment of a rejection: the message comes again, or its letter is kept, once', async () => {
  const count = await atEveryCall(
    () => withDelivered(2),
    (opened) => reject(opened),
    async (disk, { opened, call }) => {
      const after = await opened.on(disk);
      await after.clock.pass(60_000);
      const letters = await lettersIn(after);
      const again = await after.drain('t', 'g');
      assert.deepEqual([...letters, ...again].sort(), ['m-0', 'm-1'], `at call ${call}`);
    },
  );
  assert.ok(count > 20, `${count} moments`);
});

test('a power cut at any moment of a redrive: the letter is there, or back with its group, once', async () => {
  const count = await atEveryCall(
    async () => {
      const opened = await withDelivered(2);
      await reject(opened);
      await reject(opened);
      return opened;
    },
    async ({ broker }) => {
      const [, { id = '' } = {}] = (await broker.fetch(DEAD, { max: 2 })).records;
      assert.equal(await broker.redrive('t', { group: 'g', ids: [id] }), 1);
    },
    async (disk, { opened, call }) => {
      // Closed in order once: the snapshot of the topic has the copy behind it then.
      await (await opened.on(disk)).broker.close();
      const after = await opened.on(disk);
      const letters = await lettersIn(after);
      const again = await after.drain('t', 'g');
      assert.deepEqual([...letters, ...again].sort(), ['m-0', 'm-1'], `at call ${call}`);
      await after.broker.redrive('t', { group: 'g' });
      assert.deepEqual(await after.drain('t', 'g'), letters, `a second redrive after call ${call}`);
    },
  );
  assert.ok(count > 3, `${count} moments`);
});

test('while its letter cannot be kept the message is neither delivered nor lost, and it is kept later', async () => {
  const opened = await withDelivered(2);
  const { broker, clock, disk } = opened;
  disk.onCall = ({ path, kind }) => (path.includes('dead') && kind !== 'exists' ? { code: 'EIO' } : undefined);
  await reject(opened).catch(() => undefined);
  assert.deepEqual(await opened.drain('t', 'g'), ['m-1']);
  assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.groups[0]?.lag, 2, 'it is not finished');
  disk.onCall = undefined;
  await clock.pass(120_000);
  assert.deepEqual(await lettersIn(opened), ['m-0']);
  assert.equal((await broker.describeTopics({ topic: 't' }))[0]?.groups[0]?.lag, 0);
});

test('a message that was dying when the broker ended is kept at the next start', async () => {
  const opened = await withDelivered(1);
  const { disk } = opened;
  disk.onCall = ({ path, kind }) => (path.includes('dead') && kind !== 'exists' ? { code: 'EIO' } : undefined);
  await reject(opened).catch(() => undefined);
  await opened.broker.createGroup('t', 'other');
  const after = await opened.afterPowerCut();
  await after.clock.pass(1000);
  assert.deepEqual(await lettersIn(after), ['m-0']);
  assert.deepEqual(await after.drain('t', 'g'), []);
});

test('letters go back or away by id, oldest first, and those that went are not read any more', async () => {
  const opened = await withDelivered(5);
  const { broker } = opened;
  for (let index = 0; index < 5; index += 1) await reject(opened);
  const ids = (await broker.fetch(DEAD, { max: 9 })).records.map(({ id }) => id);
  assert.equal(await broker.redrive('t', { group: 'g', ids: [ids[3] ?? '', 'unknown'] }), 1);
  assert.equal(await broker.dropDeadLetters('t', { group: 'g', max: 1 }), 1);
  assert.deepEqual(await opened.read(DEAD), ['m-1', 'm-2', 'm-4']);
  assert.deepEqual(await opened.drain('t', 'g'), ['m-3']);
  const after = await opened.afterPowerCut();
  assert.deepEqual(await after.read(DEAD), ['m-1', 'm-2', 'm-4']);
  assert.equal(await after.broker.redrive('t', { group: 'g' }), 3);
  assert.deepEqual(await after.drain('t', 'g'), ['m-1', 'm-2', 'm-4']);
  assert.equal((await after.broker.describeTopics({ topic: DEAD }))[0]?.availableCount, 0);
});

test('a redriven message that dies again is a letter again, with its new history', async () => {
  const opened = await withDelivered(1);
  await reject(opened, 'one');
  await opened.broker.redrive('t', { group: 'g' });
  await reject(opened, 'two');
  const { records } = await opened.broker.fetch(DEAD, { offset: 1, max: 9 });
  assert.deepEqual(
    records.map(({ headers }) => [headers['$dead-error'], headers['$dead-offset']]),
    [['two', '1']],
  );
});

test('what dies among the dead letters is done with, and not sent round', async () => {
  const opened = await withDelivered(1);
  const { broker } = opened;
  await reject(opened);
  await broker.nack(await opened.receiveOne(DEAD, 'readers'), { outcome: 'reject' });
  const names = (await broker.describeTopics()).map(({ topic }) => topic);
  assert.deepEqual(names, [DEAD, 't']);
  const [description] = await broker.describeTopics({ topic: DEAD });
  assert.equal(description?.groups[0]?.deadCount, 1);
});

test('the dead letters of a group go with it, and those of a topic with the topic', async () => {
  const opened = await withDelivered(1);
  const { broker } = opened;
  await reject(opened);
  await broker.deleteGroup('t', 'g');
  assert.deepEqual(
    (await broker.describeTopics()).map(({ topic }) => topic),
    ['t'],
  );
  await broker.createGroup('t', 'g');
  await reject(opened);
  await broker.deleteTopic('t');
  assert.deepEqual(await broker.describeTopics(), []);
  assert.deepEqual(await (await opened.afterPowerCut()).broker.describeTopics(), []);
});

test('the dead letters of an ephemeral group go when it dies', async () => {
  const opened = await withDelivered(0);
  const { broker, clock } = opened;
  await broker.createGroup('t', 'passing', { isEphemeral: true });
  await broker.send('t', { body: 'a' });
  await broker.nack(await opened.receiveOne('t', 'passing'), { outcome: 'reject' });
  assert.equal((await broker.describeTopics()).length, 2);
  await clock.pass(61_000);
  assert.deepEqual(
    (await broker.describeTopics()).map(({ topic, groups }) => [topic, groups.map(({ group }) => group)]),
    [['t', ['g']]],
  );
});

test('a thousand letters come back in order, and to their group only', async () => {
  const opened = await withDelivered(0);
  const { broker } = opened;
  await broker.createGroup('t', 'other');
  const bodies = Array.from({ length: 1000 }, (_, index) => `m-${index}`);
  await broker.sendBatch(
    't',
    bodies.map((body) => ({ body })),
  );
  const deliveries = await broker.receive('t', { group: 'g', max: 1000 });
  await Promise.all(deliveries.map((delivery) => broker.nack(delivery, { outcome: 'reject' })));
  const redriven = await Promise.all([broker.redrive('t', { group: 'g' }), broker.redrive('t', { group: 'g' })]);
  assert.equal(redriven[0] + redriven[1], 1000);
  assert.deepEqual(await opened.drain('t', 'g'), bodies);
  assert.deepEqual(await opened.drain('t', 'other'), bodies);
  assert.deepEqual((await broker.fetch('t', { offset: 1000, max: 9 })).records, []);
});

test('a group that reads dead letters goes on when those before it went away', async () => {
  const opened = await openVirtual();
  const { broker } = opened;
  await broker.createTopic('t');
  await broker.createGroup('t', 'g');
  const dead = deadLetterTopicOf('t', 'g');
  const kill = async (body: string): Promise<void> => {
    await broker.send('t', { body });
    await broker.nack(await opened.receiveOne('t', 'g'), { outcome: 'reject' });
  };
  for (const body of ['a', 'b', 'c']) await kill(body);
  await broker.createGroup(dead, 'watching');
  assert.equal(await broker.dropDeadLetters('t', { group: 'g', max: 2 }), 2);
  assert.deepEqual(await opened.drain(dead, 'watching'), ['c']);
  assert.equal(await broker.dropDeadLetters('t', { group: 'g' }), 1);
  await kill('d');
  assert.deepEqual(await opened.drain(dead, 'watching'), ['d']);
  await broker.close();
});

test('no letter outlives its topic or its group, at whatever moment of a death it is deleted', async () => {
  for (const what of ['topic', 'group'] as const) {
    for (let turns = 0; turns < 200; turns += 4) {
      const opened = await withDelivered(1);
      const { broker } = opened;
      const death = broker.nack(await opened.receiveOne('t', 'g'), { outcome: 'reject' }).catch(() => undefined);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await (what === 'topic' ? broker.deleteTopic('t') : broker.deleteGroup('t', 'g'));
      await death;
      await opened.clock.pass(0);
      const topics = (await broker.describeTopics()).map(({ topic }) => topic);
      assert.deepEqual(topics, what === 'topic' ? [] : ['t'], `${what} after ${turns}`);
      await broker.close();
    }
  }
});

test('a nack waits for its own dead letter, and not for those of others that die after it', async () => {
  const opened = await withDelivered(3);
  const { broker, clock, disk } = opened;
  await reject(opened);
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let syncCount = 0;
  disk.onCall = ({ kind, path }) => {
    if (kind !== 'sync' || !path.includes('dead') || !path.includes('/p0/')) return undefined;
    const gate = gates[syncCount];
    syncCount += 1;
    return gate === undefined ? undefined : { until: gate.promise };
  };
  const settled: string[] = [];
  for (const name of ['first', 'second']) {
    const delivery = await opened.receiveOne('t', 'g');
    void broker.nack(delivery, { outcome: 'reject' }).then(() => settled.push(name));
    await clock.pass(0);
  }
  gates[0]?.resolve();
  await clock.pass(0);
  assert.deepEqual(settled, ['first']);
  gates[1]?.resolve();
  await clock.pass(0);
  assert.deepEqual(settled, ['first', 'second']);
});
