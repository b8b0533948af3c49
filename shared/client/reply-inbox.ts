/**
 * One temporary topic to which replies come, and the loop that receives them.
 *
 *     open --> "$temp/9f2c..." --> receive, ack, receive, ack ...      until close
 *          \-> the topic is gone (its broker was started again): onLost
 *
 * Always true: every reply that comes is told once for each time it is delivered, and acked; errors that pass are waited
 * out; `close` deletes the topic, as far as the broker can be reached. Only Requester uses it.
 */
import type { Clock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, type MqError } from '../contract/errors.ts';
import type { Delivery } from '../contract/message.ts';
import type { Random } from '../random.ts';
import { pace } from './pace.ts';
import { type RetryPolicy, takeTurns } from './retry.ts';

/** Replies of one receive. */
const REPLIES_COUNT_MAX = 256;
/** After a broker that answered nothing without waiting. */
const PAUSE_MS = 100;

export interface ReplyInboxOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryPolicy;
  /** How long one receive waits. */
  readonly waitMs: number;
  readonly onReply: (reply: Delivery) => void;
  /** Nothing will come any more. */
  readonly onLost: (error: unknown) => void;
}

export class ReplyInbox {
  readonly topic: string;
  readonly #options: ReplyInboxOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  private constructor(topic: string, options: ReplyInboxOptions) {
    this.topic = topic;
    this.#options = options;
    this.#running = this.#run();
  }

  static async open(options: ReplyInboxOptions): Promise<ReplyInbox> {
    return new ReplyInbox(await options.broker.createTemporaryTopic(), options);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await ignoringMqErrors(this.#options.broker.deleteTopic(this.topic)); // nobody using it, it goes anyway
  }

  async #run(): Promise<void> {
    const { clock, random, retry: policy, onLost } = this.#options;
    const { signal } = this.#stop;
    try {
      await takeTurns(() => this.#turn(), { clock, random, policy, signal, onRetry: () => undefined });
    } catch (error) {
      if (!signal.aborted) onLost(error);
    }
  }

  async #turn(): Promise<void> {
    const { broker, clock, waitMs, onReply } = this.#options;
    const { signal } = this.#stop;
    const max = Math.min(REPLIES_COUNT_MAX, broker.limits.receiveCountMax);
    const askedAtMs = clock.monotonicMs();
    const replies = await broker.receive(this.topic, { max, waitMs, signal });
    for (const reply of replies) onReply(reply);
    // A lease that ended, or an ack that was lost, brings the reply again, and then nobody waits for it.
    if (replies.length > 0) await ignoringMqErrors(broker.ack(replies));
    await pace({ count: replies.length, askedAtMs, waitMs }, { clock, signal, pauseMs: PAUSE_MS });
  }
}

async function ignoringMqErrors(call: Promise<unknown>): Promise<MqError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (!isMqError(error)) throw error;
    return error;
  }
}
