/**
 * The one path of messages into a topic, whether they come one by one, in batches, or encoded already.
 *
 *     checked messages -> ids -> topic (made if need be) -> partition -> encoded -> room -> log
 *
 * Always true: what is refused has made no topic; ids and bytes are made once, before the first attempt to enter.
 */
import type { BatchReceipt, Durability, Receipt } from '../../shared/contract/message.ts';
import type { RawBatchReceipt } from '../../shared/contract/raw-batches.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import { type IncomingBatch, identify, incomingBatch, type PartitionWish, wishedPartition } from './incoming-batch.ts';
import { type CheckedStoringOptions, isDelayed, type TimedMessage } from './message-options.ts';
import type { CheckedRawBatch } from './raw-batches.ts';
import { checkFits } from './topic-errors.ts';
import type { TopicSettings } from './topic-settings.ts';
import type { TopicTable } from './topic-table.ts';

/** What of a broker storing needs. */
export interface Storing {
  readonly topics: TopicTable;
  readonly settings: TopicSettings;
  readonly ids: MessageIds;
  /** What the ids begin with. */
  readonly idPrefix: string;
}

/** Messages for one topic; `path` and `code` are for refusals. */
export interface MessagesToStore {
  readonly name: string;
  readonly path: string;
  readonly messages: readonly TimedMessage[];
  readonly code: 'MQ_MESSAGE_TOO_LARGE' | 'MQ_BATCH_TOO_LARGE';
}

export interface StoredMessages {
  readonly partition: number;
  /** null for messages that are not due yet. */
  readonly baseOffset: number | null;
  readonly ids: readonly string[];
  readonly durability: Durability;
  /** Of the first message; only when it is not due yet. */
  readonly deliverAt: number | undefined;
}

export async function storeMessages(
  { topics, settings, ids, idPrefix }: Storing,
  { name, path, messages, code }: MessagesToStore,
  options: CheckedStoringOptions,
): Promise<StoredMessages> {
  const isLate = isDelayed(path, messages);
  const identified = identify(messages, ids, idPrefix);
  const wish = { path, keyed: messages.map(({ content }) => content), given: options.partition };
  let batch: IncomingBatch | undefined;
  const encode = (targetPartition?: number): IncomingBatch =>
    incomingBatch(identified, { codec: settings.codec, targetPartition });
  const topic = await topics.open(name, (target) => {
    batch = encode(isLate ? 0 : undefined);
    checkFits(target, batch, code);
    wishedPartition(wish, target.options.partitionCount ?? 1);
  });
  const partition = topic.partitionFor(wish);
  const number = partition.partition;
  if (!isLate) {
    const { baseOffset, durability } = await topic.send(batch ?? encode(), partition, options);
    return { partition: number, baseOffset, ids: identified.ids, durability, deliverAt: undefined };
  }
  const late = batch === undefined || number !== 0 ? encode(number) : batch;
  const deliverAts = messages.map(({ deliverAt }) => deliverAt ?? 0);
  const { durability } = await topic.sendDelayed(late, deliverAts, options);
  return { partition: number, baseOffset: null, ids: identified.ids, durability, deliverAt: deliverAts[0] };
}

export function receiptOf(topic: string, stored: StoredMessages): Receipt {
  const { partition, baseOffset: offset, ids, durability, deliverAt } = stored;
  const receipt = { topic, partition, offset, id: ids[0] ?? '', durability };
  return deliverAt === undefined ? receipt : { ...receipt, deliverAt };
}

export function batchReceiptOf(topic: string, stored: StoredMessages): BatchReceipt {
  const { partition, baseOffset, ids, durability } = stored;
  return { topic, partition, baseOffset, count: ids.length, ids, durability };
}

/** A batch that came encoded, as it is. */
export async function storeBatch(
  { topics }: Storing,
  { name, batch, keyed }: CheckedRawBatch & { readonly name: string },
  options: CheckedStoringOptions,
): Promise<RawBatchReceipt> {
  const wish: PartitionWish = { path: 'batch', keyed, given: options.partition };
  const topic = await topics.open(name, (target) => {
    checkFits(target, batch, 'MQ_BATCH_TOO_LARGE');
    wishedPartition(wish, target.options.partitionCount ?? 1);
  });
  const partition = topic.partitionFor(wish);
  const { baseOffset, count, durability } = await topic.send(batch, partition, options);
  return { topic: name, partition: partition.partition, baseOffset, count, durability };
}
