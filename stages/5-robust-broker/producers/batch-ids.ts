/**
 * The ids of the messages of a batch, remembered from the first question until the batch has its offset: one that comes in
 * is asked for them several times.
 */
import { Buffer } from 'node:buffer';
import { StoredBatch } from '../../4-persisted-log/bytes/stored-batch.ts';

export class BatchIds {
  readonly #known = new WeakMap<Uint8Array, readonly string[]>();

  /** In the order of the messages; whether the batch has its offset does not matter. */
  of(batch: Uint8Array): readonly string[] {
    const known = this.#known.get(batch);
    if (known !== undefined) return known;
    const ids = idsIn(batch);
    this.#known.set(batch, ids);
    return ids;
  }

  /** The batch is not asked for any more. */
  forget(batch: Uint8Array): void {
    this.#known.delete(batch);
  }
}

export function idsIn(bytes: Uint8Array): string[] {
  const batch = new StoredBatch(bytes);
  return Array.from({ length: batch.count }, (_, index) => compact(batch.recordAt(batch.baseOffset + index).id));
}

/** V8 keeps a text that was put together as its pieces, some hundred bytes; what is kept for long is copied into one. */
function compact(text: string): string {
  return Buffer.from(text).toString();
}
