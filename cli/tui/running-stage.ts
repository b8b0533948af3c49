/**
 * One stage that was opened: its broker, its clock, what works on it, and the timer that looks into it.
 *
 *     open -> sample, sample, ... 20 times a second -> close         changeOverflow: the same broker, a new topic
 *
 * Always true: samples never overlap and none runs while the topic is being replaced or the stage closed; closing it
 * closes all it took.
 */
import { setTimeout } from 'node:timers/promises';
import { isMqError } from '../../shared/contract/errors.ts';
import type { OpenedTarget, OpenTargetOptions } from '../target.ts';
import { DoorsWatch } from './doors-watch.ts';
import { KillDrill } from './kill-drill.ts';
import type { Killable } from './killable.ts';
import { PausableClock } from './pausable-clock.ts';
import { Simulation, TOPIC } from './simulation.ts';

const SAMPLE_EVERY_MS = 50;
const REQUESTS_MAX = 50;
/** Connections come and go more slowly than messages. */
const DOORS_EVERY_SAMPLES = 5;

/** One request the server of stage 3 answered. */
export type RequestEntry = Parameters<NonNullable<OpenTargetOptions['onRequest']>>[0];

/** A stage that was opened; `child` where its broker is a process of its own. */
export type OpenedStage = Pick<OpenedTarget, 'broker' | 'url' | 'close'> & { readonly child?: Killable };

export type OpenStageOptions = OpenTargetOptions & {
  /** Aborted when the user leaves before it is open. */
  readonly signal: AbortSignal;
};

/** Opens a stage. */
export type OpenStage = (stage: number, options: OpenStageOptions) => Promise<OpenedStage>;

export interface RunningStageOptions {
  readonly openStage: OpenStage;
  readonly signal: AbortSignal;
  /** There is something new to show. */
  readonly onSample: () => void;
  /** A defect of ours. */
  readonly onFault: (error: unknown) => void;
}

export class RunningStage {
  readonly clock: PausableClock;
  readonly #options: RunningStageOptions;
  readonly #target: OpenedStage;
  #simulation: Simulation;
  #drill: KillDrill | undefined;
  readonly #doors = new DoorsWatch();
  /** Newest last, without the screen's own looking. */
  #requests: readonly RequestEntry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sampleCount = 0;
  /** The sample under way. */
  #sampling: Promise<void> | undefined;

  static async open(stage: number, options: RunningStageOptions): Promise<RunningStage> {
    const clock = new PausableClock();
    let running: RunningStage | undefined;
    // What was asked before it runs is the opening itself.
    const onRequest = (entry: RequestEntry): void => {
      if (running !== undefined) running.#onRequest(entry);
    };
    const target = await options.openStage(stage, { brokerOptions: { clock }, onRequest, signal: options.signal });
    running = new RunningStage(target, clock, options);
    try {
      await running.simulation.start();
      await running.#begin();
    } catch (error) {
      await running.close();
      throw error;
    }
    return running;
  }

  private constructor(target: OpenedStage, clock: PausableClock, options: RunningStageOptions) {
    this.clock = clock;
    this.#options = options;
    this.#target = target;
    this.#simulation = new Simulation({ broker: target.broker, child: target.child, clock });
    this.#drill = this.#newDrill();
  }

  get simulation(): Simulation {
    return this.#simulation;
  }

  /** Of a broker that is a process of its own. */
  get drill(): KillDrill | undefined {
    return this.#drill;
  }

  get requests(): readonly RequestEntry[] {
    return this.#requests;
  }

  get url(): string | null {
    return this.#target.url;
  }

  /** The same stage again, with the next answer to "what if it is full". */
  async changeOverflow(): Promise<void> {
    // There has to be somebody who deletes the topic.
    if ((this.#target.child?.view.state ?? 'running') !== 'running') return;
    const overflow = this.#simulation.nextOverflow;
    await this.#stopSampling();
    await this.#answered(() => this.#simulation.abandon());
    const { broker, child } = this.#target;
    this.#simulation = new Simulation({ broker, child, clock: this.clock, overflow });
    this.#drill = this.#newDrill();
    await this.#answered(() => this.#simulation.start());
    await this.#begin();
    this.#simulation.tell('plain', 'event.overflow', { overflow });
  }

  async close(): Promise<void> {
    await this.#stopSampling();
    // Time runs again, so that what waits at the broker can end.
    this.clock.resume();
    this.#simulation.close();
    await this.#target.close();
    this.clock.close();
  }

  #newDrill(): KillDrill | undefined {
    const { broker, child } = this.#target;
    if (child === undefined) return undefined;
    const { survival } = this.#simulation;
    return new KillDrill({ child, broker, topic: TOPIC, survival, observer: this.#simulation });
  }

  /** Again, as long as the broker dies meanwhile; its pane says so, and a key starts the next. */
  async #answered(work: () => Promise<void>): Promise<void> {
    const showing = setInterval(this.#options.onSample, SAMPLE_EVERY_MS);
    try {
      while (!(await isAnswered(work, this.#options.signal))) await setTimeout(SAMPLE_EVERY_MS);
    } finally {
      clearInterval(showing);
    }
  }

  async #begin(): Promise<void> {
    await this.#sample();
    this.#timer = setInterval(() => {
      this.#sampling ??= this.#sample().finally(() => {
        this.#sampling = undefined;
      });
    }, SAMPLE_EVERY_MS);
  }

  async #stopSampling(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sampling;
  }

  async #sample(): Promise<void> {
    this.#sampleCount += 1;
    try {
      await this.#simulation.sample();
      if (this.#sampleCount % DOORS_EVERY_SAMPLES === 1) await this.#lookAtDoors();
    } catch (error) {
      if (isMqError(error)) this.#simulation.tell('warn', 'event.readerError', { who: 'inspect', code: error.code });
      else this.#options.onFault(error);
    }
    this.#drill?.look();
    this.#options.onSample();
  }

  async #lookAtDoors(): Promise<void> {
    const { child } = this.#target;
    if (child === undefined) return;
    await child.lookAtDoors();
    this.#doors.sample(this.#simulation, child.view.doors.connections);
  }

  #onRequest(entry: RequestEntry): void {
    // The screen's own looking would drown what the producers and consumers do.
    const isLooking = entry.method === 'GET' && !entry.path.includes('/messages');
    if (!isLooking) this.#requests = [...this.#requests, entry].slice(-REQUESTS_MAX);
  }
}

/** False when the broker died before its answer came, and somebody still waits for it. */
async function isAnswered(work: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!isMqError(error, 'MQ_CONNECTION_LOST') || signal.aborted) throw error;
    return false;
  }
}
