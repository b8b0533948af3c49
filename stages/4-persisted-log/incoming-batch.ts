/**
 * Checked messages on their way into a log: encoded once, before the first attempt to enter, and then only waiting.
 *
 * Always true: a message keeps the id it got here however long it waits; `heldBytes` is what the batch will take in the
 * log, so room is counted in what is really there. Pure.
 */

import { invalidArgument } from '../../shared/contract/validation.ts';
import { crc32cOfText } from '../../shared/crc32c.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import type { Codec } from './bytes/compression.ts';
import { numberedIdsOf } from './bytes/numbered-ids.ts';
import type { EncodableMessage } from './bytes/record.ts';
import { type BatchSender, encodeBatch } from './bytes/record-batch.ts';
import type { TimedMessage } from './message-options.ts';

/** Messages that enter together or not at all. */
export interface IncomingBatch {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** In the log. */
  readonly heldBytes: number;
  /** Who waits, as the screen shows it: the first message's id; of a batch that came encoded, how many it has. */
  readonly label: string;
}

/** The messages and the ids they have, those of the broker's making included. */
export interface IdentifiedMessages {
  readonly messages: readonly TimedMessage[];
  readonly ids: readonly string[];
  /** True: all ids are as if the broker had made them. */
  readonly isNumbered: boolean;
  /** Of the ids that the broker made: `${idPrefix}${firstIdNumber + index}`. */
  readonly idPrefix: string;
  readonly firstIdNumber: number;
}

/** Gives an id to those that have none. */
export function identify(messages: readonly TimedMessage[], ids: MessageIds, idPrefix: string): IdentifiedMessages {
  const numbered = numberedIdsOf(messages.map(({ content }) => content));
  if (numbered !== undefined) {
    const given = messages.map(({ content }) => content.id ?? '');
    return { messages, ids: given, isNumbered: true, ...numbered };
  }
  const firstIdNumber = ids.take();
  for (let count = 1; count < messages.length; count += 1) ids.take();
  const ownIds = messages.map(({ content }, index) => content.id ?? ids.at(firstIdNumber + index));
  return { messages, ids: ownIds, isNumbered: false, idPrefix, firstIdNumber };
}

/** `targetPartition`: of delayed messages, where they go when they are due. */
export function incomingBatch(
  { messages, ids, isNumbered, idPrefix, firstIdNumber }: IdentifiedMessages,
  {
    codec,
    targetPartition,
    sender,
  }: {
    readonly codec: Codec;
    readonly targetPartition?: number | undefined;
    readonly sender?: BatchSender | undefined;
  },
): IncomingBatch {
  const encodable = messages.map((message) => encodableOf(message, targetPartition));
  const bytes = encodeBatch(encodable, { codec, idPrefix, firstIdNumber, isNumbered, sender });
  return { bytes, count: messages.length, heldBytes: bytes.length, label: ids[0] ?? '' };
}

/** A batch that came encoded, and was checked. */
export function rawBatch(bytes: Uint8Array, count: number): IncomingBatch {
  return { bytes, count, heldBytes: bytes.length, label: count === 1 ? 'a message' : `${count} messages` };
}

function encodableOf(
  { content, priority, ttlMs, deliverAt }: TimedMessage,
  targetPartition: number | undefined,
): EncodableMessage {
  const { body, key, headers, id } = content;
  return { body, key, headers, id, priority, ttlMs, deliverAt, targetPartition };
}

/** The partition of messages with this key. */
export function partitionOfKey(key: string, partitionCount: number): number {
  return crc32cOfText(key) % partitionCount;
}

/** Of messages on their way: where they are to go, or what that depends on. */
export interface PartitionWish {
  /** For refusals. */
  readonly path: string;
  readonly keyed: Iterable<{ readonly key?: string | undefined }>;
  /** What the caller asks for. */
  readonly given: number | undefined;
}

/** The partition that is asked for, or that the keys belong to; undefined when it does not matter. */
export function wishedPartition({ path, keyed, given }: PartitionWish, partitionCount: number): number | undefined {
  if (given !== undefined && given >= partitionCount) {
    throw invalidArgument('options.partition', `a partition of the topic, 0 to ${partitionCount - 1}`, given);
  }
  if (given !== undefined || partitionCount === 1) return given ?? 0;
  let partition: number | undefined;
  let index = 0;
  for (const { key } of keyed) {
    const own = key === undefined ? partition : partitionOfKey(key, partitionCount);
    partition ??= own;
    if (own !== partition) {
      throw invalidArgument(`${path}[${index}].key`, `of partition ${partition}, like the keys before it`, key);
    }
    index += 1;
  }
  return partition;
}
