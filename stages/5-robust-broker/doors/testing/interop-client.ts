/** What the interop matrix wants of a client, whatever it speaks, and where what comes waits for it. */
import type { Headers } from '../../../../shared/contract/message.ts';
import type { Destination } from '../destinations.ts';

/** What is sent: text or bytes, with the headers that every protocol knows. */
export interface Sample {
  readonly body: string | Uint8Array;
  readonly correlationId: string;
  readonly headers: Headers;
}

/** What came; null: the protocol has no such thing. */
export interface Seen {
  readonly id: string | null;
  readonly body: Buffer;
  readonly correlationId: string | null;
  readonly headers: Headers;
}

export interface Reading {
  next(): Promise<Seen>;
}

export interface InteropClient {
  publish(destination: Destination, samples: readonly Sample[]): Promise<void>;
  subscribe(destination: Destination): Promise<Reading>;
  close(): Promise<void>;
}

/** What came, in its order, for somebody who asks one after the other. */
export class Mailbox<Item> {
  readonly #items: Item[] = [];
  #wake: () => void = () => undefined;

  put(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  async next(): Promise<Item> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
