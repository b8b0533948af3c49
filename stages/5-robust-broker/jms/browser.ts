/**
 * Looks at what waits in a queue, and takes nothing.
 *
 *     for await (const message of session.createBrowser(queue)) ...
 *
 * Always true: each message is seen at most once, oldest first within a partition, those in other hands too; what came while it
 * was looked may or may not be seen. Needs the capability `browse`. Sessions make it.
 */
import { isMqError } from '../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { BrowsedRecord } from '../../../shared/contract/message.ts';
import { topicOf } from '../doors/destinations.ts';
import { Selector } from '../filters/selector/selector.ts';
import type { Queue } from './destinations.ts';
import { asJms, IllegalStateException, jmsExceptionOf } from './errors.ts';
import type { Message } from './message.ts';
import type { Provider } from './provider.ts';
import { receivedMessage } from './wire.ts';

/** Records asked for at a time. */
const PAGE_COUNT = 100;

/** Looks at what waits in a queue, and takes nothing. */
export class QueueBrowser implements AsyncIterable<Message> {
  readonly #provider: Provider;
  readonly #queue: Queue;
  readonly #selector: Selector | undefined;
  readonly #onClosed: (browser: QueueBrowser) => void;
  #isClosed = false;

  constructor(
    provider: Provider,
    queue: Queue,
    options: { readonly selector: string | null; readonly onClosed: (browser: QueueBrowser) => void },
  ) {
    this.#provider = provider;
    this.#queue = queue;
    this.#onClosed = options.onClosed;
    try {
      this.#selector = options.selector === null ? undefined : new Selector(options.selector);
    } catch (error) {
      throw jmsExceptionOf(error);
    }
  }

  getQueue(): Queue {
    return this.#queue;
  }

  getMessageSelector(): string | null {
    return this.#selector?.text ?? null;
  }

  /** The same as to iterate over the browser itself. */
  getEnumeration(): AsyncIterable<Message> {
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void> {
    const { broker, exchange } = this.#provider;
    for (let partition = 0; partition < (await this.#partitionCount()); partition += 1) {
      let after: number | undefined;
      let records: readonly BrowsedRecord[];
      do {
        if (this.#isClosed) throw new IllegalStateException('the browser is closed');
        records = await this.#page(partition, after);
        after = records.at(-1)?.offset ?? undefined;
        for (const record of records) {
          if (record.state === 'delayed' || this.#selector?.matches(record, record.deliveryCount + 1) === false)
            continue;
          yield receivedMessage({ record, deliveryCount: record.deliveryCount, exchange, broker });
        }
      } while (records.length > 0 && after !== undefined);
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#onClosed(this);
    return Promise.resolve();
  }

  async #partitionCount(): Promise<number> {
    const topic = topicOf(this.#queue.destination);
    return await asJms(async () => {
      const [description] = await ignoringUnknown(this.#provider.broker.describeTopics({ topic }));
      return description?.partitionCount ?? 0;
    });
  }

  async #page(partition: number, after: number | undefined): Promise<readonly BrowsedRecord[]> {
    const { broker } = this.#provider;
    const page = {
      partition,
      max: Math.min(PAGE_COUNT, broker.limits.receiveCountMax),
      ...(after !== undefined && { after }),
    };
    const topic = topicOf(this.#queue.destination);
    return await asJms(async () => {
      try {
        return await ignoringUnknown(broker.browse(topic, page));
      } catch (error) {
        if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
        // Nobody has read the queue yet: what waits in it waits for this group, as its first reader makes it.
        await broker.createGroup(topic, DEFAULTS.group, { start: 'earliest' });
        return await broker.browse(topic, page);
      }
    });
  }
}

/** A queue that nobody has used is an empty one. */
async function ignoringUnknown<T>(found: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await found;
  } catch (error) {
    if (isMqError(error, 'MQ_UNKNOWN_TOPIC')) return [];
    throw error;
  }
}
