/**
 * What a producer of the screen sends together: orders, and for each of them a line in the ledger, which is another topic.
 *
 *     begin --> order + line, order + line, ... --> commit        all of them are seen, at once
 *                                        |   \----> abort         none is, ever
 *                                        \--------> crash         nobody says how it ends: its time-out does, or the
 *                                                                 producer itself, by beginning under its name again
 *
 * Always true: it begins under the producer's name, so there is at most one; a message counts as acknowledged when the
 * commit was answered, and not before; a commit whose answer was lost is asked about, never assumed.
 */
import type { Timer } from '../../shared/clock.ts';
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import type { Delivery, Message, Receipt } from '../../shared/contract/message.ts';
import type { Transaction, TransactionOutcome } from '../../shared/contract/transaction.ts';
import { offsetsText, type Place, type Reader } from './actor.ts';

/** The other topic. */
export const LEDGER = 'ledger';
/** Long enough to send, to crash and to kill; short enough to see it run out. */
const TIMEOUT_MS = 20_000;
const ID_CHARACTERS = 8;

/** `unknown`: nobody can say any more. */
type Outcome = TransactionOutcome | 'unknown';

interface Open {
  readonly transaction: Transaction;
  /** Of orders whose line is there too. */
  readonly receipts: Receipt[];
  /** Finished at its commit. */
  readonly acked: Delivery[];
  /** Orders on their way. They never reject. */
  readonly sending: Set<Promise<boolean>>;
}

/** The producer id, its epoch and a little more. */
export function shortId(id: string): string {
  return id.slice(0, ID_CHARACTERS);
}

export class ProducerTransaction {
  readonly #owner: string;
  readonly #place: Place;
  #open: Open | undefined;
  /** It begins or ends just now: one thing at a time. */
  #isBusy = false;
  /** A crash left one open. */
  #isLeft = false;
  /** When the open one has run out of time. */
  #timer: Timer | undefined;

  constructor(owner: string, place: Place) {
    this.#owner = owner;
    this.#place = place;
  }

  /** Orders in it so far; undefined while none is open. */
  get sentCount(): number | undefined {
    return this.#open?.receipts.length;
  }

  /** True when a message can be sent in it. */
  get takesMessages(): boolean {
    return this.#open !== undefined && !this.#isBusy;
  }

  /** Begins one, or commits the one that is open. */
  toggle(signal: AbortSignal): Promise<void> {
    return this.#alone(signal, () => {
      return this.#open === undefined ? this.#begin(signal) : this.#commit(this.#open, signal);
    });
  }

  abort(signal: AbortSignal): Promise<void> {
    return this.#alone(signal, async () => {
      const open = this.#open;
      if (open === undefined) return this.#place.observer.tell('warn', 'event.noTransaction', { who: this.#owner });
      const outcome = await this.#end(open, 'aborted');
      if (signal.aborted) return;
      this.#forget(open);
      const told = { who: this.#owner, count: open.receipts.length };
      if (outcome === 'aborted') this.#place.observer.tell('warn', 'event.transactionAborted', told);
      else this.#tellEnded(outcome);
    });
  }

  /** The order and its line in the ledger; resolves to whether both are in it. */
  async send(order: Message, signal: AbortSignal): Promise<boolean> {
    const open = this.#open;
    if (open === undefined) return false;
    const sending = this.#send(open, order, signal);
    open.sending.add(sending);
    const isSent = await sending;
    open.sending.delete(sending);
    return isSent;
  }

  /** What `reader` holds stays in flight until the end: the commit finishes it, anything else gives it back as failed. */
  ackFor(reader: Reader, signal: AbortSignal): Promise<void> {
    return this.#alone(signal, async () => {
      const { observer } = this.#place;
      const open = this.#open;
      if (open === undefined) return observer.tell('warn', 'event.noTransaction', { who: this.#owner });
      const deliveries = reader.handOver();
      if (deliveries.length === 0) return observer.tell('warn', 'event.nothingHeld', { who: reader.name });
      await open.transaction.ack(deliveries);
      open.acked.push(...deliveries);
      const told = { who: reader.name, owner: this.#owner, offsets: offsetsText(deliveries) };
      observer.tell('plain', 'event.ackedTogether', told);
    });
  }

  /** Its owner dies without a word. */
  crash(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#forget(open);
    this.#isLeft = true;
    const told = { who: this.#owner, id: shortId(open.transaction.id), seconds: TIMEOUT_MS / 1000 };
    this.#place.observer.tell('bad', 'event.transactionLeft', told);
  }

  /** Its owner is back: who begins under a name ends what was left open under it. */
  async restart(signal: AbortSignal): Promise<void> {
    if (!this.#isLeft) return;
    await this.#alone(signal, async () => {
      const transaction = await this.#place.broker.begin({ transactionalId: this.#owner, signal });
      this.#isLeft = false;
      await transaction.abort();
      this.#place.observer.tell('good', 'event.transactionFenced', { who: this.#owner });
    });
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { broker, clock, observer } = this.#place;
    const transaction = await broker.begin({ transactionalId: this.#owner, timeoutMs: TIMEOUT_MS, signal });
    if (signal.aborted) return;
    this.#isLeft = false;
    const open = { transaction, receipts: [], acked: [], sending: new Set<Promise<boolean>>() };
    this.#open = open;
    this.#timer = clock.setTimer(() => this.#forget(open), TIMEOUT_MS);
    observer.tell('plain', 'event.transactionBegun', { who: this.#owner, id: shortId(transaction.id) });
  }

  async #commit(open: Open, signal: AbortSignal): Promise<void> {
    const { clock, observer } = this.#place;
    const startedAtMs = clock.monotonicMs();
    const { receipts, acked } = open;
    this.#timer?.cancel();
    // Nothing more is sent in it, and no order is committed without its line.
    this.#open = undefined;
    await Promise.all(open.sending);
    const outcome = await this.#end(open, 'committed');
    if (outcome === 'committed') {
      for (const receipt of receipts) observer.onSent({ receipt, startedAtMs });
      for (const { id, group } of acked) observer.onFinished({ id, group });
    } else if (outcome === 'unknown') for (const { id } of receipts) observer.onUnanswered(id);
    else observer.onAborted(receipts.map(({ id }) => id));
    if (signal.aborted) return;
    const told = { who: this.#owner, count: receipts.length };
    if (outcome === 'committed') observer.tell('good', 'event.transactionCommitted', told);
    else this.#tellEnded(outcome);
  }

  /** One that has ended meanwhile is told, and is over. */
  async #send(open: Open, order: Message, signal: AbortSignal): Promise<boolean> {
    const { topic, observer } = this.#place;
    try {
      const receipt = await open.transaction.send(topic, order, { signal });
      await open.transaction.send(LEDGER, { body: order.body, id: `${order.id}-line` }, { signal });
      open.receipts.push(receipt);
      return true;
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (signal.aborted || this.#open !== open) return false;
      if (error.code === 'MQ_QUEUE_FULL') {
        observer.tell('warn', 'event.refused', { who: this.#owner, code: error.code });
        return false;
      }
      this.#forget(open);
      if (isGone(error)) observer.tell('bad', 'event.transactionLost', { who: this.#owner });
      else this.#tellEnded(error.details.outcome ?? 'unknown');
      return false;
    }
  }

  /** Resolves to how it ended, as wanted or not. */
  async #end({ transaction }: Open, wanted: TransactionOutcome): Promise<Outcome> {
    const end = (one: Transaction): Promise<void> => (wanted === 'committed' ? one.commit() : one.abort());
    const outcome = await outcomeOf(wanted, () => end(transaction));
    if (outcome !== 'unanswered') return outcome;
    this.#place.observer.tell('warn', 'event.endUnanswered', { who: this.#owner });
    // Waits for the next broker, where this one is gone.
    const found = await outcomeOf(wanted, async () => end(await this.#place.broker.findTransaction(transaction.id)));
    return found === 'unanswered' ? 'unknown' : found;
  }

  #tellEnded(outcome: Outcome): void {
    this.#place.observer.tell('bad', `event.ended.${outcome}`, { who: this.#owner });
  }

  /** It is over, and nobody has asked for its commit. */
  #forget(open: Open): void {
    this.#timer?.cancel();
    this.#open = undefined;
    this.#place.observer.onAborted(open.receipts.map(({ id }) => id));
  }

  /** Not while another is at work; what the broker refuses is told. */
  async #alone(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work();
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (signal.aborted || isGone(error)) return;
      this.#place.observer.tell('warn', 'event.readerError', { who: this.#owner, code: error.code });
    } finally {
      this.#isBusy = false;
    }
  }
}

async function outcomeOf(wanted: TransactionOutcome, end: () => Promise<void>): Promise<Outcome | 'unanswered'> {
  try {
    await end();
    return wanted;
  } catch (error) {
    if (!isMqError(error)) throw error;
    return isGone(error) ? 'unanswered' : (error.details.outcome ?? 'unknown');
  }
}

/** Nobody answers any more: the broker died, or its connection did. */
function isGone({ code }: MqError): boolean {
  return code === 'MQ_CONNECTION_LOST' || code === 'MQ_CLOSED';
}
