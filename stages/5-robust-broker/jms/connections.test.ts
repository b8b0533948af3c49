/** Connections that start, stop and close; sessions with one thread of control; who waits, and who may not. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { createTcpServer } from '../../4-persisted-log/index.ts';
import {
  createConnectionFactory,
  IllegalStateException,
  InvalidClientIDException,
  InvalidDestinationException,
  JMSException,
  type Message,
  Session,
  UnsupportedOperationException,
} from './index.ts';
import { openTarget } from './testing/targets.ts';
import { Listened, next, nextTexts, sendTexts, started, textOf } from './testing/texts.ts';

test('nothing is delivered before the connection is started, nor while it is stopped', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await target.factory.createConnection();
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  await sendTexts(session, queue, ['a', 'b', 'c']);
  const consumer = await session.createConsumer(queue);
  assert.equal(await consumer.receiveNoWait(), null);
  const waiting = next(consumer);
  await connection.start();
  assert.equal((await waiting).getText(), 'a');
  await connection.stop();
  assert.equal(await consumer.receiveNoWait(), null, 'though it is here');
  await connection.start();
  assert.deepEqual(await nextTexts(consumer, 2), ['b', 'c']);
});

test('to stop is to wait for the listener that runs, and the next one is not called', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const done: (string | null)[] = [];
  const consumer = await session.createConsumer(queue);
  consumer.setMessageListener(async (message) => {
    begun.resolve();
    await goOn.promise;
    done.push(textOf(message));
  });
  await sendTexts(session, queue, ['a', 'b']);
  await begun.promise;
  const stopping = connection.stop().then(() => done.push('stopped'));
  goOn.resolve();
  await stopping;
  assert.deepEqual(done, ['a', 'stopped']);
  const listened = new Listened();
  consumer.setMessageListener(listened.note);
  await connection.start();
  await listened.reaches(1);
  assert.deepEqual(listened.texts, ['b']);
});

test('listeners of one session are called one after the other, those of two sessions at the same time', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await started(target.factory.createConnection());
  const [one, two] = [connection.createSession(), connection.createSession()];
  let [running, runningMax, count] = [0, 0, 0];
  const both = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  const listener = async (message: Message): Promise<void> => {
    running += 1;
    runningMax = Math.max(runningMax, running);
    if (textOf(message) === 'together' && running === 2) both.resolve();
    if (textOf(message) === 'together') await both.promise;
    await Promise.resolve();
    running -= 1;
    count += 1;
    if (count === 6) all.resolve();
  };
  for (const name of ['a', 'b']) (await one.createConsumer(one.createQueue(name))).setMessageListener(listener);
  await sendTexts(one, one.createQueue('a'), ['1', '2']);
  await sendTexts(one, one.createQueue('b'), ['3', '4']);
  await two.createConsumer(two.createQueue('c')).then((consumer) => consumer.setMessageListener(listener));
  assert.ok(runningMax <= 1);
  await sendTexts(one, one.createQueue('a'), ['together']);
  await sendTexts(one, one.createQueue('c'), ['together']);
  await all.promise;
  assert.equal(runningMax, 2);
});

test('a session with a listener is not asked, and a listener does not close what it is called by', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  const consumer = await session.createConsumer(queue);
  const refusals = Promise.withResolvers<PromiseSettledResult<void>[]>();
  consumer.setMessageListener(async () => {
    refusals.resolve(await Promise.allSettled([session.close(), connection.stop(), connection.close()]));
  });
  await assert.rejects(consumer.receive(1), IllegalStateException);
  await assert.rejects(consumer.receiveNoWait(), IllegalStateException);
  await sendTexts(session, queue, ['a']);
  for (const refusal of await refusals.promise) {
    assert.ok(refusal.status === 'rejected' && refusal.reason instanceof IllegalStateException);
  }
  consumer.setMessageListener(null);
  assert.equal(await consumer.receiveNoWait(), null);
});

test('receive waits as long as it is told, and for ever until something comes or the consumer is closed', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock });
  await using factory = createConnectionFactory(broker, { clock });
  await using connection = await started(factory.createConnection());
  const session = connection.createSession();
  const consumer = await session.createConsumer(session.createQueue('orders'));
  let answer: unknown = 'none yet';
  const waiting = consumer.receive(1000).then((message) => {
    answer = message;
  });
  await clock.pass(999);
  assert.equal(answer, 'none yet');
  await clock.pass(1);
  await waiting;
  assert.equal(answer, null);
  const forEver = consumer.receive();
  await clock.pass(3_600_000);
  await consumer.close();
  assert.equal(await forEver, null);
  await assert.rejects(consumer.receive(), IllegalStateException);
  await assert.rejects(
    session.createConsumer(session.createQueue('a')).then((other) => other.receive(-1)),
    JMSException,
  );
});

test('what is closed refuses, and to close twice is to close once', async () => {
  await using target = await openTarget('stage 2');
  const connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  const producer = session.createProducer(queue);
  const consumer = await session.createConsumer(queue);
  await producer.close();
  await assert.rejects(producer.send(session.createTextMessage('a')), IllegalStateException);
  const other = session.createProducer(queue);
  await session.close();
  await session.close();
  assert.throws(() => session.createProducer(queue), IllegalStateException);
  await assert.rejects(session.createConsumer(queue), IllegalStateException);
  await assert.rejects(consumer.receive(1), IllegalStateException);
  await assert.rejects(other.send(session.createTextMessage('a')), IllegalStateException);
  await connection.close();
  await connection.close();
  assert.throws(() => connection.createSession(), IllegalStateException);
  await assert.rejects(connection.start(), IllegalStateException);
  await target.factory.close();
  await assert.rejects(target.factory.createConnection(), IllegalStateException);
});

test('a client id is set before anything else, and by one connection at a time', async () => {
  await using target = await openTarget('stage 2');
  const { factory } = target;
  await using one = await factory.createConnection();
  one.setClientID('anna');
  assert.equal(one.getClientID(), 'anna');
  assert.throws(() => one.setClientID('berta'), IllegalStateException);
  const two = await factory.createConnection();
  assert.throws(() => two.setClientID('anna'), InvalidClientIDException);
  assert.throws(() => two.setClientID(''), InvalidClientIDException);
  two.createSession();
  assert.throws(() => two.setClientID('berta'), IllegalStateException);
  await one.close();
  await using three = await factory.createConnection();
  three.setClientID('anna');
});

test('a producer sends to its destination, and one without to any', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const [a, b] = [session.createQueue('a'), session.createQueue('b')];
  const text = session.createTextMessage('x');
  const any = session.createProducer(null);
  await any.send(b, text);
  await assert.rejects(any.send(text), UnsupportedOperationException);
  await assert.rejects(session.createProducer(a).send(b, text), UnsupportedOperationException);
  assert.equal((await next(await session.createConsumer(b))).getText(), 'x');
  assert.throws(() => session.createProducer('a' as never), InvalidDestinationException);
  for (const name of ['', 'topic/a', '$temp/a']) {
    assert.throws(() => session.createQueue(name), InvalidDestinationException);
  }
  await assert.rejects(any.send(session.createQueue('$x'), text), JMSException);
});

test('what the broker says is the cause of what this API says', async () => {
  await using target = await openTarget('stage 2');
  await using connection = await target.factory.createConnection();
  const session = connection.createSession();
  const producer = session.createProducer(session.createQueue('orders'));
  producer.setTimeToLive(1000);
  await assert.rejects(producer.send(session.createTextMessage('x')), (error) => {
    assert.ok(error instanceof UnsupportedOperationException && error.cause instanceof Error);
    assert.equal(error.getErrorCode(), 'MQ_NOT_SUPPORTED');
    assert.match(error.message, /"ttl"/);
    return true;
  });
  assert.equal(connection.getMetaData().getJMSVersion(), '1.1');
  assert.ok(connection.getMetaData().getCapabilities().includes('lease'));
});

test('the exception listener is told when the server is lost, and what is left can be closed', async () => {
  await using broker = await createBroker();
  const server = await createTcpServer(broker, { port: 0 });
  await using factory = createConnectionFactory(server.url);
  const connection = await started(factory.createConnection());
  const lost = Promise.withResolvers<JMSException>();
  connection.setExceptionListener(lost.resolve);
  const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
  const queue = session.createQueue('orders');
  const consumer = await session.createConsumer(queue);
  await sendTexts(session, queue, ['tea']);
  await next(consumer);
  await server.close();
  assert.ok((await lost.promise) instanceof JMSException);
  await connection.close();
});

test('a link that is cut without a word is an exception that says so', async () => {
  await using broker = await createBroker();
  await using server = await createTcpServer(broker, { port: 0 });
  const sockets: Socket[] = [];
  const wire = createServer((socket) => {
    const there = connect(server.port, '127.0.0.1');
    socket.pipe(there).pipe(socket);
    for (const end of [socket, there]) sockets.push(end.on('error', () => end.destroy()));
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  const { port } = wire.address() as AddressInfo;
  await using factory = createConnectionFactory(`mq://127.0.0.1:${port}`);
  const connection = await started(factory.createConnection());
  const lost = Promise.withResolvers<JMSException>();
  connection.setExceptionListener(lost.resolve);
  wire.close();
  for (const socket of sockets) socket.destroy();
  const exception = await lost.promise;
  assert.match(exception.message, /lost|reset|closed/);
  assert.equal(exception.getErrorCode(), 'MQ_CONNECTION_LOST');
  await connection.close();
});

test('a program with a started connection does not end before the connection is closed', async () => {
  await using broker = await createBroker();
  const clock = new VirtualClock();
  await using factory = createConnectionFactory(broker, { clock });
  const connection = await factory.createConnection();
  const before = clock.timerCount;
  await connection.start();
  await connection.start();
  assert.equal(clock.timerCount, before + 1);
  await connection.close();
  assert.equal(clock.timerCount, before);
});
