/**
 * Whether a caller may do something, asked without doing it.
 *
 * Always true: nothing is published, read or made; a broker that is not a view of somebody refuses nobody. The doors ask before
 * they do by themselves what the caller did not ask for in so many words: make a topic, keep a retained message.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';

/** Rejects with `MQ_FORBIDDEN` when the caller may not publish there. */
export async function mayPublish(view: Broker, topic: string): Promise<void> {
  await onlyForbidden(view.sendBatch(topic, [])); // a batch of nothing is refused too, but only of who may send
}

/** Rejects with `MQ_FORBIDDEN` when the caller may not read there. */
export async function mayRead(view: Broker, topic: string): Promise<void> {
  await onlyForbidden(view.receive(topic, { max: 0 }));
}

async function onlyForbidden(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isMqError(error, 'MQ_INVALID_ARGUMENT')) throw error;
  }
}
