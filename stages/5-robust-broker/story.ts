/**
 * The story of stage 5, told by a real broker on a disk in memory whose power can be cut: what `mq stage 5` prints.
 *
 * Always true: a `call` line is shown before that very call is made, and a `saw` line is built from its answer. Neither the
 * clock nor the disk is that of this machine, so the story is the same every time and leaves nothing behind.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { call, type Story, type StoryLine, type StoryOptions, saw, say, title } from '../../shared/lesson.ts';
import { SeededRandom } from '../../shared/random.ts';
import { Machine } from '../4-persisted-log/story-machine.ts';
import { createBroker } from './index.ts';
import { anyClient } from './story-doors.ts';
import { ordersThroughAnOutbox } from './story-outbox.ts';

type Scene = AsyncGenerator<StoryLine>;
type Clock = Required<StoryOptions>['clock'];

/** A producer of half messages is asked after so long. */
const CHECK_AFTER_MS = 6000;

export const story: Story = async function* tell(options: StoryOptions = {}) {
  const clock = options.clock ?? new VirtualClock();
  const random = options.random ?? new SeededRandom(5);
  await using machine = await Machine.start({ clock, random, open: createBroker });
  yield title(
    'Stage 5: every message ends somewhere known, all or nothing',
    '第 5 阶段：每条消息都有已知的归宿，要么全有，要么全无',
  );
  yield* sentTwiceStoredOnce(machine);
  yield* aTransfer(machine);
  yield* notYetForReaders(machine);
  yield* rolledBack(machine);
  yield* aHalfMessage(machine, clock);
  yield* onlyWhatMatches(machine);
  yield* ordersThroughAnOutbox(machine, { clock, random });
  yield* anyClient(machine, { clock, random });
  yield title('What it cannot do', '它做不到什么');
  yield say(
    'It is one machine: while it is away nobody is served. Beyond that a real engine keeps the same contract: `mq limit 5`.',
    '它只是一台机器：它不在时谁也得不到服务。再往上，由真正的引擎遵守同样的契约：`mq limit 5`。',
  );
};

async function* sentTwiceStoredOnce(machine: Machine): Scene {
  yield title('Sent twice, stored once', '发送两次，只存一次');
  yield call('producer = await openProducer()');
  const producer = await machine.broker.openProducer();
  const stamp = { ...producer, sequence: 0 };
  yield call("send('bills', { body: '4.20' }, { producer: { ...producer, sequence: 0 } })");
  const first = await machine.broker.send('bills', { body: '4.20' }, { producer: stamp });
  yield say(
    'The answer is lost, the power goes, the broker starts again. The producer knows nothing, and repeats itself.',
    '响应丢失，随后断电，broker 重新启动。生产者什么都不知道，于是重发。',
  );
  await machine.cutPower();
  const second = await machine.broker.send('bills', { body: '4.20' }, { producer: stamp });
  const { records } = await machine.broker.fetch('bills', { max: 10 });
  yield saw(
    `offset ${first.offset}, then offset ${second.offset}, isDuplicate ${second.isDuplicate}; the log has ${records.length} record`,
    `偏移量 ${first.offset}，然后偏移量 ${second.offset}，isDuplicate ${second.isDuplicate}；日志里有 ${records.length} 条记录`,
  );
  yield call("send('bills', { body: '7.00' }, { producer: { ...producer, sequence: 2 } })   // 1 never came");
  const gap = machine.broker.send('bills', { body: '7.00' }, { producer: { ...producer, sequence: 2 } });
  const code = await codeOf(gap);
  yield saw(`${code}: nothing was stored`, `${code}：什么都没有存`);
}

async function* aTransfer(machine: Machine): Scene {
  yield title('A transfer between two topics', '两个主题之间的转移');
  await machine.broker.createTopic('payments');
  await machine.broker.createTopic('deliveries');
  yield call("t = await begin(); t.send('payments', paid); t.send('deliveries', bring)   // and the power goes");
  const lost = await machine.broker.begin();
  await lost.send('payments', { body: 'tea paid' });
  await lost.send('deliveries', { body: 'bring tea' });
  await machine.cutPower();
  yield saw(`after the restart: ${await bothTopics(machine.broker)}`, `重启后：${await bothTopics(machine.broker)}`);
  yield call('the same again, t.commit()   // and the power goes right after the answer');
  const kept = await machine.broker.begin();
  await kept.send('payments', { body: 'tea paid' });
  await kept.send('deliveries', { body: 'bring tea' });
  await kept.commit();
  await machine.cutPower();
  yield saw(`after the restart: ${await bothTopics(machine.broker)}`, `重启后：${await bothTopics(machine.broker)}`);
  yield call('findTransaction(t.id)   // did it count?');
  const outcome = await outcomeOf(machine.broker.findTransaction(kept.id));
  yield saw(`it is over: ${outcome}`, `它已结束：${outcome}`);
}

async function* notYetForReaders(machine: Machine): Scene {
  yield title('Not yet for readers', '读者还看不到');
  const { broker } = machine;
  await broker.createTopic('news');
  yield call("send('news', 'one'); t = await begin(); t.send('news', 'two'); send('news', 'three')");
  await broker.send('news', { body: 'one' });
  const open = await broker.begin();
  await open.send('news', { body: 'two' });
  await broker.send('news', { body: 'three' });
  const uncommitted = await broker.fetch('news', { max: 10, isolation: 'read-uncommitted' });
  const committed = await broker.fetch('news', { max: 10 });
  yield saw(
    `read-uncommitted: ${bodiesOf(uncommitted.records)}; read-committed: ${bodiesOf(committed.records)}, up to the last stable offset ${committed.lastStableOffset}`,
    `read-uncommitted：${bodiesOf(uncommitted.records)}；read-committed：${bodiesOf(committed.records)}，直到最后稳定偏移量 ${committed.lastStableOffset}`,
  );
  yield call('t.abort()');
  await open.abort();
  const after = await broker.fetch('news', { max: 10 });
  yield saw(
    `read-committed: ${bodiesOf(after.records)}; two was skipped, and so was the marker that says how it ended`,
    `read-committed：${bodiesOf(after.records)}；two 被跳过，说明其结局的标记也被跳过`,
  );
}

async function* rolledBack(machine: Machine): Scene {
  yield title('Consume, transform, produce', '消费、转换、生产');
  const { broker } = machine;
  await broker.send('raw', { body: 'beans' });
  for (const end of ['abort', 'commit'] as const) {
    yield call(`t = await begin(); t.ack(receive('raw')); t.send('roasted', coffee); t.${end}()`);
    const transaction = await broker.begin();
    const deliveries = await broker.receive('raw');
    await transaction.ack(deliveries);
    await transaction.send('roasted', { body: 'coffee' });
    await transaction[end]();
    const roasted = await broker.fetch('roasted', { max: 10 });
    const [topic] = await broker.describeTopics({ topic: 'raw' });
    yield saw(
      `deliveryCount was ${deliveries[0]?.deliveryCount}; now raw has ${topic?.availableCount} available, roasted ${bodiesOf(roasted.records)}`,
      `当时 deliveryCount ${deliveries[0]?.deliveryCount}；现在 raw 有 ${topic?.availableCount} 条可用，roasted 有 ${bodiesOf(roasted.records)}`,
    );
  }
}

async function* aHalfMessage(machine: Machine, clock: Clock): Scene {
  yield title('A half message whose producer dies', '生产者中途死去的半消息');
  yield call("sendHalf('orders', { body: 'tea' }, { producerGroup: 'shop' })   // then the work, then: dead");
  const half = await machine.broker.sendHalf('orders', { body: 'tea' }, { producerGroup: 'shop' });
  const hidden = await machine.broker.receive('orders');
  await machine.cutPower();
  await clock.pass(CHECK_AFTER_MS);
  yield say(
    'The power went too. Six seconds later the broker asks whoever is alive of the group "shop".',
    '之后又断了电。六秒后，broker 向 “shop” 组里还活着的成员询问。',
  );
  yield call("receiveHalfChecks('shop')");
  const [check] = await machine.broker.receiveHalfChecks('shop');
  yield saw(
    `before, ${bodiesOf(hidden)} was received; now it asks about "${bodyOf(check)}", for the ${check?.checkCount}st of ${check?.checksMax} times`,
    `此前收到的是 ${bodiesOf(hidden)}；现在询问 “${bodyOf(check)}”，第 ${check?.checkCount} 次，最多 ${check?.checksMax} 次`,
  );
  yield call("endHalf('orders', { halfId, outcome: 'commit' })   // twice: the first answer was lost");
  const receipt = await machine.broker.endHalf('orders', { halfId: half.halfId, outcome: 'commit' });
  await machine.cutPower();
  const again = await machine.broker.endHalf('orders', { halfId: half.halfId, outcome: 'commit' });
  const deliveries = await machine.broker.receive('orders', { max: 10 });
  yield saw(
    `offset ${receipt?.offset}, then offset ${again?.offset}; received: ${bodiesOf(deliveries)}`,
    `偏移量 ${receipt?.offset}，然后偏移量 ${again?.offset}；收到：${bodiesOf(deliveries)}`,
  );
}

async function* onlyWhatMatches({ broker }: Machine): Scene {
  yield title('Only what matches', '只要匹配的');
  await broker.createTopic('shop');
  const selector = "price > 10 AND region IN ('eu', 'asia')";
  yield call(`createGroup('shop', 'big', { filter: { selector: "${selector}" } })`);
  await broker.createGroup('shop', 'big', { filter: { selector } });
  const types = { $types: 'price=double' };
  await broker.send('shop', { body: 'tea', headers: { price: '4.2', region: 'eu', ...types } });
  await broker.send('shop', { body: 'teapot', headers: { price: '42', region: 'asia', ...types } });
  await broker.send('shop', { body: 'table', headers: { price: '420', region: 'mars', ...types } });
  const deliveries = await broker.receive('shop', { group: 'big', max: 10 });
  const others = await broker.receive('shop', { group: 'all', max: 10 });
  yield saw(
    `big got ${bodiesOf(deliveries)}; a group without a filter got ${bodiesOf(others)}`,
    `big 得到 ${bodiesOf(deliveries)}；没有过滤器的组得到 ${bodiesOf(others)}`,
  );
}

const decoder = new TextDecoder();

async function bothTopics(broker: Broker): Promise<string> {
  const paid = await broker.fetch('payments', { max: 10 });
  const brought = await broker.fetch('deliveries', { max: 10 });
  return `payments: ${bodiesOf(paid.records)}, deliveries: ${bodiesOf(brought.records)}`;
}

/** `done`, or the code of the error. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (isMqError(error) ? error.code : String(error)),
  );
}

/** How a transaction ended, from the refusal to find it. */
async function outcomeOf(found: Promise<unknown>): Promise<string> {
  return found.then(
    () => 'it is open',
    (error: unknown) => (isMqError(error) ? `${error.code}, ${error.details.outcome}` : String(error)),
  );
}

function bodyOf(one: Pick<Delivery, 'body'> | undefined): string {
  return one === undefined ? 'nothing' : decoder.decode(one.body);
}

function bodiesOf(records: readonly { readonly body: Uint8Array }[]): string {
  return records.length === 0 ? 'nothing' : records.map(({ body }) => decoder.decode(body)).join(', ');
}
