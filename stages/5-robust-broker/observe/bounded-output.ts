/**
 * Lines for a reader that may be slow: a pipe that nobody empties, a terminal that was stopped, a disk that hangs.
 *
 *     write(line) --> [ what the stream has not taken: at most bytesMax ] --> file, pipe, terminal
 *                \--> dropped and counted, while that is full
 *
 * Always true (I25): `write` never waits and never throws, and what waits is bounded; as soon as there is room again a line
 * says how many are missing, in their place. A reader that goes away ends nothing but its own log.
 */
import type { Writable } from 'node:stream';

export interface BoundedOutputOptions {
  readonly stream: Writable;
  readonly bytesMax: number;
  /** The line that stands for so many that were dropped. */
  readonly lineOfDropped: (count: number) => string;
}

export class BoundedOutput {
  readonly #options: BoundedOutputOptions;
  #droppedCount = 0;
  /** Of those, how many no line has told of. */
  #untoldCount = 0;
  #isBroken = false;

  constructor(options: BoundedOutputOptions) {
    this.#options = options;
    options.stream.on('error', this.#onError);
  }

  /** Lines that nobody will read, ever. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  write(line: string): void {
    if (!this.#hasRoom) {
      this.#droppedCount += 1;
      this.#untoldCount += 1;
      return;
    }
    if (this.#untoldCount > 0) {
      const dropped = this.#options.lineOfDropped(this.#untoldCount);
      this.#untoldCount = 0;
      this.#options.stream.write(dropped);
    }
    this.#options.stream.write(line);
  }

  /** The stream is left open: it is its owner's. */
  close(): void {
    this.#options.stream.off('error', this.#onError);
    // A failure that is on its way would have no listener, and end the process.
    this.#options.stream.on('error', () => undefined);
  }

  get #hasRoom(): boolean {
    const { stream, bytesMax } = this.#options;
    return !this.#isBroken && stream.writable && stream.writableLength < bytesMax;
  }

  readonly #onError = (): void => {
    this.#isBroken = true;
  };
}
