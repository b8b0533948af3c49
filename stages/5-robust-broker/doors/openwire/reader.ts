/**
 * What a connection asks of whoever reads on it: a consumer, a browser, or the reader of advisories.
 *
 * Always true: after `close` or `gone` it writes nothing. Connection has them.
 */
import type { MessageAck, MessagePull } from './commands.ts';
import type { OpenTransaction } from './transactions.ts';

export interface Reader {
  /** Messages up to one were delivered, finished, or cannot be worked on; in a transaction all but the first wait for its commit. */
  ack(command: MessageAck, transaction: OpenTransaction | undefined): Promise<void> | void;
  /** One more message is wanted, by a client that does not want any in advance. */
  pull(command: MessagePull): void;
  /** How many messages the client wants in advance. */
  setPrefetch(count: number): void;
  /** Nothing is handed out until `resume`. */
  pause(): void;
  resume(): void;
  /** What the client was shown up to `lastDelivered` counts as failed, the rest was never seen. */
  close(lastDelivered: number): Promise<void>;
  /** The connection is over; `isFailure`: without a word. */
  gone(isFailure: boolean): Promise<void>;
}
