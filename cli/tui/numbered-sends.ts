/**
 * The numbered sends of a producer of the screen: one after the other, each repeated until it is answered, since a number
 * makes repeating safe.
 *
 *     openProducer --> send number 0 --> send number 1 --> ...        repeat: the last one again, as if its answer was lost
 *
 * Always true: a number is used for one message only, so a message that was refused leaves its number to the next.
 */
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message, Receipt } from '../../shared/contract/message.ts';
import type { ProducerIdentity, ProducerStamp } from '../../shared/contract/producer.ts';
import { type Place, rest } from './actor.ts';

const AGAIN_MS = 300;

interface Numbered {
  readonly message: Message;
  readonly stamp: ProducerStamp;
}

export class NumberedSends {
  readonly #owner: string;
  readonly #place: Place;
  #identity: ProducerIdentity | undefined;
  #nextSequence = 0;
  #last: Numbered | undefined;
  /** The send under way; the next begins when it is over. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(owner: string, place: Place) {
    this.#owner = owner;
    this.#place = place;
  }

  /** Resolves to its receipt and number. Rejects with what the broker says. */
  send(message: Message, life: AbortSignal): Promise<{ readonly receipt: Receipt; readonly number: number }> {
    return this.#inTurn(async () => {
      const identity = this.#identity ?? (await this.#open());
      this.#identity = identity;
      const stamp = { ...identity, sequence: this.#nextSequence };
      const receipt = await this.#sendSurely({ message, stamp }, life);
      if (this.#identity === identity) {
        this.#nextSequence += 1;
        this.#last = { message, stamp };
      }
      return { receipt, number: stamp.sequence };
    });
  }

  /** Sends the last one again, and tells what the broker answers. */
  async repeat(life: AbortSignal): Promise<void> {
    const { observer } = this.#place;
    try {
      await this.#inTurn(() => this.#repeatLast(life));
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (life.aborted || error.code === 'MQ_CLOSED') return;
      observer.tell('warn', 'event.readerError', { who: this.#owner, code: error.code });
    }
  }

  /** A new process knows nothing of the numbers of the old one: it opens again, under the same name. */
  crash(): void {
    this.#identity = undefined;
    this.#last = undefined;
    this.#nextSequence = 0;
  }

  async #repeatLast(life: AbortSignal): Promise<void> {
    const { observer } = this.#place;
    const last = this.#last;
    if (last === undefined) return observer.tell('warn', 'event.nothingNumbered', { who: this.#owner });
    const { offset, isDuplicate } = await this.#sendSurely(last, life);
    const told = { who: this.#owner, number: last.stamp.sequence, offset: offset ?? '?' };
    if (isDuplicate) observer.tell('good', 'event.duplicate', told);
    else observer.tell('bad', 'event.storedTwice', told);
  }

  async #open(): Promise<ProducerIdentity> {
    return await this.#place.broker.openProducer({ name: this.#owner });
  }

  async #sendSurely({ message, stamp }: Numbered, life: AbortSignal): Promise<Receipt> {
    const { broker, topic } = this.#place;
    for (;;) {
      try {
        return await broker.send(topic, message, { producer: stamp, signal: life });
      } catch (error) {
        if (life.aborted || !isMqError(error, 'MQ_CONNECTION_LOST')) throw error;
        await rest(this.#place, { ms: AGAIN_MS, signal: life });
      }
    }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
