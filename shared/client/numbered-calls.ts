/**
 * Numbers the calls of one lane, so that the broker stores each of them once, in their order, however often it is made.
 *
 *     in flight    [ 5 6 ][ 7 ][ 8 9 ]      numbered when they leave, so they need not wait for each other's answers
 *                    first                  only the first of them is ever made again: nothing overtakes
 *
 *     answer to [ 7 ]                        what is done
 *     a gap, and [ 5 6 ] has no answer yet   [ 7 ] waits for that, and is made again
 *     refused for what is in it              what comes behind it has wrong numbers now: all begin again, as a new producer
 *     none: the connection broke, time-out   made again: the broker knows it by its number
 *     producer not known (any more)          [ 7 ] was made for the first time: it begins again, as a new producer; else
 *                                            nobody can say whether it is there: it fails
 *
 * Always true: within one producerId a number never means two messages; a message gets a number of another producerId only
 * when none of its earlier ones can ever be stored. Used by Producer, one for each lane.
 */
import { type ErrorCode, isMqError, MqError } from '../contract/errors.ts';
import { type ProducerIdentity, type ProducerStamp, SEQUENCE_MAX } from '../contract/producer.ts';

/** So often one call begins again as a new producer; more is no bad luck but a broker that forgets at once. */
const RENEWALS_MAX = 3;

/** After these nobody knows whether the call has taken effect; after anything else it has not. */
const UNSURE: ReadonlySet<ErrorCode> = new Set([
  ...(['MQ_CONNECTION_LOST', 'MQ_TIMEOUT', 'MQ_PROTOCOL', 'MQ_INTERNAL', 'MQ_ABORTED', 'MQ_CLOSED'] as const),
  ...(['MQ_STORAGE_FAILED', 'MQ_CORRUPT', 'MQ_SEQUENCE_TOO_OLD'] as const),
]);

/** Said of what is in the call, whenever it comes: no earlier attempt was taken, and none that is late will be. */
const NEVER_TAKEN: ReadonlySet<ErrorCode> = new Set([
  ...(['MQ_INVALID_ARGUMENT', 'MQ_NOT_SUPPORTED', 'MQ_MESSAGE_TOO_LARGE', 'MQ_BATCH_TOO_LARGE'] as const),
]);

type Attempt<T> = (producer: ProducerStamp) => Promise<T>;
/** Makes an attempt, again and again where that is sensible. */
type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

export class NumberedCalls {
  readonly #open: () => Promise<ProducerIdentity>;
  #identity: Promise<ProducerIdentity> | undefined;
  /** Of the identity in use. */
  generation = 0;
  /** Of the next message that leaves. */
  next = 0;
  /** A number will never come: what has a later one of this identity can never be stored. */
  hasHole = false;
  /** In the order in which they left. */
  readonly #turns: NumberedTurn[] = [];

  constructor(open: () => Promise<ProducerIdentity>) {
    this.#open = open;
  }

  /** What leaves now, with `count` messages in one call, or in several one after the other. */
  enter(count: number): NumberedTurn {
    const turn = new NumberedTurn(this, count);
    // Behind what has to be numbered anew itself nobody knows yet where to go on.
    if (this.#turns.every(({ generation }) => generation === this.generation)) turn.takeNumbers();
    this.#turns.push(turn);
    return turn;
  }

  isFirst(turn: NumberedTurn): boolean {
    return this.#turns[0] === turn;
  }

  isLast(turn: NumberedTurn): boolean {
    return this.#turns.at(-1) === turn;
  }

  remove(turn: NumberedTurn): void {
    const index = this.#turns.indexOf(turn);
    if (index >= 0) this.#turns.splice(index, 1);
    this.#turns[0]?.becomeFirst();
  }

  identity(): Promise<ProducerIdentity> {
    if (this.#identity !== undefined) return this.#identity;
    const opening = this.#open();
    this.#identity = opening;
    opening.catch(() => {
      if (this.#identity === opening) this.#identity = undefined;
    });
    return opening;
  }

  /** From now on as a new producer. */
  renew(): void {
    this.#identity = undefined;
    this.generation += 1;
    this.next = 0;
    this.hasHole = false;
  }
}

/** What left at one moment, until all of it is answered. */
export class NumberedTurn {
  /** Of its numbers; below zero it has none yet. */
  generation = -1;
  readonly #line: NumberedCalls;
  readonly #first = Promise.withResolvers<void>();
  /** Messages that are not stored. */
  #leftCount: number;
  /** Number of the next of them, */
  #sequence = 0;
  /** and the one behind the last of them. */
  #end = 0;
  /** Messages in the call that is being made. */
  #callCount = 0;
  /** Some attempt of that call may have taken effect, */
  #isUnsure = false;
  /** or one is being made. */
  #isTrying = false;
  #hasTried = false;
  #renewalCount = 0;
  #isOver = false;

  constructor(line: NumberedCalls, count: number) {
    this.#line = line;
    this.#leftCount = count;
  }

  /** Makes a call, with the numbers behind those of the one before. */
  async call<T>(count: number, attempt: Attempt<T>, retry: Retry): Promise<T> {
    this.#endCall();
    this.#callCount = count;
    return await retry(() => this.#attempt(attempt));
  }

  /** No more calls. */
  leave(): void {
    if (this.#isOver) return;
    this.#endCall();
    this.#isOver = true;
    if (this.generation === this.#line.generation && this.#sequence !== this.#end) {
      if (this.#line.isLast(this)) this.#line.next = this.#sequence;
      else this.#line.hasHole = true;
    }
    this.#line.remove(this);
  }

  takeNumbers(): void {
    this.generation = this.#line.generation;
    this.#sequence = this.#line.next;
    this.#end = after(this.#sequence, this.#leftCount);
    this.#line.next = this.#end;
  }

  becomeFirst(): void {
    this.#first.resolve();
  }

  async #attempt<T>(attempt: Attempt<T>): Promise<T> {
    if (this.#hasTried) await this.#whenFirst();
    for (;;) {
      if (this.generation !== this.#line.generation) await this.#takeNewNumbers();
      const { generation } = this;
      const wasFirst = this.#line.isFirst(this);
      const identity = await this.#line.identity();
      this.#checkNotOver();
      if (generation !== this.#line.generation) continue;
      this.#hasTried = true;
      this.#isTrying = true;
      try {
        const answer = await attempt({ ...identity, sequence: this.#sequence });
        this.#isTrying = false;
        this.#noteStored();
        return answer;
      } catch (error) {
        this.#isTrying = false;
        await this.#lookInto(error, { generation, wasFirst });
      }
    }
  }

  /** Returns when the call is to be made again at once; else throws. */
  async #lookInto(
    error: unknown,
    { generation, wasFirst }: { readonly generation: number; readonly wasFirst: boolean },
  ): Promise<void> {
    if (!isMqError(error) || UNSURE.has(error.code)) this.#isUnsure = true;
    else if (NEVER_TAKEN.has(error.code)) this.#isUnsure = false;
    if (!isMqError(error, 'MQ_SEQUENCE_GAP') && !isMqError(error, 'MQ_UNKNOWN_PRODUCER')) throw error;
    await this.#whenFirst();
    if (generation !== this.#line.generation) return;
    const { hasHole } = this.#line;
    if (!wasFirst && !hasHole) return; // what was before it has its answer by now
    if (this.#isUnsure && !hasHole) throw unsureError(error);
    this.#renewalCount += 1;
    if (this.#renewalCount > RENEWALS_MAX) throw error;
    this.#line.renew();
  }

  /** None of its earlier ones can be stored any more. */
  async #takeNewNumbers(): Promise<void> {
    await this.#whenFirst();
    this.#isUnsure = false;
    this.takeNumbers();
  }

  async #whenFirst(): Promise<void> {
    if (!this.#line.isFirst(this)) await this.#first.promise;
    this.#checkNotOver();
  }

  /** Its caller may have gone while it waited; what is made then would have a number of somebody else. */
  #checkNotOver(): void {
    if (this.#isOver) throw new MqError('MQ_ABORTED', 'the send was given up before it left');
  }

  #noteStored(): void {
    if (this.#isOver) return;
    this.#sequence = after(this.#sequence, this.#callCount);
    this.#leftCount -= this.#callCount;
    this.#isUnsure = false;
    this.#callCount = 0;
  }

  /** A call that ended badly and may be stored is taken for stored: when it is not, the next one is told of a gap. */
  #endCall(): void {
    if (this.#isUnsure || this.#isTrying) this.#noteStored();
  }
}

function after(sequence: number, count: number): number {
  const next = sequence + count;
  return next <= SEQUENCE_MAX ? next : next - SEQUENCE_MAX - 1;
}

function unsureError(cause: MqError): MqError {
  const text = 'the broker does not know any more what this producer sent; the message may be stored, or not';
  return new MqError(cause.code, text, { cause });
}
