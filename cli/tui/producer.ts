/**
 * A producer of the screen: sends at a steady rate, in bursts, or what was typed.
 *
 * Always true: its steady stream awaits every receipt before the next send, so a full queue slows it down (that is the
 * back-pressure one sees); single messages and bursts are sent at once, at most `WAITING_MAX` waiting together.
 */
import type { Timer } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message, Receipt } from '../../shared/contract/message.ts';
import type { Place } from './actor.ts';

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
}

export class Producer {
  readonly name: string;
  readonly #place: Place;
  readonly #abort = new AbortController();
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

  constructor(name: string, place: Place, options: { readonly rateIndex: number }) {
    this.name = name;
    this.#place = place;
    this.#rateIndex = options.rateIndex;
    this.#dueAtMs = place.clock.monotonicMs();
    this.#arm();
  }

  get view(): ProducerView {
    return {
      name: this.name,
      ratePerSecond: this.#ratePerSecond,
      sentCount: this.#sentCount,
      waitingCount: this.#waitingCount,
      refusedCount: this.#refusedCount,
    };
  }

  changeRate(steps: 1 | -1): void {
    this.#rateIndex = Math.min(Math.max(this.#rateIndex + steps, 0), RATES_PER_SECOND.length - 1);
    this.#dueAtMs = this.#place.clock.monotonicMs();
    this.#arm();
  }

  /** Sends one message at once, typed by the user or made up. */
  sendOne(body?: string): void {
    if (this.#waitingCount >= WAITING_MAX) {
      this.#tellTooMany();
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

  /** Its waiting sends are aborted, so nothing of it arrives later. */
  close(): void {
    this.#abort.abort();
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
    if (this.#ratePerSecond === 0 || this.#isStreamWaiting || this.#abort.signal.aborted) return;
    const delayMs = Math.max(this.#dueAtMs - this.#place.clock.monotonicMs(), 0);
    this.#timer = this.#place.clock.setTimer(() => void this.#stream(), delayMs);
  }

  async #stream(): Promise<void> {
    this.#isStreamWaiting = true;
    const startedAtMs = this.#place.clock.monotonicMs();
    await this.#send();
    this.#isStreamWaiting = false;
    this.#dueAtMs = Math.max(startedAtMs + 1000 / this.#ratePerSecond, this.#place.clock.monotonicMs());
    this.#arm();
  }

  /** Resolves to the receipt, or undefined when there is none. */
  async #send(options: Partial<Message> = {}): Promise<Receipt | undefined> {
    const { broker, clock, topic, observer } = this.#place;
    const { signal } = this.#abort;
    this.#madeCount += 1;
    const id = `${this.name}-${this.#madeCount}`;
    const startedAtMs = clock.monotonicMs();
    this.#waitingCount += 1;
    try {
      const receipt = await broker.send(topic, { ...options, body: options.body ?? id, id }, { signal });
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
