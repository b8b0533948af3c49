/**
 * The computer of this stage's story: one disk, one broker, and a power supply that fails when it is told to.
 *
 *     machine.broker.send(...)   machine.cutPower()   machine.broker.fetch(...)      the same disk, what is left of it
 *
 * Always true: after a failure `broker` is another one, on what the failure left; nobody hears of the one before any more.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import type { Fate } from '../../shared/simulated-nodes.ts';
import { createBroker, type LogBrokerOptions } from './index.ts';

/** So small that a handful of messages fills a file. */
const SEGMENT_BYTES_MAX = 1024;
/** What a power cut in the middle of a write leaves of it: the head of a batch, and the begin of its records. */
const TORN: Fate = ({ kind }) => kind !== 'write' || { ranges: [{ from: 0, to: TORN_BYTES }] };
const TORN_BYTES = 72;

/** What is chosen of its brokers. */
export interface MachineOptions extends Pick<LogBrokerOptions, 'clock' | 'random' | 'flushPolicy'> {
  /** Which brokers it runs. Default: those of this stage. */
  readonly open?: (options: LogBrokerOptions) => Promise<Broker>;
}

interface Told {
  readonly open: (options: LogBrokerOptions) => Promise<Broker>;
  readonly options: LogBrokerOptions;
  readonly notices: readonly string[];
}

/** A computer with one disk and one broker, which can lose its power. */
export class Machine implements AsyncDisposable {
  /** The one that runs now. */
  broker: Broker;
  readonly #open: Told['open'];
  readonly #options: LogBrokerOptions;
  /** What its brokers said by themselves. */
  readonly #notices: readonly string[];
  #disk: SimulatedDisk;

  private constructor(broker: Broker, disk: SimulatedDisk, told: Told) {
    this.broker = broker;
    this.#disk = disk;
    this.#open = told.open;
    this.#options = told.options;
    this.#notices = told.notices;
  }

  static async start({ open = createBroker, ...chosen }: MachineOptions = {}): Promise<Machine> {
    const disk = new SimulatedDisk();
    const notices: string[] = [];
    const onNotice = (text: string): void => void notices.push(text);
    const options = { ...chosen, dataFolder: '/data', segmentBytesMax: SEGMENT_BYTES_MAX, onNotice };
    return new Machine(await open({ ...options, disk }), disk, { open, options, notices });
  }

  /** The last thing the broker said by itself. */
  get notice(): string {
    return this.#notices.at(-1) ?? '';
  }

  /** Whatever was not synced is gone; then it starts again. */
  async cutPower(): Promise<void> {
    await this.#restartOn(this.#disk.crash());
  }

  /** The power goes when half of what `work` writes is on the disk; then it starts again. */
  async cutPowerInWrite(work: (broker: Broker) => Promise<unknown>): Promise<void> {
    const disk = this.#disk;
    let left: SimulatedDisk | undefined;
    disk.onCall = ({ kind }) => {
      if (kind === 'sync') left ??= disk.crash(TORN);
      return undefined;
    };
    const isAnswered = await work(this.broker).then(
      () => true,
      () => false,
    );
    if (isAnswered || left === undefined) throw new Error('the story expects that nobody was told it is safe');
    await this.#restartOn(left);
  }

  /** Whatever was written is there, synced or not; then it starts again. */
  async killProcess(): Promise<void> {
    await this.#restartOn(this.#disk.crash(() => true));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
  }

  async #restartOn(disk: SimulatedDisk): Promise<void> {
    // Its disk is dead: closing only ends its timers, and what it says about it nobody hears.
    this.broker.close({ timeoutMs: 0 }).catch(() => undefined);
    this.#disk = disk;
    this.broker = await this.#open({ ...this.#options, disk });
  }
}
