/**
 * Checked messages on their way into a log: each with its id, all with what they weigh together.
 *
 * Always true: an id is made once, before the first attempt to enter, so a message that waits keeps it. Pure.
 */
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { RoomRequest } from './ring-buffer.ts';

export interface IncomingMessage {
  readonly content: CheckedMessage;
  readonly id: string;
  /** Body, key, headers and id. */
  readonly bytes: number;
}

/** Messages that enter together or not at all. */
export interface IncomingBatch extends RoomRequest {
  readonly messages: readonly IncomingMessage[];
}

/** Gives an id to those that have none. */
export function incomingBatch(contents: readonly CheckedMessage[], nextId: () => string): IncomingBatch {
  let bytes = 0;
  const messages = contents.map((content) => {
    const id = content.id ?? nextId();
    // What the caller chose is counted in `content.bytes`; what the broker makes is ASCII.
    const message = { content, id, bytes: content.bytes + (content.id === undefined ? id.length : 0) };
    bytes += message.bytes;
    return message;
  });
  return { messages, count: messages.length, bytes };
}
