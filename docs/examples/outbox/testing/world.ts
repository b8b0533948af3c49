/**
 * The shop, its relay, billing and the broker in one process and in virtual time, each of which dies now and then: the shop
 * between the halves of a transaction, the relay before it hears the answer, billing before its commit or before its ack, the
 * broker at any moment, by kill -9 or a power cut.
 *
 * Always true: the same seed makes the same deaths. For tests only.
 */
import { DatabaseSync } from 'node:sqlite';
import { OutboxRelay } from '../../../../shared/client/index.ts';
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { type Random, SeededRandom } from '../../../../shared/random.ts';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { createBroker } from '../../../../stages/5-robust-broker/index.ts';
import { Billing, GROUP, Shop, TOPIC } from '../shop.ts';

const LEASE_MS = 1000;
/** One in so many steps ends with a death. */
const DEATH_RATE = 4;

/** Dies where it is thrown. */
class Death extends Error {}

export class World {
  readonly clock = new VirtualClock();
  readonly shop = new Shop(new DatabaseSync(':memory:'));
  readonly billing = new Billing(new DatabaseSync(':memory:'));
  /** Deliveries of what was billed before. */
  repeatedCount = 0;
  readonly deaths = { shop: 0, relay: 0, billing: 0, broker: 0 };
  readonly #random: Random;
  #disk = new SimulatedDisk();
  #life = 0;
  #broker: Broker | undefined;

  readonly #orderCount: number;

  constructor({ seed, orderCount }: { readonly seed: number; readonly orderCount: number }) {
    this.#orderCount = orderCount;
    this.#random = new SeededRandom(seed);
  }

  /** Until all orders are placed, and billed. */
  async run(): Promise<void> {
    while (this.shop.orderCount < this.#orderCount) await this.#step();
    await this.#finish();
  }

  async #step(): Promise<void> {
    const actors = [() => this.#sell(), () => this.#relay(), () => this.#bill(), () => this.#restartBroker()];
    await actors[this.#random.below(actors.length)]?.();
    await this.clock.pass(this.#random.below(LEASE_MS));
  }

  /** All that is under way arrives: nobody dies any more. */
  async #finish(): Promise<void> {
    for (let round = 0; round < 100 && this.shop.outbox.waitingCount > 0; round += 1) await this.#relay(false);
    await this.clock.pass(LEASE_MS);
    for (let round = 0; round < 100; round += 1) await this.#bill(false);
    await this.#broker?.close();
  }

  async #open(): Promise<Broker> {
    if (this.#broker !== undefined) return this.#broker;
    this.#life += 1;
    const random = new SeededRandom(1000 + this.#life);
    this.#broker = await createBroker({ disk: this.#disk, dataFolder: '/data', clock: this.clock, random });
    await this.#broker.createTopic(TOPIC, { partitionCount: 3 });
    return this.#broker;
  }

  #sell(): void {
    for (let count = this.#random.below(30); count > 0 && this.shop.orderCount < this.#orderCount; count -= 1) {
      try {
        this.shop.placeOrder(this.shop.orderCount, this.#random.below(100), () => this.#mayDie('shop'));
      } catch (error) {
        if (!(error instanceof Death)) throw error;
        return;
      }
    }
  }

  /** One that dies has sent perhaps, and never hears of it. */
  async #relay(mayDie = true): Promise<void> {
    const broker = await this.#open();
    const dies = mayDie && this.#random.below(DEATH_RATE) === 0;
    const callCountMax = this.#random.below(3);
    let callCount = 0;
    const deaf = <T>(call: () => Promise<T>): Promise<T> => {
      callCount += 1;
      const answer = call();
      return dies && callCount > callCountMax ? answer.then(() => new Promise<never>(() => undefined)) : answer;
    };
    const seen: Broker = Object.create(broker, {
      capabilities: { value: broker.capabilities },
      limits: { value: broker.limits },
      describeTopics: { value: (...call: Parameters<Broker['describeTopics']>) => broker.describeTopics(...call) },
      send: { value: (...call: Parameters<Broker['send']>) => deaf(() => broker.send(...call)) },
      sendBatch: { value: (...call: Parameters<Broker['sendBatch']>) => deaf(() => broker.sendBatch(...call)) },
    });
    const { outbox } = this.shop;
    const relay = new OutboxRelay({ outbox, broker: seen, countMax: 20, clock: this.clock, random: this.#random });
    relay.start();
    await this.clock.pass(10);
    if (dies) this.deaths.relay += 1;
    const closing = relay.close({ timeoutMs: dies ? 0 : 1000 });
    await this.clock.pass(1000);
    await closing;
  }

  async #bill(mayDie = true): Promise<void> {
    const broker = await this.#open();
    const deliveries = await broker.receive(TOPIC, { group: GROUP, max: 20, leaseMs: LEASE_MS });
    try {
      for (const delivery of deliveries) {
        const isNew = this.billing.bill(delivery, () => mayDie && this.#mayDie('billing'));
        if (!isNew) this.repeatedCount += 1;
        if (mayDie) this.#mayDie('billing');
        await broker.ack([delivery]);
      }
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
  }

  /** kill -9, or the power goes: what was promised is there, and anything else may be. */
  async #restartBroker(): Promise<void> {
    if (this.#broker === undefined) return;
    const isKill = this.#random.below(2) === 0;
    const left = this.#disk.remains(() => isKill);
    await this.#broker.close();
    this.#disk = left;
    this.#broker = undefined;
    this.deaths.broker += 1;
  }

  #mayDie(who: 'shop' | 'billing'): void {
    if (this.#random.below(DEATH_RATE * 10) > 0) return;
    this.deaths[who] += 1;
    throw new Death();
  }
}
