/**
 * The types of the properties of one message: headers are text, and the header `TYPES_HEADER` says which of them were
 * something else on the wire they came in by.
 *
 *     $types  price=double&count=int        price "9.5" -> 9.5        count "3" -> 3n        name "x" -> "x"
 *
 * Always true: a text that is not of the type it is said to be is no value at all (NULL), never another one; a type nobody
 * knows is as good as none. What was read last is remembered, since the messages of one sender say the same.
 */
import type { Value } from './values.ts';

/** How many headers are remembered; then all are forgotten. */
const REMEMBERED_COUNT_MAX = 64;

type Convert = (text: string) => Value;

const EXACT = /^[+-]?\d{1,19}$/;
const APPROXIMATE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const CONVERSIONS: ReadonlyMap<string, Convert> = new Map([
  ['boolean', (text) => (text === 'true' ? true : text === 'false' ? false : undefined)],
  ['byte', exactOf(8)],
  ['short', exactOf(16)],
  ['int', exactOf(32)],
  ['long', exactOf(64)],
  ['float', (text) => roundedToFloat(approximate(text))],
  ['double', approximate],
]);

/** Header name -> how its text is read. */
export type PropertyTypes = ReadonlyMap<string, Convert>;

export class PropertyTypeTable {
  readonly #known = new Map<string, PropertyTypes>();

  /** `header` is the value of `TYPES_HEADER`. */
  typesOf(header: string): PropertyTypes {
    const known = this.#known.get(header);
    if (known !== undefined) return known;
    const types = new Map<string, Convert>();
    for (const [name, type] of new URLSearchParams(header)) {
      const convert = CONVERSIONS.get(type);
      if (convert !== undefined) types.set(name, convert);
    }
    if (this.#known.size >= REMEMBERED_COUNT_MAX) this.#known.clear();
    this.#known.set(header, types);
    return types;
  }
}

function exactOf(bits: number): Convert {
  return (text) => {
    if (!EXACT.test(text)) return undefined;
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
    return value === BigInt.asIntN(bits, value) ? value : undefined;
  };
}

function approximate(text: string): number | undefined {
  return APPROXIMATE.test(text) ? Number(text) : SPECIAL[text];
}

function roundedToFloat(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.fround(value);
}
