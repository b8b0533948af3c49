/**
 * The state of the screen outside React: which page, which stage, who is chosen, and the stage at work.
 *
 *     key -> commandOf -> Session.run -> Simulation ...          20 times a second: sample -> state -> React
 *
 * Always true: `state` is replaced, never changed, and only when there is something new to show; at most one stage is
 * open, and the one before is closed before the next opens; `close` always settles.
 */

import { isMqError } from '../../shared/contract/errors.ts';
import type { Language } from '../../shared/lesson.ts';
import type { Reader } from './actor.ts';
import type { Command } from './keys.ts';
import type { Producer } from './producer.ts';
import { type OpenStage, type RequestEntry, RunningStage } from './running-stage.ts';
import type { Simulation, SimulationView } from './simulation.ts';

export const FIRST_STAGE = 1;
export const LAST_STAGE = 5;

export type Page = 'picker' | 'opening' | 'stage';
export type Overlay = 'none' | 'help' | 'typing' | 'curl' | 'doors';

export interface ScreenState {
  readonly page: Page;
  /** The stage that runs, or the one marked in the picker. */
  readonly stage: number;
  readonly overlay: Overlay;
  readonly language: Language;
  /** Names of who the keys act on; undefined when there is nobody. */
  readonly producer: string | undefined;
  readonly reader: string | undefined;
  readonly simulation: SimulationView | undefined;
  /** Newest last, without the screen's own looking. */
  readonly requests: readonly RequestEntry[];
  /** The requests as they stood when one of them was asked for as curl, and which of them is shown. */
  readonly curl: { readonly requests: readonly RequestEntry[]; readonly index: number };
  readonly url: string | null;
}

/** What the keys do, as far as they do anything where the user is. */
type Actions = Partial<Record<Command, () => void>>;

export interface SessionOptions {
  readonly language: Language;
  readonly openStage: OpenStage;
  /** Called once, when the user wants to leave. */
  readonly onQuit: () => void;
  /** A defect of ours, which ends the screen. */
  readonly onFault: (error: unknown) => void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #listeners = new Set<() => void>();
  #state: ScreenState;
  #running: RunningStage | undefined;
  /** Stages are opened and closed one after the other. */
  #changes: Promise<void> = Promise.resolve();
  /** Aborted when the user leaves. */
  readonly #closing = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#state = {
      page: 'picker',
      stage: FIRST_STAGE,
      overlay: 'none',
      language: options.language,
      producer: undefined,
      reader: undefined,
      simulation: undefined,
      requests: [],
      curl: { requests: [], index: 0 },
      url: null,
    };
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** For `useSyncExternalStore`. */
  readonly getState = (): ScreenState => this.#state;

  /** What a key asks for. */
  run(command: Command): void {
    const running = this.#state.page === 'stage' ? this.#running : undefined;
    const actions =
      running === undefined
        ? this.#anywhere
        : { ...this.#anywhere, ...this.#onStage(running), ...this.#onLog(running), ...this.#onRobust(running) };
    actions[command]?.();
  }

  /** Marks another stage in the picker. */
  mark(steps: 1 | -1): void {
    this.#set({ stage: Math.min(Math.max(this.#state.stage + steps, FIRST_STAGE), LAST_STAGE) });
  }

  openStage(stage: number): void {
    this.#change(async () => {
      await this.#closeStage();
      if (this.#closing.signal.aborted) return;
      this.#set({ page: 'opening', stage, overlay: 'none', simulation: undefined, requests: [], url: null });
      const running = await RunningStage.open(stage, {
        openStage: this.#options.openStage,
        signal: this.#closing.signal,
        onSample: () => this.#show(),
        onFault: this.#options.onFault,
      });
      this.#running = running;
      this.#set({ page: 'stage', url: running.url });
      this.#show();
    });
  }

  closeOverlay(): void {
    this.#set({ overlay: 'none' });
  }

  /** Another of the requests, while one is shown as curl. */
  turnCurl(steps: 1 | -1): void {
    const { requests, index } = this.#state.curl;
    this.#set({ curl: { requests, index: Math.min(Math.max(index + steps, 0), requests.length - 1) } });
  }

  /** The typed message is finished. */
  sendTyped(body: string): void {
    this.closeOverlay();
    if (body !== '') this.#producer?.sendOne(body);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#change(() => this.#closeStage());
    await this.#changes;
  }

  readonly #anywhere: Actions = {
    quit: () => this.#options.onQuit(),
    language: () => this.#set({ language: this.#state.language === 'en' ? 'zh' : 'en' }),
    stage1: () => this.openStage(1),
    stage2: () => this.openStage(2),
    stage3: () => this.openStage(3),
    stage4: () => this.openStage(4),
    stage5: () => this.openStage(5),
  };

  #onStage(running: RunningStage): Actions {
    const { simulation, clock } = running;
    const [producer, reader] = [this.#producer, this.#reader];
    const choose = (isNext: boolean) => ({
      producer: () => this.#set({ producer: neighbour(simulation.producers, producer, isNext) }),
      reader: () => this.#set({ reader: neighbour(simulation.readers, reader, isNext) }),
    });
    return {
      send: () => producer?.sendOne(),
      type: () => producer && this.#set({ overlay: 'typing' }),
      burst: () => producer?.burst(),
      faster: () => producer?.changeRate(1),
      slower: () => producer?.changeRate(-1),
      addProducer: () => simulation.cast.addProducer(),
      removeProducer: () => producer && simulation.cast.removeProducer(producer),
      previousProducer: choose(false).producer,
      nextProducer: choose(true).producer,
      add: () => simulation.cast.addConsumer(reader?.group),
      addGroup: () => simulation.cast.addConsumer(),
      addReader: () => simulation.cast.addLogReader(),
      remove: () => this.#inBackground(simulation, () => reader && simulation.cast.removeReader(reader)),
      pause: () => reader?.togglePause(),
      slow: () => reader?.toggleSlow(),
      crash: () => reader?.toggleCrash(),
      previousReader: choose(false).reader,
      nextReader: choose(true).reader,
      freeze: () => this.#freeze(running),
      step: () => this.#inBackground(simulation, () => clock.step()),
      second: () => this.#inBackground(simulation, () => clock.stepBy(1000)),
      overflow: () => this.#change(() => running.changeOverflow()),
      curl: () => this.#showCurl(running),
      picker: () => this.#change(() => this.#backToPicker()),
      help: () => this.#set({ overlay: 'help' }),
    };
  }

  /** What only a broker with a disk can be asked for. */
  #onLog({ simulation, drill }: RunningStage): Actions {
    if (!simulation.hasLog) return {};
    const [producer, reader] = [this.#producer, this.#reader];
    return {
      delay: () => producer?.sendDelayed(),
      urgent: () => producer?.sendUrgent(),
      fail: () => this.#inBackground(simulation, () => reader?.giveBack('retry')),
      reject: () => this.#inBackground(simulation, () => reader?.giveBack('reject')),
      redrive: () => this.#inBackground(simulation, () => reader && simulation.redrive(reader)),
      kill: () => this.#inBackground(simulation, () => drill?.toggle()),
      flush: () => this.#inBackground(simulation, () => drill?.changeFlushPolicy()),
    };
  }

  /** What only a broker with transactions, half messages and filters can be asked for. */
  #onRobust({ simulation }: RunningStage): Actions {
    if (!simulation.hasTransactions) return {};
    const [producer, reader] = [this.#producer, this.#reader];
    const decide = (outcome: 'commit' | 'abort') => () => {
      const half = simulation.nextHalf;
      if (half === undefined) simulation.tell('warn', 'event.noHalf', {});
      else producer?.decideHalf(half, outcome);
    };
    return {
      transaction: () => producer?.toggleTransaction(),
      abort: () => producer?.abortTransaction(),
      ackTogether: () => reader && producer?.ackTogether(reader),
      crashProducer: () => producer?.toggleCrash(),
      half: () => producer?.sendHalf(),
      commitHalf: decide('commit'),
      abortHalf: decide('abort'),
      repeat: () => producer?.repeat(),
      isolation: () => reader?.toggleIsolation(),
      filter: () => reader?.changeFilter(),
      doors: () => this.#set({ overlay: 'doors' }),
    };
  }

  #freeze({ clock, simulation, drill }: RunningStage): void {
    if (clock.isPaused) {
      clock.resume();
      return;
    }
    clock.pause();
    if (drill !== undefined) simulation.tell('plain', 'event.frozenHere', {});
  }

  #showCurl({ requests, simulation }: RunningStage): void {
    if (requests.length === 0) simulation.tell('plain', 'event.noRequests', {});
    else this.#set({ overlay: 'curl', curl: { requests, index: requests.length - 1 } });
  }

  async #backToPicker(): Promise<void> {
    await this.#closeStage();
    this.#set({ page: 'picker', simulation: undefined });
  }

  get #producer(): Producer | undefined {
    const producers = this.#running?.simulation.producers ?? [];
    return producers.find(({ name }) => name === this.#state.producer) ?? producers[0];
  }

  get #reader(): Reader | undefined {
    const readers = this.#running?.simulation.readers ?? [];
    return readers.find(({ name }) => name === this.#state.reader) ?? readers[0];
  }

  /** What the last sample saw. */
  #show(): void {
    if (this.#running === undefined) return;
    const { simulation, requests } = this.#running;
    const [producer, reader] = [this.#producer?.name, this.#reader?.name];
    this.#set({ simulation: simulation.view, requests, producer, reader });
  }

  async #closeStage(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.close();
  }

  #change(work: () => Promise<void>): void {
    this.#changes = this.#changes.then(work).catch((error: unknown) => {
      // A stage that was not open yet when the user left.
      if (!this.#closing.signal.aborted) this.#options.onFault(error);
    });
  }

  #inBackground(simulation: Simulation, work: () => Promise<void> | undefined): void {
    work()?.catch((error: unknown) => {
      if (isMqError(error)) simulation.tell('warn', 'event.readerError', { who: 'mq', code: error.code });
      else this.#options.onFault(error);
    });
  }

  #set(changes: Partial<ScreenState>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

function neighbour<Actor extends { readonly name: string }>(
  actors: readonly Actor[],
  actor: Actor | undefined,
  isNext: boolean,
): string | undefined {
  const index = actor === undefined ? -1 : actors.indexOf(actor);
  return actors[(index + (isNext ? 1 : actors.length - 1)) % actors.length]?.name;
}
