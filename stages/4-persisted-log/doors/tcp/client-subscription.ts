/**
 * A subscription of a client: hands out what is pushed, and gives credit back for what is finished.
 *
 *     push --> decode --> onDelivery ... ack --> credit --> the server pushes more
 *
 * Always true: at most `creditMax` deliveries are unfinished; one counts as finished when the server said so (ack, nack), or
 * when its lease must have ended; on a broker without leases when it was handed out. After `close` nothing is handed out,
 * and what still comes goes back. On a new connection it begins anew: the leases of the old one are over.
 */
import type { Clock, Timer } from '../../../../shared/clock.ts';
import { isMqError, type MqError } from '../../../../shared/contract/errors.ts';
import type { Filter, PatternForm } from '../../../../shared/contract/filter.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { DeliveriesAnswer } from './answers.ts';
import { deliveriesOf, expect, ownPush } from './client-reading.ts';
import { FieldsReader } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import { type HeldRun, LeaseLedger } from './lease-ledger.ts';
import type { Link } from './link.ts';
import { writeCall, writeCredit } from './requests.ts';
import { jsonIn, readError } from './wire-error.ts';

/** How much later than the server this side takes a lease for ended, so that it never hands out too much. */
const LEASE_MARGIN_MS = 20;
/** Before a subscription that could not be made again is tried again. */
const RETRY_MS = 250;

export interface WantedSubscription {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  readonly creditMax: number;
  readonly leaseMs: number | undefined;
  readonly filter?: Filter | undefined;
  /** Then `topic` is a pattern, and each push says which topic it is from. */
  readonly pattern?: PatternForm | undefined;
}

export interface ClientSubscriptionOptions {
  readonly wanted: WantedSubscription;
  readonly link: Link;
  readonly clock: Clock;
  readonly takesBatches: boolean;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly giveBack: (deliveries: readonly Delivery[]) => void;
  /** The broker pushes nothing more, because of `error`. */
  readonly onEnded: (error: MqError, wanted: WantedSubscription) => void;
  /** `onDelivery` threw. */
  readonly onDefect: (error: unknown) => void;
}

export class ClientSubscription {
  readonly #options: ClientSubscriptionOptions;
  readonly #held = new LeaseLedger();
  /** Given by the server; undefined while there is none. */
  #number: number | undefined;
  #timer: Timer | undefined;
  /** Finished in this turn: one credit for all of them, which leaves behind what the caller sends in it. */
  #finishedCount = 0;
  #isClosed = false;

  constructor(options: ClientSubscriptionOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Asks the server to push. */
  async open(): Promise<void> {
    const { link, wanted, takesBatches } = this.#options;
    const { topic, ...options } = wanted;
    const call = Buffer.from(JSON.stringify({ op: 'subscribe', args: [topic, { ...options, takesBatches }] }));
    await link.request({
      write: (out, id) => writeCall(out, id, call),
      // At once, and not when the promise resolves: what is pushed may be in the next frame.
      read: (type, content) => this.#opened(type, content),
    });
    if (this.#isClosed) await this.#unsubscribe();
  }

  /** On a new connection; tries until it works or cannot. */
  reopen(): void {
    this.#forget();
    if (this.#isClosed) return;
    this.open().catch((error: unknown) => {
      if (this.#isClosed || !isMqError(error)) return;
      // Broken again: the next connection will bring it here again.
      if (error.code === 'MQ_CONNECTION_LOST' || error.code === 'MQ_UNREACHABLE') return;
      if (!error.isRetriable) this.#ended(error);
      else this.#timer = this.#options.clock.setTimer(() => this.reopen(), RETRY_MS, { isBackground: true });
    });
  }

  /** Of some deliveries the server said that they are finished. */
  finish(leaseToken: string, fromOffset: number, count: number): void {
    this.#credit(this.#held.finish(leaseToken, fromOffset, count));
  }

  /** The same of all that this member held of the partition up to `offset`. */
  finishUpTo(member: Pick<HeldRun, 'topic' | 'group' | 'memberId' | 'partition'>, offset: number): void {
    this.#credit(this.#held.finishUpTo(member, offset));
  }

  prolong(leaseToken: string, leaseMs: number): void {
    this.#held.prolong(leaseToken, this.#options.clock.monotonicMs() + leaseMs + LEASE_MARGIN_MS);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.stop();
    await this.#unsubscribe();
  }

  /** Nothing is handed out any more; the connection is about to end. */
  stop(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #unsubscribe(): Promise<void> {
    const number = this.#number;
    if (number === undefined) return;
    this.#number = undefined;
    const call = Buffer.from(JSON.stringify({ op: 'unsubscribe', args: [number] }));
    const { connection } = this.#options.link;
    try {
      await connection?.request({
        write: (out, id) => writeCall(out, id, call),
        read: () => connection.offPush(number),
      });
    } catch (error) {
      // A connection that is gone has no subscriptions.
      if (!isMqError(error)) throw error;
    }
  }

  #opened(type: number, content: Uint8Array): void {
    expect(type, FRAME.result);
    const result = jsonIn('the result', new FieldsReader(content).rest());
    const isNamed = typeof result === 'object' && result !== null && 'subscription' in result;
    if (!isNamed || typeof result.subscription !== 'number') throw new TypeError('a subscription has a number');
    const { subscription } = result;
    const { wanted } = this.#options;
    this.#number = subscription;
    this.#options.link.connection?.onPush(subscription, (pushType, pushed, isOwn) => {
      if (pushType === FRAME.ended) this.#ended(readError(pushed));
      else this.#pushed(ownPush(pushType, pushed, { topic: wanted.topic, isOwn }));
    });
  }

  #pushed({ topic, answer }: ReturnType<typeof ownPush>): void {
    const { giveBack, onDelivery, onDefect } = this.#options;
    const deliveries = deliveriesOf(topic, answer);
    if (this.#isClosed) {
      giveBack(deliveries);
      return;
    }
    const unleasedCount = this.#hold(topic, answer);
    for (const delivery of deliveries) {
      try {
        onDelivery(delivery);
      } catch (error) {
        onDefect(error);
      }
    }
    this.#credit(unleasedCount);
  }

  /** Answers how many have no lease, and are finished with that. */
  #hold(topic: string, { group, memberId, blocks }: DeliveriesAnswer): number {
    const { clock } = this.#options;
    const [nowMs, wallMs] = [clock.monotonicMs(), clock.now()];
    let unleasedCount = 0;
    for (const { partition, runs } of blocks) {
      for (const { fromOffset, count, leaseToken, leaseExpiresAt } of runs) {
        if (fromOffset === null || leaseToken === null || leaseExpiresAt === null) unleasedCount += count;
        else {
          const run = { topic, group, memberId, partition, fromOffset, count, leaseToken };
          this.#held.add(run, nowMs + this.#leaseLeftMs(leaseExpiresAt - wallMs) + LEASE_MARGIN_MS);
        }
      }
    }
    this.#sweepLater();
    return unleasedCount;
  }

  /** By the clocks of two machines it can be anything; it is no more than what was asked for. */
  #leaseLeftMs(leftMs: number): number {
    const { leaseMs } = this.#options.wanted;
    return leaseMs === undefined ? Math.max(leftMs, 0) : leaseMs;
  }

  #sweepLater(): void {
    const endsAtMs = this.#held.endsAtMs;
    if (this.#timer !== undefined || endsAtMs === undefined) return;
    const { clock } = this.#options;
    const delayMs = Math.max(endsAtMs - clock.monotonicMs(), 0);
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#credit(this.#held.sweep(clock.monotonicMs()));
        this.#sweepLater();
      },
      delayMs,
      { isBackground: true },
    );
  }

  #credit(count: number): void {
    if (count === 0) return;
    if (this.#finishedCount === 0) setImmediate(() => this.#giveCredit());
    this.#finishedCount += count;
  }

  #giveCredit(): void {
    const [number, count] = [this.#number, this.#finishedCount];
    this.#finishedCount = 0;
    if (number !== undefined && count > 0) this.#options.link.say((out) => writeCredit(out, number, count));
  }

  #ended(error: MqError): void {
    this.#forget();
    this.#isClosed = true;
    this.#options.onEnded(error, this.#options.wanted);
  }

  #forget(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#number = undefined;
    this.#finishedCount = 0;
    this.#held.clear();
  }
}
