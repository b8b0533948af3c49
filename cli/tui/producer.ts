/**
 * A producer of the screen: sends at a steady rate, in bursts, or what was typed; where the broker has them, in transactions,
 * by number, and as half messages.
 *
 *     sending --crash--> dead --> a new process of the same name        what it left open is the broker's to end
 *
 * Always true: its steady stream awaits every receipt before the next send, so a full queue slows it down (that is the
 * back-pressure one sees); single messages and bursts are sent at once, at most `WAITING_MAX` waiting together.
 */
import type { Timer } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message, Receipt } from '../../shared/contract/message.ts';
import type { Place, Reader } from './actor.ts';
import { HalfSender } from './half-sender.ts';
import { labelsOf } from './labels.ts';
import { NumberedSends } from './numbered-sends.ts';
import { ProducerTransaction } from './producer-transaction.ts';
import type { WorkBook } from './work-book.ts';

/** What + and - step through; 0 is standing still. */
export const RATES_PER_SECOND = [0, 0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100] as const;
const WAITING_MAX = 40;
export const BURST_COUNT = 10;
/** Long enough to see it wait, and to kill the broker meanwhile. */
const DELAY_MS = 8000;
const URGENT_PRIORITY = 9;

export interface ProducerView {
  readonly name: string;
  readonly ratePerSecond: number;
  readonly sentCount: number;
  /** Sends whose receipt has not come. */
  readonly waitingCount: number;
  readonly refusedCount: number;
  readonly isCrashed: boolean;
  /** Orders in its open transaction; undefined while it has none. */
  readonly transactionCount: number | undefined;
  /** Half messages it has sent and not decided. */
  readonly halfCount: number;
}

interface ProducerOptions {
  readonly rateIndex: number;
  readonly book: WorkBook;
}

export class Producer {
  readonly name: string;
  readonly #place: Place;
  readonly #transaction: ProducerTransaction;
  readonly #halves: HalfSender;
  readonly #numbers: NumberedSends;
  /** Aborted when it dies or goes. */
  #life = new AbortController();
  #rateIndex: number;
  #sentCount = 0;
  #waitingCount = 0;
  #refusedCount = 0;
  /** Messages made; the next one is `name-#madeCount`. */
  #madeCount = 0;
  /** When the steady stream sends next; it never tries to catch up. */
  #dueAtMs: number;
  #timer: Timer | undefined;
  #isStreamWaiting = false;

  constructor(name: string, place: Place, { rateIndex, book }: ProducerOptions) {
    this.name = name;
    this.#place = place;
    this.#rateIndex = rateIndex;
    this.#dueAtMs = place.clock.monotonicMs();
    this.#transaction = new ProducerTransaction(name, place);
    this.#halves = new HalfSender(name, place, book);
    this.#numbers = new NumberedSends(name, place);
    this.#halves.begin(this.#life.signal);
    this.#arm();
  }

  get view(): ProducerView {
    return {
      name: this.name,
      ratePerSecond: this.#ratePerSecond,
      sentCount: this.#sentCount,
      waitingCount: this.#waitingCount,
      refusedCount: this.#refusedCount,
      isCrashed: this.#life.signal.aborted,
      transactionCount: this.#transaction.sentCount,
      halfCount: this.#halves.underWayCount,
    };
  }

  changeRate(steps: 1 | -1): void {
    this.#rateIndex = Math.min(Math.max(this.#rateIndex + steps, 0), RATES_PER_SECOND.length - 1);
    this.#dueAtMs = this.#place.clock.monotonicMs();
    this.#arm();
  }

  /** Sends one message at once, typed by the user or made up; by number where there are numbers. */
  sendOne(body?: string): void {
    if (this.#waitingCount >= WAITING_MAX) {
      this.#tellTooMany();
      return;
    }
    if (this.#hasNumbers && !this.#transaction.takesMessages) {
      void this.#sendNumbered(body);
      return;
    }
    void this.#send({ body }).then((receipt) => {
      const offset = receipt?.offset ?? undefined;
      if (offset !== undefined) this.#place.observer.tell('plain', 'event.sent', { who: this.name, offset });
    });
  }

  /** One message that nobody gets before its time. */
  sendDelayed(): void {
    void this.#send({ delayMs: DELAY_MS }).then((receipt) => {
      const told = { who: this.name, seconds: DELAY_MS / 1000 };
      if (receipt !== undefined) this.#place.observer.tell('plain', 'event.sentDelayed', { ...told, id: receipt.id });
    });
  }

  /** One message that goes out before all others. */
  sendUrgent(): void {
    void this.#send({ priority: URGENT_PRIORITY }).then((receipt) => {
      const offset = receipt?.offset ?? undefined;
      if (offset !== undefined) this.#place.observer.tell('plain', 'event.sentUrgent', { who: this.name, offset });
    });
  }

  burst(): void {
    const count = Math.min(BURST_COUNT, WAITING_MAX - this.#waitingCount);
    if (count <= 0) {
      this.#tellTooMany();
      return;
    }
    this.#place.observer.tell('plain', 'event.burst', { who: this.name, count });
    for (let sent = 0; sent < count; sent += 1) void this.#send();
  }

  /** Begins a transaction, or commits the one that is open. */
  toggleTransaction(): void {
    if (this.#isThere()) void this.#transaction.toggle(this.#life.signal);
  }

  abortTransaction(): void {
    if (this.#isThere()) void this.#transaction.abort(this.#life.signal);
  }

  /** What `reader` holds is finished when its transaction is committed, and not before. */
  ackTogether(reader: Reader): void {
    if (this.#isThere()) void this.#transaction.ackFor(reader, this.#life.signal);
  }

  /** A message that nobody sees until its work is done. */
  sendHalf(): void {
    if (this.#isThere()) void this.#halves.send(this.#make(), this.#life.signal);
  }

  /** Says how a half message ends, whoever sent it. */
  decideHalf(half: { readonly id: string; readonly halfId: string }, outcome: 'commit' | 'abort'): void {
    if (this.#isThere()) void this.#halves.decide(half, outcome, this.#life.signal);
  }

  /** Sends its last numbered message once more. */
  repeat(): void {
    if (this.#isThere()) void this.#numbers.repeat(this.#life.signal);
  }

  /** Dies without a word to the broker; when dead, a new process takes its name. */
  toggleCrash(): void {
    const { observer } = this.#place;
    if (!this.#life.signal.aborted) {
      observer.tell('bad', 'event.producerCrashed', { who: this.name });
      this.close();
      this.#transaction.crash();
      this.#halves.crash();
      this.#numbers.crash();
      return;
    }
    this.#life = new AbortController();
    observer.tell('plain', 'event.producerBack', { who: this.name });
    this.#halves.begin(this.#life.signal);
    void this.#transaction.restart(this.#life.signal);
    this.#dueAtMs = this.#place.clock.monotonicMs();
    this.#arm();
  }

  /** Its waiting sends are aborted, so nothing of it arrives later. */
  close(): void {
    this.#life.abort();
    this.#timer?.cancel();
  }

  get #ratePerSecond(): number {
    return RATES_PER_SECOND[this.#rateIndex] ?? 0;
  }

  #tellTooMany(): void {
    this.#place.observer.tell('warn', 'event.tooManyWaiting', { who: this.name, count: WAITING_MAX });
  }

  #arm(): void {
    this.#timer?.cancel();
    if (this.#ratePerSecond === 0 || this.#isStreamWaiting || this.#life.signal.aborted) return;
    const delayMs = Math.max(this.#dueAtMs - this.#place.clock.monotonicMs(), 0);
    this.#timer = this.#place.clock.setTimer(() => void this.#stream(), delayMs);
  }

  async #stream(): Promise<void> {
    const life = this.#life;
    this.#isStreamWaiting = true;
    const startedAtMs = this.#place.clock.monotonicMs();
    await this.#send();
    this.#isStreamWaiting = false;
    // It may have died and come back meanwhile: then its new life has a stream of its own.
    if (life !== this.#life) return this.#arm();
    this.#dueAtMs = Math.max(startedAtMs + 1000 / this.#ratePerSecond, this.#place.clock.monotonicMs());
    this.#arm();
  }

  get #hasNumbers(): boolean {
    return this.#place.broker.capabilities.has('idempotence');
  }

  /** Who is dead does nothing, and it is told why. */
  #isThere(): boolean {
    const isDead = this.#life.signal.aborted;
    if (isDead) this.#place.observer.tell('warn', 'event.producerDead', { who: this.name });
    return !isDead;
  }

  #make(options: Partial<Message> = {}): Message & { readonly id: string } {
    this.#madeCount += 1;
    const id = `${this.name}-${this.#madeCount}`;
    const labels = labelsOf(this.#place.broker, { id, number: this.#madeCount });
    return { ...labels, ...options, body: options.body ?? labels.body, id };
  }

  /** Resolves to the receipt, or undefined when there is none. In an open transaction there is none before its commit. */
  async #send(options: Partial<Message> = {}): Promise<Receipt | undefined> {
    const { broker, topic } = this.#place;
    const { signal } = this.#life;
    const message = this.#make(options);
    // What is delayed cannot be sent in one.
    const isTogether = this.#transaction.takesMessages && message.delayMs === undefined;
    return await this.#counted(message.id, async () => {
      if (!isTogether) return await broker.send(topic, message, { signal });
      if (await this.#transaction.send(message, signal)) this.#sentCount += 1;
      return undefined;
    });
  }

  async #sendNumbered(body: string | undefined): Promise<void> {
    const message = this.#make({ body });
    await this.#counted(message.id, async () => {
      const { receipt, number } = await this.#numbers.send(message, this.#life.signal);
      const { offset } = receipt;
      this.#place.observer.tell('plain', 'event.sentNumbered', { who: this.name, number, offset: offset ?? '?' });
      return receipt;
    });
  }

  /** Counts a send while it waits, and reports how it went. */
  async #counted(id: string, send: () => Promise<Receipt | undefined>): Promise<Receipt | undefined> {
    const { clock, observer } = this.#place;
    const { signal } = this.#life;
    const startedAtMs = clock.monotonicMs();
    this.#waitingCount += 1;
    try {
      const receipt = await send();
      if (receipt === undefined) return undefined;
      this.#sentCount += 1;
      observer.onSent({ receipt, startedAtMs });
      return receipt;
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (error.code === 'MQ_CONNECTION_LOST') observer.onUnanswered(id);
      else if (!signal.aborted && error.code !== 'MQ_CLOSED') {
        this.#refusedCount += 1;
        observer.tell('warn', 'event.refused', { who: this.name, code: error.code });
      }
      return undefined;
    } finally {
      this.#waitingCount -= 1;
    }
  }
}
