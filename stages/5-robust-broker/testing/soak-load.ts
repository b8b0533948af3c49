/**
 * The load of a soak: those who send, work, pay in transactions, and read, each a number of steps.
 *
 *     producers --> [ orders ] --> workers: ack, give back, forget
 *                       \--------> transactors: receive an order, send to [ paid ], ack, and commit or abort
 *                                  readers: fetch what is committed of [ paid ], commit their position
 *
 * Always true: every body is sent once; whatever the broker refuses, the actor goes on with its next step; deliveries that
 * nobody finished come back when their lease ends.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import type { Random } from '../../../shared/random.ts';

export const LEASE_MS = 20_000;
const PARTITION_COUNT = 2;
const PRODUCER_COUNT = 3;
const WORKER_COUNT = 2;
const TRANSACTOR_COUNT = 2;
const READER_COUNT = 2;
const BATCH_COUNT_MAX = 8;
const DELAY_MS_MAX = 30_000;
const WORKERS = 'workers';
const READERS = 'readers';

export interface SoakTopics {
  readonly orders: string;
  readonly paid: string;
}

export interface SoakLoadOptions {
  readonly topics: SoakTopics;
  readonly random: Random;
  /** The broker of now, as `client` sees it. */
  readonly brokerOf: (client: string) => Broker;
}

export class SoakLoad {
  static readonly WORKERS = WORKERS;
  readonly #options: SoakLoadOptions;
  #bodyCount = 0;

  constructor(options: SoakLoadOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    const { topics } = this.#options;
    const broker = this.#broker('prepare');
    for (const topic of Object.values(topics)) await broker.createTopic(topic, { partitionCount: PARTITION_COUNT });
    await broker.createGroup(topics.orders, WORKERS, { deliveriesMax: 0 });
    await broker.createGroup(topics.paid, READERS);
  }

  /** Resolves when every actor has done its steps. */
  async run(stepCount: number): Promise<void> {
    const actors: Promise<void>[] = [];
    const add = (count: number, name: string, step: (client: string) => Promise<void>): void => {
      for (let number = 0; number < count; number += 1) actors.push(repeat(stepCount, () => step(`${name} ${number}`)));
    };
    add(PRODUCER_COUNT, 'producer', (client) => this.#produce(client));
    add(WORKER_COUNT, 'worker', (client) => this.#work(client));
    add(TRANSACTOR_COUNT, 'transactor', (client) => this.#pay(client));
    add(READER_COUNT, 'reader', (client) => this.#read(client));
    await Promise.all(actors);
  }

  /** Receives and acks what there is; answers how many. */
  async drainSome(): Promise<number> {
    const broker = this.#broker('drain');
    const deliveries = await broker.receive(this.#options.topics.orders, { ...this.#asWorker('drain'), max: 1000 });
    if (deliveries.length > 0) await broker.ack(deliveries);
    return deliveries.length;
  }

  /** Fetches every partition of every topic from its begin to its end. */
  async readWhole(): Promise<void> {
    for (const topic of Object.values(this.#options.topics)) {
      for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
        const broker = this.#broker(`whole ${partition}`);
        for (let offset = 0; ; ) {
          const { nextOffset } = await broker.fetch(topic, { partition, offset, max: 1000 });
          if (nextOffset === offset) break;
          offset = nextOffset;
        }
      }
    }
  }

  async #produce(client: string): Promise<void> {
    const { random, topics } = this.#options;
    const broker = this.#broker(client);
    const partition = random.below(PARTITION_COUNT);
    const kind = random.below(6);
    if (kind === 0) {
      await broker.send(topics.orders, { body: this.#body(), delayMs: 1 + random.below(DELAY_MS_MAX) }, { partition });
    } else if (kind < 3) {
      const bodies = Array.from({ length: 1 + random.below(BATCH_COUNT_MAX) }, () => ({ body: this.#body() }));
      await broker.sendBatch(topics.orders, bodies, { partition });
    } else await broker.send(topics.orders, { body: this.#body() }, { partition });
  }

  async #work(client: string): Promise<void> {
    const { random } = this.#options;
    const broker = this.#broker(client);
    const deliveries = await this.#receive(broker, client);
    const [first] = deliveries;
    if (first === undefined) return;
    const kind = random.below(8);
    if (kind === 0) await broker.nack(first, { outcome: 'retry', delayMs: random.below(LEASE_MS) });
    else if (kind === 1) await broker.nack(first, { outcome: 'return' });
    else if (kind < 7) await broker.ack(deliveries);
    // Else the member forgot them: their leases end by themselves.
  }

  async #pay(client: string): Promise<void> {
    const { random, topics } = this.#options;
    const broker = this.#broker(client);
    const transaction = await broker.begin({ timeoutMs: LEASE_MS });
    const deliveries = await this.#receive(broker, client);
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      await transaction.send(topics.paid, { body: this.#body() }, { partition: random.below(PARTITION_COUNT) });
    }
    if (deliveries.length > 0) await transaction.ack(deliveries);
    const kind = random.below(8);
    if (kind < 5) await transaction.commit();
    else if (kind < 7) await transaction.abort();
    // Else it is left open: the broker aborts it when its time is over.
  }

  async #read(client: string): Promise<void> {
    const { random, topics } = this.#options;
    const broker = this.#broker(client);
    const partition = random.below(PARTITION_COUNT);
    const offset = await broker.committed(topics.paid, { group: READERS, partition });
    const { nextOffset } = await broker.fetch(topics.paid, { partition, offset, max: 50 });
    if (nextOffset > offset) await broker.commit(topics.paid, { group: READERS, partition, offset: nextOffset });
  }

  async #receive(broker: Broker, client: string): Promise<readonly Delivery[]> {
    const { random, topics } = this.#options;
    return await broker.receive(topics.orders, { ...this.#asWorker(client), max: 1 + random.below(8) });
  }

  #asWorker(memberId: string) {
    return { group: WORKERS, memberId, leaseMs: LEASE_MS };
  }

  #broker(client: string): Broker {
    return this.#options.brokerOf(client);
  }

  #body(): string {
    this.#bodyCount += 1;
    return `${this.#options.topics.orders}/${this.#bodyCount}`;
  }
}

/** A refusal ends the step, not the actor; a turn of the event loop lies between two steps. */
async function repeat(stepCount: number, step: () => Promise<void>): Promise<void> {
  for (let count = 0; count < stepCount; count += 1) {
    try {
      await step();
    } catch (error) {
      if (!isMqError(error)) throw error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
