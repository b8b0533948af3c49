/**
 * The one loop of a consumer that asks the broker for messages: as many as there is room for, again and again.
 *
 * Always true: one receive at a time; while there is no room it asks for nothing; retriable errors are tried again
 * after a pause for as long as it takes, every other error ends it; after `stop` aborted it begins nothing new.
 */
import type { Delivery } from '../contract/message.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { pace } from './pace.ts';
import { takeTurns } from './retry.ts';

export interface ReceiveLoopOptions {
  readonly settings: ConsumerSettings;
  readonly stop: AbortSignal;
  /** How many messages there is room for now. */
  readonly credit: () => number;
  /** `askedAtMs`: the monotonic time before which no lease of the answer began. */
  readonly onAnswer: (deliveries: readonly Delivery[], askedAtMs: number) => void;
  /** Before each pause. */
  readonly onRetry: (error: Error) => void;
}

export class ReceiveLoop {
  readonly #options: ReceiveLoopOptions;
  #wake: () => void = () => undefined;

  constructor(options: ReceiveLoopOptions) {
    this.#options = options;
  }

  /** There may be room now, or `stop` aborted. */
  wake(): void {
    this.#wake();
  }

  /** Resolves after `stop` aborted; rejects with the error that ended it. */
  async run(): Promise<void> {
    const { settings, stop, onRetry } = this.#options;
    const { clock, random, retry: policy } = settings;
    await takeTurns(() => this.#turn(), { clock, random, policy, signal: stop, onRetry });
  }

  /** One receive, or, where there is no room, the wait for it. */
  async #turn(): Promise<void> {
    const { settings, stop, onAnswer, credit } = this.#options;
    const { clock, retry, broker, waitMs } = settings;
    const max = Math.min(credit(), broker.limits.receiveCountMax);
    if (max === 0) {
      return await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    const askedAtMs = clock.monotonicMs();
    const deliveries = await this.#receive(max);
    onAnswer(deliveries, askedAtMs);
    const answer = { count: deliveries.length, askedAtMs, waitMs };
    await pace(answer, { clock, signal: stop, pauseMs: retry.delayMs });
  }

  #receive(max: number): Promise<readonly Delivery[]> {
    const { settings, stop } = this.#options;
    const { broker, topic, group, memberId, waitMs, leaseMs, hasLease } = settings;
    const lease = hasLease ? { leaseMs } : {};
    return broker.receive(topic, { group, memberId, max, waitMs, ...lease, signal: stop });
  }
}
