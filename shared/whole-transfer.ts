/**
 * An operating system may read or write less than it was asked to; these go on until all is done. `step` does one call
 * and says how many bytes it moved.
 *
 * Always true: a read ends early only at the end of the file; a write that moves nothing is an error, never a loop.
 */

/** As many pieces as one `writev` takes (IOV_MAX). */
const PIECES_MAX = 1024;

export async function readWhole(
  into: Uint8Array,
  step: (rest: Uint8Array, doneBytes: number) => Promise<number>,
): Promise<number> {
  let doneBytes = 0;
  while (doneBytes < into.length) {
    const bytes = await step(doneBytes === 0 ? into : into.subarray(doneBytes), doneBytes);
    if (bytes === 0) break;
    doneBytes += bytes;
  }
  return doneBytes;
}

export async function writeWhole(
  pieces: readonly Uint8Array[],
  step: (rest: readonly Uint8Array[], doneBytes: number) => Promise<number>,
): Promise<void> {
  let doneBytes = 0;
  let rest = pieces.filter((piece) => piece.length > 0);
  while (rest.length > 0) {
    const bytes = await step(rest.length > PIECES_MAX ? rest.slice(0, PIECES_MAX) : rest, doneBytes);
    if (bytes === 0) throw noProgress();
    doneBytes += bytes;
    rest = withoutFirst(rest, bytes);
  }
}

/** The same in calls that are done when they return. */
export function writeWholeNow(
  pieces: readonly Uint8Array[],
  step: (rest: readonly Uint8Array[], doneBytes: number) => number,
): void {
  let doneBytes = 0;
  for (let rest = pieces.filter((piece) => piece.length > 0); rest.length > 0; ) {
    const bytes = step(rest.length > PIECES_MAX ? rest.slice(0, PIECES_MAX) : rest, doneBytes);
    if (bytes === 0) throw noProgress();
    doneBytes += bytes;
    rest = withoutFirst(rest, bytes);
  }
}

function noProgress(): Error {
  return Object.assign(new Error('the disk takes no more bytes'), { code: 'EIO' });
}

/** The pieces without their first `bytes`. */
function withoutFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0;
  let left = bytes;
  for (let piece = pieces[0]; piece !== undefined && piece.length <= left; piece = pieces[index]) {
    left -= piece.length;
    index += 1;
  }
  const rest = pieces.slice(index);
  const [first] = rest;
  if (first !== undefined && left > 0) rest[0] = first.subarray(left);
  return rest;
}
