/**
 * What a selector costs with one record, in looks: an ordinary selector costs one, and one that searches long headers for long
 * patterns as many as take the same time.
 *
 *     region = 'eu'                         1 look
 *     note LIKE '%a_b%', 16 KiB of note     137 looks
 *
 * Always true: it is known before the record is looked at, and never less than 1. Pure.
 */
import { TYPES_HEADER } from '../../../../shared/contract/filter.ts';
import { fieldOf, type Read, type SelectableRecord } from './fields.ts';
import type { Expression } from './syntax.ts';

/** Comparisons of characters that take as long as a look. */
const STEPS_OF_A_LOOK = 600;
/** For each character of the selector, */
const STEPS_OF_TEXT = 2;
/** of a header in which texts are searched, for each pattern at least, */
const STEPS_OF_SEARCH = 4;
/** and of the header that says of what types the others are. */
const STEPS_OF_TYPES = 14;

export type Cost = (record: SelectableRecord) => number;

interface Search {
  readonly read: Read;
  /** For each character of the header. */
  readonly steps: number;
}

export function costOf(text: string, expression: Expression): Cost {
  const searches = [...searchesIn(expression)];
  const base = text.length * STEPS_OF_TEXT;
  return (record) => {
    let steps = base + (record.headers[TYPES_HEADER]?.length ?? 0) * STEPS_OF_TYPES;
    for (const search of searches) {
      const value = search.read({ record, deliveryCount: 1, types: undefined });
      if (typeof value === 'string') steps += value.length * search.steps;
    }
    return 1 + Math.floor(steps / STEPS_OF_A_LOOK);
  };
}

function* searchesIn(expression: Expression): Iterable<Search> {
  if (expression.kind === 'like') {
    const { field, at, pattern } = expression;
    // With `_` every place of the header is compared with all of a piece, at worst.
    const steps = Math.max(STEPS_OF_SEARCH, pattern.includes('_') ? pattern.length : 0);
    yield { read: fieldOf(field, at), steps };
  }
  for (const part of partsOf(expression)) yield* searchesIn(part);
}

/** Conditions stand in conditions only. */
function partsOf(expression: Expression): readonly Expression[] {
  if (expression.kind === 'and' || expression.kind === 'or') return expression.operands;
  return expression.kind === 'not' ? [expression.operand] : [];
}
