/**
 * What `mq stage 1` tells. Every answer and every picture comes from the broker of this stage, on a clock that moves
 * only when the story says so; with the same seed the story is the same to the letter.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { QueueView } from '../../shared/contract/inside.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { call, type Story, type StoryLine, saw, say, title } from '../../shared/lesson.ts';
import { SeededRandom } from '../../shared/random.ts';
import { createBroker } from './index.ts';
import { showLimits } from './limit.ts';

export const story: Story = async function* tell(options = {}) {
  const clock = options.clock ?? new VirtualClock();
  const random = options.random ?? new SeededRandom(1);
  await using broker = await createBroker({ clock, random });
  yield title('Stage 1: a bounded buffer with two kinds of waiters', '第 1 阶段：一个有界缓冲区，两种等待者');
  yield* tellHandOver(broker);
  yield* tellWaitingReceive(broker);
  yield* tellBackPressure(broker, clock);
  yield* tellOverflow(broker);
  yield* tellLimits();
};

async function* tellHandOver(broker: Broker): AsyncIterable<StoryLine> {
  yield title('From hand to hand', '从手到手');
  yield say(
    'A producer hands a message to the broker; a consumer takes it out later. Neither knows the other.',
    '生产者把消息交给 broker，消费者稍后取走；双方互不相识。',
  );
  yield call("await broker.createTopic('kitchen', { messagesMax: 4 })");
  await broker.createTopic('kitchen', { messagesMax: 4 });
  yield call("await broker.send('kitchen', { id: 'tea', body: 'tea' })");
  const { offset, durability } = await broker.send('kitchen', { id: 'tea', body: 'tea' });
  yield saw(
    `accepted: offset ${offset}, kept in ${durability}`,
    `已接受：偏移量 ${offset}，保存在 ${durability}（内存）`,
  );
  yield call("await broker.send('kitchen', { id: 'milk', body: 'milk' })");
  await broker.send('kitchen', { id: 'milk', body: 'milk' });
  yield await draw(broker);
  yield call("await broker.receive('kitchen', { max: 10 })");
  const taken = bodiesOf(await broker.receive('kitchen', { max: 10 }));
  yield saw(`${taken}, first in, first out; the queue is empty again`, `${taken}，先进先出；队列又空了`);
}

async function* tellWaitingReceive(broker: Broker): AsyncIterable<StoryLine> {
  yield title('The line at the exit', '出口处的队伍');
  yield say(
    'A consumer that comes too early waits, up to waitMs. The next message goes straight into its hands.',
    '来得太早的消费者会等待，最多 waitMs；下一条消息直接交到它手里。',
  );
  yield call("const answer = broker.receive('kitchen', { memberId: 'cook', waitMs: 1000 })");
  const answer = broker.receive('kitchen', { memberId: 'cook', waitMs: 1000 });
  yield await draw(broker);
  yield call("await broker.send('kitchen', { id: 'sugar', body: 'sugar' })");
  await broker.send('kitchen', { id: 'sugar', body: 'sugar' });
  const taken = bodiesOf(await answer);
  yield saw(`cook got ${taken} without a moment in a slot`, `cook 收到 ${taken}，它没有在任何槽位里停留过`);
}

async function* tellBackPressure(broker: Broker, clock: { pass(ms: number): Promise<void> }): AsyncIterable<StoryLine> {
  yield title('The line at the entry', '入口处的队伍');
  yield say(
    'The buffer is bounded. When it is full, send does not finish until there is room: waiting is the back-pressure.',
    '缓冲区是有界的。满了以后 send 要等到有空位才完成：等待本身就是背压。',
  );
  yield call("await broker.createTopic('shelf', { messagesMax: 2 })");
  await broker.createTopic('shelf', { messagesMax: 2 });
  for (const id of ['a', 'b']) await broker.send('shelf', { id, body: id });
  yield call("const third = broker.send('shelf', { id: 'c', body: 'c' })");
  const third = broker.send('shelf', { id: 'c', body: 'c' });
  await clock.pass(250);
  yield await draw(broker, 'shelf');
  const waitedMs = (await viewOf(broker, 'shelf')).waitingSends[0]?.waitedMs;
  yield call("await broker.receive('shelf')");
  const taken = bodiesOf(await broker.receive('shelf'));
  const { offset } = await third;
  yield saw(
    `${taken} left, so c could enter after ${waitedMs} ms in the line, with offset ${offset}`,
    `${taken} 离开后，排了 ${waitedMs} 毫秒队的 c 才进来，偏移量是 ${offset}`,
  );
  yield await draw(broker, 'shelf');
}

async function* tellOverflow(broker: Broker): AsyncIterable<StoryLine> {
  yield title('Other manners when full', '满了以后的另外两种做法');
  yield call("await broker.createTopic('strict', { messagesMax: 1, overflow: 'reject' })");
  await broker.createTopic('strict', { messagesMax: 1, overflow: 'reject' });
  await broker.send('strict', { body: 'one' });
  const refusal = await broker.send('strict', { body: 'two' }).catch((error: unknown) => error);
  const code = isMqError(refusal) ? refusal.code : 'accepted';
  yield saw(`the second send: ${code}`, `第二次 send：${code}`);
  yield call("await broker.createTopic('latest', { messagesMax: 1, overflow: 'drop-oldest' })");
  await broker.createTopic('latest', { messagesMax: 1, overflow: 'drop-oldest' });
  for (const body of ['one', 'two', 'three']) await broker.send('latest', { body });
  const kept = bodiesOf(await broker.receive('latest', { max: 10 }));
  const [description] = await broker.describeTopics({ topic: 'latest' });
  yield saw(
    `of three messages ${kept} is left, ${description?.droppedCount} were dropped and counted`,
    `三条消息只剩下 ${kept}，丢弃了 ${description?.droppedCount} 条，都有计数`,
  );
}

async function* tellLimits(): AsyncIterable<StoryLine> {
  yield title('What this stage cannot do', '这一阶段做不到的事');
  for (const { claim, steps, next } of await showLimits()) {
    yield { kind: 'say', text: claim };
    for (const text of steps) yield { kind: 'saw', text };
    yield { kind: 'say', text: next };
  }
}

/** The queue as `inspect` shows it: waiting sends, slots, waiting receives, left to right as a message goes. */
async function draw(broker: Broker, topic = 'kitchen'): Promise<StoryLine> {
  const view = await viewOf(broker, topic);
  const held = view.slots.map(({ preview }) => `[ ${preview} ]`).join('');
  const free = '[   ]'.repeat(view.capacity - view.size);
  const line = (who: string, waiters: readonly { readonly who: string }[]): string =>
    `${who}: ${waiters.length === 0 ? '-' : waiters.map((waiter) => waiter.who).join(', ')}`;
  const sends = line('send', view.waitingSends);
  const receives = line('receive', view.waitingReceives);
  return { kind: 'picture', lines: [`${sends}  ==>  ${held}${free}  ${view.size}/${view.capacity}  ==>  ${receives}`] };
}

async function viewOf(broker: Broker, topic: string): Promise<QueueView> {
  return (await broker.inspect?.(topic)) as QueueView;
}

function bodiesOf(deliveries: readonly Delivery[]): string {
  return deliveries.map(({ body }) => new TextDecoder().decode(body)).join(', ');
}
