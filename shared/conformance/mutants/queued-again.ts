/** A broker that puts what failed to the end of its queue, as a message of its own. For mutants. */
import type { Broker } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';

export function queuedAgain(sound: Broker): Partial<Broker> {
  return {
    nack: async (delivery, options) => {
      if (options?.outcome !== undefined) return sound.nack(delivery, options);
      const { body, key, priority = 0 } = delivery as Delivery;
      await sound.send(delivery.topic, { body, priority, ...(key === undefined ? {} : { key }) });
      await sound.ack([delivery]);
    },
  };
}
