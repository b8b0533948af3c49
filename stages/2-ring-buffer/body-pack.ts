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
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { HeldRecord } from './group-desk.ts';
import type { IncomingBatch } from './incoming-batch.ts';
import { Pack } from './ring-buffer.ts';

/** What all records of a pack share. */
export interface PackOrigin {
  readonly topic: string;
  readonly baseOffset: number;
  readonly timestamp: number;
}

/** The records of `batch` in one pack; undefined when a message is more than a body, or its body lies elsewhere. */
export function packBodies(batch: IncomingBatch, origin: PackOrigin): Pack<HeldRecord> | undefined {
  const [first] = batch.contents;
  if (first === undefined || batch.count === 1 || !isOnlyBody(first)) return undefined;
  const { buffer } = first.body;
  // Of each body, where in the buffer it begins and how long it is, in turn; outside the heap, where nobody copies it.
  const places = new Float64Array(2 * batch.count);
  let end = 0;
  for (const content of batch.contents) {
    const { body } = content;
    if (!isOnlyBody(content) || body.buffer !== buffer) return undefined;
    places[end] = body.byteOffset;
    places[end + 1] = body.length;
    end += 2;
  }
  const { topic, baseOffset, timestamp } = origin;
  const { ids, firstIdNumber } = batch;
  const { headers } = first;
  return new Pack((offset) => {
    const index = offset - baseOffset;
    const body = new Uint8Array(buffer, places[2 * index], places[2 * index + 1]);
    return { topic, partition: 0, offset, timestamp, id: ids.at(firstIdNumber + index), headers, body };
  });
}

/** Nothing else of it counts any bytes; a key may be empty. */
function isOnlyBody({ body, key, id, bytes }: CheckedMessage): boolean {
  return !mayBeInline(body) && key === undefined && id === undefined && bytes === body.length;
}
