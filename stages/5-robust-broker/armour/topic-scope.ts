/**
 * Which topics a line of a configuration is about: one by its name, or all whose names begin like it.
 *
 *     "orders"      that topic          "orders.*"    orders.tea, orders.coffee.large          "*"    every topic
 *
 * Always true: names are compared in NFC, as brokers keep them; a name that begins with `$` (the broker's own) is matched
 * only by a pattern that begins with `$`.
 */
import { utf8Length } from '../../../shared/contract/validation.ts';

/** Longest pattern, in UTF-8 bytes: names that the broker makes itself are longer than those of its callers. */
const PATTERN_BYTES_MAX = 1024;

/** Why `pattern` is none, as the end of "... must be"; undefined when it is one. */
export function scopeFault(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return 'a string';
  const bytes = utf8Length(pattern);
  if (bytes < 1 || bytes > PATTERN_BYTES_MAX) return `1 to ${PATTERN_BYTES_MAX} UTF-8 bytes`;
  if (!pattern.isWellFormed() || /\p{Cc}/u.test(pattern)) return 'well-formed and free of control characters';
  if (pattern.slice(0, -1).includes('*')) return 'a name, or the beginning of names and then "*" at the very end';
  return undefined;
}

/** One that `scopeFault` found nothing wrong with. */
export class TopicScope {
  readonly text: string;
  readonly #begin: string;
  readonly #isPrefix: boolean;

  constructor(text: string) {
    this.text = text;
    this.#isPrefix = text.endsWith('*');
    this.#begin = (this.#isPrefix ? text.slice(0, -1) : text).normalize('NFC');
  }

  /** `topic` in NFC. */
  matches(topic: string): boolean {
    if (topic.startsWith('$') !== this.#begin.startsWith('$')) return false;
    return this.#isPrefix ? topic.startsWith(this.#begin) : topic === this.#begin;
  }

  /** True when every name that begins with `begin` is matched, but for the broker's own. */
  coversAllFrom(begin: string): boolean {
    return this.#isPrefix && begin.startsWith(this.#begin) && begin.startsWith('$') === this.#begin.startsWith('$');
  }
}
