/**
 * How many records filters may look at in one turn of this process, and who goes on in the next one.
 *
 *     this turn   |#### desk 1 ####|## desk 2 ##|  used up         others wait in line:  [ desk 3 | desk 4 | desk 1 ]
 *     next turn   |## desk 3 ##|###### desk 4 #####|               first those that waited longest
 *
 * Always true: however many desks there are, and whatever their filters cost, a turn has `TURN_LOOKS_COUNT` looks for all of
 * them, so sockets and timers are served in between; whoever waits in line has its turn in that order. A turn belongs to the
 * process and not to a broker: there is one of this.
 */
import type { Looks } from './record-matcher.ts';

/** A few milliseconds. */
const TURN_LOOKS_COUNT = 4096;
const A_FEW_COUNT = 64;

class TurnLooks {
  /** What is left of this turn, for everybody. */
  readonly #looks: Looks = { left: TURN_LOOKS_COUNT };
  readonly #line: (() => void)[] = [];
  #isArmed = false;

  /** To take from. The next turn has new ones. */
  get ofThisTurn(): Looks {
    this.#arm();
    return this.#looks;
  }

  /** For who has to see something in any turn; that little is not counted when nothing is left. */
  get orAFew(): Looks {
    const { ofThisTurn } = this;
    return ofThisTurn.left >= A_FEW_COUNT ? ofThisTurn : { left: A_FEW_COUNT };
  }

  /** Resolves in a later turn, to so many looks that are the caller's. */
  async someOfALaterTurn(): Promise<number> {
    await new Promise<void>((resolve) => this.waitInLine(resolve));
    const { ofThisTurn } = this;
    const some = Math.max(ofThisTurn.left, A_FEW_COUNT);
    ofThisTurn.left -= some;
    return some;
  }

  /** Calls `goOn` in a later turn, when there are looks for it. */
  waitInLine(goOn: () => void): void {
    this.#line.push(goOn);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => this.#begin());
  }

  #begin(): void {
    this.#isArmed = false;
    this.#looks.left = TURN_LOOKS_COUNT;
    // Those that join meanwhile are for the next turn.
    for (let waiting = this.#line.length; waiting > 0 && this.#looks.left > 0; waiting -= 1) this.#line.shift()?.();
    if (this.#line.length > 0) this.#arm();
  }
}

export const turnLooks = new TurnLooks();
