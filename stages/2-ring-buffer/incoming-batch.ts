/**
 * Checked messages on their way into a log: each with its id, all with what they weigh together.
 *
 * Always true: an id is made once, before the first attempt to enter, so a message that waits keeps it. Pure.
 */
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import type { RecordWeight, RoomRequest } from './ring-buffer.ts';

/** Messages that enter together or not at all. */
export interface IncomingBatch extends RoomRequest {
  readonly contents: readonly CheckedMessage[];
  /** Of each message, in the same order. */
  readonly messageIds: readonly string[];
  /** Where the ids come from that the callers did not choose; they have consecutive numbers, the first one this. */
  readonly ids: MessageIds;
  readonly firstIdNumber: number;
}

/** Gives an id to those that have none. */
export function incomingBatch(contents: readonly CheckedMessage[], ids: MessageIds): IncomingBatch {
  let heldBytes = 0;
  let firstIdNumber = 0;
  const messageIds: string[] = [];
  for (const content of contents) {
    let { id } = content;
    if (id === undefined) {
      const number = ids.take();
      if (firstIdNumber === 0) firstIdNumber = number;
      id = ids.at(number);
    }
    messageIds.push(id);
    heldBytes += weightOf(content, id).heldBytes;
  }
  return { contents, messageIds, ids, firstIdNumber, count: contents.length, heldBytes };
}

/** What a message weighs with its id. */
export function weightOf(content: CheckedMessage, messageId: string): RecordWeight {
  // What the caller chose is counted already; what the broker makes is ASCII.
  const idBytes = content.id === undefined ? messageId.length : 0;
  return { bytes: content.bytes + idBytes, heldBytes: content.heldBytes + idBytes };
}
