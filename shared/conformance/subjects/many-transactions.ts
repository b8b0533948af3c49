/** Subject: many transactions at once; the history checker judges the record of all calls of writers and readers. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { nextTurn, within } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { readLog } from './steps.ts';

const WRITERS_COUNT = 5;
const READERS_COUNT = 3;
const TOPICS_COUNT = 3;
/** The whole workload in real time; a sound broker needs a tenth of it. */
const WORKLOAD_MS_MAX = 12_000;

export const manyTransactions: readonly ConformanceTest[] = [
  {
    name: 'of many transactions at once readers see those that were committed and nothing that was aborted',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: ({ random }) => (random.below(3) === 0 ? 'abort' : 'commit') }),
  },
  {
    name: 'of many transactions at once nothing is seen before its commit',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: () => 'commit', pausesBeforeEnd: true }),
  },
  {
    name: 'who has seen a part of a transaction sees all of it, whichever topic it looks into next',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: () => 'commit', writesEverywhere: true }),
  },
  {
    name: 'transactions that run one after the other stand in that order in every topic',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: () => 'commit' }),
  },
  {
    name: 'transactions that read what others wrote can be put in an order in which each reads what was before it',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: () => 'commit', readsWithin: true, writesEverywhere: true }),
  },
  {
    name: 'owners that take over from each other in the middle of their transactions show nothing by halves',
    capability: 'transactions',
    run: (context) => runAll(context, { fateOf: leaveSometimes, isNamed: true, writesEverywhere: true }),
  },
];

/** `leave` is what an owner does that is gone. */
type Fate = 'commit' | 'abort' | 'leave';

interface Workload {
  readonly fateOf: (context: TestContext) => Fate;
  /** True: every transaction writes to all topics. */
  readonly writesEverywhere?: boolean;
  /** True: a transaction fetches between its sends. */
  readonly readsWithin?: boolean;
  readonly pausesBeforeEnd?: boolean;
  /** True: two writers share each name. */
  readonly isNamed?: boolean;
}

function leaveSometimes({ random }: TestContext): Fate {
  const others = ['leave', 'abort'] as const;
  return others[random.below(6)] ?? 'commit';
}

async function runAll(context: TestContext, work: Workload): Promise<void> {
  const topics: string[] = [];
  for (let count = 0; count < TOPICS_COUNT; count += 1) topics.push(await context.newTopic());
  const names = [context.topicName(), context.topicName()];
  let isWriting = true;
  const writers = Array.from({ length: WRITERS_COUNT }, (_, index) => {
    const named = work.isNamed ? { transactionalId: names[index % names.length] ?? '' } : {};
    return write(context, `writer-${index}`, { ...work, topics, named });
  });
  const written = Promise.all(writers).then(() => {
    isWriting = false;
  });
  const readers = Array.from({ length: READERS_COUNT }, (_, index) =>
    follow(context, `reader-${index}`, { topics, mayHaveMore: () => isWriting }),
  );
  await within(WORKLOAD_MS_MAX, Promise.all([written, ...readers]), 'all transactions and fetches of the workload');
  // What was left open is aborted by whoever comes next.
  if (work.isNamed)
    for (const transactionalId of names) await (await context.broker.begin({ transactionalId })).abort();
  for (const topic of topics) await readLog(context.broker, topic);
  context.checkHistory({ readWhole: topics });
}

type Writing = Workload & { readonly topics: readonly string[]; readonly named: { readonly transactionalId?: string } };

async function write(context: TestContext, client: string, work: Writing): Promise<void> {
  const broker = context.as(client);
  const count = context.clock === 'virtual' ? 14 : 6;
  for (let round = 0; round < count; round += 1) {
    const transaction = await broker.begin(work.named);
    try {
      await fill(context, { broker, transaction, prefix: `${client}-${round}`, work });
      const fate = work.fateOf(context);
      if (fate !== 'leave') await transaction[fate]();
    } catch (error) {
      // Another owner of the name has taken over.
      if (!isMqError(error, 'MQ_PRODUCER_FENCED') && !isMqError(error, 'MQ_TRANSACTION_ENDED')) throw error;
    }
  }
}

async function fill(
  context: TestContext,
  {
    broker,
    transaction,
    prefix,
    work,
  }: { readonly broker: Broker; readonly transaction: Transaction; readonly prefix: string; readonly work: Writing },
): Promise<void> {
  const { topics } = work;
  const chosen = work.writesEverywhere ? topics : topics.slice(context.random.below(topics.length));
  for (const [index, topic] of chosen.entries()) {
    if (context.random.below(3) === 0) await nextTurn();
    await transaction.send(topic, { body: `${prefix}-${index}` });
  }
  if (work.readsWithin) for (const topic of topics) await latest(broker, topic);
  if (work.pausesBeforeEnd) await nextTurn();
}

/** The last few records of a topic. */
async function latest(broker: Broker, topic: string): Promise<void> {
  const { lastStableOffset = 0 } = await broker.fetch(topic);
  await broker.fetch(topic, { offset: Math.max(0, lastStableOffset - 5), max: 20 });
}

/** Goes on in one topic after the other, as far as there is something. */
async function follow(
  context: TestContext,
  client: string,
  { topics, mayHaveMore }: { readonly topics: readonly string[]; readonly mayHaveMore: () => boolean },
): Promise<void> {
  const broker = context.as(client);
  const next = new Map<string, number>();
  while (mayHaveMore()) {
    const from = context.random.below(topics.length);
    for (const topic of [...topics.slice(from), ...topics.slice(0, from)]) {
      const offset = next.get(topic) ?? 0;
      const { nextOffset } = await broker.fetch(topic, { offset, max: 1 + context.random.below(20) });
      next.set(topic, nextOffset);
    }
    await nextTurn();
  }
}
