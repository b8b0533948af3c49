/**
 * What one subscription to a pattern is pushed: deliveries of every topic it covers, as the broker hands them out.
 *
 *     broker.subscribe --> waiting --channel free--> pushed, topic by topic          stopped: all of it goes back
 *
 * Always true: the broker counts what is unfinished, so no more than `creditMax` deliveries wait here; nothing is pushed
 * before `start`, and what comes when nobody is there any more goes back.
 */
import type { Broker, SubscribeOptions, Subscription } from '../../../../shared/contract/broker.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { DeliveriesAnswer } from './answers.ts';
import { deliveriesAnswerOf } from './handing-out.ts';

export interface PatternFeedOptions {
  readonly broker: Broker;
  readonly pattern: string;
  readonly options: SubscribeOptions;
  readonly giveBack: (topic: string, answer: DeliveriesAnswer) => void;
  readonly push: (topic: string, answer: DeliveriesAnswer) => void;
  readonly isCongested: () => boolean;
}

export class PatternFeed {
  readonly #options: PatternFeedOptions;
  #waiting: Delivery[] = [];
  #subscription: Subscription | undefined;
  #isStarted = false;
  #isStopped = false;
  #isDue = false;

  constructor(options: PatternFeedOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { broker, pattern, options } = this.#options;
    this.#subscription = await broker.subscribe(pattern, options, (delivery) => this.#take(delivery));
    if (this.#isStopped) this.#end();
  }

  start(): void {
    this.#isStarted = true;
    this.#flushSoon();
  }

  /** The broker counts for itself what is finished. */
  addCredit(): void {}

  wake(): void {
    this.#flushSoon();
  }

  /** Nothing is pushed after this. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#end();
    this.#giveBack(this.#waiting);
    this.#waiting = [];
  }

  #end(): void {
    // It is over with the broker, or with its topics: either way nothing more comes.
    this.#subscription?.close().catch(() => undefined);
  }

  #take(delivery: Delivery): void {
    if (this.#isStopped) {
      this.#giveBack([delivery]);
      return;
    }
    this.#waiting.push(delivery);
    this.#flushSoon();
  }

  /** What is handed out in one turn leaves in as few frames as it has topics. */
  #flushSoon(): void {
    if (this.#isDue || !this.#isStarted || this.#waiting.length === 0) return;
    this.#isDue = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isDue = false;
    if (this.#isStopped || this.#options.isCongested()) return;
    const deliveries = this.#waiting;
    this.#waiting = [];
    for (const [topic, some] of byTopic(deliveries)) this.#options.push(topic, deliveriesAnswerOf(some));
  }

  #giveBack(deliveries: readonly Delivery[]): void {
    for (const [topic, some] of byTopic(deliveries)) this.#options.giveBack(topic, deliveriesAnswerOf(some));
  }
}

function byTopic(deliveries: readonly Delivery[]): Map<string, Delivery[]> {
  return Map.groupBy(deliveries, ({ topic }) => topic);
}
