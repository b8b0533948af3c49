/**
 * Work that has to be done some time, on a disk that fails now: again and again, with a pause in between.
 *
 *     work --failed--> 1 s --> work --failed--> 1 s --> ... --> done, or given up when the broker is closed
 *
 * Always true: who waits for it is answered, at the latest when the broker is closed. The coordinator of transactions has one.
 */
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';

/** After a disk that failed. */
export const RETRY_MS = 1000;

export interface PatienceOptions {
  readonly clock: Clock;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class Patience {
  readonly #options: PatienceOptions;
  /** Of work that waits to be tried again. */
  readonly #pauses = new Set<() => void>();
  #isOver = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Resolves when it is done; rejects with `MQ_CLOSED`, and what failed last as its cause, when that is to be no more. */
  async until(work: () => Promise<void>): Promise<void> {
    for (let isTold = false; ; isTold = true) {
      try {
        return await work();
      } catch (error) {
        if (this.#isOver) throw closedError(error);
        if (!isTold) this.#options.onNotice(`a transaction that was decided waits for the disk: ${String(error)}`);
      }
      await this.#pause();
    }
  }

  /** What fails from now on is not tried again. */
  end(): void {
    this.#isOver = true;
    for (const wake of this.#pauses) wake();
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(resolve, RETRY_MS, { isBackground: true });
    this.#pauses.add(resolve);
    await promise;
    this.#pauses.delete(resolve);
    timer.cancel();
  }
}

export function closedError(cause?: unknown): MqError {
  return new MqError('MQ_CLOSED', 'the broker was closed', { cause });
}
