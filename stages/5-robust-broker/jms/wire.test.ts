/** How messages look to the broker, and to whoever reads them through another door. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { deadLetterTopicOf } from '../../../shared/contract/message.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker } from '../index.ts';
import {
  BytesMessage,
  createConnectionFactory,
  DeliveryMode,
  MapMessage,
  Message,
  MessageNotWriteableException,
  ObjectMessage,
  Session,
  StreamMessage,
  TextMessage,
} from './index.ts';
import { openTarget } from './testing/targets.ts';
import { next, SOON_MS, sendTexts, started } from './testing/texts.ts';

test('a message is the same to the broker as through every other door', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  const message = session.createTextMessage('tea');
  message.setJMSCorrelationID('c');
  message.setJMSType('order');
  message.setJMSReplyTo(session.createTopic('answers'));
  message.setStringProperty('JMSXGroupID', 'g');
  message.setDoubleProperty('price', 9.5);
  message.setStringProperty('name', 'x');
  const sentAt = Date.now();
  const options = { deliveryMode: DeliveryMode.NON_PERSISTENT, priority: 7, timeToLive: 60_000 };
  await session.createProducer(queue).send(message, options);
  assert.deepEqual(
    [message.getJMSDeliveryMode(), message.getJMSPriority(), message.getJMSDestination()],
    [DeliveryMode.NON_PERSISTENT, 7, queue],
  );
  const { records } = await target.broker.fetch('orders');
  const [record] = records;
  assert.ok(record !== undefined);
  assert.deepEqual(
    { ...record.headers },
    {
      ...{ 'correlation-id': 'c', type: 'order', 'reply-to': 'topic/answers' },
      ...{ price: '9.5', name: 'x', $types: 'price=double', $persistent: 'false' },
    },
  );
  assert.deepEqual([record.key, record.priority, new TextDecoder().decode(record.body)], ['g', 7, 'tea']);
  assert.match(record.id, /^ID:[0-9a-f]{16}:1:1:1$/);
  assert.equal(record.id, message.getJMSMessageID());
  const received = await next(await session.createConsumer(queue));
  assert.deepEqual(received.getPropertyNames(), ['price', 'name', 'JMSXGroupID', 'JMSXDeliveryCount']);
  assert.deepEqual(
    [received.getDoubleProperty('price'), received.getStringProperty('JMSXGroupID'), received.getJMSType()],
    [9.5, 'g', 'order'],
  );
  assert.deepEqual([`${received.getJMSReplyTo()}`, received.getJMSCorrelationID()], ['topic://answers', 'c']);
  assert.deepEqual([received.getJMSDeliveryMode(), received.getJMSPriority()], [DeliveryMode.NON_PERSISTENT, 7]);
  assert.equal(received.getJMSExpiration(), received.getJMSTimestamp() + 60_000);
  assert.ok(received.getJMSTimestamp() >= sentAt && !received.getJMSRedelivered());
  assert.throws(() => received.setText('more'), MessageNotWriteableException);
});

for (const name of ['stage 2', 'tcp'] as const) {
  test(`${name}: all types of messages come as they went`, async () => {
    await using target = await openTarget(name);
    await using connection = await started(target.factory.createConnection());
    const session = connection.createSession();
    const queue = session.createQueue('orders');
    const bytes = session.createBytesMessage();
    bytes.writeLong(-1n);
    const map = session.createMapMessage();
    map.setLong('big', 2n ** 60n + 1n);
    map.setFloat('half', 0.5);
    const stream = session.createStreamMessage();
    stream.writeChar('c');
    stream.writeDouble(Number.NaN);
    const object = session.createObjectMessage(new Uint8Array([0xac, 0xed]));
    const messages = [session.createTextMessage(), bytes, map, stream, object, session.createMessage()];
    const producer = session.createProducer(queue);
    for (const message of messages) await producer.send(message);
    const consumer = await session.createConsumer(queue);
    const receive = (): Promise<Message | null> => consumer.receive(SOON_MS);
    const text = await receive();
    assert.ok(text instanceof TextMessage && text.getText() === null);
    const bytesAgain = await receive();
    assert.ok(bytesAgain instanceof BytesMessage && bytesAgain.readLong() === -1n);
    const mapAgain = await receive();
    assert.ok(mapAgain instanceof MapMessage && mapAgain.getFloat('half') === 0.5);
    assert.equal(mapAgain.getLong('big'), 2n ** 60n + 1n);
    const streamAgain = await receive();
    assert.ok(streamAgain instanceof StreamMessage && streamAgain.readChar() === 'c');
    assert.ok(Number.isNaN(streamAgain.readDouble()));
    const objectAgain = await receive();
    assert.ok(objectAgain instanceof ObjectMessage);
    assert.deepEqual(objectAgain.getObject(), new Uint8Array([0xac, 0xed]));
    const plain = await receive();
    assert.ok(plain !== null && Object.getPrototypeOf(plain) === Message.prototype);
  });
}

test('what others send is a text where it is one, and bytes otherwise', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  await target.broker.send('orders', { body: '茶', headers: { 'x-colour': 'green' } });
  await target.broker.send('orders', { body: new Uint8Array([0xff]) });
  const consumer = await session.createConsumer(session.createQueue('orders'));
  const text = await next(consumer);
  assert.deepEqual([text.getText(), text.getStringProperty('x-colour'), text.getJMSPriority()], ['茶', 'green', 0]);
  const bytes = await consumer.receive(SOON_MS);
  assert.ok(bytes instanceof BytesMessage && bytes.readUnsignedByte() === 0xff);
});

test('a message can be sent again and again, also one that was received', async () => {
  await using target = await openTarget('stage 5');
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession();
  const [orders, copies] = [session.createQueue('orders'), session.createQueue('copies')];
  const message = session.createTextMessage('tea');
  message.setIntProperty('count', 2);
  const producer = session.createProducer(orders);
  await producer.send(message);
  const id = message.getJMSMessageID();
  await producer.send(message);
  assert.notEqual(message.getJMSMessageID(), id);
  const received = await next(await session.createConsumer(orders));
  await session.createProducer(copies).send(received);
  const copy = await next(await session.createConsumer(copies));
  assert.deepEqual(
    [copy.getText(), copy.getIntProperty('count'), copy.getStringProperty('JMSXGroupID')],
    ['tea', 2, null],
  );
  const quiet = session.createProducer(orders);
  quiet.setDisableMessageID(true);
  quiet.setDisableMessageTimestamp(true);
  await quiet.send(message);
  assert.deepEqual([message.getJMSMessageID(), message.getJMSTimestamp()], [null, 0]);
});

test('urgent messages come first, delayed ones when they are due, and expired ones never', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, disk: new SimulatedDisk(), dataFolder: '/data' });
  await using factory = createConnectionFactory(broker, { clock });
  await using connection = await started(factory.createConnection());
  const session = connection.createSession();
  const queue = session.createQueue('orders');
  const producer = session.createProducer(queue);
  await producer.send(session.createTextMessage('usual'));
  await producer.send(session.createTextMessage('urgent'), { priority: 9 });
  await producer.send(session.createTextMessage('short-lived'), { timeToLive: 10 });
  await producer.send(session.createTextMessage('late'), { deliveryDelay: 1000 });
  await clock.pass(100);
  const consumer = await session.createConsumer(queue);
  const texts = [await consumer.receiveNoWait(), await consumer.receiveNoWait()];
  assert.deepEqual(
    texts.map((message) => message instanceof TextMessage && message.getText()),
    ['urgent', 'usual'],
  );
  assert.equal(await consumer.receiveNoWait(), null);
  await clock.pass(1000);
  const late = await consumer.receiveNoWait();
  assert.ok(late instanceof TextMessage && late.getText() === 'late');
});

test('what fails too often becomes a dead letter, and the others come', async () => {
  await using target = await openTarget('stage 5');
  await target.broker.createTopic('orders');
  await target.broker.createGroup('orders', 'default', { deliveriesMax: 2, start: 'earliest' });
  await using connection = await started(target.factory.createConnection());
  const session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
  const queue = session.createQueue('orders');
  await sendTexts(session, queue, ['bad', 'good']);
  const consumer = await session.createConsumer(queue);
  for (const count of [1, 2]) {
    const bad = await next(consumer);
    assert.deepEqual([bad.getText(), bad.getIntProperty('JMSXDeliveryCount')], ['bad', count]);
    await session.recover();
  }
  assert.equal((await next(consumer)).getText(), 'good');
  const [dead] = (await target.broker.fetch(deadLetterTopicOf('orders', 'default'))).records;
  assert.equal(new TextDecoder().decode(dead?.body), 'bad');
});
