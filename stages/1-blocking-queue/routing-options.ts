/**
 * Two options that operations of every stage share, checked once for all stages: who sends (`producer`) and what is wanted
 * (`filter`).
 *
 * Always true: each function returns the option in its normal form, or throws `MQ_INVALID_ARGUMENT` with the path, or
 * `MQ_NOT_SUPPORTED` with the capability. Whether a selector is one is for those who can read it. Pure.
 */
import type { Filter } from '../../shared/contract/filter.ts';
import { EPOCH_MAX, type ProducerStamp, SEQUENCE_MAX } from '../../shared/contract/producer.ts';
import { checkInteger, checkOptions, invalidArgument, utf8Length } from '../../shared/contract/validation.ts';
import { need, type Rules } from './rules.ts';

/** Tags of one filter. */
const TAGS_COUNT_MAX = 64;

const STAMP_MEMBERS = ['producerId', 'epoch', 'sequence'];

/** What lets everything through. */
export const NO_FILTER: Filter = Object.freeze({});

/** Undefined and `{}` alike: no filter. */
export function checkFilter(path: string, filter: unknown, rules: Rules): Filter {
  if (filter === undefined) return NO_FILTER;
  checkOptions(path, filter, ['tags', 'selector']);
  const { tags, selector } = filter as Filter;
  if (tags === undefined && selector === undefined) return NO_FILTER;
  need(rules, 'filters', path);
  return {
    ...(tags === undefined ? {} : { tags: checkTags(`${path}.tags`, tags, rules) }),
    ...(selector === undefined ? {} : { selector: checkSelector(`${path}.selector`, selector, rules) }),
  };
}

/** Who sends, and the number of the first message. */
export function checkProducer(path: string, producer: unknown, rules: Rules): ProducerStamp | undefined {
  if (producer === undefined) return undefined;
  need(rules, 'idempotence', path);
  checkOptions(path, producer, STAMP_MEMBERS);
  const { producerId, epoch, sequence } = producer as ProducerStamp;
  const isRight =
    isWhole(producerId, Number.MAX_SAFE_INTEGER) && isWhole(epoch, EPOCH_MAX) && isWhole(sequence, SEQUENCE_MAX);
  if (isRight) return { producerId: producerId + 0, epoch: epoch + 0, sequence: sequence + 0 }; // 0 of -0
  return {
    producerId: given(`${path}.producerId`, producerId, Number.MAX_SAFE_INTEGER),
    epoch: given(`${path}.epoch`, epoch, EPOCH_MAX),
    sequence: given(`${path}.sequence`, sequence, SEQUENCE_MAX),
  };
}

/** Asked first, for every send: writing the paths out costs more. */
function isWhole(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

/** A number that is not given is a mistake here: a guessed sequence would lose or repeat messages. */
function given(path: string, value: unknown, max: number): number {
  return checkInteger(path, value ?? null, { min: 0, max, fallback: 0 });
}

/** Each once, in code unit order, so that equal filters are equal. */
function checkTags(path: string, tags: unknown, { limits }: Rules): readonly string[] {
  if (!Array.isArray(tags) || tags.length < 1 || tags.length > TAGS_COUNT_MAX) {
    throw invalidArgument(path, `an array of 1 to ${TAGS_COUNT_MAX} tags`, tags);
  }
  for (const [index, tag] of tags.entries()) {
    const isTag = typeof tag === 'string' && tag.isWellFormed() && utf8Length(tag) <= limits.headersBytesMax;
    if (!isTag) throw invalidArgument(`${path}[${index}]`, 'a well-formed string that fits into a header', tag);
  }
  return [...new Set(tags as string[])].sort();
}

function checkSelector(path: string, selector: unknown, { limits }: Rules): string {
  const isText = typeof selector === 'string' && selector.isWellFormed() && selector.trim() !== '';
  if (!isText) throw invalidArgument(path, 'a condition, as text', selector);
  if (utf8Length(selector) <= limits.selectorBytesMax) return selector;
  throw invalidArgument(path, `at most ${limits.selectorBytesMax} bytes`);
}
