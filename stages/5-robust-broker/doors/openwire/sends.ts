/**
 * The messages of one connection that are on their way to the broker.
 *
 *     begin --> Connection.send --> broker --> published, or refused: the session is told, then there is room for the next
 *
 * Always true: a message costs no promise and no closure; while more bytes are under way than may be, whoever was told so
 * begins nothing. The session has one.
 */
import type { Awaiting } from '../publish-lane.ts';
import type { WireMessage } from './commands.ts';

export interface SendsOptions {
  readonly bytesMax: number;
  readonly onPublished: (message: WireMessage) => void;
  readonly onRefused: (message: WireMessage, error: unknown) => void;
  /** More than `bytesMax` is under way; each of these is called as often as the other. */
  readonly onFull: () => void;
  readonly onRoom: () => void;
}

/** One of them; what the PublishLane tells its end. */
class Send implements Awaiting {
  readonly message: WireMessage;
  readonly bytes: number;
  /** The bytes under way became too many with it. */
  readonly isTooMuch: boolean;
  readonly #sends: Sends;

  constructor(sends: Sends, { message, bytes, isTooMuch }: Pick<Send, 'message' | 'bytes' | 'isTooMuch'>) {
    this.#sends = sends;
    this.message = message;
    this.bytes = bytes;
    this.isTooMuch = isTooMuch;
  }

  published(): void {
    this.#sends.options.onPublished(this.message);
    this.#sends.ended(this);
  }

  refused(error: unknown): void {
    this.#sends.options.onRefused(this.message, error);
    this.#sends.ended(this);
  }
}

export class Sends {
  /** Only a message that ends looks at it. */
  readonly options: SendsOptions;
  #count = 0;
  #bytes = 0;
  #onNone: (() => void)[] = [];

  constructor(options: SendsOptions) {
    this.options = options;
  }

  /** How many are under way. */
  get count(): number {
    return this.#count;
  }

  /** A message of `bytes`: what becomes of it is to be told to what this answers. */
  begin(message: WireMessage, bytes: number): Awaiting {
    this.#count += 1;
    this.#bytes += bytes;
    const isTooMuch = this.#bytes > this.options.bytesMax;
    if (isTooMuch) this.options.onFull();
    return new Send(this, { message, bytes, isTooMuch });
  }

  /** Resolves when none is under way. */
  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onNone.push(resolve));
  }

  /** Called by a message whose end was told. */
  ended({ bytes, isTooMuch }: Pick<Send, 'bytes' | 'isTooMuch'>): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    if (isTooMuch) this.options.onRoom();
    if (this.#count > 0) return;
    for (const onNone of this.#onNone.splice(0)) onNone();
  }
}
