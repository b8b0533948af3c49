/**
 * Makes of a filter what desks ask: tags and selector, compiled once and remembered.
 *
 *     { tags: ['paid'], selector: "region = 'eu'" } --> matcher: header `tag` is one of them, and the selector is true
 *
 * Always true: equal filters have one matcher, or two with the same key; what is no selector is `MQ_INVALID_SELECTOR` and
 * nothing else happens. Filters come in their normal form, as `checkFilter` makes them.
 */
import { type Filter, TAG_HEADER } from '../../../shared/contract/filter.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import type { RecordMatcher } from '../../4-persisted-log/delivery/record-matcher.ts';
import type { SelectableRecord } from './selector/fields.ts';
import { Selector } from './selector/selector.ts';

/** Filters that are remembered, so that a receive does not read its selector again each time. */
const REMEMBERED_COUNT_MAX = 256;

export class RecordFilters {
  readonly #limits: Limits;
  /** By key; the one that was asked last is the last. */
  readonly #matchers = new Map<string, RecordMatcher>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Undefined for a filter that lets everything through. A field, since it is handed on by itself. */
  readonly matcherOf = (filter: Filter): RecordMatcher | undefined => {
    if (filter.tags === undefined && filter.selector === undefined) return undefined;
    const key = JSON.stringify([filter.tags, filter.selector]);
    const matcher = this.#matchers.get(key) ?? matcherFor(key, filter, this.#limits);
    this.#matchers.delete(key);
    this.#matchers.set(key, matcher);
    const [oldest] = this.#matchers.keys();
    if (this.#matchers.size > REMEMBERED_COUNT_MAX && oldest !== undefined) this.#matchers.delete(oldest);
    return matcher;
  };
}

function matcherFor(key: string, { tags, selector: text }: Filter, limits: Limits): RecordMatcher {
  const selector = text === undefined ? undefined : new Selector(text, limits);
  const wanted = tags === undefined ? undefined : new Set(tags);
  const hasTag = ({ headers }: SelectableRecord): boolean => {
    const tag = headers[TAG_HEADER];
    return wanted === undefined || (tag !== undefined && wanted.has(tag));
  };
  return {
    key,
    ...(selector && { costOf: selector.costOf }),
    matches: (record, deliveryCount) => hasTag(record) && (selector?.matches(record, deliveryCount) ?? true),
  };
}
