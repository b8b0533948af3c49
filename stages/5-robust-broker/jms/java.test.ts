/** A program of this API and a program of Java, with the stock client of ActiveMQ, talk to each other. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createOpenWireServer } from '../doors/openwire/server.ts';
import { compile, whatIsMissing } from '../doors/openwire/testing/java-client.ts';
import { createBroker } from '../index.ts';
import { BytesMessage, createConnectionFactory, MapMessage, Message, StreamMessage, TextMessage } from './index.ts';
import { started } from './testing/texts.ts';

const TIMEOUT_MS = 60_000;
const missing = whatIsMissing();

test('what is sent from here is read in Java as it was meant, and the other way round', {
  skip: missing ?? false,
}, async () => {
  await using broker = await createBroker();
  await using server = await createOpenWireServer(broker, { port: 0 });
  using programs = compile(join(import.meta.dirname, 'testing/java'));
  await using factory = createConnectionFactory(broker);
  await using connection = await started(factory.createConnection());
  const session = connection.createSession();
  const bytes = session.createBytesMessage();
  bytes.writeLong(-5n);
  bytes.writeUTF('茶\0🙂');
  bytes.writeDouble(0.1);
  const map = session.createMapMessage();
  map.setLong('big', 2n ** 60n + 1n);
  map.setFloat('half', 0.5);
  map.setChar('letter', '茶');
  map.setString('nothing', null);
  map.setByte('small', 7);
  const stream = session.createStreamMessage();
  stream.writeInt(7);
  stream.writeString('x');
  stream.writeBoolean(true);
  const questions = [session.createTextMessage('茶 🙂'), bytes, map, stream, session.createMessage()];
  const replyTo = await session.createTemporaryQueue();
  const producer = session.createProducer(session.createQueue('to-java'));
  for (const [number, question] of questions.entries()) {
    question.setJMSReplyTo(replyTo);
    question.setStringProperty('name', `n${number}`);
    question.setStringProperty('JMSXGroupID', 'g');
    question.setLongProperty('big', 2n ** 60n);
    await producer.send(question, { priority: 5 });
  }
  const consumer = await session.createConsumer(replyTo);
  const running = programs.run('Answers', { arguments: [`tcp://127.0.0.1:${server.port}`], timeoutMs: TIMEOUT_MS });
  const answers: Message[] = [];
  while (answers.length < questions.length) {
    const answer = await consumer.receive(TIMEOUT_MS);
    assert.ok(answer !== null, JSON.stringify(await running));
    answers.push(answer);
  }
  const said = ['text 茶 🙂', 'bytes -5 茶\0🙂 0.1', 'map 1152921504606846977 0.5 茶 null Byte', 'stream 7 x true'];
  const { lines, errors } = await running;
  assert.deepEqual([lines.filter((_, index) => index % 2 === 0), errors], [[...said, 'plain ActiveMQMessage'], '']);
  assert.deepEqual(
    lines.filter((_, index) => index % 2 === 1),
    questions.map((_, number) => `n${number} 5 g true`),
  );
  for (const [number, answer] of answers.entries()) {
    assert.equal(answer.getJMSCorrelationID(), questions[number]?.getJMSMessageID());
    assert.deepEqual([answer.getJMSType(), answer.getStringProperty('JMSXGroupID')], ['answer', 'g']);
    const values = [answer.getByteProperty('tiny'), answer.getLongProperty('big'), answer.getFloatProperty('half')];
    assert.deepEqual(values, [-1, 2n ** 60n + 1n, 0.5]);
  }
  const [text, bytesBack, mapBack, streamBack, plain] = answers;
  assert.ok(text instanceof TextMessage && text.getText() === '答复 🙂');
  assert.ok(bytesBack instanceof BytesMessage && bytesBack.readUTF() === 'a\0🙂');
  assert.equal(bytesBack.readLong(), -(2n ** 63n));
  assert.ok(mapBack instanceof MapMessage && mapBack.getLong('big') === 2n ** 63n - 1n);
  assert.deepEqual([mapBack.getShort('short'), mapBack.getBytes('raw')], [-2, new Uint8Array([1, 2])]);
  assert.ok(Number.isNaN(mapBack.getDouble('nan')));
  assert.ok(streamBack instanceof StreamMessage && streamBack.readByte() === 7 && streamBack.readChar() === '茶');
  assert.ok(plain !== undefined && Object.getPrototypeOf(plain) === Message.prototype);
});
