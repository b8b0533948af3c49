/** Subject: a message that is sent twice because its answer was lost. */
import { equal } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import { drain, texts } from './steps.ts';

export const deduplication: readonly ConformanceTest[] = [
  {
    name: 'a message sent again with the same id, because its answer was lost, is stored once',
    capability: 'dedup',
    run: async (context) => {
      const topic = await context.newTopic();
      const first = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      const second = await context.broker.send(topic, { body: 'a', id: 'order-1' });
      equal(second.offset, first.offset, 'the offset on the second receipt');
      equal(texts(await drain(context, topic)), ['a'], 'what is received');
    },
  },
];
