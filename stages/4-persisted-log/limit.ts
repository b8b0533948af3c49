/**
 * The limits of stage 4, run into: a retry after a lost answer stores a duplicate, two topics are two writes, and a client
 * that speaks STOMP is not understood. `mq limit 4` shows the reports, and their test checks that the claims are still
 * true; stage 5 has the same situations as tests that pass.
 *
 * Always true: nothing in a report is written by hand that was not observed in this run.
 */
import { connect } from 'node:net';
import { isMqError } from '../../shared/contract/errors.ts';
import type { LimitReport, ShowLimits } from '../../shared/lesson.ts';
import { createRelay } from '../3-http-server/relay.ts';
import { createTcpClient } from './doors/tcp/create-client.ts';
import { createTcpServer } from './doors/tcp/server.ts';
import { createBroker } from './index.ts';
import { Machine } from './story-machine.ts';

/** The first frame of every STOMP client, and how every STOMP server answers it. */
const STOMP_CONNECT = 'CONNECT\naccept-version:1.2\nhost:localhost\n\n\0';
const STOMP_CONNECTED = 'CONNECTED\n';
/** What the code of an error looks like within the bytes of an answer. */
const ERROR_CODE = /MQ_[A-Z_]+/;

export const showLimits: ShowLimits = async () => [
  await aRetryStoresADuplicate(),
  await twoTopicsAreTwoWrites(),
  await aStrangerIsNotUnderstood(),
];

async function aRetryStoresADuplicate(): Promise<LimitReport> {
  const topic = 'bills';
  const id = 'bill-1';
  await using broker = await createBroker();
  await using server = await createTcpServer(broker);
  await using relay = await createRelay(server.url);
  await using client = await createTcpClient(relay.url.replace('http:', 'mq:'));
  relay.cutNextAnswer();
  const lost = await codeOf(client.send(topic, { id, body: '4.20' }));
  const receipt = await client.send(topic, { id, body: '4.20' });
  const { records } = await broker.fetch(topic, { max: 10 });
  const ids = records.map((record) => record.id);
  return {
    stage: 4,
    claim: {
      en: 'A lost answer plus a retry stores a duplicate: at least once, not exactly once.',
      zh: '响应丢失再重试，就会存下重复的消息：至少一次，而非恰好一次。',
    },
    steps: [
      {
        en: `A client sends "${id}" over TCP; the wire is cut before the answer: ${lost}.`,
        zh: `客户端经 TCP 发送“${id}”；线路在响应之前被切断：${lost}。`,
      },
      {
        en: `The client has connected again. It repeats the send, with the same id: offset ${receipt.offset}, ${receipt.durability}.`,
        zh: `客户端已重新连接，用同一个 id 重复发送：偏移量 ${receipt.offset}，${receipt.durability}。`,
      },
      {
        en: `The log has ${records.length} records, with the ids ${ids.join(' and ')}.`,
        zh: `日志里有 ${records.length} 条记录，id 是 ${ids.join(' 和 ')}。`,
      },
    ],
    isShown: lost === 'MQ_CONNECTION_LOST' && ids.length === 2 && ids.every((each) => each === id),
    next: {
      en: 'Stage 5 numbers what each producer sends, and knows the second one again.',
      zh: '第 5 阶段给每个生产者的发送编号，认得出第二个。',
    },
  };
}

async function twoTopicsAreTwoWrites(): Promise<LimitReport> {
  await using machine = await Machine.start();
  const begun = await codeOf(machine.broker.begin());
  await machine.broker.createTopic('payments');
  await machine.broker.createTopic('deliveries');
  await machine.broker.send('payments', { body: 'tea paid' });
  await machine.cutPowerInWrite((broker) => broker.send('deliveries', { body: 'bring tea' }));
  const paid = await machine.broker.fetch('payments', { max: 10 });
  const ordered = await machine.broker.fetch('deliveries', { max: 10 });
  return {
    stage: 4,
    claim: {
      en: 'Two topics cannot be written all or nothing: a failure between the two leaves one without the other.',
      zh: '两个主题无法“要么都写、要么都不写”：两次写入之间的故障会留下其一。',
    },
    steps: [
      { en: `Asking for a transaction: ${begun}.`, zh: `请求一个事务：${begun}。` },
      {
        en: 'So there are two sends, to "payments" and to "deliveries", and the power goes during the second.',
        zh: '于是只能发送两次，“payments”和“deliveries”，第二次途中断电。',
      },
      {
        en: `After the restart "payments" has ${paid.records.length} record and "deliveries" ${ordered.records.length}.`,
        zh: `重启后“payments”有 ${paid.records.length} 条记录，“deliveries”有 ${ordered.records.length} 条。`,
      },
    ],
    isShown: begun === 'MQ_NOT_SUPPORTED' && paid.records.length === 1 && ordered.records.length === 0,
    next: {
      en: 'Stage 5 has transactions: sends and acks of any topics count together or not at all.',
      zh: '第 5 阶段有事务：任意主题的发送和确认要么一起生效，要么都不生效。',
    },
  };
}

async function aStrangerIsNotUnderstood(): Promise<LimitReport> {
  await using broker = await createBroker();
  await using server = await createTcpServer(broker);
  const answer = await answerTo(STOMP_CONNECT, server.port);
  const code = ERROR_CODE.exec(answer)?.[0] ?? 'nothing';
  const isUnderstood = answer.startsWith(STOMP_CONNECTED);
  return {
    stage: 4,
    claim: {
      en: 'A STOMP client cannot talk to it: its door knows one language, our own.',
      zh: 'STOMP 客户端无法与它对话：它的门只懂一种语言，就是我们自己的。',
    },
    steps: [
      {
        en: 'A program connects to the TCP door and sends the CONNECT frame of STOMP 1.2.',
        zh: '一个程序连接到 TCP 门，发送 STOMP 1.2 的 CONNECT 帧。',
      },
      {
        en: `Instead of CONNECTED it gets ${code}, and the connection is closed.`,
        zh: `它得到的不是 CONNECTED 而是 ${code}，连接随即关闭。`,
      },
    ],
    isShown: !isUnderstood && code === 'MQ_PROTOCOL',
    next: {
      en: 'Stage 5 has a door for each of STOMP, MQTT, AMQP 1.0 and OpenWire, before the same broker.',
      zh: '第 5 阶段为 STOMP、MQTT、AMQP 1.0 和 OpenWire 各开一扇门，背后是同一个 broker。',
    },
  };
}

/** All that comes back until the other side has closed the connection. */
async function answerTo(request: string, port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(request);
  let answer = '';
  for await (const bytes of socket) answer += (bytes as Buffer).toString('latin1');
  return answer;
}

/** The code of the error that a call rejects with, or `done`. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    if (isMqError(error)) return error.code;
    throw error;
  }
}
