/**
 * A selector: a condition of SQL-92 over the headers of a message, as JMS has it. docs/selectors.md has the language.
 *
 *     text --> tokens --> tree --> function        once
 *     message --> function --> true, false, unknown        for each; only true is a match
 *
 * Always true: what is no selector is `MQ_INVALID_SELECTOR`, whatever the text; matching throws nothing and changes nothing.
 */
import { TYPES_HEADER } from '../../../../shared/contract/filter.ts';
import { LIMITS } from '../../../../shared/contract/limits.ts';
import { utf8Length } from '../../../../shared/contract/validation.ts';
import { compileTest, type Test } from './compiler.ts';
import { type Cost, costOf } from './cost.ts';
import type { SelectableRecord } from './fields.ts';
import { parseSelector } from './parser.ts';
import { PropertyTypeTable } from './property-types.ts';
import { invalidSelector } from './syntax.ts';
import type { Truth } from './values.ts';

export class Selector {
  readonly text: string;
  /** In looks, of which an ordinary selector is one. */
  readonly costOf: Cost;
  readonly #test: Test;
  readonly #types = new PropertyTypeTable();

  /** `MQ_INVALID_SELECTOR` with `details.position`. */
  constructor(text: string, { selectorBytesMax } = LIMITS) {
    const bytes = utf8Length(text);
    if (bytes > selectorBytesMax) {
      throw invalidSelector(0, `it has ${bytes} bytes; expected at most ${selectorBytesMax}`);
    }
    this.text = text;
    const expression = parseSelector(text);
    this.#test = compileTest(expression);
    this.costOf = costOf(text, expression);
  }

  /** `deliveryCount` is that of the delivery the record would become. */
  matches(record: SelectableRecord, deliveryCount: number): boolean {
    return this.evaluate(record, deliveryCount) === true;
  }

  /** undefined: unknown. */
  evaluate(record: SelectableRecord, deliveryCount: number): Truth {
    const header = record.headers[TYPES_HEADER];
    const types = header === undefined ? undefined : this.#types.typesOf(header);
    return this.#test({ record, deliveryCount, types });
  }
}
