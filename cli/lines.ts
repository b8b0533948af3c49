/**
 * Bytes in, lines out: how `mq send` cuts its input into messages.
 *
 *     "a\nb" "c\r\n" "\n" "d"   ->   ["a"]  ["bc\r"]  [""]  ["d"]
 *
 * Always true: only LF ends a line, and nothing else is changed, so bodies joined by LF are the input again, byte for
 * byte, also where it is not UTF-8; an empty line is an empty line; a last line without LF counts, and nothing after a
 * last LF does. A group never waits for more input, and holds at most `countMax` lines and `bytesMax` bytes (one longer
 * line stands alone), so memory is bounded by one chunk and one line.
 */

const LF = 0x0a;

export interface LineGroupLimits {
  /** Lines of one group. */
  readonly countMax: number;
  /** Bytes of one group, LFs not counted. */
  readonly bytesMax: number;
  /** Bytes of one line; a longer one throws `LineTooLong`. */
  readonly lineBytesMax: number;
}

/** A line is longer than a message may be. */
export class LineTooLong extends Error {
  /** Counted from 1, as editors do. */
  readonly lineNumber: number;

  constructor(lineNumber: number) {
    super(`line ${lineNumber} is too long`);
    this.lineNumber = lineNumber;
  }
}

/** The lines of `input` in groups, in order: what one chunk completed, cut to the limits. */
export async function* lineGroups(
  input: AsyncIterable<Uint8Array | string>,
  limits: LineGroupLimits,
): AsyncGenerator<readonly Uint8Array[]> {
  const cutter = new LineCutter(limits.lineBytesMax);
  for await (const chunk of input) {
    yield* grouped(cutter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk), limits);
  }
  yield* grouped(cutter.end(), limits);
}

function* grouped(lines: Iterable<Uint8Array>, limits: LineGroupLimits): Generator<readonly Uint8Array[]> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (const line of lines) {
      const isFull = group.length >= limits.countMax || bytes + line.length > limits.bytesMax;
      if (isFull && group.length > 0) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(line);
      bytes += line.length;
    }
  } catch (error) {
    // What came before a line that is too long is sent all the same, so that the line number is the place to go on.
    if (group.length > 0) yield group;
    throw error;
  }
  if (group.length > 0) yield group;
}

class LineCutter {
  readonly #lineBytesMax: number;
  /** Pieces of the line whose LF has not come yet. */
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  /** Lines completed so far. */
  #lineCount = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines `chunk` completes. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = chunk.indexOf(LF, start); at !== -1; at = chunk.indexOf(LF, start)) {
      this.#keep(chunk.subarray(start, at));
      yield this.#line();
      start = at + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The last line, when it did not end with LF. */
  *end(): Generator<Uint8Array> {
    if (this.#pieceBytes > 0) yield this.#line();
  }

  #keep(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#lineBytesMax) throw new LineTooLong(this.#lineCount + 1);
  }

  #line(): Uint8Array {
    const [only] = this.#pieces;
    const line = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#lineCount += 1;
    return line;
  }
}
