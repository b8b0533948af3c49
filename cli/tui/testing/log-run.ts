/**
 * A stage with a disk at work on virtual time, its process killed: a broker on a disk in memory, of which a kill leaves what
 * was written. For tests.
 */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { type OpenedTarget, openTarget } from '../../target.ts';
import { BrokerOfNow } from '../broker-of-now.ts';
import { KillDrill } from '../kill-drill.ts';
import type { FlushPolicy, Killable, ProcessView } from '../killable.ts';
import { translateRecorded } from '../messages.ts';
import { PausableClock } from '../pausable-clock.ts';
import { Simulation, TOPIC } from '../simulation.ts';

const LIFE: ProcessView = {
  state: 'running',
  pid: 100,
  url: 'mq://127.0.0.1:1',
  dataFolder: '/data',
  flushPolicy: 'always',
  lifeCount: 1,
  startMs: 500,
  openingMs: 10,
  notices: [],
  doors: { places: [], connections: [] },
};

interface FakeChildOptions {
  /** 4, if not told otherwise. */
  readonly stage?: number;
  /** What the next start finds of the disk; what was written, if not told otherwise. */
  readonly remains?: (disk: SimulatedDisk) => SimulatedDisk;
  readonly flushPolicy?: FlushPolicy;
  readonly failsToStart?: boolean;
}

/** In the place of a process: the same broker, on a disk that survives it. */
class FakeChild implements Killable {
  view: ProcessView;
  #disk = new SimulatedDisk();
  #target: OpenedTarget | undefined;
  #now: BrokerOfNow | undefined;
  /** Aborted by a kill. */
  #life = new AbortController();
  readonly #clock: PausableClock;
  readonly #options: FakeChildOptions;

  constructor(clock: PausableClock, options: FakeChildOptions) {
    this.#clock = clock;
    this.#options = options;
    this.view = { ...LIFE, flushPolicy: options.flushPolicy ?? 'always' };
  }

  async open(): Promise<BrokerOfNow> {
    await this.#begin();
    this.#now = new BrokerOfNow(this.#running.broker);
    return this.#now;
  }

  async lookAtDoors(): Promise<void> {}

  async kill(): Promise<void> {
    this.view = { ...this.view, state: 'dead' };
    this.#life.abort();
    this.#now?.gone();
    const { remains = (disk) => disk.crash(() => true) } = this.#options;
    this.#disk = remains(this.#disk);
    this.#running.broker.close({ timeoutMs: 0 }).catch(() => undefined);
  }

  async start(): Promise<void> {
    if (this.#options.failsToStart) throw Object.assign(new Error('the disk is gone'), { code: 'ENOENT' });
    await this.#begin();
    this.view = { ...this.view, state: 'running', pid: this.view.pid + 1, lifeCount: this.view.lifeCount + 1 };
    this.#now?.become(this.#running.broker);
  }

  async restartWith(flushPolicy: FlushPolicy): Promise<void> {
    this.view = { ...this.view, state: 'dead', flushPolicy };
    this.#now?.gone();
    await this.#running.close();
    await this.start();
  }

  async close(): Promise<void> {
    this.#now?.end();
    await this.#running.close().catch(() => undefined);
  }

  get #running(): OpenedTarget {
    assert.ok(this.#target);
    return this.#target;
  }

  async #begin(): Promise<void> {
    const place = { clock: this.#clock, disk: this.#disk, dataFolder: '/data', flushPolicy: this.view.flushPolicy };
    const target = await openTarget(String(this.#options.stage ?? 4), { brokerOptions: place });
    this.#life = new AbortController();
    this.#target = { ...target, broker: withMortalTransactions(target.broker, this.#life.signal) };
  }
}

/** Nobody answers for its transactions once `life` is over, as where a connection was cut. */
function withMortalTransactions(broker: Broker, life: AbortSignal): Broker {
  const begin: Broker['begin'] = async (options) => mortal(await broker.begin(options), life);
  const findTransaction: Broker['findTransaction'] = async (id) => mortal(await broker.findTransaction(id), life);
  return new Proxy(broker, {
    get: (_, name) => {
      if (name === 'begin') return begin;
      if (name === 'findTransaction') return findTransaction;
      const member: unknown = Reflect.get(broker, name, broker);
      return typeof member === 'function' ? (...args: unknown[]) => Reflect.apply(member, broker, args) : member;
    },
  });
}

function mortal(transaction: Transaction, life: AbortSignal): Transaction {
  const answered = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    if (life.aborted) throw new MqError('MQ_CONNECTION_LOST', 'its process is gone');
    return await call();
  };
  return {
    id: transaction.id,
    send: (...call) => answered(() => transaction.send(...call)),
    sendBatch: (...call) => answered(() => transaction.sendBatch(...call)),
    ack: (...call) => answered(() => transaction.ack(...call)),
    commitOffset: (...call) => answered(() => transaction.commitOffset(...call)),
    commit: () => answered(() => transaction.commit()),
    abort: () => answered(() => transaction.abort()),
  };
}

/** `pass` lets so many ms go by, looking 20 times a second as the screen does. */
export async function runLog(options: FakeChildOptions = {}) {
  const base = new VirtualClock();
  const clock = new PausableClock({ base });
  const child = new FakeChild(clock, options);
  const { broker } = await child.open();
  const simulation = new Simulation({ broker, clock, child });
  const { survival } = simulation;
  const drill = new KillDrill({ child, broker, topic: TOPIC, survival, observer: simulation });
  await simulation.start();
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      await base.pass(50);
      await simulation.sample();
      drill.look();
    }
  };
  const story = (): string[] => simulation.view.events.map((event) => translateRecorded('en', event));
  const close = async (): Promise<void> => {
    simulation.close();
    await child.close();
  };
  return { simulation, drill, child, broker, pass, story, close };
}
