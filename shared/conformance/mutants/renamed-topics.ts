/** A broker that takes one topic for another. Mutants use it to mix up names. */
import type { Broker } from '../../contract/broker.ts';

/** Every operation of stage 1 on `topic` works on `rename(topic)`; the name the caller used stays on the answers. */
export function renamedTopics(sound: Broker, rename: (topic: string) => string): Partial<Broker> {
  return {
    createTopic: (topic, options) => sound.createTopic(rename(topic), options),
    deleteTopic: (topic) => sound.deleteTopic(rename(topic)),
    send: async (topic, ...rest) => ({ ...(await sound.send(rename(topic), ...rest)), topic }),
    sendBatch: async (topic, ...rest) => ({ ...(await sound.sendBatch(rename(topic), ...rest)), topic }),
    receive: async (topic, options) => {
      const deliveries = await sound.receive(rename(topic), options);
      return deliveries.map((delivery) => ({ ...delivery, topic }));
    },
    describeTopics: async ({ topic } = {}) => {
      if (topic === undefined) return sound.describeTopics();
      const descriptions = await sound.describeTopics({ topic: rename(topic) });
      return descriptions.map((description) => ({ ...description, topic }));
    },
  };
}
