/**
 * What one consumer was handed and has not finished, in the order in which it was handed out.
 *
 *     [1] [2] [3] [4] [5]        acks name a range by its ends: (2, 4), or (up to 4)
 *
 * Always true: `wideCount` is how many of them the client has said it is done with for now, which is not the same as finished:
 * they leave room for others in its window. Consumers use it.
 */
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { MessageAck } from './commands.ts';
import { messageKey } from './message-ids.ts';

export interface HeldMessage {
  readonly key: string;
  readonly sequence: number;
  readonly delivery: Delivery;
  /** The program has it. */
  isDelivered: boolean;
  /** It is finished when the transaction commits. */
  isInTransaction: boolean;
}

export class HeldMessages {
  readonly #held = new Map<string, HeldMessage>();
  #wideCount = 0;

  get count(): number {
    return this.#held.size;
  }

  get wideCount(): number {
    return this.#wideCount;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  add(message: HeldMessage): void {
    this.#held.set(message.key, message);
  }

  all(): readonly HeldMessage[] {
    return [...this.#held.values()];
  }

  /** Those an ack is about; none when its last message is not held any more. */
  named({ firstMessageId, lastMessageId }: MessageAck): readonly HeldMessage[] {
    const last = lastMessageId === null ? undefined : messageKey(lastMessageId);
    if (last === undefined || !this.#held.has(last)) return [];
    const first = firstMessageId === null ? undefined : messageKey(firstMessageId);
    const range: HeldMessage[] = [];
    let isInRange = first === undefined || !this.#held.has(first);
    for (const message of this.#held.values()) {
      if (message.key === first) isInRange = true;
      if (isInRange) range.push(message);
      if (message.key === last) break;
    }
    return range;
  }

  /** The one message an ack is about. */
  namedAlone({ lastMessageId }: MessageAck): readonly HeldMessage[] {
    const message = lastMessageId === null ? undefined : this.#held.get(messageKey(lastMessageId));
    return message === undefined ? [] : [message];
  }

  mark(message: HeldMessage, change: Partial<Pick<HeldMessage, 'isDelivered' | 'isInTransaction'>>): void {
    if (!this.#held.has(message.key)) return;
    const wasWide = isWide(message);
    Object.assign(message, change);
    this.#wideCount += Number(isWide(message)) - Number(wasWide);
  }

  remove(message: HeldMessage): void {
    if (this.#held.delete(message.key) && isWide(message)) this.#wideCount -= 1;
  }
}

function isWide({ isDelivered, isInTransaction }: HeldMessage): boolean {
  return isDelivered || isInTransaction;
}
