/** Topics, durable subscribers, selectors, temporary destinations and browsers, over brokers of several stages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  IllegalStateException,
  InvalidDestinationException,
  InvalidSelectorException,
  Queue,
  Session,
  Topic,
  UnsupportedOperationException,
} from './index.ts';
import { openTarget } from './testing/targets.ts';
import { Listened, next, nextTexts, sendTexts, started, textOf } from './testing/texts.ts';

for (const name of ['stage 2', 'stage 4', 'stage 5', 'tcp'] as const) {
  test(`${name}: each consumer of a topic gets each message from when it came on`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const [one, two] = [connection.createSession(), connection.createSession()];
    const topic = one.createTopic('news');
    await sendTexts(one, topic, ['nobody awaits it']);
    const first = await one.createConsumer(topic);
    await sendTexts(one, topic, ['a']);
    const second = await two.createConsumer(topic);
    await sendTexts(one, topic, ['b']);
    assert.deepEqual(await nextTexts(first, 2), ['a', 'b']);
    const [message] = [await next(second)];
    assert.equal(message.getText(), 'b');
    assert.equal(String(message.getJMSDestination()), 'topic://news');
    assert.equal(await second.receiveNoWait(), null);
  });

  test(`${name}: a durable subscriber gets what came while it was away, until it unsubscribes`, async () => {
    await using target = await openTarget(name, { clientId: 'anna' });
    const connection = await started(target.factory.createConnection());
    const session = connection.createSession();
    const topic = session.createTopic('news');
    const subscriber = await session.createDurableSubscriber(topic, 'mine');
    await assert.rejects(session.createDurableSubscriber(topic, 'mine'), IllegalStateException, 'it is in use');
    await assert.rejects(session.unsubscribe('mine'), IllegalStateException);
    await sendTexts(session, topic, ['a']);
    assert.deepEqual(await nextTexts(subscriber, 1), ['a']);
    await connection.close();
    await using again = await started(target.factory.createConnection());
    const other = again.createSession();
    await sendTexts(other, topic, ['b']);
    const back = await other.createDurableSubscriber(topic, 'mine');
    assert.deepEqual(await nextTexts(back, 1), ['b']);
    await back.close();
    await other.unsubscribe('mine');
    await assert.rejects(other.unsubscribe('mine'), InvalidDestinationException);
    await sendTexts(other, topic, ['c']);
    assert.equal(await (await other.createDurableSubscriber(topic, 'mine')).receiveNoWait(), null);
  });

  test(`${name}: a browser sees what waits, and takes nothing`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    const queue = session.createQueue('orders');
    const see = async (selector: string | null = null): Promise<(string | null)[]> => {
      const texts: (string | null)[] = [];
      for await (const message of session.createBrowser(queue, selector)) texts.push(textOf(message));
      return texts;
    };
    assert.deepEqual(await see(), []);
    const producer = session.createProducer(queue);
    for (let number = 0; number < 250; number += 1) {
      const message = session.createTextMessage(`${number}`);
      message.setIntProperty('number', number);
      await producer.send(message);
    }
    assert.deepEqual(
      await see(),
      Array.from({ length: 250 }, (_, number) => `${number}`),
    );
    assert.deepEqual(await see('number BETWEEN 120 AND 122'), ['120', '121', '122']);
    const consumer = await session.createConsumer(queue);
    const message = await next(consumer);
    assert.equal((await see()).length, 250, 'it is in other hands, and not finished');
    await message.acknowledge();
    assert.equal((await see()).length, 249);
    assert.throws(() => session.createBrowser(queue, 'number =='), InvalidSelectorException);
    const browser = session.createBrowser(queue);
    await browser.close();
    await assert.rejects(browser[Symbol.asyncIterator]().next(), IllegalStateException);
  });
}

for (const name of ['stage 5', 'tcp'] as const) {
  test(`${name}: a selector chooses; of a queue the rest stays for others, of a topic it is nothing to the subscriber`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession();
    const [queue, topic] = [session.createQueue('orders'), session.createTopic('news')];
    const many = await session.createConsumer(queue, 'count > 5');
    const some = await session.createConsumer(topic, 'count > 5');
    assert.equal(many.getMessageSelector(), 'count > 5');
    for (const destination of [queue, topic]) {
      const producer = session.createProducer(destination);
      for (const count of [1, 9]) {
        const message = session.createTextMessage(`${count}`);
        message.setIntProperty('count', count);
        await producer.send(message);
      }
    }
    assert.deepEqual(await nextTexts(many, 1), ['9']);
    assert.deepEqual(await nextTexts(some, 1), ['9']);
    assert.deepEqual(await nextTexts(await session.createConsumer(queue), 1), ['1']);
    await assert.rejects(session.createConsumer(queue, 'count >'), InvalidSelectorException);
  });

  test(`${name}: a question is answered to the temporary queue it names, which goes with its connection`, async () => {
    await using target = await openTarget(name);
    const connection = await started(target.factory.createConnection());
    await using other = await started(target.factory.createConnection());
    const answering = other.createSession();
    const questions = answering.createQueue('questions');
    const anywhere = answering.createProducer(null);
    const asked = await answering.createConsumer(questions);
    asked.setMessageListener(async (message) => {
      const answer = answering.createTextMessage(`${textOf(message)}!`);
      answer.setJMSCorrelationID(message.getJMSMessageID());
      const replyTo = message.getJMSReplyTo();
      if (replyTo !== null) await anywhere.send(replyTo, answer);
    });
    const session = connection.createSession();
    const answers = await session.createTemporaryQueue();
    const consumer = await session.createConsumer(answers);
    const question = session.createTextMessage('tea');
    question.setJMSReplyTo(answers);
    await session.createProducer(questions).send(question);
    const answer = await next(consumer);
    assert.deepEqual([answer.getText(), answer.getJMSCorrelationID()], ['tea!', question.getJMSMessageID()]);
    await assert.rejects(answering.createConsumer(answers), InvalidDestinationException, 'it is not its own');
    await assert.rejects(answers.delete(), IllegalStateException, 'it is read');
    await consumer.close();
    await answers.delete();
    const left = await session.createTemporaryTopic();
    await connection.close();
    const names = (await target.broker.describeTopics()).map(({ topic }) => topic);
    assert.deepEqual(
      names.filter((topic) => topic.startsWith('$temp/')),
      [],
      left.getTopicName(),
    );
  });
}

test('a temporary topic is read by all consumers of its connection', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const topic = await session.createTemporaryTopic();
  const consumers = [await session.createConsumer(topic), await session.createConsumer(topic)];
  await sendTexts(session, topic, ['a']);
  for (const consumer of consumers) assert.deepEqual(await nextTexts(consumer, 1), ['a']);
});

test('who subscribes durably says who it is', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await target.factory.createConnection();
  const session = connection.createSession();
  await assert.rejects(session.createDurableSubscriber(session.createTopic('news'), 'mine'), IllegalStateException);
  await assert.rejects(session.unsubscribe('mine'), IllegalStateException);
});

test('what a broker cannot do is refused by the name of the capability it lacks', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await target.factory.createConnection();
  const session = connection.createSession();
  const lacks = (capability: string) => (error: unknown) =>
    error instanceof UnsupportedOperationException && error.message.includes(`"${capability}"`);
  await assert.rejects(session.createConsumer(session.createQueue('a'), 'n = 1'), lacks('filters'));
  await assert.rejects(session.createTemporaryQueue(), lacks('filters'));
  const producer = session.createProducer(session.createQueue('a'));
  await assert.rejects(producer.send(session.createMessage(), { priority: 9 }), lacks('priority'));
  await assert.rejects(producer.send(session.createMessage(), { deliveryDelay: 1 }), lacks('delay'));
  await assert.rejects(producer.send(session.createMessage(), { timeToLive: 1 }), lacks('ttl'));
});

test('two listeners of a queue share it, two of a topic do not', async () => {
  await using target = await openTarget('stage 5', { prefetch: 1 });
  await using connection = await started(target.factory.createConnection());
  const listened = new Listened();
  const sessions = [connection.createSession(), connection.createSession()];
  for (const session of sessions) {
    for (const destination of [session.createQueue('q'), session.createTopic('t')]) {
      (await session.createConsumer(destination)).setMessageListener(listened.note);
    }
  }
  const [session] = sessions;
  assert.ok(session !== undefined);
  await sendTexts(session, session.createQueue('q'), ['q1', 'q2', 'q3']);
  await sendTexts(session, session.createTopic('t'), ['t1', 't2']);
  await listened.reaches(7);
  assert.deepEqual([...listened.texts].sort(), ['q1', 'q2', 'q3', 't1', 't1', 't2', 't2']);
});

test('destinations say what they are', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await target.factory.createConnection();
  const session = connection.createSession();
  const [queue, topic] = [session.createQueue('茶'), session.createTopic('a.b')];
  assert.ok(queue instanceof Queue && topic instanceof Topic);
  assert.deepEqual([queue.getQueueName(), topic.getTopicName()], ['茶', 'a.b']);
  assert.deepEqual([`${queue}`, `${topic}`], ['queue://茶', 'topic://a.b']);
});
