/**
 * What the two pictures of the inside share: a cell with its letter and colour, and the legend that explains both.
 *
 *     ' 12R '     offset 12, ready            '  ·  '     free
 */
import type { CellState } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { say } from './messages.ts';
import { fit, type Line, type Span, span, truncateStart } from './text.ts';

/** A state is told by its letter also where there is no colour. */
export const CELL_LETTERS: Readonly<Record<CellState, string>> = {
  free: '·',
  ready: 'R',
  'in-flight': 'F',
  acked: 'A',
  overwritten: 'X',
};

/** A cell of `width` columns; of a long offset the last digits are shown. */
export function cellSpan(cell: { readonly offset: number | null; readonly state: CellState }, width: number): Span {
  const letter = CELL_LETTERS[cell.state];
  const offset = cell.offset === null ? '' : truncateStart(String(cell.offset), width - 1);
  return span(fit(offset + letter, width, 'center'), cell.state);
}

/** `R ready F in flight ...` */
export function legendLine(language: Language, states: readonly CellState[]): Line {
  return states.flatMap((state) => [
    span(' '),
    span(CELL_LETTERS[state], state),
    span(` ${say(language, `cell.${state}`)}`, 'dim'),
  ]);
}
