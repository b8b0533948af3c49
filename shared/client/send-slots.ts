/**
 * A fixed number of slots and a bounded line in front of them, first come first served.
 *
 * Always true: at most `slotCount` callers are between `enter` and `leave`; a caller in the line leaves it at once when
 * its signal aborts or the line is dismissed, without having been inside.
 */
import { MqError } from '../contract/errors.ts';
import { abortedBy } from './retry.ts';

interface Waiting {
  getIn(): void;
  giveUp(error: Error): void;
}

export class SendSlots {
  readonly #slotCount: number;
  readonly #waitingMax: number;
  #takenCount = 0;
  /** Oldest first: a Set remembers the order and forgets in O(1). */
  readonly #line = new Set<Waiting>();

  constructor(options: { readonly slotCount: number; readonly waitingMax: number }) {
    this.#slotCount = options.slotCount;
    this.#waitingMax = options.waitingMax;
  }

  /** Resolves when the caller has a slot. `MQ_ABORTED`; `MQ_LIMIT_EXCEEDED` when the line is full. */
  enter(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    if (this.#takenCount < this.#slotCount) {
      this.#takenCount += 1;
      return Promise.resolve();
    }
    if (this.#line.size >= this.#waitingMax) {
      const message = `${this.#waitingMax} sends wait already; await some before you send more`;
      return Promise.reject(new MqError('MQ_LIMIT_EXCEEDED', message));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiting.giveUp(abortedBy(signal as AbortSignal));
      const takeOut = (): void => {
        this.#line.delete(waiting);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        getIn: () => {
          takeOut();
          resolve();
        },
        giveUp: (error) => {
          takeOut();
          reject(error);
        },
      };
      this.#line.add(waiting);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Gives the slot to the first in the line, or back. */
  leave(): void {
    for (const waiting of this.#line) {
      waiting.getIn();
      return;
    }
    this.#takenCount -= 1;
  }

  /** Everybody in the line leaves with `error`. */
  dismiss(error: Error): void {
    for (const waiting of this.#line) waiting.giveUp(error);
  }
}
