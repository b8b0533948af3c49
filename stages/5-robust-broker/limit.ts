/**
 * The limit of stage 5, run into: it is one machine. `mq limit 5` shows the report, and its test checks that the claim is
 * still true. There is no stage 6: whoever needs more takes an engine of many machines behind the same contract.
 *
 * Always true: nothing in a report is written by hand that was not observed in this run.
 */
import { isMqError } from '../../shared/contract/errors.ts';
import type { LimitReport, ShowLimits } from '../../shared/lesson.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { createTcpClient, createTcpServer } from '../4-persisted-log/index.ts';
import { createBroker } from './index.ts';

export const showLimits: ShowLimits = async () => [await itIsOneMachine()];

const DATA_FOLDER = '/data';

async function itIsOneMachine(): Promise<LimitReport> {
  const disk = new SimulatedDisk();
  const { stored, second, port } = await firstMachine(disk);
  const away = await codeOf(createTcpClient(`mq://127.0.0.1:${port}`, { reconnects: false }));
  await using again = await createBroker({ disk, dataFolder: DATA_FOLDER });
  const { records } = await again.fetch('orders');
  const found = new TextDecoder().decode(records[0]?.body);
  return {
    stage: 5,
    claim: {
      en: 'It is one machine: while it is away nobody is served, and no other one can take its place.',
      zh: '它只是一台机器：它不在时谁也得不到服务，也没有别的机器能顶替它。',
    },
    steps: [
      {
        en: `A client sends "tea" to the broker: offset ${stored.offset}, ${stored.durability}.`,
        zh: `客户端向 broker 发送 “tea”：偏移量 ${stored.offset}，${stored.durability}。`,
      },
      {
        en: `A second broker is to share the work, on the same data: ${second}.`,
        zh: `让第二个 broker 在同一份数据上分担工作：${second}。`,
      },
      {
        en: `The first one goes away. A client that wants its "tea" gets ${away}.`,
        zh: `第一个离开了。想取 “tea” 的客户端得到 ${away}。`,
      },
      {
        en: `Only when it is back is "${found}" there again: nothing was lost, but nobody could get it meanwhile.`,
        zh: `直到它回来，“${found}” 才又在那里：什么都没有丢，但这期间谁也拿不到。`,
      },
    ],
    isShown: second === 'MQ_DATA_LOCKED' && away === 'MQ_UNREACHABLE' && found === 'tea',
    next: {
      en: 'Where one machine is not enough, an engine of several keeps the same contract: NATS, RabbitMQ, Kafka.',
      zh: '一台机器不够时，由多台机器组成的引擎遵守同样的契约：NATS、RabbitMQ、Kafka。',
    },
  };
}

/** What happened while it ran, and where it listened. */
async function firstMachine(disk: SimulatedDisk) {
  await using broker = await createBroker({ disk, dataFolder: DATA_FOLDER });
  await using server = await createTcpServer(broker);
  await using client = await createTcpClient(server.url);
  const stored = await client.send('orders', { body: 'tea' });
  const second = await codeOf(createBroker({ disk, dataFolder: DATA_FOLDER }));
  return { stored, second, port: server.port };
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
