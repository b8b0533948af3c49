/**
 * The bytes of a body as a broker keeps them: a plain `Uint8Array` that keeps nothing else alive.
 *
 *     request buffer, 1 MiB   [ ............ body 1 KiB ............... ]     kept as it is, this body costs 1 MiB
 *     own buffer, 1 KiB                    [ body 1 KiB ]
 *
 * Always true: what is kept is at most twice as large as what is counted (or `SMALL_BUFFER_BYTES`). Bodies of one batch
 * may share a buffer that they fill together, since they are stored, and leave, next to each other. Pure.
 */

/** V8 keeps so many bytes within an array that is no view. */
const INLINE_BYTES_MAX = 64;
/** Not worth copying for. */
const SMALL_BUFFER_BYTES = 4096;
/** A UTF-16 unit is at most so many bytes in UTF-8. */
const UNIT_BYTES_MAX = 3;

const encoder = new TextEncoder();
const scratch = new Uint8Array(INLINE_BYTES_MAX);
/** Shared by texts that are encoded one after the other: a buffer for each would take five times as long to make. */
let shared = new Uint8Array(SMALL_BUFFER_BYTES);
let sharedBytes = 0;

/** The UTF-8 bytes of `text`; of a short one in an array that is no view, of a middling one in a small shared buffer. */
export function encodeText(text: string): Uint8Array {
  const bytesMax = text.length * UNIT_BYTES_MAX;
  if (bytesMax <= scratch.length) return scratch.slice(0, encoder.encodeInto(text, scratch).written);
  if (bytesMax > shared.length) return encoder.encode(text);
  if (sharedBytes + bytesMax > shared.length) {
    shared = new Uint8Array(SMALL_BUFFER_BYTES);
    sharedBytes = 0;
  }
  const from = sharedBytes;
  sharedBytes += encoder.encodeInto(text, shared.subarray(from)).written;
  return shared.subarray(from, sharedBytes);
}

/** `bytes` as they are, or copied where they are a small part of what they would keep. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return mayBeInline(bytes) ? new Uint8Array(bytes) : ownView(bytes, bytes.buffer, bytes.length);
}

/** The same for the bodies of one batch, in their place. */
export function ownBodies(messages: readonly { body: Uint8Array }[]): void {
  // Each is asked for its buffer once: the engine takes longer for that than for all the rest.
  const buffers: (ArrayBufferLike | undefined)[] = [];
  let bytes = 0;
  let isOneBuffer = true;
  for (const { body } of messages) {
    buffers.push(mayBeInline(body) ? undefined : body.buffer);
    bytes += body.length;
    if (buffers.at(-1) !== buffers[0]) isOneBuffer = false;
  }
  // What came over a wire lies in one buffer, and needs no map.
  const used = isOneBuffer ? undefined : usedBytes(messages, buffers);
  for (const [index, message] of messages.entries()) {
    const buffer = buffers[index];
    if (buffer === undefined) message.body = new Uint8Array(message.body);
    else message.body = ownView(message.body, buffer, used?.get(buffer) ?? bytes);
  }
}

/** Asking such an array for its buffer would make one, several times as large; it is copied unseen, which is cheap. */
export function mayBeInline(bytes: Uint8Array): boolean {
  return bytes.length <= INLINE_BYTES_MAX && bytes.byteOffset === 0;
}

/** How much of each buffer the bodies need together. */
function usedBytes(
  messages: readonly { readonly body: Uint8Array }[],
  buffers: readonly (ArrayBufferLike | undefined)[],
): ReadonlyMap<ArrayBufferLike, number> {
  const used = new Map<ArrayBufferLike, number>();
  for (const [index, { body }] of messages.entries()) {
    const buffer = buffers[index];
    if (buffer !== undefined) used.set(buffer, (used.get(buffer) ?? 0) + body.length);
  }
  return used;
}

/** `bytes`, a view of `buffer`, of which `usedBytes` are needed. */
function ownView(bytes: Uint8Array, buffer: ArrayBufferLike, usedBytes: number): Uint8Array {
  const isWasteful = buffer.byteLength > SMALL_BUFFER_BYTES && buffer.byteLength > 2 * usedBytes;
  if (isWasteful) return new Uint8Array(bytes);
  // A Buffer is a Uint8Array with other manners (slice, toString): what we store and hand out is always the plain kind.
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(buffer, bytes.byteOffset, bytes.length);
}
