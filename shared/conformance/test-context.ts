/**
 * What a test works with: a recorded broker, names that nobody else uses, time, and the record of its calls.
 *
 * Always true: two tests never share a topic; what a test opened is closed and what it created is deleted when it
 * ends, and a test that goes on after its end (it hung, and was given up) reaches no broker any more. Made by the session, one for each run of a test.
 */
import { performance } from 'node:perf_hooks';
import type { BrokerOptions } from '../broker-options.ts';
import { VirtualClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import type { Capability } from '../contract/capabilities.ts';
import type { TopicDescription, TopicOptions } from '../contract/description.ts';
import { isMqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import { SeededRandom } from '../random.ts';
import { atOnce, eventually, holds } from './check.ts';
import { type CheckOptions, checkHistory } from './checker.ts';
import type { ConformanceTarget } from './conformance-test.ts';
import { describeCall, History } from './history.ts';
import { recorded } from './recorder.ts';
import { Contradiction, EnvironmentFault } from './verdict.ts';

/** A real clock is never made to wait longer than this by one test. */
const REAL_WAIT_MS_MAX = 1500;
const CLOSE_MS_MAX = 3000;

export interface ContextOptions {
  readonly target: ConformanceTarget;
  /** The broker all tests of a target on a real clock share; virtual targets get one each. */
  readonly shared: Broker | null;
  readonly seed: number;
  /** Makes names unique to this run, also on a broker that was not cleaned. */
  readonly namePrefix: string;
}

export class TestContext {
  readonly target: ConformanceTarget;
  readonly clock: 'virtual' | 'real';
  readonly seed: number;
  readonly random: SeededRandom;
  #history: History;
  /** The virtual clock of this test's brokers. */
  readonly #virtualClock = new VirtualClock();
  readonly #options: ContextOptions;
  readonly #opened = new Set<Broker>();
  readonly #topics = new Set<string>();
  #broker: Broker | null = null;
  #bare: Broker | null = null;
  #nameCount = 0;
  #waitedMs = 0;
  #restartCount = 0;
  #isOver = false;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.target = options.target;
    this.clock = options.target.clock;
    this.seed = options.seed;
    this.random = new SeededRandom(options.seed);
    this.#history = this.#newHistory();
  }

  /** Makes the broker ready; called once, before the test. */
  async open(): Promise<void> {
    this.#bare = this.#options.shared ?? (await this.#create({}));
    this.beginHistory();
    const { name, capabilities } = this.#bare;
    const end = this.#history.start({
      client: 'test',
      text: 'createBroker()',
      facts: { kind: 'other', topic: undefined },
    });
    end({ outcome: 'ok', answer: `${name}, which can ${[...capabilities].join(', ')}` });
  }

  /** Starts a new record of calls; what runs many times over records each run by itself. */
  beginHistory(): void {
    this.#history = this.#newHistory();
    this.#broker = this.as('test');
  }

  get history(): History {
    return this.#history;
  }

  /** The broker under test; every call is recorded. */
  get broker(): Broker {
    if (this.#broker === null) throw new EnvironmentFault('the broker was not opened');
    return this.#broker;
  }

  /** The same broker, its calls recorded under another name. */
  as(client: string): Broker {
    if (this.#bare === null) throw new EnvironmentFault('the broker was not opened');
    return recorded(this.#bare, this.history, client);
  }

  has(capability: Capability): boolean {
    return this.broker.capabilities.has(capability);
  }

  /** Another broker of the target (on a url: another client), closed after the test. */
  async openBroker(options: BrokerOptions = {}, client = 'test'): Promise<Broker> {
    return recorded(await this.#create(options), this.history, client);
  }

  /**
   * Need `restart`: the broker of this test stops and runs again on the same data. It stops without warning, or, with
   * `isClosedFirst`, as it should.
   */
  async restart({ isClosedFirst = false } = {}): Promise<void> {
    const { restartBroker } = this.target;
    if (restartBroker === undefined || this.#bare === null) throw new EnvironmentFault('this target cannot restart');
    const stopped = this.#bare;
    if (isClosedFirst) await this.#close(stopped);
    this.#opened.delete(stopped);
    this.#restartCount += 1;
    const facts = { kind: 'restart' } as const;
    const end = this.#history.start({ client: 'test', text: 'the broker is stopped and started again', facts });
    this.#bare = await this.#keep(await restartBroker(stopped, this.#brokerOptions({})));
    end({ outcome: 'ok', answer: 'it runs', facts });
    this.#broker = this.as('test');
  }

  /** Need `virtual-clock`: epoch ms as the broker sees it. */
  now(): number {
    return this.#virtualClock.now();
  }

  /** Need `virtual-clock`: sets the broker's wall clock forward or back, as an operator does. */
  jumpWallClock(ms: number): void {
    this.#virtualClock.jumpWallClock(ms);
  }

  /** Lets `ms` pass for the broker; a real clock waits. */
  async pass(ms: number): Promise<void> {
    if (this.clock === 'virtual') return this.#virtualClock.pass(ms);
    this.#waitedMs += ms;
    if (this.#waitedMs > REAL_WAIT_MS_MAX) {
      throw new EnvironmentFault(`a test may wait ${REAL_WAIT_MS_MAX} ms on a real clock, not ${this.#waitedMs}`);
    }
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Resolves when exactly `count` calls wait on the topic. */
  async untilWaiting(topic: string, count: number): Promise<void> {
    const look = async (): Promise<boolean> => (await this.describe(topic)).waiterCount === count;
    await eventually(look, `${count} calls waiting on the topic (waiterCount)`);
  }

  /** The description of one topic. */
  async describe(topic: string): Promise<TopicDescription> {
    const topics = await this.broker.describeTopics({ topic });
    const [description] = topics;
    holds(description?.topic === topic && topics.length === 1, `the description of ${JSON.stringify(topic)}`, topics);
    return description;
  }

  /** A name nobody else uses; deleted after the test when it became a topic. */
  topicName(): string {
    this.#nameCount += 1;
    const name = `${this.#options.namePrefix}-${this.seed.toString(36)}-${this.#nameCount}`;
    this.#topics.add(name);
    return name;
  }

  /** A topic of this test. */
  async newTopic(options?: TopicOptions): Promise<string> {
    const topic = this.topicName();
    await this.broker.createTopic(topic, options);
    return topic;
  }

  /** A topic whose name matters: an older one of the same name is deleted first. */
  async namedTopic(name: string): Promise<string> {
    await deleteTopic(this.broker, name);
    this.#topics.add(name);
    await this.broker.createTopic(name);
    return name;
  }

  /** Says that the work on `deliveries` is done, on brokers where receiving alone does not say so. */
  async finish(deliveries: readonly Delivery[], broker: Broker = this.broker): Promise<void> {
    if (this.has('lease') && deliveries.length > 0) await broker.ack(deliveries);
  }

  /** Fails with the first anomaly of the calls recorded so far. */
  checkHistory(options: CheckOptions): void {
    const [anomaly] = checkHistory(this.history, options);
    if (anomaly === undefined) return;
    const { name, expected, got } = anomaly;
    throw new Contradiction(name, { expected, got, operations: anomaly.calls.map(describeCall) });
  }

  /** Ends the test: its brokers take no more calls, what it created is deleted and what it opened is closed. */
  async cleanUp(): Promise<void> {
    this.#isOver = true;
    this.#history.close();
    const broker = this.#bare;
    const topics = this.#options.shared === null ? [] : [...this.#topics];
    if (broker !== null) await Promise.all(topics.map((topic) => deleteTopic(broker, topic)));
    await Promise.all([...this.#opened].map((opened) => this.#close(opened)));
  }

  #newHistory(): History {
    const nowMs = (): number => (this.clock === 'virtual' ? this.#virtualClock.monotonicMs() : performance.now());
    const history = new History({ nowMs });
    if (this.#isOver) history.close();
    return history;
  }

  async #create(options: BrokerOptions): Promise<Broker> {
    return this.#keep(await this.target.createBroker(this.#brokerOptions(options)));
  }

  /** Remembers what is to be closed; what is opened after the end of the test is closed at once. */
  async #keep(broker: Broker): Promise<Broker> {
    if (this.#isOver) {
      await this.#close(broker);
      throw new EnvironmentFault('a broker was opened after the end of the test');
    }
    this.#opened.add(broker);
    return broker;
  }

  #brokerOptions(options: BrokerOptions): BrokerOptions {
    if (this.clock === 'real') return options;
    // A process that starts again does not draw the same random numbers again.
    const random = new SeededRandom(this.seed + this.#restartCount);
    return { clock: this.#virtualClock, random, ...options };
  }

  async #close(broker: Broker): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const hang = new Promise<never>((_, reject) => {
      const fault = new EnvironmentFault(`close did not end within ${CLOSE_MS_MAX} ms`);
      timer = setTimeout(() => reject(fault), CLOSE_MS_MAX);
    });
    await Promise.race([broker.close({ timeoutMs: 0 }), hang]).finally(() => clearTimeout(timer));
  }
}

/** A topic that is not there, or a broker that cannot delete, is no fault of the test that cleans up. */
async function deleteTopic(broker: Broker, topic: string): Promise<void> {
  try {
    await atOnce(broker.deleteTopic(topic), 'deleteTopic');
  } catch (error) {
    if (!isMqError(error)) throw error;
  }
}
