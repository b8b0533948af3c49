/**
 * What a session of a protocol door is to the kit: one connection in the words of its protocol, told what comes and when it
 * ends. ByteChannel calls it.
 */
import type { MqError } from '../../../shared/contract/errors.ts';

/** What the kit asks of a session: one connection in the words of its protocol. */
export interface DoorSession {
  /** The number of the frame that has begun and is not whole; undefined between frames. */
  readonly openFrame: number | undefined;
  /** The next bytes; they are the session's from now on. What it throws goes to `refuse`. */
  receive(bytes: Buffer): void;
  /** The channel is not congested any more, after it was said to be. */
  drained(): void;
  /** Says goodbye in the words of the protocol, and calls `end` of the channel: nothing more is read. Called once. */
  refuse(reason: MqError): void;
  /** The server stops: takes nothing new, finishes what was begun, and calls `end`. */
  drain(reason: MqError): void;
  /** The connection is over: by `error`, or because one side ended it. What is still to be done is waited for at `close`. */
  gone(error: MqError | undefined): Promise<void> | void;
}

/** The signs of life that were agreed. */
export interface Pulse {
  /** Something is said at least so often; with `say` when there is nothing else. */
  readonly sayEveryMs?: number;
  readonly say?: () => void;
  /** Nothing heard for so long: the peer is gone. */
  readonly silenceMsMax?: number;
  /** Before the connection is cut for that: a last word, which nobody may hear. */
  readonly onSilence?: () => void;
}
