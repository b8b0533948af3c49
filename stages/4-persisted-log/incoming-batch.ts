/**
 * Checked messages on their way into a log: encoded once, before the first attempt to enter, and then only waiting.
 *
 * Always true: a message keeps the id it got here however long it waits; `heldBytes` is what the batch will take in the
 * log, so room is counted in what is really there. Pure.
 */
import { crc32 } from 'node:zlib';
import { invalidArgument } from '../../shared/contract/validation.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import type { Codec } from './compression.ts';
import type { TimedMessage } from './message-options.ts';
import type { EncodableMessage } from './record.ts';
import { encodeBatch } from './record-batch.ts';

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
  /** Of the ids that the broker made: `${idPrefix}${firstIdNumber + index}`. */
  readonly idPrefix: string;
  readonly firstIdNumber: number;
}

/** Gives an id to those that have none. */
export function identify(messages: readonly TimedMessage[], ids: MessageIds, idPrefix: string): IdentifiedMessages {
  const numbers = messages.map(() => ids.take());
  const firstIdNumber = numbers[0] ?? 0;
  return {
    messages,
    ids: messages.map(({ content }, index) => content.id ?? ids.at(firstIdNumber + index)),
    idPrefix,
    firstIdNumber,
  };
}

/** `targetPartition`: of delayed messages, where they go when they are due. */
export function incomingBatch(
  { messages, ids, idPrefix, firstIdNumber }: IdentifiedMessages,
  { codec, targetPartition }: { readonly codec: Codec; readonly targetPartition?: number },
): IncomingBatch {
  const encodable = messages.map((message) => encodableOf(message, targetPartition));
  const bytes = encodeBatch(encodable, { codec, idPrefix, firstIdNumber });
  return { bytes, count: messages.length, heldBytes: bytes.length, label: ids[0] ?? '' };
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
  return crc32(key) % partitionCount;
}

/** The partition that the keys of a batch belong to; undefined when none of its messages has a key. */
export function partitionOfKeys(
  path: string,
  messages: readonly TimedMessage[],
  partitionCount: number,
): number | undefined {
  let partition: number | undefined;
  for (const [index, { content }] of messages.entries()) {
    if (content.key === undefined) continue;
    const own = partitionOfKey(content.key, partitionCount);
    partition ??= own;
    if (own === partition) continue;
    throw invalidArgument(`${path}[${index}].key`, `of partition ${partition}, like the keys before it`, content.key);
  }
  return partition;
}
