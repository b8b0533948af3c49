/**
 * What a queue that forgets at `receive` cannot do, shown by running into it: `mq limit 1`.
 *
 * The two scenarios take any Broker, so that stage 2's tests run the same lines and see the opposite.
 */
import { VirtualClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import type { LimitReport, ShowLimits } from '../../shared/lesson.ts';
import { SeededRandom } from '../../shared/random.ts';
import { createBroker } from './index.ts';

export interface CrashOutcome {
  readonly beforeCrash: readonly string[];
  /** What another consumer gets when the first one's lease, if it had one, is over. */
  readonly afterCrash: readonly string[];
  readonly availableCount: number;
}

/** A consumer receives an order and dies before it has done anything with it; then another consumer asks. */
export async function crashAfterReceive(broker: Broker, clock: VirtualClock): Promise<CrashOutcome> {
  await broker.send('orders', { body: 'one tea' });
  const first = await broker.receive('orders', { memberId: 'worker-1' });
  await clock.pass(DEFAULTS.leaseMs);
  const second = await broker.receive('orders', { memberId: 'worker-2' });
  const [description] = await broker.describeTopics({ topic: 'orders' });
  return {
    beforeCrash: bodiesOf(first),
    afterCrash: bodiesOf(second),
    availableCount: description?.availableCount ?? 0,
  };
}

export interface ReadersOutcome {
  readonly sent: readonly string[];
  readonly billing: readonly string[];
  readonly shipping: readonly string[];
}

/** Billing and shipping both want to see every order. */
export async function twoReaders(broker: Broker): Promise<ReadersOutcome> {
  const sent = ['order 1', 'order 2', 'order 3', 'order 4'];
  await broker.sendBatch(
    'orders',
    sent.map((body) => ({ body })),
  );
  // Without groups there is only one way to read: everybody at the same end.
  const optionsOf = (reader: string) => {
    return broker.capabilities.has('groups') ? { group: reader } : { memberId: reader };
  };
  const billing: string[] = [];
  const shipping: string[] = [];
  for (let turn = 0; turn < sent.length; turn += 1) {
    billing.push(...bodiesOf(await broker.receive('orders', optionsOf('billing'))));
    shipping.push(...bodiesOf(await broker.receive('orders', optionsOf('shipping'))));
  }
  return { sent, billing, shipping };
}

export const showLimits: ShowLimits = async () => [await showCrash(), await showTwoReaders()];

async function showCrash(): Promise<LimitReport> {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, random: new SeededRandom(1) });
  const { beforeCrash, afterCrash, availableCount } = await crashAfterReceive(broker, clock);
  return {
    stage: 1,
    claim: {
      en: 'A consumer that dies after receive takes its message with it.',
      zh: '消费者在 receive 之后崩溃，它手里的消息就永远丢了。',
    },
    steps: [
      { en: 'producer: send("orders", "one tea")', zh: '生产者：send("orders", "one tea")' },
      { en: `worker-1: receive -> ${listOf(beforeCrash)}`, zh: `worker-1：receive -> ${listOf(beforeCrash)}` },
      { en: 'worker-1 dies before it made the tea', zh: 'worker-1 还没泡茶就崩溃了' },
      { en: `worker-2: receive -> ${listOf(afterCrash)}`, zh: `worker-2：receive -> ${listOf(afterCrash)}` },
      { en: `messages left in the topic: ${availableCount}`, zh: `主题里剩下的消息数：${availableCount}` },
    ],
    isShown: beforeCrash.length === 1 && afterCrash.length === 0 && availableCount === 0,
    next: {
      en: 'Stage 2 hands out a lease instead: a message nobody acknowledged in time is delivered again.',
      zh: '第 2 阶段交出的是租约：到期仍未确认的消息会被重新投递。',
    },
  };
}

async function showTwoReaders(): Promise<LimitReport> {
  await using broker = await createBroker({ clock: new VirtualClock(), random: new SeededRandom(1) });
  const { sent, billing, shipping } = await twoReaders(broker);
  const isStolen = billing.length + shipping.length === sent.length && billing.length > 0 && shipping.length > 0;
  return {
    stage: 1,
    claim: {
      en: 'Two readers of one topic steal from each other: each sees only what the other did not take.',
      zh: '同一个主题的两个读者互相抢：每个读者只能看到对方没拿走的消息。',
    },
    steps: [
      { en: `producer: sendBatch("orders", ${listOf(sent)})`, zh: `生产者：sendBatch("orders", ${listOf(sent)})` },
      { en: `billing got ${listOf(billing)}`, zh: `billing 收到 ${listOf(billing)}` },
      { en: `shipping got ${listOf(shipping)}`, zh: `shipping 收到 ${listOf(shipping)}` },
      {
        en: `each wanted ${sent.length}, together they got ${billing.length + shipping.length}`,
        zh: `两边各要 ${sent.length} 条，加起来只收到 ${billing.length + shipping.length} 条`,
      },
    ],
    isShown: isStolen,
    next: {
      en: 'Stage 2 keeps the messages and gives every group a position of its own.',
      zh: '第 2 阶段保留消息，并让每个消费组有自己的读取位置。',
    },
  };
}

function bodiesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ body }) => new TextDecoder().decode(body));
}

function listOf(bodies: readonly string[]): string {
  return bodies.length === 0 ? '[]' : `[${bodies.map((body) => JSON.stringify(body)).join(', ')}]`;
}
