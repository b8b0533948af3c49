/**
 * The lease tokens a group accepted lately, so that repeating an ack (its answer was lost on the way) succeeds.
 *
 *     order    [ 41 ][ 42 ][ 43 ][ 12 ][ 40 ]     round and round: the next one takes the place of the oldest
 *                            ^ next place
 *
 * Always true: it remembers at most `countMax`; an offset has at most one remembered token, since it is accepted again
 * only after a seek, and a seek forgets it here.
 */

/** An offset and the token under which it was finished. */
export interface AcceptedToken {
  readonly offset: number;
  readonly token: string;
}

export class AcceptedTokens {
  readonly #countMax: number;
  readonly #tokens = new Map<number, string>();
  /** In the order of acceptance, from `#place` on when it is full; may name offsets a seek has forgotten. */
  #order: AcceptedToken[] = [];
  #place = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  remember(accepted: AcceptedToken): void {
    const oldest = this.#order[this.#place];
    if (oldest !== undefined && this.has(oldest)) this.#tokens.delete(oldest.offset);
    this.#order[this.#place] = accepted;
    this.#place = (this.#place + 1) % this.#countMax;
    this.#tokens.set(accepted.offset, accepted.token);
  }

  has({ offset, token }: AcceptedToken): boolean {
    return this.#tokens.get(offset) === token;
  }

  /** After a seek to `offset`: acks from there on do not count any more. */
  forgetFrom(offset: number): void {
    for (const remembered of this.#tokens.keys()) {
      if (remembered >= offset) this.#tokens.delete(remembered);
    }
  }
}
