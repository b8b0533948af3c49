/**
 * The operations of a limited broker that hand out under a lease, and those that end one.
 *
 * Always true: while a call runs, room for all it may bring is reserved; what came stays held until it is finished, given
 * back or its lease ends; a subscription reserves its whole credit until it is closed.
 */
import type { Broker, SubscribeOptions, Subscription } from '../../../shared/contract/broker.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { RawDeliveries } from '../../../shared/contract/raw-batches.ts';
import { type Operations, operationOf } from './broker-view.ts';
import type { HeldDeliveries, HeldRef } from './held-deliveries.ts';
import { bytesOfMessage, bytesOfMessages } from './message-bytes.ts';
import { PacedDeliveries } from './paced-deliveries.ts';
import { charge, checkMayRead, type LimitedBy, read, readWaitMs } from './spending.ts';

export function receiving(broker: Broker, by: LimitedBy): Partial<Operations> {
  const { held } = by.client;
  return {
    receive: async (topic, options) => {
      checkMayRead(by, topic);
      return await within(held, options, async (narrowed) => {
        const deliveries = await broker.receive(topic, narrowed);
        if (held.isLimited) held.hold(deliveries);
        charge(by, topic, read(deliveries.length, bytesOfMessages(deliveries)));
        return deliveries;
      });
    },
    receiveBatches: async (topic, options) => {
      checkMayRead(by, topic);
      return await within(held, options, async (narrowed) => {
        const raw = await operationOf(broker, 'receiveBatches')(topic, narrowed);
        for (const some of raw) {
          if (held.isLimited) held.hold(refsOf(topic, some));
          charge(by, topic, read(countIn(some.runs), some.bytes.length));
        }
        return raw;
      });
    },
    subscribe: (topic, options, onDelivery) => subscribed(broker, by, { topic, options, onDelivery }),
  };
}

/** `call` with room for what it may bring: with a smaller `max` where there is less room than was asked for. */
async function within<Options extends { readonly max?: number }, Answer>(
  held: HeldDeliveries,
  options: Options | undefined,
  call: (options: Options | undefined) => Promise<Answer>,
): Promise<Answer> {
  const asked = options?.max ?? DEFAULTS.max;
  // What is no number of deliveries is for the broker to refuse.
  if (!held.isLimited || !Number.isSafeInteger(asked) || asked < 1) return await call(options);
  const room = held.reserve(asked);
  try {
    return await call(room < asked ? ({ ...options, max: room } as Options) : options);
  } finally {
    held.giveBack(room);
  }
}

type Subscribing = {
  readonly topic: string;
  readonly options: SubscribeOptions;
  readonly onDelivery: Parameters<Broker['subscribe']>[2];
};

async function subscribed(
  broker: Broker,
  by: LimitedBy,
  { topic, options, onDelivery }: Subscribing,
): Promise<Subscription> {
  const { held } = by.client;
  checkMayRead(by, topic);
  const credit = held.isLimited ? creditOf(options) : 0;
  held.reserveAll(credit);
  const paced = new PacedDeliveries({
    clock: by.clock,
    waitMs: (delivery) => readWaitMs(by, delivery.topic),
    hand: (delivery) => {
      charge(by, delivery.topic, read(1, bytesOfMessage(delivery)));
      onDelivery(delivery);
    },
    giveBack: (delivery) => broker.nack(delivery, { outcome: 'return' }),
  });
  try {
    const subscription = await broker.subscribe(topic, options, (delivery) => paced.add(delivery));
    return closing(subscription, async () => {
      held.giveBack(credit);
      await paced.close();
    });
  } catch (error) {
    held.giveBack(credit);
    throw error;
  }
}

function creditOf(options: SubscribeOptions | undefined): number {
  const credit = options?.creditMax;
  return credit !== undefined && Number.isSafeInteger(credit) && credit > 0 ? credit : 0;
}

/** `subscription`, and `onClosed` once behind its end. */
function closing(subscription: Subscription, onClosed: () => Promise<void>): Subscription {
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await subscription.close();
    } finally {
      await onClosed();
    }
  };
  return {
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** What frees room in flight. */
export function finishing(broker: Broker, held: HeldDeliveries): Partial<Operations> {
  return {
    ack: async (deliveries, options) => {
      await broker.ack(deliveries, options);
      if (options?.cumulative) held.releaseUpTo(deliveries);
      else held.release(deliveries);
    },
    nack: async (delivery, options) => {
      await broker.nack(delivery, options);
      held.release([delivery]);
    },
    extendLease: async (delivery, options) => {
      const expiresAt = await broker.extendLease(delivery, options);
      held.extend(delivery, expiresAt);
      return expiresAt;
    },
    leave: async (topic, options) => {
      await broker.leave(topic, options);
      held.releaseMember(topic, options?.group, options?.memberId);
    },
  };
}

function* refsOf(topic: string, { partition, group, memberId, runs }: RawDeliveries): IterableIterator<HeldRef> {
  for (const { fromOffset, count, leaseToken, leaseExpiresAt } of runs) {
    for (let offset = fromOffset; offset < fromOffset + count; offset += 1) {
      yield { topic, partition, offset, group, memberId, leaseToken, leaseExpiresAt };
    }
  }
}

function countIn(runs: RawDeliveries['runs']): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}
