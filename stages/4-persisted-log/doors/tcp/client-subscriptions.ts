/**
 * All subscriptions of one client.
 *
 * Always true: whatever way a delivery is finished through this client, its subscription learns of it; on a new connection
 * each of them is made again.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { Subscription } from '../../../../shared/contract/broker.ts';
import { isMqError, type MqError } from '../../../../shared/contract/errors.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import { ClientSubscription, type WantedSubscription } from './client-subscription.ts';
import type { Link } from './link.ts';
import type { AckRequest } from './requests.ts';

export interface ClientSubscriptionsOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly takesBatches: boolean;
  readonly onEnded: (error: MqError, wanted: WantedSubscription) => void;
  readonly onDefect: (error: unknown) => void;
}

export class ClientSubscriptions {
  readonly #options: ClientSubscriptionsOptions;
  readonly #open = new Set<ClientSubscription>();

  constructor(options: ClientSubscriptionsOptions) {
    this.#options = options;
  }

  async open(
    wanted: WantedSubscription,
    onDelivery: (delivery: Delivery) => void,
    giveBack: (deliveries: readonly Delivery[]) => void,
  ): Promise<Subscription> {
    const subscription: ClientSubscription = new ClientSubscription({
      ...this.#options,
      wanted,
      onDelivery,
      giveBack,
      onEnded: (error) => {
        this.#open.delete(subscription);
        this.#options.onEnded(error, wanted);
      },
    });
    await subscription.open();
    this.#open.add(subscription);
    return {
      close: async () => {
        this.#open.delete(subscription);
        await subscription.close();
      },
    };
  }

  /** On a new connection. */
  reopen(): void {
    for (const subscription of this.#open) subscription.reopen();
  }

  finish(leaseToken: string, fromOffset: number, count: number): void {
    for (const subscription of this.#open) subscription.finish(leaseToken, fromOffset, count);
  }

  /** Those of an ack that was answered; of those that were refused the leases had ended, so they are finished too. */
  acked(request: AckRequest, error?: unknown): void {
    if (error !== undefined && !isMqError(error, 'MQ_LEASE_EXPIRED')) return;
    const { topic, group, memberId } = request;
    for (const { partition, fromOffset, count, leaseToken } of request.runs) {
      this.finish(leaseToken, fromOffset, count);
      if (!request.isCumulative) continue;
      const member = { topic, group, memberId, partition };
      for (const subscription of this.#open) subscription.finishUpTo(member, fromOffset + count - 1);
    }
  }

  prolong(leaseToken: string, leaseMs: number): void {
    for (const subscription of this.#open) subscription.prolong(leaseToken, leaseMs);
  }

  /** The client closes: nothing is handed out any more. */
  stop(): void {
    for (const subscription of this.#open) subscription.stop();
    this.#open.clear();
  }
}
