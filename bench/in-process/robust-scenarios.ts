/**
 * What the promises of stage 5 cost, each beside the same work without the promise, on a disk of this machine: sends that
 * are numbered, batches in transactions, reading only what is committed, counting and timing all that happens.
 *
 * Always true: a message counts as through when its send was answered (or its transaction committed), and at the end of a
 * run the log has exactly as many records as that; two contestants of a scenario do the same calls but for the promise.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Scenario } from '../race.ts';
import { createRobust, type RobustOptions } from '../targets.ts';
import { type NumberedMessage, type PassContestant, passContestant, type Racer, type Received } from './pass.ts';

const TOPIC = 'bench';
/** Messages in one batch, and in one transaction. */
const BATCH_COUNT = 100;
/** Batches or transactions under way at once: they share an fdatasync. */
const BATCHES_OPEN_COUNT = 8;
const SENDS_OPEN_COUNT = 32;
const PASS_COUNT = 3200;
const FETCH_COUNT = 1024;
/** The promises that cost least: a run differs from its neighbour by more. */
const ROUNDS_TIMES = 4;

export function robustScenarios(runMs: number): Scenario[] {
  return [numberedSends(runMs), transactions(runMs), isolations(runMs), observed(runMs)];
}

/** A broker on a folder of its own, and what was done on it. */
interface Bench {
  readonly broker: Broker;
  /** Messages that are in the log for sure. */
  storedCount: number;
}

type Pass = (bench: Bench, messages: readonly NumberedMessage[], received: Received) => Promise<void>;

function contestant(
  name: string,
  how: {
    readonly runMs: number;
    readonly options: RobustOptions;
    readonly prepare?: Pass;
    readonly makePass: () => Pass;
  },
): PassContestant {
  const { runMs, options, prepare, makePass } = how;
  const start = async (received: Received): Promise<Racer> => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
    const bench: Bench = { broker: await createRobust({ ...options, dataFolder }), storedCount: 0 };
    const pass = makePass();
    let isPrepared = prepare === undefined;
    return {
      async pass(messages) {
        if (!isPrepared) await prepare?.(bench, messages, () => undefined);
        isPrepared = true;
        await pass(bench, messages, received);
      },
      async close() {
        const [described] = await bench.broker.describeTopics({ topic: TOPIC });
        assert((described?.logEndOffset ?? 0) >= bench.storedCount, 'what was answered is in the log');
        await bench.broker.close();
        await rm(dataFolder, { recursive: true, force: true });
      },
    };
  };
  return { name, role: 'stage', passCount: PASS_COUNT, runMs, start };
}

function numberedSends(runMs: number): Scenario {
  const options: RobustOptions = { flushPolicy: 'never' };
  const contestants = [
    contestant('plain sends', { runMs, options, makePass: () => plainSends }),
    contestant('idempotent sends', { runMs, options, makePass: idempotentSends }),
  ];
  return {
    name: 'idempotent-sends',
    title: 'Sends that are numbered',
    how: `flushPolicy never, ${SENDS_OPEN_COUNT} sends open at once; one kind carries producerId, epoch and sequence.`,
    roundsTimes: ROUNDS_TIMES,
    contestants: contestants.map(passContestant),
  };
}

const plainSends: Pass = async (bench, messages, received) => {
  await someAtATime(messages, SENDS_OPEN_COUNT, async (message) => {
    await bench.broker.send(TOPIC, message);
    bench.storedCount += 1;
    received(message.body);
  });
};

function idempotentSends(): Pass {
  let producer: { readonly producerId: number; readonly epoch: number } | undefined;
  let sequence = 0;
  return async (bench, messages, received) => {
    producer ??= await bench.broker.openProducer();
    const { producerId, epoch } = producer;
    await someAtATime(messages, SENDS_OPEN_COUNT, async (message) => {
      const stamp = { producerId, epoch, sequence };
      sequence += 1;
      await bench.broker.send(TOPIC, message, { producer: stamp });
      bench.storedCount += 1;
      received(message.body);
    });
  };
}

function transactions(runMs: number): Scenario {
  const options: RobustOptions = { flushPolicy: 'always' };
  const contestants = [
    contestant('batches', { runMs, options, makePass: () => plainBatches }),
    contestant('transactions', { runMs, options, makePass: () => batchesInTransactions }),
  ];
  return {
    name: 'transactions',
    title: 'Transactions of 100 messages',
    how:
      `flushPolicy always, ${BATCHES_OPEN_COUNT} batches of ${BATCH_COUNT} open at once: sent as they are, or each in a ` +
      'transaction of its own: begin, sendBatch, commit.',
    contestants: contestants.map(passContestant),
  };
}

const plainBatches: Pass = async (bench, messages, received) => {
  await someAtATime(batchesOf(messages), BATCHES_OPEN_COUNT, async (batch) => {
    await bench.broker.sendBatch(TOPIC, batch);
    bench.storedCount += batch.length;
    for (const { body } of batch) received(body);
  });
};

const batchesInTransactions: Pass = async (bench, messages, received) => {
  await someAtATime(batchesOf(messages), BATCHES_OPEN_COUNT, async (batch) => {
    const transaction = await bench.broker.begin();
    await transaction.sendBatch(TOPIC, batch);
    await transaction.commit();
    bench.storedCount += batch.length;
    for (const { body } of batch) received(body);
  });
};

function isolations(runMs: number): Scenario {
  const options: RobustOptions = { flushPolicy: 'never' };
  const reading = (isolation: 'read-committed' | 'read-uncommitted'): PassContestant =>
    contestant(isolation, { runMs, options, prepare: batchesInTransactions, makePass: () => readAll(isolation) });
  return {
    name: 'isolation',
    title: 'Reading what is committed',
    how: `One topic, written in transactions of ${BATCH_COUNT}; fetches of ${FETCH_COUNT} from the begin to the end.`,
    contestants: [reading('read-uncommitted'), reading('read-committed')].map(passContestant),
  };
}

function observed(runMs: number): Scenario {
  const lives = (name: string, metrics: boolean): PassContestant =>
    contestant(name, { runMs, options: { flushPolicy: 'never', metrics }, makePass: () => wholeLives });
  return {
    name: 'metrics',
    title: 'Counting and timing what becomes of messages',
    how: `flushPolicy never; batches of ${BATCH_COUNT} sent, received and acknowledged, with and without metrics.`,
    roundsTimes: ROUNDS_TIMES,
    contestants: [lives('metrics off', false), lives('metrics on', true)].map(passContestant),
  };
}

/** A message is sent, received and acknowledged. */
const wholeLives: Pass = async (bench, messages, received) => {
  for (const batch of batchesOf(messages)) {
    await bench.broker.sendBatch(TOPIC, batch);
    bench.storedCount += batch.length;
    for (let open = batch.length; open > 0; ) {
      const deliveries = await bench.broker.receive(TOPIC, { max: open });
      if (deliveries.length === 0) return; // counted as lost
      for (const { body } of deliveries) received(body);
      await bench.broker.ack(deliveries);
      open -= deliveries.length;
    }
  }
};

function readAll(isolation: 'read-committed' | 'read-uncommitted'): Pass {
  return async ({ broker }, messages, received) => {
    let count = 0;
    for (let offset = 0; count < messages.length; ) {
      const { records, nextOffset } = await broker.fetch(TOPIC, { offset, max: FETCH_COUNT, isolation });
      for (const { body } of records) received(body);
      count += records.length;
      if (nextOffset === offset) return; // counted as lost
      offset = nextOffset;
    }
  };
}

function batchesOf(messages: readonly NumberedMessage[]): NumberedMessage[][] {
  const batches: NumberedMessage[][] = [];
  for (let first = 0; first < messages.length; first += BATCH_COUNT) {
    batches.push(messages.slice(first, first + BATCH_COUNT));
  }
  return batches;
}

async function someAtATime<T>(all: readonly T[], openCount: number, work: (each: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const workThrough = async (): Promise<void> => {
    for (const each of rest) await work(each);
  };
  await Promise.all(Array.from({ length: openCount }, workThrough));
}
