/**
 * Patterns over the names of topics, in the two forms that protocols have.
 *
 *     dotted     orders.*.paid   one word       orders.>   one word or more below
 *     slashed    orders/+/paid   one word       orders/#   orders itself, and everything below
 *
 * Always true: a wildcard is a whole word, and the one for everything below is the last; no wildcard ever stands for a first
 * word that begins with `$`: what the broker made itself is covered only by who names it. Matching takes time in proportion
 * to the name. Pure.
 */
import type { PatternForm } from '../../../shared/contract/filter.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import { invalidArgument } from '../../../shared/contract/validation.ts';
import { checkReadableName } from '../../4-persisted-log/message-options.ts';

interface Form {
  readonly separator: string;
  readonly one: string;
  readonly below: string;
  /** True: what is before it is covered too. */
  readonly isItselfBelow: boolean;
  /** True: an empty word is one. */
  readonly mayBeEmpty: boolean;
}

const FORMS: Readonly<Record<PatternForm, Form>> = {
  dotted: { separator: '.', one: '*', below: '>', isItselfBelow: false, mayBeEmpty: false },
  slashed: { separator: '/', one: '+', below: '#', isItselfBelow: true, mayBeEmpty: true },
};

/** Answers whether a topic of this name is covered. `MQ_INVALID_ARGUMENT` for what is no pattern of the form. */
export function topicPattern(pattern: string, form: PatternForm, limits: Limits): (topic: string) => boolean {
  const { separator, one, below, isItselfBelow } = FORMS[form];
  const words = checkReadableName('topic', pattern, limits).split(separator);
  checkWords(words, FORMS[form], pattern);
  const isOpen = words.at(-1) === below;
  const wanted = isOpen ? words.slice(0, -1) : words;
  const leastCount = wanted.length + (isOpen && !isItselfBelow ? 1 : 0);
  return (topic) => {
    const given = topic.split(separator);
    if (given.length < leastCount || (!isOpen && given.length > wanted.length)) return false;
    if (topic.startsWith('$') && wanted[0] !== given[0]) return false;
    return wanted.every((word, index) => word === one || word === given[index]);
  };
}

function checkWords(words: readonly string[], { one, below, separator, mayBeEmpty }: Form, pattern: string): void {
  for (const [index, word] of words.entries()) {
    if (word === '' && !mayBeEmpty)
      throw invalidArgument('topic', `a pattern with a word on both sides of ${separator}`, pattern);
    const isWildcard = word === one || word === below;
    if (!isWildcard && (word.includes(one) || word.includes(below))) {
      throw invalidArgument(
        'topic',
        `a pattern in which ${one} and ${below} are whole words between ${separator}`,
        pattern,
      );
    }
    if (word === below && index < words.length - 1) {
      throw invalidArgument('topic', `a pattern in which ${below} is the last word`, pattern);
    }
  }
}
