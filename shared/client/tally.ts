/**
 * Counts what is under way, and tells when all that began before some moment has ended.
 *
 *     begin begin end | whenEnded() | begin begin end ... end       the bar waits only for those left of it
 *        round 1      |             |    round 2
 *
 * Always true: `whenEnded` never waits for what began after it was called; beginning and ending take the same time
 * however many are under way. Used by Producer.
 */

/** Those that began between two calls of `whenEnded`. */
export interface Round {
  openCount: number;
  /** Called when all of the round have ended; only after a `whenEnded`. */
  onEnd: (() => void) | undefined;
}

export class Tally {
  #round: Round = { openCount: 0, onEnd: undefined };
  /** Of the rounds before the present one, those that have not ended. */
  readonly #earlier = new Set<Promise<void>>();
  #openCount = 0;

  get openCount(): number {
    return this.#openCount;
  }

  /** One more has begun; to be ended with what this returns. */
  begin(): Round {
    this.#openCount += 1;
    this.#round.openCount += 1;
    return this.#round;
  }

  end(round: Round): void {
    this.#openCount -= 1;
    round.openCount -= 1;
    if (round.openCount === 0) round.onEnd?.();
  }

  /** Resolves when all that began before this call have ended. */
  async whenEnded(): Promise<void> {
    const round = this.#round;
    if (round.openCount > 0) {
      this.#round = { openCount: 0, onEnd: undefined };
      const ended = new Promise<void>((resolve) => {
        round.onEnd = resolve;
      });
      this.#earlier.add(ended);
      void ended.then(() => this.#earlier.delete(ended));
    }
    await Promise.all(this.#earlier);
  }
}
