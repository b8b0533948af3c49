/**
 * The one path of messages into a topic, whether they come one by one, in batches, or encoded already.
 *
 *     checked messages -> ids -> topic (made if need be) -> partition -> encoded -> room -> log
 *
 * Always true: what is refused has made no topic; ids and bytes are made once, before the first attempt to enter.
 */
import type { MqError } from '../../shared/contract/errors.ts';
import type { BatchReceipt, Receipt } from '../../shared/contract/message.ts';
import type { RawBatchReceipt } from '../../shared/contract/raw-batches.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import { type BatchSender, senderOf, signBatch } from './bytes/record-batch.ts';
import {
  type IdentifiedMessages,
  type IncomingBatch,
  identify,
  incomingBatch,
  type PartitionWish,
  wishedPartition,
} from './incoming-batch.ts';
import { batchFrom } from './log-reading.ts';
import { type CheckedStoringOptions, isDelayed, type TimedMessage } from './message-options.ts';
import type { CheckedRawBatch } from './raw-batches.ts';
import type { StoredReceipt } from './record-rules.ts';
import type { Topic } from './topic.ts';
import { checkFits, type NamedTopic } from './topic-errors.ts';
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

export interface StoredMessages extends StoredReceipt {
  readonly ids: readonly string[];
}

export async function storeMessages(
  { topics, settings, ids, idPrefix }: Storing,
  { name, path, messages, code }: MessagesToStore,
  options: CheckedStoringOptions,
): Promise<StoredMessages> {
  const isLate = isDelayed(path, messages);
  const sender = options.transaction ?? options.producer;
  if (isLate && sender !== undefined) throw notDelayed(path, options);
  const identified = identify(messages, ids, idPrefix);
  const wish = { path, keyed: messages.map(({ content }) => content), given: options.partition };
  let batch: IncomingBatch | undefined;
  const encode = (targetPartition?: number): IncomingBatch =>
    incomingBatch(identified, { codec: settings.codec, targetPartition, sender });
  const opened = topics.open(name, (target) => {
    batch = encode(isLate ? 0 : undefined);
    checkFits(target, batch, code);
    checkPlaceOf(wish, target, options);
  });
  const topic = opened instanceof Promise ? await opened : opened;
  const partition = topic.partitionFor(wish);
  const number = partition.partition;
  if (!isLate) {
    const receipt = await topic.send(batch ?? encode(), partition, options);
    if (receipt.isDuplicate === undefined) return { ...receipt, ids: identified.ids };
    return { ...receipt, ids: await idsOfFirst(topic, receipt, identified) };
  }
  const late = batch === undefined || number !== 0 ? encode(number) : batch;
  const deliverAts = messages.map(({ deliverAt }) => deliverAt ?? 0);
  return { ...(await topic.sendDelayed(late, { partition: number, deliverAts }, options)), ids: identified.ids };
}

function notDelayed(path: string, { transaction }: CheckedStoringOptions): MqError {
  const where = transaction === undefined ? 'with a producer' : 'in a transaction';
  return invalidArgument(path, `not delayed: what is sent ${where} has its place at once`);
}

/** Whoever counts by partition has to know it beforehand. */
function checkPlaceOf(wish: PartitionWish, { options }: NamedTopic, { producer }: CheckedStoringOptions): void {
  const partition = wishedPartition(wish, options.partitionCount ?? 1);
  if (producer === undefined || partition !== undefined) return;
  throw invalidArgument('options.partition', 'given, or the messages have keys: a producer counts by partition');
}

/** A caller that left the ids to the broker gets those of the first time, as long as they are held. */
async function idsOfFirst(
  topic: Topic,
  { partition, baseOffset, count }: StoredReceipt,
  { messages, ids }: IdentifiedMessages,
): Promise<readonly string[]> {
  const isGiven = messages.every(({ content }, index) => content.id === ids[index]);
  const { log, logStartOffset } = topic.partition(partition);
  if (isGiven || baseOffset === null || baseOffset < logStartOffset) return ids;
  const batch = await batchFrom(log, baseOffset);
  if (batch === undefined || batch.baseOffset !== baseOffset || batch.count !== count) return ids;
  return ids.map((_, index) => batch.recordAt(baseOffset + index).id);
}

export function receiptOf(topic: string, stored: StoredMessages): Receipt {
  const { partition, baseOffset: offset, ids, durability, deliverAt, isDuplicate } = stored;
  const due = deliverAt === undefined ? undefined : { deliverAt };
  return { topic, partition, offset, id: ids[0] ?? '', durability, ...due, ...(isDuplicate ? { isDuplicate } : {}) };
}

export function batchReceiptOf(topic: string, stored: StoredMessages): BatchReceipt {
  const { partition, baseOffset, ids, durability, isDuplicate } = stored;
  const receipt = { topic, partition, baseOffset, count: ids.length, ids, durability };
  return isDuplicate ? { ...receipt, isDuplicate } : receipt;
}

/** A batch that came encoded, as it is. */
export async function storeBatch(
  { topics }: Storing,
  { name, batch, keyed }: CheckedRawBatch & { readonly name: string },
  options: CheckedStoringOptions,
): Promise<RawBatchReceipt> {
  const wish: PartitionWish = { path: 'batch', keyed, given: options.partition };
  const sender = options.transaction ?? options.producer;
  if (sender !== undefined) signAs(batch.bytes, sender);
  else if (senderOf(batch.bytes) !== undefined) throw notItsOwn();
  const topic = await topics.open(name, (target) => {
    checkFits(target, batch, 'MQ_BATCH_TOO_LARGE');
    checkPlaceOf(wish, target, options);
  });
  const { partition, baseOffset, count, durability, isDuplicate } = await topic.send(
    batch,
    topic.partitionFor(wish),
    options,
  );
  const receipt = { topic: name, partition, baseOffset, count, durability };
  return isDuplicate ? { ...receipt, isDuplicate } : receipt;
}

/** A batch that says already who sends it has to say the same as its caller. */
function signAs(batch: Uint8Array, sender: BatchSender): void {
  const said = senderOf(batch);
  if (said === undefined) signBatch(batch, sender);
  else if (
    said.producerId !== sender.producerId ||
    said.epoch !== sender.epoch ||
    said.sequence !== sender.sequence ||
    sender.flags
  )
    throw notItsOwn();
}

function notItsOwn(): MqError {
  return invalidArgument('options.producer', 'that of the batch, which says itself who sends it');
}
