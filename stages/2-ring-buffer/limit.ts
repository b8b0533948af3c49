/**
 * The limit of stage 2, run into: another process cannot read. `mq limit 2` shows the report, and its test checks that
 * the claim is still true; stage 3 has the same situation as a test that passes.
 *
 * Always true: nothing in the report is written by hand that was not observed in this run. The other process is a real
 * one, `stranger.ts`.
 */
import { execFile } from 'node:child_process';
import { extname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LimitReport, ShowLimits } from '../../shared/lesson.ts';
import { createBroker } from './index.ts';

/** Far above what a start of Node takes anywhere. */
const STRANGER_MS_MAX = 60_000;

interface StrangerReport {
  readonly pid: number;
  readonly topicCount: number;
  readonly deliveryCount: number;
}

export const showLimits: ShowLimits = async () => [await anotherProcessCannotRead()];

async function anotherProcessCannotRead(): Promise<LimitReport> {
  const topic = 'orders';
  await using broker = await createBroker();
  await broker.send(topic, { body: 'one tea' });
  const stranger = await runStranger(topic);
  const own = await broker.receive(topic, { max: 10 });
  return {
    stage: 2,
    claim: {
      en: 'Another process cannot read: the ring lives in the memory of the one that made it.',
      zh: '另一个进程读不到消息：环只存在于创建它的进程的内存里。',
    },
    steps: [
      {
        en: `Process ${process.pid} sends one message to topic "${topic}".`,
        zh: `进程 ${process.pid} 向主题“${topic}”发送一条消息。`,
      },
      {
        en: `Process ${stranger.pid} opens stage 2 as well and sees ${stranger.topicCount} topics.`,
        zh: `进程 ${stranger.pid} 也打开第 2 阶段，看到 ${stranger.topicCount} 个主题。`,
      },
      {
        en: `It receives from topic "${topic}" and gets ${stranger.deliveryCount} messages.`,
        zh: `它从主题“${topic}”接收，得到 ${stranger.deliveryCount} 条消息。`,
      },
      {
        en: `Process ${process.pid} receives from the same topic and gets ${own.length}: the message was there all along.`,
        zh: `进程 ${process.pid} 从同一主题接收，得到 ${own.length} 条：消息一直都在。`,
      },
    ],
    isShown: stranger.pid !== process.pid && stranger.deliveryCount === 0 && own.length === 1,
    next: {
      en: 'Stage 3 puts a wire in front of the broker: any process that can open a socket reads.',
      zh: '第 3 阶段在 broker 前接上网络：任何能打开套接字的进程都能读。',
    },
  };
}

async function runStranger(topic: string): Promise<StrangerReport> {
  // The package holds .js where a checkout holds .ts: the other process runs what this one does.
  const script = fileURLToPath(new URL(`./stranger${extname(import.meta.url)}`, import.meta.url));
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [script, topic], { timeout: STRANGER_MS_MAX });
  return JSON.parse(stdout) as StrangerReport;
}
