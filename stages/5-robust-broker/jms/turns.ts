/**
 * One thread of control: what a session delivers to listeners is delivered one after the other.
 *
 * Always true: a turn begins when the one before it has ended, promises included; whoever asks from within a turn is told so.
 * Only Session uses it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Turn {
  isOver: boolean;
}

export class Turns {
  #last: Promise<void> = Promise.resolve();
  readonly #current = new AsyncLocalStorage<Turn>();

  /** True for what is called by the turn that goes on now. */
  get isInside(): boolean {
    return this.#current.getStore()?.isOver === false;
  }

  /** `work` must not reject. */
  add(work: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      const turn = { isOver: false };
      await this.#current.run(turn, work);
      turn.isOver = true;
    });
  }

  /** Resolves when no turn goes on and none waits. */
  async idle(): Promise<void> {
    let last: Promise<void>;
    do {
      last = this.#last;
      await last;
    } while (last !== this.#last);
  }
}
