/** A producer on stage 1's broker, on virtual time. */
import { createBroker } from '../../../stages/1-blocking-queue/index.ts';
import { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { SeededRandom } from '../../random.ts';
import { Producer } from '../producer.ts';
import type { ProducerOptions } from '../producer-options.ts';

export type Send = Broker['send'];

/** A producer on stage 1's broker, whose `send` may be replaced. */
export async function openOnQueue(send?: (broker: Broker) => Send, options: Partial<ProducerOptions> = {}) {
  const clock = new VirtualClock();
  const inner = await createBroker({ clock });
  const changed: Broker = Object.create(inner, {
    ...Object.fromEntries(
      (['sendBatch', 'receive', 'close', 'describeTopics', 'createTopic'] as const).map((name) => [
        name,
        { value: inner[name].bind(inner) },
      ]),
    ),
    send: { value: send === undefined ? inner.send.bind(inner) : send(inner) },
  });
  const producer = new Producer({ broker: changed, clock, random: new SeededRandom(3), ...options });
  return { clock, broker: inner, producer };
}
