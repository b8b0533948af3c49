/**
 * The loop of a consumer whose broker pushes: one subscription at a time, with as much credit as there is room.
 *
 *     subscribe --> pushed, pushed ... quiet for waitMs, and nothing held --> closed --> subscribe again
 *          \--> the topic does not exist: receive, which makes it and waits for a message
 *
 * A subscription that ended (its topic was deleted, its server replaced) does not say so: hence a new one after a quiet
 * time. The broker counts what is unfinished, so nothing has to be asked for while messages come.
 * Always true: what is pushed before the subscription is closed arrives; retriable errors are tried again after a pause
 * for as long as it takes, every other error ends it; after `stop` aborted it begins nothing new.
 */
import type { Subscription } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import { ReceiveLoop, type ReceiveLoopOptions } from './receive-loop.ts';
import { pause, takeTurns } from './retry.ts';

/** What a consumer drives: it asks, or is pushed. */
export type DeliveryLoop = Pick<ReceiveLoop, 'run' | 'wake'>;

/** The loop for the consumer's broker. */
export function loopOf(options: PushLoopOptions): DeliveryLoop {
  return options.settings.hasPush ? new PushLoop(options) : new ReceiveLoop(options);
}

export interface PushLoopOptions extends ReceiveLoopOptions {
  /** How many messages are held, and not finished as far as the broker knows. */
  readonly unfinishedCount: () => number;
}

export class PushLoop {
  readonly #options: PushLoopOptions;
  #wake: () => void = () => undefined;
  /** Monotonic ms of the last delivery, or of the subscription. */
  #pushedAtMs = 0;

  constructor(options: PushLoopOptions) {
    this.#options = options;
  }

  /** Less may be held now, or `stop` aborted. */
  wake(): void {
    this.#wake();
  }

  /** Resolves after `stop` aborted and nothing more is pushed; rejects with the error that ended it. */
  async run(): Promise<void> {
    const { settings, stop, onRetry } = this.#options;
    const { clock, random, retry: policy } = settings;
    await takeTurns(() => this.#turn(), { clock, random, policy, signal: stop, onRetry });
  }

  /** One subscription, from its beginning to its end. */
  async #turn(): Promise<void> {
    const { stop } = this.#options;
    try {
      const subscription = await this.#subscribe();
      try {
        await this.#untilQuiet();
      } finally {
        await subscription.close();
      }
    } catch (error) {
      if (stop.aborted || !isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      await this.#receive();
      await this.#untilNothingHeld();
    }
  }

  #subscribe(): Promise<Subscription> {
    const { settings, onAnswer } = this.#options;
    const { broker, topic, group, memberId, leaseMs, prefetchCount, clock } = settings;
    this.#pushedAtMs = clock.monotonicMs();
    return broker.subscribe(topic, { group, memberId, leaseMs, creditMax: prefetchCount }, (delivery) => {
      this.#pushedAtMs = clock.monotonicMs();
      onAnswer([delivery], this.#pushedAtMs);
    });
  }

  /** A receive makes the topic, where the broker makes topics by themselves. */
  async #receive(): Promise<void> {
    const { settings, stop, onAnswer, credit } = this.#options;
    const { broker, topic, group, memberId, leaseMs, waitMs, clock } = settings;
    const max = Math.min(credit(), broker.limits.receiveCountMax);
    const askedAtMs = clock.monotonicMs();
    const asked = { group, memberId, leaseMs, max, waitMs, signal: stop };
    onAnswer(await broker.receive(topic, asked), askedAtMs);
  }

  /** Resolves when nothing was pushed for `waitMs` although there was room for all, or `stop` aborted. */
  async #untilQuiet(): Promise<void> {
    const { settings, stop, unfinishedCount } = this.#options;
    const { clock, waitMs } = settings;
    while (!stop.aborted) {
      const leftMs = this.#pushedAtMs + waitMs - clock.monotonicMs();
      if (leftMs <= 0 && unfinishedCount() === 0) return;
      // An abort ends the pause, and then this.
      await pause(leftMs > 0 ? leftMs : waitMs, { clock, signal: stop }).catch(() => undefined);
    }
  }

  /** A subscription knows nothing of what was received before it, and would let too much be held. */
  async #untilNothingHeld(): Promise<void> {
    const { stop, unfinishedCount } = this.#options;
    while (!stop.aborted && unfinishedCount() > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
