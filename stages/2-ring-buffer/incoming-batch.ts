/**
 * Checked messages on their way into a log: each with its id, all with what they weigh together.
 *
 * Always true: an id is made once, before the first attempt to enter, so a message that waits keeps it. Pure.
 */
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { RecordWeight, RoomRequest } from './ring-buffer.ts';

export interface IncomingMessage extends RecordWeight {
  readonly content: CheckedMessage;
  readonly id: string;
}

/** Messages that enter together or not at all. */
export interface IncomingBatch extends RoomRequest {
  readonly messages: readonly IncomingMessage[];
}

/** Gives an id to those that have none. */
export function incomingBatch(contents: readonly CheckedMessage[], nextId: () => string): IncomingBatch {
  let heldBytes = 0;
  const messages = contents.map((content): IncomingMessage => {
    const id = content.id ?? nextId();
    // What the caller chose is counted already; what the broker makes is ASCII.
    const idBytes = content.id === undefined ? id.length : 0;
    heldBytes += content.heldBytes + idBytes;
    return { content, id, bytes: content.bytes + idBytes, heldBytes: content.heldBytes + idBytes };
  });
  return { messages, count: messages.length, heldBytes };
}
