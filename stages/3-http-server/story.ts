/**
 * The story of stage 3, told by a real server and real clients over loopback: what `mq stage 3` prints.
 *
 * Always true: a `call` line is shown before that very call is made, and a `saw` line is built from its answer or from
 * what the server wrote in its request log. Neither ports nor durations are told, so the story is the same every time.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { call, type Story, type StoryLine, type StoryOptions, saw, say, title } from '../../shared/lesson.ts';
import { type Random, SeededRandom } from '../../shared/random.ts';
import { createBroker as createRingBroker } from '../2-ring-buffer/index.ts';
import { createClient, createServer, type HttpServer, type RequestLogEntry } from './index.ts';
import { createRelay } from './relay.ts';

type Scene = AsyncGenerator<StoryLine>;

interface Stage {
  readonly broker: Broker;
  readonly server: HttpServer;
  readonly random: Random;
  /** The next request the server answered, in the order of its log. */
  readonly nextRequest: () => Promise<string>;
}

export const story: Story = async function* tell(options: StoryOptions = {}) {
  const clock = options.clock ?? new VirtualClock();
  const random = options.random ?? new SeededRandom(3);
  const log = requestLog();
  await using broker = await createRingBroker({ clock, random });
  await using server = await createServer(broker, { clock, onRequest: log.add });
  const stage: Stage = { broker, server, random, nextRequest: log.next };
  yield title('Stage 3: the same promise across a wire that can fail', '第 3 阶段：同样的承诺，跨过会出错的网络');
  yield* aDoorInFrontOfTheRing(stage);
  yield* twoProcesses(stage);
  yield* aLongPoll(stage);
  yield* aCallerWhoGoes(stage);
  yield* anAnswerGetsLost(stage);
  yield* theServerStops(stage);
  yield title('What it cannot do', '它做不到什么');
  yield say(
    'The wire changed nothing about the memory behind it: `mq limit 3` restarts the server, and everything is gone.',
    '网络没有改变背后的内存：`mq limit 3` 重启服务器，一切都没了。',
  );
};

async function* aDoorInFrontOfTheRing({ server, random, nextRequest }: Stage): Scene {
  yield title('A door in front of the ring', '环形缓冲区前的一扇门');
  yield say(
    'The broker is that of stage 2, unchanged. In front of it stands a server; a client makes the same contract of it again.',
    'broker 就是第 2 阶段的那个，一字未改。前面加了一台服务器；客户端在另一侧把它变回同样的契约。',
  );
  yield call('createServer(broker); client = await createClient(server.url)');
  await using client = await createClient(server.url, { random });
  yield wire(await nextRequest());
  yield saw(
    `the client asked who is there; it now knows ${client.capabilities.size} capabilities: ${[...client.capabilities].join(', ')}`,
    `客户端先问对方是谁；现在它知道 ${client.capabilities.size} 项能力：${[...client.capabilities].join('、')}`,
  );
  yield call("client.send('orders', { body: 'tea', key: 'table 7' })");
  const receipt = await client.send('orders', { body: 'tea', key: 'table 7' });
  yield wire(await nextRequest());
  yield saw(
    `offset ${receipt.offset}, id ${receipt.id}: the client made the id before the first attempt`,
    `偏移量 ${receipt.offset}，id ${receipt.id}：id 由客户端在第一次尝试之前生成`,
  );
  yield call("client.fetch('coffee', {})");
  const error = await refusalOf(client.fetch('coffee'));
  yield wire(await nextRequest());
  yield saw(
    `${error.code}: "${error.message}", a typed error again on this side`,
    `${error.code}："${error.message}"，到了这一侧仍是有类型的错误`,
  );
}

async function* twoProcesses({ server, random, nextRequest }: Stage): Scene {
  yield title('Two clients share', '两个客户端分担工作');
  await using ann = await createClient(server.url, { random });
  await using bob = await createClient(server.url, { random });
  await nextRequest();
  await nextRequest();
  yield call("ann.sendBatch('orders', [{ body: 'cake' }])");
  await ann.sendBatch('orders', [{ body: 'cake' }]);
  yield wire(await nextRequest());
  yield call("ann.receive('orders', { group: 'kitchen' }); bob.receive('orders', { group: 'kitchen' })");
  const [first] = await ann.receive('orders', { group: 'kitchen' });
  const [second] = await bob.receive('orders', { group: 'kitchen' });
  const requests = [await nextRequest(), await nextRequest()];
  yield wire(requests.join('    '));
  if (first === undefined || second === undefined) throw new Error('the story expects a delivery to each client');
  yield saw(
    `ann got ${bodyOf(first)}, bob got ${bodyOf(second)}: members of one group, as in stage 2`,
    `ann 得到 ${bodyOf(first)}，bob 得到 ${bodyOf(second)}：同一组的成员，和第 2 阶段一样`,
  );
  await ann.ack([first]);
  await bob.ack([second]);
  await nextRequest();
  await nextRequest();
}

async function* aLongPoll({ broker, server, random, nextRequest }: Stage): Scene {
  yield title('A long poll wakes at once', '长轮询立即醒来');
  await using client = await createClient(server.url, { random });
  await nextRequest();
  yield call("waiting = client.receive('orders', { group: 'kitchen', waitMs: 60_000 })");
  const waiting = client.receive('orders', { group: 'kitchen', waitMs: 60_000 });
  await untilWaiterCount(broker, 1);
  yield call("broker.send('orders', { body: 'soup' })   // from inside the server's process");
  await broker.send('orders', { body: 'soup' });
  const [delivery] = await waiting;
  yield wire(await nextRequest());
  yield saw(
    `${bodyOf(delivery)}, and the clock of the broker has not moved: nobody asked again and again`,
    `${bodyOf(delivery)}，而 broker 的时钟没有走动：没有人反复询问`,
  );
  if (delivery !== undefined) await client.ack([delivery]);
  await nextRequest();
}

async function* aCallerWhoGoes({ broker, server, random, nextRequest }: Stage): Scene {
  yield title('A caller who goes away', '离开的调用者');
  await using client = await createClient(server.url, { random });
  await nextRequest();
  yield call("waiting = client.receive('orders', { group: 'kitchen', waitMs: 60_000, signal }); abort()");
  const controller = new AbortController();
  const waiting = client.receive('orders', { group: 'kitchen', waitMs: 60_000, signal: controller.signal });
  await untilWaiterCount(broker, 1);
  controller.abort();
  const error = await refusalOf(waiting);
  await untilWaiterCount(broker, 0);
  yield saw(
    `${error.code}: the connection closed, and the server took the waiter out of the line`,
    `${error.code}：连接关闭，服务器把等待者从队列中移除`,
  );
  yield call("client.send('orders', { body: 'rice' }); client.receive('orders', { group: 'kitchen' })");
  await client.send('orders', { body: 'rice' });
  const [delivery] = await client.receive('orders', { group: 'kitchen' });
  yield saw(
    `${bodyOf(delivery)} with deliveryCount ${delivery?.deliveryCount}: nothing was handed to the one who had gone`,
    `${bodyOf(delivery)}，deliveryCount ${delivery?.deliveryCount}：没有交给已经离开的调用者`,
  );
}

async function* anAnswerGetsLost({ server, random, broker }: Stage): Scene {
  yield title('An answer gets lost', '响应丢失');
  yield say(
    'A wire fails in a way that memory does not: the request arrives, the answer does not.',
    '网络的失败方式是内存没有的：请求到了，响应却没到。',
  );
  await using relay = await createRelay(server.url);
  await using client = await createClient(relay.url, { random });
  relay.cutNextAnswer();
  yield call("client.send('bills', { id: 'bill-1', body: '4.20' })   // and the wire is cut before the answer");
  const error = await refusalOf(client.send('bills', { id: 'bill-1', body: '4.20' }));
  yield saw(
    `${error.code}: it may have taken effect, so the client does not repeat it by itself`,
    `${error.code}：它可能已经生效，所以客户端不会自行重复`,
  );
  yield call("client.send('bills', { id: 'bill-1', body: '4.20' })   // the caller decides to repeat");
  await client.send('bills', { id: 'bill-1', body: '4.20' });
  const { records } = await broker.fetch('bills', { max: 10 });
  yield saw(
    `the broker has ${records.length} records with the id ${records.map(({ id }) => id).join(' and ')}: at least once`,
    `broker 里有 ${records.length} 条记录，id 是 ${records.map(({ id }) => id).join(' 和 ')}：至少一次`,
  );
}

async function* theServerStops({ broker, server, random }: Stage): Scene {
  yield title('The server stops', '服务器停止');
  await using client = await createClient(server.url, { random });
  yield call("waiting = client.receive('orders', { group: 'office', waitMs: 60_000 }); server.close()");
  await broker.createGroup('orders', 'office', { start: 'latest' });
  const waiting = client.receive('orders', { group: 'office', waitMs: 60_000 });
  await untilWaiterCount(broker, 1);
  await server.close();
  const deliveries = await waiting;
  yield saw(
    `the waiting poll was answered with ${deliveries.length} deliveries, then its connection ended`,
    `等待中的轮询得到 ${deliveries.length} 条投递的响应，随后连接结束`,
  );
  const [topic] = await broker.describeTopics({ topic: 'orders' });
  yield saw(
    `the broker behind the door is still open: topic "orders" ends at offset ${topic?.logEndOffset}`,
    `门后的 broker 仍然开着：主题“orders”的末端偏移量是 ${topic?.logEndOffset}`,
  );
}

const decoder = new TextDecoder();

function bodyOf(delivery: Delivery | undefined): string {
  return delivery === undefined ? 'nothing' : decoder.decode(delivery.body);
}

/** Hands out log entries one by one, and waits for the next one where it is not written yet. */
function requestLog(): { add(entry: RequestLogEntry): void; next(): Promise<string> } {
  const entries: string[] = [];
  let wake: (() => void) | undefined;
  return {
    add: ({ method, path, status }) => {
      entries.push(`${method} ${path}  ->  ${status}`);
      wake?.();
    },
    next: async () => {
      while (entries.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return entries.shift() ?? '';
    },
  };
}

async function untilWaiterCount(broker: Broker, count: number): Promise<void> {
  for (;;) {
    const [topic] = await broker.describeTopics({ topic: 'orders' });
    if (topic?.waiterCount === count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The error a call of the story rejects with; anything else is a defect of the story. */
async function refusalOf(promise: Promise<unknown>): Promise<MqError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isMqError(error)) return error;
  throw new Error('the story expects a refusal', { cause: error });
}

/** What went over the wire, as the server logged it. */
function wire(line: string): StoryLine {
  return { kind: 'picture', lines: [line] };
}
