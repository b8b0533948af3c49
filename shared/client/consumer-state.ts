/** What a Consumer is doing and why, for people, screens and tests: a snapshot, plain values. */

/**
 *     idle --> running <--> retrying       the broker could not be reached; it will be asked again
 *                  |  \--> failed          it said something that asking again does not change
 *                  v
 *              closing --> closed          from every status
 */
export type ConsumerStatus = 'idle' | 'running' | 'retrying' | 'failed' | 'closing' | 'closed';

/** A snapshot of what a Consumer is doing and has done; every count but the first three is since it was made. */
export interface ConsumerState {
  readonly status: ConsumerStatus;
  /** The last thing that went wrong, whose it ever was: of the broker, of a handler, of a lease; null when nothing. */
  readonly reason: Error | null;
  /** Held and waiting for a handler. */
  readonly bufferedCount: number;
  /** In the hands of a handler or a loop, also when its lease was lost meanwhile; or on the way back to the broker. */
  readonly handlingCount: number;
  /** Failed and held back before they are given back. */
  readonly backingOffCount: number;
  readonly receivedCount: number;
  readonly ackedCount: number;
  /** Given back: retried, returned or rejected, by a handler, by `close`, or after too long in the buffer. */
  readonly givenBackCount: number;
  /** Handlers that threw. */
  readonly failedCount: number;
  /** Leases that ended before their message was finished, and outcomes the broker did not get to know. */
  readonly lostCount: number;
}
