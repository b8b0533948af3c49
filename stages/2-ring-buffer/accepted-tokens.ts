/**
 * The acks a group accepted lately, so that repeating one (its answer was lost on the way) succeeds.
 *
 *     acks     [ 41 ][ 42 ][ 43 ][ 12 ][ 40 ]     round and round: the next one takes the place of the oldest
 *                            ^ next place
 *
 * Always true: it remembers the last `countMax`. It is searched only when an ack shows a lease that is over, which is
 * rare, so a search looks at all of them; remembering, which every ack does, is one assignment.
 */

/** What a caller shows to prove that it holds, or held, a lease. */
export interface LeaseClaim {
  readonly offset: number;
  readonly memberId: string;
  readonly token: string;
}

export interface AcceptedAck extends LeaseClaim {
  /** The ack also finished what its member had below. Said again it has nothing left to do. */
  isCumulative: boolean;
}

export class AcceptedTokens {
  readonly #countMax: number;
  #acks: AcceptedAck[] = [];
  #place = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  remember({ offset, memberId, token }: LeaseClaim, isCumulative: boolean): void {
    this.#acks[this.#place] = { offset, memberId, token, isCumulative };
    this.#place = (this.#place + 1) % this.#countMax;
  }

  find({ offset, memberId, token }: LeaseClaim): AcceptedAck | undefined {
    return this.#acks.find((ack) => ack.offset === offset && ack.token === token && ack.memberId === memberId);
  }

  /** After a seek to `offset`: acks from there on do not count any more. */
  forgetFrom(offset: number): void {
    const inOrder = [...this.#acks.slice(this.#place), ...this.#acks.slice(0, this.#place)];
    this.#acks = inOrder.filter((ack) => ack.offset < offset);
    this.#place = this.#acks.length % this.#countMax;
  }
}
