/**
 * The story of stage 2, told by a real broker with a clock that moves only when told to: what `mq stage 2` prints.
 *
 * Always true: a `call` line is shown before that very call is made, and a `saw` line is built from its answer.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { call, type Story, type StoryLine, type StoryOptions, saw, say, title } from '../../shared/lesson.ts';
import { SeededRandom } from '../../shared/random.ts';
import { createBroker } from './index.ts';
import { drawRing } from './ring-picture.ts';

type Scene = AsyncGenerator<StoryLine>;

interface Stage {
  readonly broker: Broker;
  readonly clock: NonNullable<StoryOptions['clock']>;
}

export const story: Story = async function* tell(options: StoryOptions = {}) {
  const clock = options.clock ?? new VirtualClock();
  await using broker = await createBroker({ clock, random: options.random ?? new SeededRandom(2) });
  const stage: Stage = { broker, clock };
  yield title(
    'Stage 2: reading no longer destroys; position belongs to the reader',
    '第 2 阶段：读取不再销毁，位置属于读者',
  );
  yield* readingTakesNothingAway(stage);
  yield* theFloorAndTheGaps(stage);
  yield* aMemberDies(stage);
  yield* theRingIsFull(stage);
  yield* aReaderFallsBehind(stage);
  yield* aLateSubscriber(stage);
  yield title('What it cannot do', '它做不到什么');
  yield say(
    'All of this lives in one process. `mq limit 2` starts a second one, which finds nothing; stage 3 gives it a wire.',
    '这一切都在一个进程里。`mq limit 2` 启动第二个进程，它什么也找不到；第 3 阶段给它接上网络。',
  );
};

async function* readingTakesNothingAway({ broker }: Stage): Scene {
  yield title('Reading takes nothing away', '读取不再销毁');
  yield say(
    'Eight slots. The record with offset o is in slot o % 8, so nothing ever moves; only the write pointer goes round.',
    '八个槽位。偏移量为 o 的记录在槽位 o % 8，因此什么都不移动，只有写指针绕圈。',
  );
  yield call("createTopic('orders', { messagesMax: 8 }); sendBatch('orders', [tea, coffee, cake, soup, rice])");
  await broker.createTopic('orders', { messagesMax: 8 });
  await broker.sendBatch('orders', [...MENU.map((body) => ({ body }))]);
  yield call("receive('orders', { group: 'kitchen', max: 2 })");
  const kitchen = await broker.receive('orders', { group: 'kitchen', memberId: 'ann', max: 2 });
  yield saw(`kitchen got ${bodiesOf(kitchen)}`, `kitchen 得到 ${bodiesOf(kitchen)}`);
  yield call("receive('orders', { group: 'books', max: 5 })");
  const books = await broker.receive('orders', { group: 'books', memberId: 'bob', max: 5 });
  yield saw(
    `books got ${bodiesOf(books)}: every group sees everything`,
    `books 得到 ${bodiesOf(books)}：每个组都看到全部`,
  );
  yield* picture(broker, 'orders');
  yield say(
    'Letters: r ready, i in flight in some group, a acked by all groups, . free. The ^ is where the next message goes.',
    '字母：r 可投递，i 在某个组里在途，a 所有组都已确认，. 空闲。^ 是下一条消息的位置。',
  );
  await broker.ack(books);
}

async function* theFloorAndTheGaps({ broker }: Stage): Scene {
  yield title('The floor and the gaps', '确认下界与空洞');
  const [first, second] = await redeliver(broker);
  yield call("ack([second]) and then committed('orders', { group: 'kitchen' })");
  await broker.ack([second]);
  const before = await broker.committed('orders', { group: 'kitchen' });
  yield saw(
    `still ${before}: offset ${first.offset} below it is not finished, so ${second.offset} is a gap above the floor`,
    `仍是 ${before}：更低的偏移量 ${first.offset} 未完成，${second.offset} 是下界之上的空洞`,
  );
  yield call('ack([first])');
  await broker.ack([first]);
  const after = await broker.committed('orders', { group: 'kitchen' });
  yield saw(`the floor jumps to ${after}, over the gap`, `下界跳过空洞，到 ${after}`);
}

async function* aMemberDies({ broker, clock }: Stage): Scene {
  yield title('A member dies', '一个成员死了');
  yield call(
    "receive('orders', { group: 'kitchen', memberId: 'ann', leaseMs: 30_000 })   // and ann is never heard of again",
  );
  const [lost] = await broker.receive('orders', { group: 'kitchen', memberId: 'ann', leaseMs: 30_000 });
  yield call('clock.pass(30_000)');
  await clock.pass(30_000);
  const [again] = await broker.receive('orders', { group: 'kitchen', memberId: 'cleo' });
  if (lost === undefined || again === undefined) throw new Error('the story expects a delivery to each member');
  yield saw(
    `cleo got ${bodiesOf([again])} with deliveryCount ${again.deliveryCount}, because of ${again.redeliveryReason}`,
    `cleo 得到 ${bodiesOf([again])}，deliveryCount ${again.deliveryCount}，原因 ${again.redeliveryReason}`,
  );
  yield call('ack([lost])   // ann wakes up: a zombie');
  const error = await refusalOf(broker.ack([lost]));
  yield saw(`${error.code}: her token is over, cleo's is valid`, `${error.code}：她的令牌已失效，cleo 的有效`);
  await broker.ack([again]);
}

async function* theRingIsFull({ broker }: Stage): Scene {
  yield title('Full: wait for the slowest group', '满了：等最慢的组');
  yield call("send('orders', ...) eight times more");
  const sends = Array.from({ length: 8 }, (_, index) => broker.send('orders', { body: `order ${index + 5}` }));
  await Promise.all(sends.slice(0, 6));
  const [full] = await broker.describeTopics({ topic: 'orders' });
  yield saw(
    `${full?.waiterCount} sends wait. Slots that both groups had finished were used again, no others`,
    `${full?.waiterCount} 个发送在等待。两个组都完成的槽位被重新使用，其他的没有`,
  );
  yield* picture(broker, 'orders');
  yield say(
    'Kitchen is the slowest: it holds the ring up until it finishes something. That is back-pressure.',
    'kitchen 最慢：它不完成，环就转不动。这就是背压。',
  );
  yield call("ack(await receive('orders', { group: 'kitchen', max: 2 }))");
  await broker.ack(await broker.receive('orders', { group: 'kitchen', memberId: 'cleo', max: 2 }));
  const receipts = await Promise.all(sends.slice(6));
  const offsets = receipts.map(({ offset }) => offset).join(', ');
  yield saw(`the two that waited are accepted, with offsets ${offsets}`, `等待的两个被接受，偏移量 ${offsets}`);
}

async function* aReaderFallsBehind({ broker }: Stage): Scene {
  yield title('Or overwrite', '或者覆盖');
  yield call("createTopic('prices', { messagesMax: 4, overflow: 'drop-oldest' }); sendBatch, twice 3");
  await broker.createTopic('prices', { messagesMax: 4, overflow: 'drop-oldest' });
  await broker.sendBatch('prices', [{ body: '10' }, { body: '11' }, { body: '12' }]);
  await broker.sendBatch('prices', [{ body: '13' }, { body: '14' }, { body: '15' }]);
  yield call("fetch('prices', { offset: 0 })");
  const error = await refusalOf(broker.fetch('prices', { offset: 0 }));
  const { logStartOffset, logEndOffset } = error.details;
  yield saw(
    `${error.code}: the log has ${logStartOffset} to ${logEndOffset}; the reader fell behind and is told so`,
    `${error.code}：日志现有 ${logStartOffset} 到 ${logEndOffset}；读者落后了，并被明确告知`,
  );
  yield* picture(broker, 'prices');
}

async function* aLateSubscriber({ broker }: Stage): Scene {
  yield title('A late subscriber', '迟到的订阅者');
  yield call("createGroup('prices', 'ticker', { isEphemeral: true }); receive('prices', { group: 'ticker' })");
  await broker.createGroup('prices', 'ticker', { isEphemeral: true });
  const nothing = await broker.receive('prices', { group: 'ticker', max: 10 });
  yield saw(`${nothing.length} messages: it starts at the end`, `${nothing.length} 条消息：它从末尾开始`);
  yield call("createGroup('prices', 'chart'); receive('prices', { group: 'chart', max: 10 })");
  await broker.createGroup('prices', 'chart');
  const held = await broker.receive('prices', { group: 'chart', max: 10 });
  yield saw(`${bodiesOf(held)}: a durable group starts at the earliest`, `${bodiesOf(held)}：持久组从最早处开始`);
  yield call("leave('prices', { group: 'ticker' })");
  await broker.leave('prices', { group: 'ticker' });
  const [prices] = await broker.describeTopics({ topic: 'prices' });
  const groups = prices?.groups.map(({ group }) => group).join(', ');
  yield saw(
    `groups left: ${groups}; the ephemeral one died with its last member`,
    `剩下的组：${groups}；临时组随最后的成员消亡`,
  );
}

const MENU = ['tea', 'coffee', 'cake', 'soup', 'rice'];
const decoder = new TextDecoder();

/** Ann gives back what she has and takes it again: two deliveries to ack in whichever order. */
async function redeliver(broker: Broker): Promise<readonly [Delivery, Delivery]> {
  await broker.leave('orders', { group: 'kitchen', memberId: 'ann' });
  const [first, second] = await broker.receive('orders', { group: 'kitchen', memberId: 'ann', max: 2 });
  if (first === undefined || second === undefined) throw new Error('the story expects two deliveries');
  return [first, second];
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

function bodiesOf(deliveries: readonly Delivery[]): string {
  return deliveries.map(({ body }) => decoder.decode(body)).join(', ');
}

async function* picture(broker: Broker, topic: string): Scene {
  const view = await broker.inspect?.(topic);
  if (view?.kind === 'ring') yield { kind: 'picture', lines: drawRing(view) };
}
