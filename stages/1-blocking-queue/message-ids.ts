/**
 * The ids a broker gives to messages that came without one: its random prefix and a number, 1, 2, 3, ...
 *
 *     9f86d081884c7d65-1041
 *     \_____ head ____/\_/    the last three digits come from a list: no number is written out for each id
 *
 * Always true: no two ids of one maker are equal, and `at` says the same id for a number every time, so who keeps the
 * number need not keep the text. Used by the spines.
 */

/** Below it a number is written out as it is. */
const LAST_DIGITS_COUNT = 1000;
const LAST_DIGITS = Array.from({ length: LAST_DIGITS_COUNT }, (_, number) => String(number).padStart(3, '0'));

export class MessageIds {
  /** Random, so that ids of two instances never meet; with its dash, as one text less to keep for each message. */
  readonly #prefix: string;
  #count = 0;
  /** Of the ids made last: the prefix, and their number without its last three digits. */
  #thousands = 0;
  #head = '';

  constructor(instanceId: string) {
    this.#prefix = `${instanceId}-`;
  }

  /** The next number; `at` makes an id of it. */
  take(): number {
    this.#count += 1;
    return this.#count;
  }

  /** The id with this number. */
  at(number: number): string {
    if (number < LAST_DIGITS_COUNT) return `${this.#prefix}${number}`;
    const thousands = Math.floor(number / LAST_DIGITS_COUNT);
    if (thousands !== this.#thousands) {
      this.#thousands = thousands;
      this.#head = `${this.#prefix}${thousands}`;
    }
    return `${this.#head}${LAST_DIGITS[number % LAST_DIGITS_COUNT]}`;
  }

  next(): string {
    return this.at(this.take());
  }
}
