/**
 * The limits of stage 3, run into: a restart loses everything, and one connection carries one request at a time.
 * `mq limit 3` shows the reports, and their test checks that the claims are still true; stage 4 has the same situations
 * as tests that pass.
 *
 * Always true: nothing in a report is written by hand that was not observed in this run.
 */
import type { LimitReport, ShowLimits } from '../../shared/lesson.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createBroker, createClient, createServer } from './index.ts';
import { createRelay } from './relay.ts';

const SEND_COUNT = 1000;

export const showLimits: ShowLimits = async () => [await restartLosesEverything(), await oneRequestAtATime()];

async function restartLosesEverything(): Promise<LimitReport> {
  const topic = 'orders';
  const before = await createBroker();
  const receipt = await before.send(topic, { body: 'one tea' });
  await before.close();
  await using after = await createBroker();
  const topics = await after.describeTopics();
  const deliveries = await after.receive(topic, { max: 10 });
  return {
    stage: 3,
    claim: {
      en: 'A restart loses everything: the receipt says durability "memory", and means it.',
      zh: '重启会丢失一切：回执里写着 durability "memory"，说的就是这个意思。',
    },
    steps: [
      {
        en: `A client sends one message; its receipt says offset ${receipt.offset}, durability "${receipt.durability}".`,
        zh: `客户端发送一条消息；回执写着偏移量 ${receipt.offset}，durability "${receipt.durability}"。`,
      },
      {
        en: 'The server and its broker stop in good order, and start again.',
        zh: '服务器和 broker 正常停止，然后重新启动。',
      },
      {
        en: `The new one has ${topics.length} topics, and receiving from "${topic}" gives ${deliveries.length} messages.`,
        zh: `新的 broker 有 ${topics.length} 个主题，从“${topic}”接收得到 ${deliveries.length} 条消息。`,
      },
    ],
    isShown: receipt.durability === 'memory' && topics.length === 0 && deliveries.length === 0,
    next: {
      en: 'Stage 4 writes what it accepts to a log on the disk, and reads the log when it starts.',
      zh: '第 4 阶段把接受的消息写入磁盘上的日志，启动时再读回来。',
    },
  };
}

async function oneRequestAtATime(): Promise<LimitReport> {
  await using broker = await createRingBroker();
  await using server = await createServer(broker);
  await using relay = await createRelay(server.url);
  await using client = await createClient(relay.url, { connectionsMax: 1 });
  const turnsBefore = relay.turnCount;
  const sends = Array.from({ length: SEND_COUNT }, (_, index) => client.send('orders', { body: `order ${index}` }));
  const receipts = await Promise.all(sends);
  const turnCount = relay.turnCount - turnsBefore;
  return {
    stage: 3,
    claim: {
      en: `${SEND_COUNT} concurrent sends on one connection need ${SEND_COUNT} turns of request and response.`,
      zh: `在一条连接上并发 ${SEND_COUNT} 个发送，需要 ${SEND_COUNT} 个“请求—响应”来回。`,
    },
    steps: [
      {
        en: `A client with a single connection starts ${sends.length} sends at once; ${receipts.length} are accepted.`,
        zh: `只有一条连接的客户端同时发起 ${sends.length} 个发送；${receipts.length} 个被接受。`,
      },
      {
        en: `A relay on the wire saw the talk go over and back ${turnCount} times on ${relay.connectionCount} connection.`,
        zh: `线路上的中继在 ${relay.connectionCount} 条连接上看到 ${turnCount} 个来回。`,
      },
    ],
    isShown: receipts.length === SEND_COUNT && relay.connectionCount === 1 && turnCount >= SEND_COUNT,
    next: {
      en: 'Stage 4 has a protocol of its own over TCP whose answers carry the number of their request: many fit in one turn.',
      zh: '第 4 阶段在 TCP 上有自己的协议，响应带着请求的编号：一个来回可以容纳很多请求。',
    },
  };
}
