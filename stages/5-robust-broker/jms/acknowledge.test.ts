/** When messages are finished, and when they come again, over brokers of several stages and a TCP client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IllegalStateException, Session, UnsupportedOperationException } from './index.ts';
import { openTarget } from './testing/targets.ts';
import { Listened, next, nextTexts, sendTexts, started } from './testing/texts.ts';

for (const name of ['stage 2', 'stage 4', 'stage 5', 'tcp'] as const) {
  test(`${name}: what is received is finished, and what is not goes to the next session`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession();
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b', 'c']);
    const first = await session.createConsumer(queue);
    assert.deepEqual(await nextTexts(first, 1), ['a']);
    await session.close();
    const other = connection.createSession(false, Session.DUPS_OK_ACKNOWLEDGE);
    const consumer = await other.createConsumer(queue);
    const message = await next(consumer);
    assert.deepEqual([message.getText(), message.getJMSRedelivered()], ['b', false], 'it was never taken');
    assert.deepEqual(await nextTexts(consumer, 1), ['c']);
    assert.equal(await consumer.receiveNoWait(), null);
  });

  test(`${name}: a message acknowledges all that its session was delivered`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b', 'c', 'd']);
    const consumer = await session.createConsumer(queue);
    assert.deepEqual(await nextTexts(consumer, 1), ['a']);
    const second = await next(consumer);
    await second.acknowledge();
    assert.deepEqual(await nextTexts(consumer, 2), ['c', 'd'], 'more than is prefetched, and not acknowledged');
    await session.recover();
    const again = await next(consumer);
    assert.deepEqual([again.getText(), again.getJMSRedelivered()], ['c', true]);
    assert.equal(again.getIntProperty('JMSXDeliveryCount'), 2);
    assert.deepEqual(await nextTexts(consumer, 1), ['d']);
    await again.acknowledge();
    await session.recover();
    assert.equal(await consumer.receiveNoWait(), null);
  });

  test(`${name}: after recover all comes again in its order, what was prefetched too`, async () => {
    await using target = await openTarget(name, { prefetch: 3 });
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    const texts = Array.from({ length: 12 }, (_, number) => `${number}`);
    await sendTexts(session, queue, texts);
    const consumer = await session.createConsumer(queue);
    for (const count of [1, 5, 2]) {
      assert.deepEqual(await nextTexts(consumer, count), texts.slice(0, count));
      await session.recover();
    }
    assert.deepEqual(await nextTexts(consumer, 12), texts);
  });

  test(`${name}: what a session had not acknowledged when it was closed comes again, known as such`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b']);
    assert.deepEqual(await nextTexts(await session.createConsumer(queue), 1), ['a']);
    await session.close();
    const consumer = await connection.createSession().createConsumer(queue);
    const [again, other] = [await next(consumer), await next(consumer)];
    assert.deepEqual([again.getText(), again.getJMSRedelivered()], ['a', true]);
    assert.deepEqual([other.getText(), other.getJMSRedelivered()], ['b', false], 'nobody had taken it');
  });

  test(`${name}: a message can be acknowledged alone`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.INDIVIDUAL_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b', 'c']);
    const consumer = await session.createConsumer(queue);
    await next(consumer);
    const second = await next(consumer);
    await second.acknowledge();
    await second.acknowledge();
    await session.recover();
    assert.deepEqual(await nextTexts(consumer, 2), ['a', 'c']);
  });

  test(`${name}: a message of a closed consumer can be acknowledged until the session ends`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b']);
    const consumer = await session.createConsumer(queue);
    const message = await next(consumer);
    await consumer.close();
    await message.acknowledge();
    await session.close();
    const other = connection.createSession();
    assert.deepEqual(await nextTexts(await other.createConsumer(queue), 1), ['b']);
  });

  test(`${name}: what a listener fails at comes again at once, and before the others`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const told: string[] = [];
    connection.setExceptionListener((exception) => void told.push(exception.message));
    const session = connection.createSession();
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b', 'c']);
    const consumer = await session.createConsumer(queue);
    const listened = new Listened();
    consumer.setMessageListener((message) => {
      listened.note(message);
      if (listened.texts.length === 2) throw new Error('no b today');
    });
    await listened.reaches(4);
    assert.deepEqual(listened.texts, ['a', 'b', 'b', 'c']);
    assert.deepEqual(told, ['Error: no b today']);
  });

  test(`${name}: a listener may recover its session, also one that acknowledges by itself`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession();
    const queue = session.createQueue('orders');
    await sendTexts(session, queue, ['a', 'b']);
    const consumer = await session.createConsumer(queue);
    const listened = new Listened();
    consumer.setMessageListener(async (message) => {
      listened.note(message);
      if (listened.texts.length === 1) await session.recover();
    });
    await listened.reaches(3);
    assert.deepEqual(listened.texts, ['a', 'a', 'b']);
  });
}

test('a topic does not wait for a closed consumer whose messages are finished', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
  const topic = session.createTopic('news');
  const consumer = await session.createConsumer(topic);
  await sendTexts(session, topic, ['a']);
  const message = await next(consumer);
  await consumer.close();
  const groups = async (): Promise<number | undefined> =>
    (await target.broker.describeTopics({ topic: 'topic/news' }))[0]?.groups.length;
  assert.equal(await groups(), 1, 'it can still be acknowledged');
  await message.acknowledge();
  assert.equal(await groups(), 0);
});

test('without leases a message is finished when it is handed out: it cannot be acknowledged later', async () => {
  await using target = await openTarget('stage 1');
  await using connection = await started(target.factory.createConnection());
  const isRefused = (error: unknown): boolean =>
    error instanceof UnsupportedOperationException &&
    error.errorCode === 'MQ_NOT_SUPPORTED' &&
    /"lease"/.test(error.message);
  assert.throws(() => connection.createSession(false, Session.CLIENT_ACKNOWLEDGE), isRefused);
  assert.throws(() => connection.createSession(false, Session.INDIVIDUAL_ACKNOWLEDGE), isRefused);
  assert.throws(() => connection.createSession(true), /"transactions"/);
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  await sendTexts(session, queue, ['a', 'b', 'c']);
  const consumer = await session.createConsumer(queue);
  assert.deepEqual(await nextTexts(consumer, 2), ['a', 'b']);
  assert.deepEqual(await target.broker.receive('orders').then((left) => left.length), 1, 'nothing is taken unasked');
  await assert.rejects(session.createConsumer(session.createTopic('news')), /"groups"/);
});

test('without leases a listener is handed one message after the other', async () => {
  await using target = await openTarget('stage 1');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  await sendTexts(session, queue, ['a', 'b', 'c']);
  const listened = new Listened();
  (await session.createConsumer(queue)).setMessageListener(listened.note);
  await listened.reaches(3);
  assert.deepEqual(listened.texts, ['a', 'b', 'c']);
});

test('recover is for sessions that are not transacted, commit and rollback for those that are', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const [plain, transacted] = [connection.createSession(), connection.createSession(true)];
  await assert.rejects(transacted.recover(), IllegalStateException);
  await assert.rejects(plain.commit(), IllegalStateException);
  await assert.rejects(plain.rollback(), IllegalStateException);
});
