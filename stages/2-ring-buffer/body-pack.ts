/**
 * Records of one batch that are nothing but bodies, as most are, kept as one object: the buffer their bodies lie in, and
 * where each of them lies. Records are made of it when they are read.
 *
 *     slots       [ pack ][ pack ][ pack ]
 *                     \      |      /
 *     buffer      [ . body 0 . body 1 . body 2 ]      places
 *
 * A record, its id and its body as objects of their own are three hundred bytes that the garbage collector copies twice,
 * however small the message; a batch of 100 over HTTP took twice as long with them.
 *
 * Always true: what is read is what was sent, and the same each time. The ring keeps packs, the topic makes them.
 */
import { mayBeInline } from '../../shared/contract/body.ts';
import type { Headers } from '../../shared/contract/message.ts';
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { MessageIds } from '../1-blocking-queue/message-ids.ts';
import type { HeldRecord } from './group-desk.ts';
import type { IncomingBatch } from './incoming-batch.ts';
import { Pack } from './ring-buffer.ts';

/** What all records of a pack share. */
export interface PackOrigin {
  readonly topic: string;
  readonly baseOffset: number;
  readonly timestamp: number;
}

export class BodyPack extends Pack<HeldRecord> {
  readonly #origin: PackOrigin;
  readonly #buffer: ArrayBufferLike;
  /** Of each body, where in the buffer it begins and how long it is, in turn; outside the heap, where nobody copies it. */
  readonly #places: Float64Array;
  readonly #headers: Headers;
  readonly #ids: MessageIds;
  readonly #firstIdNumber: number;

  private constructor(batch: IncomingBatch, origin: PackOrigin, first: CheckedMessage) {
    super();
    this.#origin = origin;
    this.#buffer = first.body.buffer;
    this.#headers = first.headers;
    this.#ids = batch.ids;
    this.#firstIdNumber = batch.firstIdNumber;
    this.#places = new Float64Array(2 * batch.count);
    let at = 0;
    for (const { body } of batch.contents) {
      this.#places[at] = body.byteOffset;
      this.#places[at + 1] = body.length;
      at += 2;
    }
  }

  /** Undefined when a message is more than a body, or its body lies elsewhere. */
  static of(batch: IncomingBatch, origin: PackOrigin): BodyPack | undefined {
    const [first] = batch.contents;
    if (first === undefined || batch.count === 1 || !isOnlyBody(first)) return undefined;
    const { buffer } = first.body;
    for (const content of batch.contents) {
      if (!isOnlyBody(content) || content.body.buffer !== buffer) return undefined;
    }
    return new BodyPack(batch, origin, first);
  }

  at(offset: number): HeldRecord {
    const { topic, baseOffset, timestamp } = this.#origin;
    const index = offset - baseOffset;
    return {
      topic,
      partition: 0,
      offset,
      timestamp,
      id: this.#ids.at(this.#firstIdNumber + index),
      headers: this.#headers,
      body: new Uint8Array(this.#buffer, this.#places[2 * index], this.#places[2 * index + 1]),
    };
  }
}

/** Nothing else of it counts any bytes; a key may be empty. */
function isOnlyBody({ body, key, id, bytes }: CheckedMessage): boolean {
  return !mayBeInline(body) && key === undefined && id === undefined && bytes === body.length;
}
