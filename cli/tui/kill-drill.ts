/**
 * The drill from stage 4 on: the process is killed for real, starts again on the same data, and is asked what is left.
 *
 *     kill -9 --> (producers and consumers wait) --> start --> recovery --> every record read again --> what survived
 *
 * Always true: one thing at a time; a key that is pressed meanwhile does nothing. It tells what it saw, and what the broker
 * itself said about its data.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { isCommandError } from '../exit.ts';
import type { Observer } from './actor.ts';
import { FLUSH_POLICIES, type Killable } from './killable.ts';
import { durationText } from './numbers.ts';
import type { Survival } from './survival.ts';

export interface KillDrillOptions {
  readonly child: Killable;
  readonly broker: Broker;
  readonly topic: string;
  readonly survival: Survival;
  readonly observer: Pick<Observer, 'tell'>;
}

export class KillDrill {
  readonly #options: KillDrillOptions;
  #isBusy = false;
  /** It was said why there is none. */
  #isDeathTold = false;

  constructor(options: KillDrillOptions) {
    this.#options = options;
  }

  /** kill -9 when it runs, a new process when it does not. */
  toggle(): Promise<void> {
    return this.#alone(() => (this.#options.child.view.state === 'running' ? this.#kill() : this.#start()));
  }

  /** Ends it in good order and starts it with the next flush policy. */
  changeFlushPolicy(): Promise<void> {
    return this.#alone(async () => {
      const { child, observer } = this.#options;
      const { flushPolicy, state } = child.view;
      if (state !== 'running') return;
      const next = FLUSH_POLICIES[(FLUSH_POLICIES.indexOf(flushPolicy) + 1) % FLUSH_POLICIES.length] ?? 'always';
      await child.restartWith(next);
      observer.tell('plain', 'event.flushPolicy', { policy: next, ms: durationText(child.view.openingMs) });
    });
  }

  /** Called with every sample: a process may also end without having been asked to. */
  look(): void {
    const { child, observer } = this.#options;
    const { state, pid } = child.view;
    if (state !== 'dead' || this.#isBusy || this.#isDeathTold) return;
    this.#isDeathTold = true;
    observer.tell('bad', 'event.died', { pid });
  }

  async #kill(): Promise<void> {
    const { child, observer } = this.#options;
    const { pid } = child.view;
    await child.kill();
    this.#isDeathTold = true;
    observer.tell('bad', 'event.killed', { pid });
  }

  async #start(): Promise<void> {
    const { child, observer } = this.#options;
    await child.start();
    this.#isDeathTold = false;
    const { pid, startMs, openingMs, notices } = child.view;
    const times = { start: durationText(startMs), opening: durationText(openingMs) };
    observer.tell('plain', 'event.started', { pid, ...times });
    for (const notice of notices) observer.tell('plain', 'event.notice', { notice });
    await this.#tellSurvivors();
  }

  async #tellSurvivors(): Promise<void> {
    const { broker, topic, survival, observer } = this.#options;
    const report = await survival.check(broker, topic);
    const { acknowledgedCount: count, foundCount: found, unansweredCount, unansweredFoundCount } = report;
    if (found === count) observer.tell('good', 'event.survived', { count });
    else observer.tell('bad', 'event.lost', { count, lost: count - found });
    if (unansweredCount === 0) return;
    observer.tell('plain', 'event.unansweredFound', { count: unansweredCount, found: unansweredFoundCount });
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work();
    } catch (error) {
      // Such as a process that could not start: said, and the next key may try again.
      if (!isMqError(error) && !isCommandError(error)) throw error;
      this.#options.observer.tell('bad', 'event.brokerError', { message: error.message });
    } finally {
      this.#isBusy = false;
    }
  }
}
