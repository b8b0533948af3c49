/**
 * The part of the story in which programs that never heard of this broker talk to it: a frame of STOMP and a packet of MQTT, byte
 * by byte on real sockets, and a program in the words of JMS that reads what they sent.
 *
 * Always true: what a `call` line shows is what is written, and a `saw` line is built from what came back. Only the story uses it.
 */
import { connect } from 'node:net';
import type { Clock } from '../../shared/clock.ts';
import { call, type StoryLine, saw, say, title } from '../../shared/lesson.ts';
import type { Random } from '../../shared/random.ts';
import type { Machine } from '../4-persisted-log/story-machine.ts';
import { createMqttServer } from './doors/mqtt/server.ts';
import { createStompServer } from './doors/stomp/server.ts';
import { createConnectionFactory, Session, type TextMessage } from './jms/index.ts';

interface World {
  readonly clock: Clock;
  readonly random: Random;
}

const STOMP = {
  connect: 'CONNECT\naccept-version:1.2\nhost:bar\n\n\0',
  send: 'SEND\ndestination:/queue/bar\ntable:7\nreceipt:1\n\ntea\0',
  /** The server answers, and ends the connection. */
  disconnect: 'DISCONNECT\n\n\0',
};
const MQTT = {
  connect: Buffer.from('\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03bar', 'latin1'),
  /** QoS 1, packet id 1. */
  publish: Buffer.from('\x32\x14\x00\x0a$queue/bar\x00\x01coffee', 'latin1'),
  connackBytes: 4,
  pubackBytes: 4,
};

export async function* anyClient(machine: Machine, world: World): AsyncGenerator<StoryLine> {
  yield title('Any client', '任何客户端');
  yield say(
    'A protocol is a door in front of the broker. Two programs that never heard of it send to the queue "bar".',
    '一种协议就是 broker 前面的一扇门。两个从没听说过它的程序向队列 “bar” 发送。',
  );
  yield call(`stomp.write('${STOMP.send.replaceAll('\n', '\\n').replaceAll('\0', '\\0')}')`);
  const receipt = await throughStomp(machine, world);
  yield saw(`it answers: ${receipt}`, `它回答：${receipt}`);
  yield call(`mqtt.write(hex('${hexOf(MQTT.publish)}'))   // PUBLISH coffee to $queue/bar, QoS 1`);
  const puback = await throughMqtt(machine, world);
  yield saw(`it answers: ${puback}, PUBACK of packet 1`, `它回答：${puback}，即报文 1 的 PUBACK`);
  yield say(
    'The power goes. Then a third program reads, in the words of JMS.',
    '断电。然后第三个程序用 JMS 的话来读。',
  );
  await machine.cutPower();
  yield call("consumer = await session.createConsumer(session.createQueue('bar')); consumer.receive()   // twice");
  const read = await throughJms(machine, world);
  yield saw(`it reads: ${read}`, `它读到：${read}`);
}

async function throughStomp({ broker }: Machine, world: World): Promise<string> {
  await using server = await createStompServer(broker, world);
  const { connect: hello, send, disconnect } = STOMP;
  const answer = await talk(server.port, Buffer.from(hello + send + disconnect));
  const frames = answer.toString().split('\0');
  return frames.at(-2)?.trim().replaceAll('\n', ' ') ?? '';
}

async function throughMqtt({ broker }: Machine, world: World): Promise<string> {
  await using server = await createMqttServer(broker, world);
  const bytesMax = MQTT.connackBytes + MQTT.pubackBytes;
  const answer = await talk(server.port, Buffer.concat([MQTT.connect, MQTT.publish]), bytesMax);
  return hexOf(answer.subarray(MQTT.connackBytes));
}

async function throughJms({ broker }: Machine, world: World): Promise<string> {
  await using factory = createConnectionFactory(broker, world);
  const connection = await factory.createConnection();
  await connection.start();
  const session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
  const consumer = await session.createConsumer(session.createQueue('bar'));
  const [first, second] = [await consumer.receive(), await consumer.receive()];
  const table = first?.getStringProperty('table');
  return `${(first as TextMessage).getText()} for table ${table}, ${(second as TextMessage).getText()}`;
}

/** What comes back until the server ends the connection, or that much is there. */
async function talk(port: number, bytes: Buffer, bytesMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(bytes);
  let answer: Buffer = Buffer.alloc(0);
  for await (const piece of socket) {
    answer = Buffer.concat([answer, piece as Buffer]);
    if (answer.length >= bytesMax) break;
  }
  return answer;
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').replaceAll(/..(?=.)/g, '$& ');
}
