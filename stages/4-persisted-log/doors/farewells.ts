/**
 * What is still done for connections that are gone: their transactions are aborted, their topics deleted.
 *
 * Always true: nothing here rejects: what ended or went meanwhile needs nothing, and a defect is told. The server waits for
 * all of it when it closes.
 */
import { isMqError } from '../../../shared/contract/errors.ts';

export class Farewells {
  readonly #onDefect: (error: unknown) => void;
  readonly #open = new Set<Promise<void>>();

  constructor(onDefect: (error: unknown) => void) {
    this.#onDefect = onDefect;
  }

  add(farewell: Promise<void>): void {
    const said: Promise<void> = farewell
      .catch((error: unknown) => {
        if (!isMqError(error) || error.code === 'MQ_INTERNAL') this.#onDefect(error);
      })
      .finally(() => this.#open.delete(said));
    this.#open.add(said);
  }

  /** All that has begun is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }
}
