/**
 * One SUBSCRIBE: deliveries go out as MESSAGE frames, and what is acked comes back.
 *
 *     ack:auto               done when it was written
 *     ack:client             ACK and NACK are of this message and all before it
 *     ack:client-individual  of this one
 *
 * Always true: every message of which an ACK is awaited is in `#held`, in the order in which it was sent, until it is acked or
 * nacked; nothing is sent before the subscription is in force, nor after it has ended.
 */
import type { NackOptions } from '../../../../shared/contract/broker.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import type { BookedSubscription } from '../booked-connection.ts';
import type { OpenSubscription } from '../exchange.ts';
import type { Feed } from '../feed.ts';
import { isGone } from '../gone.ts';

export type AckMode = 'auto' | 'client' | 'client-individual';

export interface SubscriptionOptions {
  /** As the client names it; undefined where it did not (1.0). */
  readonly id: string | undefined;
  readonly ackMode: AckMode;
  /** Writes a MESSAGE; answers what an ACK will name. */
  readonly write: (delivery: Delivery, subscription: StompSubscription) => string;
  /** Of an ack that this subscription sends by itself. */
  readonly onTrouble: (error: unknown) => void;
}

/** A message that is out, and its subscription. */
export interface HeldMessage {
  readonly ackId: string;
  readonly delivery: Delivery;
}

export class StompSubscription {
  readonly options: SubscriptionOptions;
  /** What an ACK of it names -> message, the oldest first. */
  readonly #held = new Map<string, HeldMessage>();
  #open: OpenSubscription | undefined;
  #booked: BookedSubscription | undefined;
  /** Came before the subscription was in force. */
  #early: Delivery[] = [];
  /** Of `ack:auto`: written, and to be acked in a moment. */
  #written: Delivery[] = [];
  /** Acks and nacks that are not done. */
  readonly #settling = new Set<Promise<unknown>>();
  #isOver = false;

  constructor(options: SubscriptionOptions) {
    this.options = options;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** It was closed: nothing of it is to begin. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** It is in force: what came meanwhile goes out. */
  begin(open: OpenSubscription, booked: BookedSubscription): void {
    this.#open = open;
    this.#booked = booked;
    const early = this.#early;
    this.#early = [];
    for (const delivery of early) this.deliver(delivery);
  }

  deliver(delivery: Delivery): void {
    if (this.#isOver) return;
    if (this.#open === undefined) {
      this.#early.push(delivery);
      return;
    }
    const ackId = this.options.write(delivery, this);
    if (this.options.ackMode !== 'auto') this.#held.set(ackId, { ackId, delivery });
    else this.#finishSoon(this.#open.feed, delivery);
  }

  /** The message itself, and where acks are cumulative all before it: they are not held any more. Undefined: none such. */
  take(isIt: (message: HeldMessage) => boolean): readonly HeldMessage[] | undefined {
    const before: HeldMessage[] = [];
    for (const message of this.#held.values()) {
      before.push(message);
      if (!isIt(message)) continue;
      const taken = this.options.ackMode === 'client' ? before : [message];
      for (const { ackId } of taken) this.#held.delete(ackId);
      return taken;
    }
    return undefined;
  }

  /** Without a walk along all that is held. */
  has(ackId: string): boolean {
    return this.#held.has(ackId);
  }

  get feed(): Feed | undefined {
    return this.#open?.feed;
  }

  ack(messages: readonly HeldMessage[], transaction: Transaction | undefined): Promise<void> {
    return this.#settle(messages, (feed, delivery) => feed.ack(delivery, transaction));
  }

  nack(messages: readonly HeldMessage[], options: NackOptions): Promise<void> {
    return this.#settle(messages, (feed, delivery) => feed.nack(delivery, options));
  }

  /** When all acks are in, what is held goes back. */
  async close(how: { readonly isFailure: boolean }): Promise<void> {
    this.#isOver = true;
    this.#booked?.closed();
    await Promise.allSettled(this.#settling);
    await this.#open?.close(how);
  }

  async #settle(
    messages: readonly HeldMessage[],
    settle: (feed: Feed, delivery: Delivery) => Promise<void>,
  ): Promise<void> {
    const { feed } = this;
    if (feed === undefined) return;
    const all = Promise.all(messages.map(({ delivery }) => settle(feed, delivery)));
    this.#settling.add(all);
    try {
      await all;
    } finally {
      this.#settling.delete(all);
    }
  }

  /** When the feed has handed out what it has: an ack makes room for more, which it would hand out within this one. */
  #finishSoon(feed: Feed, delivery: Delivery): void {
    this.#written.push(delivery);
    if (this.#written.length > 1) return;
    const done = Promise.resolve().then(async () => {
      const written = this.#written;
      this.#written = [];
      await Promise.all(written.map((each) => this.#finish(feed, each)));
    });
    this.#settling.add(done);
    void done.then(() => this.#settling.delete(done));
  }

  async #finish(feed: Feed, delivery: Delivery): Promise<void> {
    try {
      await feed.ack(delivery);
    } catch (error) {
      if (!isGone(error)) this.options.onTrouble(error);
    }
  }
}
