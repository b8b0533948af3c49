/**
 * Consume, transform, produce, while everything fails: a producer that numbers its batches, workers that read by position,
 * and workers that acknowledge, each in transactions.
 *
 *     producer --> [ input, 4 partitions ] --fetch, commitOffset--> worker of a partition --> [ by position ]
 *                                          \--receive, ack--------> workers of a group   --> [ by ack ]
 *
 * Always true: clients remember nothing but what they noted before they sent; a client that does not know how a call ended
 * begins anew under its name. The same seed gives the same run. For the tests of exactly-once.
 */
import type { Broker } from '../../contract/broker.ts';
import type { StoredRecord } from '../../contract/message.ts';
import type { ProducerIdentity } from '../../contract/producer.ts';
import type { Transaction } from '../../contract/transaction.ts';
import { SeededRandom } from '../../random.ts';
import { type FaultKind, RandomFaults } from '../qos/faults.ts';
import { attempt } from '../qos/road.ts';
import { untilDone, World } from '../qos/world.ts';
import type { CreateOnDisk } from '../simulated-target.ts';

const INPUT = 'input';
const BY_POSITION = 'by-position';
const BY_ACK = 'by-ack';
const PARTITIONS_COUNT = 4;
const GROUP = 'workers';
const POSITIONS = 'positions';
const LEASE_MS = 20_000;
/** Moments of a kind to one fault. */
const EVERY: Readonly<Record<FaultKind, number>> = { producer: 12, consumer: 40, answer: 40, power: 120 };

export interface TransformationOptions {
  readonly create: CreateOnDisk;
  readonly seed: number;
  readonly messagesCount: number;
  /** Messages that the producer sends at once, and a worker takes at once. */
  readonly batchCount: number;
  /** Rounds in which nothing is done; then it is given up. */
  readonly idleRoundsMax: number;
}

/** Bodies by partition, in the order of the log. */
export type Bodies = readonly (readonly string[])[];

export interface Outcome {
  readonly input: Bodies;
  readonly byPosition: Bodies;
  readonly byAck: Bodies;
  readonly faults: Readonly<Record<FaultKind, number>>;
}

/** What is made of a body. */
export function transformed(body: string): string {
  return `${body.length}:${[...body].reverse().join('')}`;
}

/** Runs until all input was sent, read by position and acknowledged. */
export async function transform(options: TransformationOptions): Promise<Outcome> {
  const run = new Transformation(options);
  await run.prepare();
  for (let idleRounds = 0; !(await run.isOver()); ) {
    const doneBefore = run.doneCount;
    await run.round();
    idleRounds = run.doneCount > doneBefore ? 0 : idleRounds + 1;
    if (idleRounds > options.idleRoundsMax) throw new RangeError(`nothing is done any more after ${run.doneCount}`);
    // What a client that is gone held comes back, and what it left open is aborted.
    await run.world.clock.pass(LEASE_MS);
  }
  return run.finish();
}

class Transformation {
  readonly world: World;
  /** Batches sent and transactions committed, as far as anybody was told. */
  doneCount = 0;
  readonly #options: TransformationOptions;
  readonly #faults: RandomFaults;
  #identity: ProducerIdentity | null = null;
  /** The producer's note. */
  #sentCount = 0;

  constructor(options: TransformationOptions) {
    this.#options = options;
    this.#faults = new RandomFaults(new SeededRandom(options.seed), EVERY);
    this.world = new World(options.create, this.#faults);
  }

  async prepare(): Promise<void> {
    const broker = await this.world.broker;
    for (const topic of [INPUT, BY_POSITION, BY_ACK]) {
      await broker.createTopic(topic, { partitionCount: PARTITIONS_COUNT });
    }
    await broker.createGroup(INPUT, GROUP, { deliveriesMax: 0 });
    this.#identity = await broker.openProducer();
    this.world.watch();
  }

  /** Every client works until it finds nothing more to do. */
  async round(): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS_COUNT }, (_, partition) => partition);
    await Promise.all([
      untilDone(() => this.#produce()),
      ...partitions.map((partition) => untilDone(() => this.#followPosition(partition))),
      ...['a', 'b'].map((memberId) => untilDone(() => this.#receiveAndAck(memberId))),
    ]);
  }

  async isOver(): Promise<boolean> {
    if (this.#sentCount < this.#options.messagesCount) return false;
    const topics = await (await this.world.broker).describeTopics();
    const open = topics.reduce((sum, { openTransactionCount = 0 }) => sum + openTransactionCount, 0);
    const lag = topics.find(({ topic }) => topic === INPUT)?.groups.find(({ group }) => group === GROUP)?.lag;
    return open === 0 && lag === 0 && (await this.#positionsAreAtTheEnd());
  }

  async finish(): Promise<Outcome> {
    const broker = await this.world.broker;
    const read = (topic: string): Promise<Bodies> => readAll(broker, topic);
    const outcome = { input: await read(INPUT), byPosition: await read(BY_POSITION), byAck: await read(BY_ACK) };
    await this.world.close();
    return { ...outcome, faults: this.#faults.counts };
  }

  /** One partition after the other in turn; the number of a batch is that of its first message in its partition. */
  async #produce(): Promise<void> {
    const { messagesCount, batchCount } = this.#options;
    while (this.#sentCount < messagesCount) {
      const from = this.#sentCount;
      const count = Math.min(batchCount, messagesCount - from);
      const messages = Array.from({ length: count }, (_, index) => ({ body: `message ${from + index}` }));
      const round = Math.floor(from / batchCount);
      const partition = round % PARTITIONS_COUNT;
      const sequence = Math.floor(round / PARTITIONS_COUNT) * batchCount;
      const producer = { ...(this.#identity ?? { producerId: 0, epoch: 0 }), sequence };
      const wasAnswered = await attempt(() =>
        this.world.call('producer', (broker) => broker.sendBatch(INPUT, messages, { partition, producer })),
      );
      if (!wasAnswered) return;
      this.#sentCount += count;
      this.doneCount += 1;
    }
  }

  /** The group remembers the position, and no two workers of one name get to set it. */
  async #followPosition(partition: number): Promise<void> {
    const transactionalId = `worker of ${partition}`;
    let mayHaveMore = true;
    const turn = async (): Promise<void> => {
      const transaction = await this.#begin(transactionalId);
      const position = { group: POSITIONS, partition };
      const offset = await this.#call((broker) => broker.committed(INPUT, position).catch(zeroIfUnknown));
      const want = { partition, offset, max: this.#options.batchCount };
      const { records, nextOffset } = await this.#call((broker) => broker.fetch(INPUT, want));
      mayHaveMore = records.length > 0;
      if (!mayHaveMore) return transaction.call((open) => open.abort());
      const messages = records.map(transformedMessage);
      await transaction.call((open) => open.sendBatch(BY_POSITION, messages, { partition }));
      await transaction.call((open) => open.commitOffset(INPUT, { ...position, offset: nextOffset }));
      await transaction.call((open) => open.commit());
      this.doneCount += 1;
    };
    while (mayHaveMore && (await attempt(turn)));
  }

  async #receiveAndAck(memberId: string): Promise<void> {
    let mayHaveMore = true;
    const turn = async (): Promise<void> => {
      const transaction = await this.#begin(`member ${memberId}`);
      const want = { group: GROUP, memberId, max: this.#options.batchCount, leaseMs: LEASE_MS };
      const deliveries = await this.#call((broker) => broker.receive(INPUT, want));
      mayHaveMore = deliveries.length > 0;
      if (!mayHaveMore) return transaction.call((open) => open.abort());
      const partitions = Map.groupBy(deliveries, ({ partition }) => partition);
      for (const [partition, ofPartition] of partitions) {
        const messages = ofPartition.map(transformedMessage);
        await transaction.call((open) => open.sendBatch(BY_ACK, messages, { partition }));
      }
      await transaction.call((open) => open.ack(deliveries));
      await transaction.call((open) => open.commit());
      this.doneCount += 1;
    };
    while (mayHaveMore && (await attempt(turn)));
  }

  #call<T>(operation: (broker: Broker) => Promise<T>): Promise<T> {
    return this.world.call('consumer', operation);
  }

  /** A transaction, which is lost with the life of the broker. */
  async #begin(transactionalId: string): Promise<{ call<T>(act: (open: Transaction) => Promise<T>): Promise<T> }> {
    const { life } = this.world;
    const open = await this.#call((broker) => broker.begin({ transactionalId }));
    return { call: (act) => this.world.call('consumer', () => act(open), { life }) };
  }

  async #positionsAreAtTheEnd(): Promise<boolean> {
    const broker = await this.world.broker;
    for (let partition = 0; partition < PARTITIONS_COUNT; partition += 1) {
      const offset = await broker.committed(INPUT, { group: POSITIONS, partition }).catch(zeroIfUnknown);
      if (offset < (await broker.fetch(INPUT, { partition, offset })).highWatermark) return false;
    }
    return true;
  }
}

function transformedMessage({ body }: Pick<StoredRecord, 'body'>): { readonly body: string } {
  return { body: transformed(new TextDecoder().decode(body)) };
}

/** Nobody has set a position yet. */
function zeroIfUnknown(error: unknown): number {
  if (error instanceof Error && 'code' in error && error.code === 'MQ_UNKNOWN_GROUP') return 0;
  throw error;
}

async function readAll(broker: Broker, topic: string): Promise<Bodies> {
  const partitions: string[][] = [];
  for (let partition = 0; partition < PARTITIONS_COUNT; partition += 1) {
    const bodies: string[] = [];
    for (let offset = 0; ; ) {
      const { records, nextOffset } = await broker.fetch(topic, { partition, offset, max: 1000 });
      bodies.push(...records.map(({ body }) => new TextDecoder().decode(body)));
      if (nextOffset === offset) break;
      offset = nextOffset;
    }
    partitions.push(bodies);
  }
  return partitions;
}
