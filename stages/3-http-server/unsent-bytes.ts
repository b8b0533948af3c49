/**
 * The bodies of answers that have not left the server yet, counted in bytes over all connections.
 *
 *     answer made --take--> counted --> its last byte left, or its connection closed: no longer counted
 *
 * Always true: the sum stays within `bytesMax`, but for one answer larger than that, which may go when it is alone. What
 * goes beyond is refused as `MQ_LIMIT_EXCEEDED`. The application asks it about every answer a caller can make large.
 */
import type { ServerResponse } from 'node:http';
import { MqError } from '../../shared/contract/errors.ts';

export class UnsentBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts `bytes` until `answer` is closed; the error to answer with instead when there is no room for them. */
  take(answer: ServerResponse, bytes: number): MqError | undefined {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const detail = `answers of ${this.#bytes} bytes wait for their callers to read them; ${this.#bytesMax} may`;
      return new MqError('MQ_LIMIT_EXCEEDED', detail);
    }
    // An answer whose connection is closed is kept by nobody, and says nothing when it is closed again.
    if (answer.closed || answer.destroyed) return undefined;
    this.#bytes += bytes;
    answer.once('close', () => {
      this.#bytes -= bytes;
    });
    return undefined;
  }
}
