/**
 * One SEND on its way to the broker.
 *
 * Always true: it is itself what the PublishLane tells the end, so a message costs no promise and no closure. Only the session
 * makes it.
 */
import type { Awaiting } from '../publish-lane.ts';
import type { Frame } from './frame.ts';

/** Told of every SEND of one connection. */
export interface SentEnds {
  readonly onPublished: (frame: Frame) => void;
  readonly onRefused: (frame: Frame, error: unknown) => void;
}

export class SentFrame implements Awaiting {
  readonly #frame: Frame;
  readonly #ends: SentEnds;

  constructor(frame: Frame, ends: SentEnds) {
    this.#frame = frame;
    this.#ends = ends;
  }

  published(): void {
    this.#ends.onPublished(this.#frame);
  }

  refused(error: unknown): void {
    this.#ends.onRefused(this.#frame, error);
  }
}
