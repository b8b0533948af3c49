/**
 * Counts, under load, what became of every message: each carries its number, so that a fast broker that loses one
 * message in a million is not mistaken for a good one.
 *
 *     attempted --> sent (the broker took responsibility) --> received once
 *              \                                         \--> received never: lost
 *               \-> unanswered (the load ended first)     \-> received again: duplicate
 *
 * Always true: an unanswered message is neither lost nor sent, for nobody promised anything; it may arrive all the
 * same, once. A number that was never attempted is `unknown`: a phantom, or somebody else's message.
 */

/** What `Tally.counts` answers. */
export interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicate: number;
  readonly unanswered: number;
  readonly unknown: number;
}

/** Bytes of every message the bench sends. */
export const BODY_BYTES = 100;

/** Bit of a number in `Tally`'s table; the low bits count how often it was received, at most 63 times. */
const ATTEMPTED = 64;
const SENT = 128;
const RECEIVED = 63;

/** Digits of a number in base 32: the characters `0` to `O`, none of which JSON escapes. */
const DIGITS_COUNT = 5;
const ZERO = 0x30;

/** Numbers below this fit into a body. */
export const NUMBERS_MAX = 32 ** DIGITS_COUNT;

const FILLING = '.'.repeat(BODY_BYTES - DIGITS_COUNT);

/** A message of 100 ASCII characters that begins with its number. */
export function numberedText(number: number): string {
  let digits = '';
  for (let rest = number, at = 0; at < DIGITS_COUNT; at += 1, rest >>>= 5) {
    digits = String.fromCharCode(ZERO + (rest & 31)) + digits;
  }
  return digits + FILLING;
}

/** The same as bytes. */
export function numberedBody(number: number): Uint8Array {
  return new TextEncoder().encode(numberedText(number));
}

/** Puts a number where a body of these bytes begins. */
export function writeNumber(bytes: Uint8Array, position: number, number: number): void {
  for (let rest = number, at = position + DIGITS_COUNT - 1; at >= position; at -= 1, rest >>>= 5) {
    bytes[at] = ZERO + (rest & 31);
  }
}

/** The number of a body that `numberedBody` made, and that begins at `from`; of any other bytes, some other number. */
export function numberIn(bytes: Uint8Array, from = 0): number {
  let number = 0;
  for (let at = from; at < from + DIGITS_COUNT; at += 1) number = (number << 5) | (((bytes[at] ?? 0) - ZERO) & 31);
  return number;
}

/** The same for a body as text. */
export function numberInText(text: string): number {
  let number = 0;
  for (let at = 0; at < DIGITS_COUNT; at += 1) number = (number << 5) | ((text.charCodeAt(at) - ZERO) & 31);
  return number;
}

export class Tally {
  /** One byte a number: ATTEMPTED, SENT, and how often it was received. */
  #table: Uint8Array;
  #unknownCount = 0;

  constructor(expectedCount = 1024) {
    this.#table = new Uint8Array(expectedCount);
  }

  /** The message with this number is on its way; nobody has answered yet. */
  attempt(number: number): void {
    if (number >= this.#table.length) this.#grow(number);
    this.#table[number] = (this.#table[number] ?? 0) | ATTEMPTED;
  }

  /** The broker took responsibility for it. */
  sent(number: number): void {
    this.attempt(number);
    this.#table[number] = (this.#table[number] ?? 0) | SENT;
  }

  /** It was handed out. */
  received(number: number): void {
    const entry = this.#table[number];
    if (entry === undefined || (entry & ATTEMPTED) === 0) this.#unknownCount += 1;
    else if ((entry & RECEIVED) < RECEIVED) this.#table[number] = entry + 1;
  }

  /** The same messages go round again: what was attempted and sent stays so, nothing is received yet. */
  forgetReceived(): void {
    for (let number = 0; number < this.#table.length; number += 1) {
      this.#table[number] = (this.#table[number] ?? 0) & (ATTEMPTED | SENT);
    }
    this.#unknownCount = 0;
  }

  get counts(): Counts {
    const counts = { sent: 0, received: 0, lost: 0, duplicate: 0, unanswered: 0, unknown: this.#unknownCount };
    for (const entry of this.#table) {
      if (entry === 0) continue;
      const times = entry & RECEIVED;
      if (entry & SENT) counts.sent += 1;
      else counts.unanswered += 1;
      if (times > 0) counts.received += 1;
      else if (entry & SENT) counts.lost += 1;
      if (times > 1) counts.duplicate += times - 1;
    }
    return counts;
  }

  #grow(number: number): void {
    const larger = new Uint8Array(Math.max(number + 1, this.#table.length * 2));
    larger.set(this.#table);
    this.#table = larger;
  }
}

export const NO_COUNTS: Counts = Object.freeze({
  sent: 0,
  received: 0,
  lost: 0,
  duplicate: 0,
  unanswered: 0,
  unknown: 0,
});

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    sent: a.sent + b.sent,
    received: a.received + b.received,
    lost: a.lost + b.lost,
    duplicate: a.duplicate + b.duplicate,
    unanswered: a.unanswered + b.unanswered,
    unknown: a.unknown + b.unknown,
  };
}
