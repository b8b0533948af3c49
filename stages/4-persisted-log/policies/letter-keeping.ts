/** How a dead letter gets into the topic that keeps the letters of its group. The table of topics hands this to burials. */
import { unknownTopicError } from '../../1-blocking-queue/topic-refusals.ts';
import type { EncodableMessage } from '../bytes/record.ts';
import { encodeBatch } from '../bytes/record-batch.ts';
import { rawBatch } from '../incoming-batch.ts';
import type { Topic } from '../topic.ts';
import type { OpenedBox } from './dead-letters.ts';

/** `MQ_UNKNOWN_TOPIC` for a topic that keeps no letters. */
export function openedBoxOf(keeper: Topic): OpenedBox {
  const { box } = keeper;
  if (box === undefined) throw unknownTopicError(keeper.name);
  const keep = async (letter: EncodableMessage): Promise<number> => {
    const batch = rawBatch(encodeBatch([letter], { idPrefix: '', firstIdNumber: 0 }), 1);
    const { baseOffset } = await keeper.sendOwn(batch, keeper.partition(0), { signal: undefined, timeoutMs: 0 });
    return baseOffset;
  };
  return { box, keep };
}
