/**
 * Many small batches are copied next to each other before they are written: one piece to write is cheaper than a thousand.
 * Large ones stay where they are. Pure.
 */

/** Batches that are smaller on the average are joined. */
const SMALL_BATCH_BYTES = 16 * 1024;

export interface JoinedBatches {
  /** Of all. */
  readonly bytes: number;
  /** To be written one after the other. */
  readonly pieces: readonly Uint8Array[];
  /** Where the batches are then; undefined when they stay where they are. */
  readonly copies?: readonly Uint8Array[];
}

export function joinSmall(batches: readonly Uint8Array[]): JoinedBatches {
  let bytes = 0;
  for (const { length } of batches) bytes += length;
  if (batches.length === 1 || bytes > batches.length * SMALL_BATCH_BYTES) return { bytes, pieces: batches };
  const joined = new Uint8Array(bytes);
  let at = 0;
  const copies = batches.map((batch) => {
    joined.set(batch, at);
    at += batch.length;
    return joined.subarray(at - batch.length, at);
  });
  return { bytes, pieces: [joined], copies };
}
