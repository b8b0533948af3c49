/**
 * The patterns of LIKE: `_` is one character, `%` any number of them, everything else itself.
 *
 *     'a%b_c%'      pieces: "a" at the begin, "b_c" somewhere behind it, nothing at the end
 *
 * Always true (I17): each piece is looked for once, from the left, where the one before it ended; nothing is tried twice,
 * so a text of n characters takes at most n times the length of the pattern. A character is a code point. Pure.
 */

/** One character of a piece; null is `_`. */
type Piece = readonly (string | null)[];

/** Answers whether a text is as the pattern says. `escapeCharacter` makes the character behind it an ordinary one. */
export function likePattern(pattern: string, escapeCharacter: string | undefined): (text: string) => boolean {
  const pieces = piecesOf(pattern, escapeCharacter);
  const texts = pieces.map((piece) => (piece.includes(null) ? undefined : piece.join('')));
  if (texts.every((text) => text !== undefined)) return plainMatcher(texts);
  return (text) => matchesPieces([...text], pieces);
}

/** What stands between the `%`s. */
function piecesOf(pattern: string, escapeCharacter: string | undefined): Piece[] {
  const pieces: (string | null)[][] = [[]];
  let isEscaped = false;
  for (const character of pattern) {
    if (!isEscaped && character === escapeCharacter) {
      isEscaped = true;
      continue;
    }
    if (!isEscaped && character === '%') pieces.push([]);
    else pieces.at(-1)?.push(!isEscaped && character === '_' ? null : character);
    isEscaped = false;
  }
  return pieces;
}

function plainMatcher(pieces: readonly string[]): (text: string) => boolean {
  const [first = '', ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let from = first.length;
    for (const piece of others) {
      const found = text.indexOf(piece, from);
      if (found < 0) return false;
      from = found + piece.length;
    }
    return text.length - last.length >= from && text.endsWith(last);
  };
}

function matchesPieces(text: readonly string[], pieces: readonly Piece[]): boolean {
  const [first = [], ...others] = pieces;
  const last = others.pop();
  if (!isAt(text, first, 0)) return false;
  if (last === undefined) return text.length === first.length;
  let from = first.length;
  for (const piece of others) {
    const lastStart = text.length - piece.length;
    while (from <= lastStart && !isAt(text, piece, from)) from += 1;
    if (from > lastStart) return false;
    from += piece.length;
  }
  const lastFrom = text.length - last.length;
  return lastFrom >= from && isAt(text, last, lastFrom);
}

function isAt(text: readonly string[], piece: Piece, from: number): boolean {
  if (from + piece.length > text.length) return false;
  for (let index = 0; index < piece.length; index += 1) {
    const wanted = piece[index];
    if (wanted !== null && text[from + index] !== wanted) return false;
  }
  return true;
}
