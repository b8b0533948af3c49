/**
 * The story of stage 4, told by a real broker on a disk in memory whose power can be cut: what `mq stage 4` prints.
 *
 * Always true: a `call` line is shown before that very call is made, and a `saw` line is built from its answer. Neither the
 * clock nor the disk is that of this machine, so the story is the same every time and leaves nothing behind.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { DEAD_LETTER_HEADERS, type Delivery, deadLetterTopicOf } from '../../shared/contract/message.ts';
import { call, type Story, type StoryLine, type StoryOptions, saw, say, title } from '../../shared/lesson.ts';
import { SeededRandom } from '../../shared/random.ts';
import { drawLog } from './log-picture.ts';
import { Machine } from './story-machine.ts';

type Scene = AsyncGenerator<StoryLine>;

/** What is the same for all brokers of the story. */
type World = Required<StoryOptions>;

const HOUR_MS = 3_600_000;

export const story: Story = async function* tell(options: StoryOptions = {}) {
  const clock = options.clock ?? new VirtualClock();
  const random = options.random ?? new SeededRandom(4);
  await using machine = await Machine.start({ clock, random });
  yield title(
    'Stage 4: what was acknowledged survives; batching pays for it',
    '第 4 阶段：确认过的都能幸存，批量为此买单',
  );
  yield* thePowerGoes(machine);
  yield* writtenIsNotSynced({ clock, random });
  yield* oneSyncForMany(machine);
  yield* aLogIsFiles(machine);
  yield* whatIsUnfinished(machine);
  yield* itFailsAgainAndAgain(machine, clock);
  yield* notBefore(machine, clock);
  yield* theUrgentOnes(machine);
  yield title('What it cannot do', '它做不到什么');
  yield say(
    'A lost answer plus a retry stores a duplicate, two topics are two writes, and only our own clients can talk to it: `mq limit 4`.',
    '响应丢失再重试会存下重复；两个主题就是两次写入；只有我们自己的客户端能与它对话：`mq limit 4`。',
  );
};

async function* thePowerGoes(machine: Machine): Scene {
  yield title('The power goes', '断电');
  yield say(
    'Under `always`, the default, the answer to a send comes after fdatasync: the receipt says so.',
    '在默认的 `always` 下，发送的响应在 fdatasync 之后才来：回执写明了这一点。',
  );
  yield call("send('orders', { body: 'tea' })");
  const receipt = await machine.broker.send('orders', { body: 'tea' });
  yield saw(
    `offset ${receipt.offset}, durability "${receipt.durability}"`,
    `偏移量 ${receipt.offset}，durability "${receipt.durability}"`,
  );
  yield call("send('orders', { body: 'soup' })   // and the power goes in the middle of writing it");
  await machine.cutPowerInWrite((broker) => broker.send('orders', { body: 'soup' }));
  yield saw(`at the next start: ${machine.notice}`, `下次启动时：${machine.notice}`);
  const { records, nextOffset } = await machine.broker.fetch('orders', { max: 10 });
  yield saw(
    `the log has ${bodiesOf(records)}, and ${nextOffset} is free again: the half of a batch was cut off`,
    `日志里有 ${bodiesOf(records)}，偏移量 ${nextOffset} 又空出来：半个批次被切掉`,
  );
  yield say(
    'A checksum tells a whole batch from a torn one. Nobody had been told that soup was safe.',
    '校验和能分辨完整的批次和撕裂的批次。没有人得到过 soup 已安全的答复。',
  );
}

async function* writtenIsNotSynced(world: World): Scene {
  yield title('Written is not synced', '已写入不等于已落盘');
  await using machine = await Machine.start({ ...world, flushPolicy: 'never' });
  yield call("createBroker({ flushPolicy: 'never' }); send('orders', { body: 'tea' })");
  const receipt = await machine.broker.send('orders', { body: 'tea' });
  yield saw(`durability "${receipt.durability}"`, `回执写着 durability "${receipt.durability}"`);
  yield call('kill -9   // the process dies, the system goes on');
  await machine.killProcess();
  const afterKill = await machine.broker.describeTopics();
  const { records } = await machine.broker.fetch('orders', { max: 10 });
  yield saw(
    `${afterKill.length} topic with ${bodiesOf(records)}: the system had it`,
    `${afterKill.length} 个主题，内有 ${bodiesOf(records)}：操作系统已收下`,
  );
  yield call("send('orders', { body: 'cake' })   // and the power goes a second later");
  await machine.broker.send('orders', { body: 'cake' });
  await machine.cutPower();
  const left = await machine.broker.fetch('orders', { max: 10 });
  yield saw(
    `what is left: ${bodiesOf(left.records)}. The receipt had not promised more`,
    `剩下的：${bodiesOf(left.records)}。回执也没有承诺更多`,
  );
}

async function* oneSyncForMany({ broker }: Machine): Scene {
  yield title('One sync for many', '一次同步，许多消息');
  yield say(
    'Syncing takes a disk longer than anything else; so whatever comes while it is busy shares the next one.',
    '对磁盘来说同步最慢；所以在它忙碌时到来的一切共享下一次同步。',
  );
  yield call("await Promise.all(hundred.map((body) => send('notes', { body })))");
  const hundred = Array.from({ length: 100 }, (_, index) => broker.send('notes', { body: `note ${index}` }));
  const receipts = await Promise.all(hundred);
  const view = await logViewOf(broker, 'notes');
  const syncedCount = receipts.filter(({ durability }) => durability === 'synced').length;
  const { syncCount, appendCount } = view.partitions[0] ?? {};
  yield saw(
    `${syncedCount} synced receipts for ${appendCount} appends and ${syncCount} syncs`,
    `${syncedCount} 张 synced 回执，${appendCount} 次追加，${syncCount} 次同步`,
  );
}

async function* aLogIsFiles({ broker }: Machine): Scene {
  yield title('A log is files', '日志就是文件');
  yield say(
    'A file is full, the next one begins, named after its first offset. A sparse index leads to any offset in two steps.',
    '文件写满就开始下一个，以它的首个偏移量命名。稀疏索引两步就能到达任何偏移量。',
  );
  yield call("for (const dish of menu) await send('orders', { body: dish })");
  for (const body of MENU) await broker.send('orders', { body });
  yield { kind: 'picture', lines: drawLog(await logViewOf(broker, 'orders')) };
  yield call("fetch('orders', { offset: 7 })");
  const { records, nextOffset } = await broker.fetch('orders', { offset: 7 });
  yield saw(`${bodiesOf(records)}, then ${nextOffset}`, `${bodiesOf(records)}，下一个 ${nextOffset}`);
}

async function* whatIsUnfinished(machine: Machine): Scene {
  yield title('What is unfinished survives too', '未完成的也会幸存');
  yield call("[first, second, third] = receive('orders', { group: 'kitchen', max: 3 }); ack([second])");
  const [first, second, third] = await machine.broker.receive('orders', { group: 'kitchen', max: 3 });
  if (first === undefined || second === undefined || third === undefined) throw new Error('the story expects three');
  await machine.broker.ack([second]);
  await machine.cutPower();
  yield say('The power goes again. The acks were synced like the sends.', '再次断电。确认和发送一样都已落盘。');
  const left = await machine.broker.browse('orders', { group: 'kitchen', max: 3 });
  const states = left.map(({ offset, state }) => `${offset} ${state}`).join(', ');
  yield saw(
    `browse shows ${states}: ${second.offset} is finished, above the floor`,
    `browse 显示 ${states}：${second.offset} 已完成，在下界之上`,
  );
  yield call('ack([first])   // with the token from before the power cut');
  yield saw(
    `${await outcomeOf(machine.broker.ack([first]))}; the next answer is ${await textOfNext(machine.broker)}`,
    `${await outcomeOf(machine.broker.ack([first]))}；下一个响应是 ${await textOfNext(machine.broker)}`,
  );
}

async function* itFailsAgainAndAgain({ broker }: Machine, clock: World['clock']): Scene {
  yield title('It fails again and again', '一次又一次失败');
  yield call("createGroup('bills', 'printer', { deliveriesMax: 3, retryDelays: [1000, 5000] })");
  await broker.createTopic('bills');
  await broker.createGroup('bills', 'printer', { deliveriesMax: 3, retryDelays: [1000, 5000] });
  const { id } = await broker.send('bills', { body: '4.20', id: 'bill-1' });
  for (const waitMs of [1000, 5000, 0]) {
    yield call("nack(receive('bills', { group: 'printer' }), { reason: 'no paper' })");
    const [delivery] = await broker.receive('bills', { group: 'printer' });
    if (delivery === undefined) throw new Error('the story expects a delivery');
    await broker.nack(delivery, { reason: 'no paper' });
    const [topic] = await broker.describeTopics({ topic: 'bills' });
    yield saw(
      `deliveryCount ${delivery.deliveryCount}; now delayed ${topic?.delayedCount}, dead ${topic?.deadCount}`,
      `deliveryCount ${delivery.deliveryCount}；现在延迟 ${topic?.delayedCount}，死信 ${topic?.deadCount}`,
    );
    await clock.pass(waitMs);
  }
  yield call("explain('bills', { id: 'bill-1' })");
  const events = (await broker.explain?.('bills', { id }))?.events ?? [];
  const told = events.map(({ what }) => what).join(' > ');
  yield saw(`what happened to it: ${told}`, `它的经历：${told}`);
  const dead = await broker.fetch(deadLetterTopicOf('bills', 'printer'), { max: 10 });
  const headers = dead.records[0]?.headers ?? {};
  const why = [headers[DEAD_LETTER_HEADERS.reason], headers[DEAD_LETTER_HEADERS.error]].join(', ');
  yield saw(
    `in the dead-letter topic: ${bodiesOf(dead.records)} (${why})`,
    `死信主题里：${bodiesOf(dead.records)}（${why}）`,
  );
  yield call("redrive('bills', { group: 'printer' }); receive('bills', { group: 'printer' })");
  const count = await broker.redrive('bills', { group: 'printer' });
  const [again] = await broker.receive('bills', { group: 'printer' });
  yield saw(
    `${count} went back; it came with deliveryCount ${again?.deliveryCount}, because of ${again?.redeliveryReason}`,
    `${count} 条退回；再次到来时 deliveryCount ${again?.deliveryCount}，原因 ${again?.redeliveryReason}`,
  );
  if (again !== undefined) await broker.ack([again]);
}

async function* notBefore(machine: Machine, clock: World['clock']): Scene {
  yield title('Not before', '不早于');
  yield call("send('alarms', { body: 'wake up', delayMs: 3_600_000 })");
  const receipt = await machine.broker.send('alarms', { body: 'wake up', delayMs: HOUR_MS });
  yield saw(
    `offset ${receipt.offset}, durability "${receipt.durability}": it gets its offset when it is due`,
    `偏移量 ${receipt.offset}，durability "${receipt.durability}"：到期时才得到偏移量`,
  );
  await clock.pass(HOUR_MS / 2);
  await machine.cutPower();
  yield say('Half an hour later the power goes, and comes back.', '半小时后断电，随后恢复。');
  const [before] = await machine.broker.receive('alarms');
  await clock.pass(HOUR_MS / 2);
  const [after] = await machine.broker.receive('alarms');
  yield saw(
    `receive gave ${bodyOf(before)} then, and ${bodyOf(after)} after another half hour`,
    `当时 receive 得到 ${bodyOf(before)}，再过半小时得到 ${bodyOf(after)}`,
  );
}

async function* theUrgentOnes({ broker }: Machine): Scene {
  yield title('The urgent ones first', '紧急的优先');
  yield call("send('calls', letter); send('calls', bill); send('calls', { body: 'fire', priority: 9 })");
  await broker.send('calls', { body: 'letter' });
  await broker.send('calls', { body: 'bill' });
  await broker.send('calls', { body: 'fire', priority: 9 });
  const handed = await broker.receive('calls', { max: 3 });
  const { records } = await broker.fetch('calls', { max: 3 });
  yield saw(
    `handed out: ${bodiesOf(handed)}; stored: ${bodiesOf(records)}. A log never moves what it has`,
    `投递顺序：${bodiesOf(handed)}；存储顺序：${bodiesOf(records)}。日志从不移动已有的内容`,
  );
}

const MENU = ['coffee', 'cake', 'rice', 'noodles', 'salad', 'bread', 'juice', 'pie', 'stew', 'ice'];
const decoder = new TextDecoder();

async function logViewOf(broker: Broker, topic: string) {
  const view = await broker.inspect?.(topic);
  if (view?.kind !== 'log') throw new Error('the story expects a log');
  return view;
}

/** `done`, or the code of the error. */
async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: { readonly code?: string }) => error.code ?? String(error),
  );
}

async function textOfNext(broker: Broker): Promise<string> {
  const [next] = await broker.receive('orders', { group: 'kitchen' });
  return bodyOf(next);
}

function bodyOf(delivery: Delivery | undefined): string {
  return delivery === undefined ? 'nothing' : decoder.decode(delivery.body);
}

function bodiesOf(records: readonly { readonly body: Uint8Array }[]): string {
  return records.length === 0 ? 'nothing' : records.map(({ body }) => decoder.decode(body)).join(', ');
}
