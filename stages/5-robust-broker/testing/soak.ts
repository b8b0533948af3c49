/**
 * Everything at once, again and again on one data folder: producers, workers, transactions, readers, while the disk fails, the
 * power goes and the wall clock jumps. Each round has topics and a record of its own, which the history checker judges.
 *
 *     round:  load and trouble together --> trouble ends --> drain --> checker --> topics deleted, everything measured
 *
 * Always true: the seed decides all of it, and is in the message of whatever goes wrong; what is drawn in a round follows from
 * the seed and its number alone, so that it can be run again without those before it, though on another folder; time is
 * virtual, so an hour of leases and delays takes as long as the work in it; what a round held is given back before the next one.
 */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import { checkHistory } from '../../../shared/conformance/checker.ts';
import { describeCall, History } from '../../../shared/conformance/history.ts';
import { recorded } from '../../../shared/conformance/recorder.ts';
import { onSimulatedDisks, type SimulatedTarget } from '../../../shared/conformance/simulated-target.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { seededFate } from '../../../shared/power-cut.ts';
import { SeededRandom } from '../../../shared/random.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker } from '../index.ts';
import { openFilesCount } from '../observe/process-meters.ts';
import { collectedHeapBytes } from './collected-heap.ts';
import { LEASE_MS, SoakLoad, type SoakTopics } from './soak-load.ts';
import { FAST_MS_MAX, SoakTrouble } from './soak-trouble.ts';
import { withUncertainRefusals } from './uncertain-refusals.ts';

const STEPS_PER_ACTOR = 40;
const TROUBLES = 12;
/** A few rounds fill a segment and the cache: what grows after that is a leak, and much is read from the disk. */
const SMALL = { segmentBytesMax: 64 * 1024, cacheBytesMax: 256 * 1024 };
/** More than any delay, lease, back-off or transaction of the load, by a wall clock that was as fast as it gets. */
const SETTLE_MS = 2 * FAST_MS_MAX;
const DRAIN_TURNS_MAX = 2000;

/** The golden ratio in 32 bits: numbers next to each other become far from each other. */
const FAR = 0x9e3779b1;

/** What was held when a round was over. */
export interface SoakSample {
  readonly heapBytes: number;
  readonly openFiles: number;
  readonly timerCount: number;
  readonly callCount: number;
}

export class Soak {
  readonly #seed: number;
  /** Of the round of now. */
  #random: SeededRandom;
  readonly #clock = new VirtualClock();
  readonly #target: SimulatedTarget;
  /** That of the broker of now. */
  #disk: SimulatedDisk | undefined;
  #broker: Broker | undefined;
  #round: number;

  constructor({ seed, firstRound = 1 }: { readonly seed: number; readonly firstRound?: number | undefined }) {
    this.#seed = seed;
    this.#round = firstRound - 1;
    this.#random = new SeededRandom(seed);
    this.#target = onSimulatedDisks(
      async (options) => {
        this.#disk = options.disk as SimulatedDisk;
        return await createBroker({ ...options, ...SMALL, dataFolder: '/data', advisories: true });
      },
      (change) => seededFate(this.#random)(change),
    );
  }

  /** One round; throws what went wrong, with the seed and the calls that contradict each other. */
  async round(): Promise<SoakSample> {
    this.#round += 1;
    this.#random = new SeededRandom(this.#seed + Math.imul(this.#round, FAR));
    const history = new History({ nowMs: () => this.#clock.monotonicMs() });
    const topics = { orders: `orders-${this.#round}`, paid: `paid-${this.#round}` };
    try {
      await this.#work(history, topics);
      this.#check(history, topics);
      return await this.#measure(history);
    } catch (error) {
      throw new Error(`seed ${this.#seed}, round ${this.#round}: ${String(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#broker?.close();
  }

  async #work(history: History, topics: SoakTopics): Promise<void> {
    this.#broker ??= await this.#target.createBroker(this.#options(this.#seed));
    const load = new SoakLoad({ topics, random: this.#random, brokerOf: (client) => this.#seenBy(history, client) });
    await load.prepare();
    const trouble = new SoakTrouble({
      random: this.#random,
      clock: this.#clock,
      disk: () => this.#disk as SimulatedDisk,
      restart: () => this.#restart(history),
    });
    let isOver = false;
    const loaded = load.run(STEPS_PER_ACTOR).finally(() => {
      isOver = true;
    });
    for (let count = 0; !isOver; count += 1) await (count < TROUBLES ? trouble.step() : trouble.wait());
    await loaded;
    await trouble.end();
    await this.#clock.pass(SETTLE_MS);
    await this.#drain(load);
  }

  /** All that is due is received and acked, all that was stored is read. */
  async #drain(load: SoakLoad): Promise<void> {
    for (let turn = 0; turn < DRAIN_TURNS_MAX; turn += 1) {
      if ((await load.drainSome()) === 0) break;
      await this.#clock.pass(LEASE_MS);
    }
    await load.readWhole();
  }

  #check(history: History, { orders, paid }: SoakTopics): void {
    const drained = [{ topic: orders, group: SoakLoad.WORKERS }];
    const anomalies = checkHistory(history, { drained, readWhole: [orders, paid] });
    const told = anomalies.map(
      ({ name, expected, got, calls }) =>
        `${name}: expected ${expected}, got ${got}\n${calls.map(describeCall).join('\n')}`,
    );
    assert.deepEqual(told, []);
    assert.ok(history.calls.filter(({ outcome }) => outcome === 'ok').length > 100, 'there was something to judge');
  }

  async #measure(history: History): Promise<SoakSample> {
    const broker = this.#broker as Broker;
    for (const { topic } of await broker.describeTopics()) {
      if (!topic.startsWith('$')) await broker.deleteTopic(topic);
    }
    return {
      heapBytes: await collectedHeapBytes(),
      openFiles: (this.#disk?.openPaths.length ?? 0) + (openFilesCount() ?? 0),
      timerCount: this.#clock.timerCount,
      callCount: history.calls.length,
    };
  }

  /** The broker of now, whichever it is when a call is made. */
  #seenBy(history: History, client: string): Broker {
    return recorded(withUncertainRefusals(this.#broker as Broker), history, client);
  }

  async #restart(history: History): Promise<void> {
    const end = history.start({ client: 'trouble', text: 'the power goes', facts: { kind: 'restart' } });
    this.#broker = await this.#target.restartBroker(this.#broker as Broker, this.#options(this.#random.below(2 ** 31)));
    end({ outcome: 'ok', answer: 'it is back' });
  }

  #options(seed: number) {
    return { clock: this.#clock, random: new SeededRandom(seed) };
  }
}
