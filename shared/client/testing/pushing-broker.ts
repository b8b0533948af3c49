/**
 * Stage 2's broker as if it could push and delay: `subscribe` hands out what a member may hold, and a delay is written
 * down. A subscription can be ended behind its subscriber's back, as when its topic is deleted.
 */
import { createBroker } from '../../../stages/2-ring-buffer/index.ts';
import type { Clock } from '../../clock.ts';
import type { Broker, NackOptions, SubscribeOptions, Subscription } from '../../contract/broker.ts';
import { isMqError, type MqError } from '../../contract/errors.ts';
import type { Delivery, DeliveryRef } from '../../contract/message.ts';
import type { Random } from '../../random.ts';

export interface PushingBroker {
  readonly broker: Broker;
  readonly subscribed: SubscribeOptions[];
  readonly nacked: (NackOptions | undefined)[];
  receiveCount: number;
  openCount: number;
  /** Rejects each `subscribe` while it is set. */
  refusal: MqError | undefined;
  /** Every subscription pushes nothing more, and nobody is told. */
  readonly endAll: () => void;
}

export async function pushingBroker(options: {
  readonly clock: Clock;
  readonly random: Random;
}): Promise<PushingBroker> {
  const inner = await createBroker(options);
  const ending = new Set<() => void>();
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(inner)).concat(Object.getOwnPropertyNames(inner));
  const bound = names.map((name) => {
    const member: unknown = Reflect.get(inner, name);
    return [name, typeof member === 'function' ? member.bind(inner) : member];
  });
  const made: PushingBroker = {
    broker: {
      ...Object.fromEntries(bound),
      capabilities: new Set([...inner.capabilities, 'push', 'delay', 'dead-letter']),
      receive: (...args: Parameters<Broker['receive']>) => {
        made.receiveCount += 1;
        return inner.receive(...args);
      },
      nack: (delivery: DeliveryRef, given?: NackOptions) => {
        made.nacked.push(given);
        const outcome = given?.outcome === 'return' ? 'return' : 'retry';
        return inner.nack(delivery, { outcome });
      },
      subscribe: async (topic: string, wanted: SubscribeOptions, onDelivery: (delivery: Delivery) => void) => {
        if (made.refusal !== undefined) throw made.refusal;
        // There must be such a topic: a receive would make it.
        await inner.describeTopics({ topic });
        made.subscribed.push(wanted);
        const subscription = push(inner, { topic, wanted, onDelivery });
        made.openCount += 1;
        const end = (): void => {
          if (ending.delete(end)) made.openCount -= 1;
          subscription.end();
        };
        ending.add(end);
        return { close: async () => end() } satisfies Subscription;
      },
    } as unknown as Broker,
    subscribed: [],
    nacked: [],
    receiveCount: 0,
    openCount: 0,
    refusal: undefined,
    endAll: () => {
      for (const end of ending) end();
    },
  };
  return made;
}

interface Pushed {
  readonly topic: string;
  readonly wanted: SubscribeOptions;
  readonly onDelivery: (delivery: Delivery) => void;
}

function push(inner: Broker, { topic, wanted, onDelivery }: Pushed): { end: () => void } {
  const ended = new AbortController();
  const { creditMax, group = 'default', memberId = 'm', leaseMs = 30_000 } = wanted;
  const unfinished = async (): Promise<number> => {
    const [description] = await inner.describeTopics({ topic });
    const members = description?.groups.find((one) => one.group === group)?.members ?? [];
    return members.find((member) => member.memberId === memberId)?.inFlightCount ?? 0;
  };
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const max = creditMax - (await unfinished());
      const asked = { group, memberId, leaseMs, waitMs: 60_000, signal: ended.signal };
      if (max > 0) for (const delivery of await inner.receive(topic, { ...asked, max })) onDelivery(delivery);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  run().catch((error: unknown) => {
    if (!isMqError(error)) throw error;
  });
  return { end: () => ended.abort() };
}
