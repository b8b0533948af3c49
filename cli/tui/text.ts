/**
 * Lines of the screen as plain values: a line is a list of spans, a span is a text with a tone.
 *
 *     [ {'c1', strong} {'  working ', plain} {'▂▃▅', dim} ]
 *
 * Always true: widths are terminal columns as Ink counts them (a Chinese character has two), and what `fit`, `fitLine`
 * and `titleBar` return is exactly as wide as asked, so panes beside each other never shift.
 * Pure functions; every view of the screen is made of them.
 */
import stringWidth from 'string-width';

/** What a text means; theme.ts turns it into colours. Letters and symbols carry the same meaning without colour. */
export type Tone =
  | 'plain'
  | 'dim'
  | 'strong'
  | 'title'
  | 'chosen'
  | 'key'
  | 'good'
  | 'warn'
  | 'bad'
  | 'free'
  | 'ready'
  | 'in-flight'
  | 'acked'
  | 'overwritten'
  | 'undecided'
  | 'aborted'
  | 'written'
  | 'marker-committed'
  | 'marker-aborted'
  | 'group-1'
  | 'group-2'
  | 'group-3'
  | 'group-4';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Span[];

export type Align = 'left' | 'right' | 'center';

export const EMPTY_LINE: Line = [];

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone };
}

/** Columns a text takes in the terminal. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** `text` in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(text: string, width: number, align: Align = 'left'): string {
  const cut = truncate(text, width);
  const room = width - widthOf(cut);
  if (align === 'right') return ' '.repeat(room) + cut;
  const left = align === 'center' ? Math.floor(room / 2) : 0;
  return ' '.repeat(left) + cut + ' '.repeat(room - left);
}

/** At most `width` columns; what was cut shows as `…`. */
export function truncate(text: string, width: number): string {
  if (width <= 0) return '';
  if (widthOf(text) <= width) return text;
  return `${prefixOf(text, width - 1)}…`;
}

/** Like `truncate`, but keeps the end. */
export function truncateStart(text: string, width: number): string {
  if (width <= 0) return '';
  if (widthOf(text) <= width) return text;
  const characters = charactersOf(text);
  while (characters.length > 0 && widthOf(characters.join('')) > width - 1) characters.shift();
  return `…${characters.join('')}`;
}

/** A line in exactly `width` columns; the tone of the padding is plain. */
export function fitLine(line: Line, width: number): Line {
  const fitted: Span[] = [];
  let room = width;
  for (const { text, tone } of line) {
    if (room === 0) break;
    const cut = truncate(text, room);
    fitted.push({ text: cut, tone });
    room -= widthOf(cut);
  }
  return room > 0 ? [...fitted, span(' '.repeat(room))] : fitted;
}

/** The upper edge of a pane: `┌ title ─────┐`. */
export function titleBar(title: string, width: number): Line {
  const shown = truncate(title, width - 5);
  const rest = Math.max(width - widthOf(shown) - 5, 0);
  return [span('┌─ ', 'dim'), span(shown, 'title'), span(` ${'─'.repeat(rest)}┐`, 'dim')];
}

/** Words broken into lines of at most `width` columns; a text without spaces (Chinese) breaks anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of piecesOf(text)) {
    if (widthOf(line + piece.trimEnd()) > width && line !== '') {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    } else {
      line += piece;
    }
  }
  return [...lines, line.trimEnd()];
}

/** The plain text of a line. */
export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Never begin a line with these. */
const CLOSING = /^[，。、；：）」！？]/u;

function charactersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function prefixOf(text: string, width: number): string {
  let prefix = '';
  let used = 0;
  for (const character of charactersOf(text)) {
    used += widthOf(character);
    if (used > width) break;
    prefix += character;
  }
  return prefix;
}

/** Places where a line may break: after spaces, and after every wide character unless a closing mark follows. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of charactersOf(text)) {
    const last = piece.at(-1) ?? '';
    const breaksHere = last === ' ' || widthOf(last) === 2 || (piece !== '' && widthOf(character) === 2);
    if (breaksHere && piece !== '' && character !== ' ' && !CLOSING.test(character)) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return piece === '' ? pieces : [...pieces, piece];
}
