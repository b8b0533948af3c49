/**
 * A fixed number of slots and a bounded line in front of them, first come first served.
 *
 * Always true: at most `slotCount` callers are between `enter` and `leave`; a caller in the line leaves it at once when
 * its signal aborts, without having been inside. Each caller brings a signal of its own: thousands on one are slow.
 */
import { abortedError, MqError } from '../contract/errors.ts';

export class SendSlots {
  readonly #slotCount: number;
  readonly #waitingMax: number;
  #takenCount = 0;
  /** What lets each one in, oldest first: a Set remembers the order and forgets in O(1). */
  readonly #line = new Set<() => void>();

  constructor(options: { readonly slotCount: number; readonly waitingMax: number }) {
    this.#slotCount = options.slotCount;
    this.#waitingMax = options.waitingMax;
  }

  /** Resolves when the caller has a slot. `MQ_ABORTED`; `MQ_LIMIT_EXCEEDED` when the line is full. */
  enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(abortedError(signal));
    if (this.#takenCount < this.#slotCount) {
      this.#takenCount += 1;
      return Promise.resolve();
    }
    if (this.#line.size >= this.#waitingMax) {
      const message = `${this.#waitingMax} sends wait already; await some before you send more`;
      return Promise.reject(new MqError('MQ_LIMIT_EXCEEDED', message));
    }
    return new Promise((resolve, reject) => {
      const leaveLine = (): void => {
        this.#line.delete(getIn);
        signal.removeEventListener('abort', giveUp);
      };
      const getIn = (): void => {
        leaveLine();
        resolve();
      };
      const giveUp = (): void => {
        leaveLine();
        reject(abortedError(signal));
      };
      this.#line.add(getIn);
      signal.addEventListener('abort', giveUp);
    });
  }

  /** Gives the slot to the first in the line, or back. */
  leave(): void {
    const [next] = this.#line;
    if (next === undefined) this.#takenCount -= 1;
    else next();
  }
}
