/**
 * The words of a selector: text in, tokens out, each with its place.
 *
 *     price >= 10.5 AND name = 'O''Brien'      name price · symbol >= · number 10.5 · word AND · name name · symbol = · text O'Brien
 *
 * Numbers are those of Java: 57, 0x1F, 017, 0b11, 57L, 1_000 are exact; 7., .5, 7E3, 7f are approximate. Names are those of
 * Java, or stand between double quotes and are anything then. Always true: every character is in one token or is white
 * space, or it is `MQ_INVALID_SELECTOR`; takes time in proportion to the text. Pure.
 */
import { invalidSelector } from './syntax.ts';

/** Words that are no names, in any mixture of small and capital letters. */
const WORDS = ['NULL', 'TRUE', 'FALSE', 'NOT', 'AND', 'OR', 'BETWEEN', 'LIKE', 'IN', 'IS', 'ESCAPE'] as const;

/** A word of the language, in capital letters. */
export type Word = (typeof WORDS)[number];

/** `at` and `end`: where it begins, and where what follows it may. */
export type Token = { readonly at: number; readonly end: number } & (
  | { readonly kind: 'word'; readonly word: Word }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: bigint | number }
  | { readonly kind: 'symbol'; readonly symbol: string }
  | { readonly kind: 'end' }
);

const SPACE = /[ \t\f\r\n]+/y;
const NAME = /[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mn}\p{Mc}]*/uy;
const TEXT = /'(?:[^']|'')*'/y;
const QUOTED_NAME = /"(?:[^"]|"")*"/y;
const SYMBOL = /<>|<=|>=|[=<>+\-*/(),]/y;
/** Digits, with lines between them as Java allows. */
const DIGITS = String.raw`\d(?:_*\d)*`;
const HEXADECIMAL = /0[xX]([\da-fA-F](?:_*[\da-fA-F])*)[lL]?/y;
const BINARY = /0[bB]([01](?:_*[01])*)[lL]?/y;
const APPROXIMATE = new RegExp(
  [
    `((?:${DIGITS}\\.(?:${DIGITS})?|\\.${DIGITS})(?:[eE][+-]?${DIGITS})?)([fFdD]?)`,
    `(${DIGITS}[eE][+-]?${DIGITS})([fFdD]?)`,
    `(${DIGITS})([fFdD])`,
  ].join('|'),
  'y',
);
const EXACT = new RegExp(`(${DIGITS})[lL]?`, 'y');
const LONG_BITS = 64;
/** One more than the largest exact number; behind a minus it is the smallest. */
export const LONG_END = 2n ** 63n;

export function tokensOf(selector: string): Token[] {
  const tokens: Token[] = [];
  for (let at = skipSpace(selector, 0); at < selector.length; at = skipSpace(selector, at)) {
    const token = tokenAt(selector, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: 'end', at: selector.length, end: selector.length });
  return tokens;
}

function tokenAt(selector: string, at: number): Token {
  const first = selector.charAt(at);
  if (first === "'") return { kind: 'text', ...quoted(selector, at, { form: TEXT, what: 'text', quote: "'" }) };
  if (first === '"') return quotedName(selector, at);
  if (/[0-9]/.test(first) || /^\.[0-9]/.test(selector.slice(at, at + 2))) return numberAt(selector, at);
  const name = matchAt(NAME, selector, at)?.[0];
  if (name !== undefined) return nameOrWord(name, at);
  const symbol = matchAt(SYMBOL, selector, at)?.[0];
  if (symbol !== undefined) return { kind: 'symbol', symbol, at, end: at + symbol.length };
  throw invalidSelector(at, `${describeCharacter(selector, at)} means nothing here${adviceOn(selector, at)}`);
}

function nameOrWord(name: string, at: number): Token {
  const end = at + name.length;
  const word = WORDS.find((known) => known.length === name.length && known === name.toUpperCase());
  return word === undefined ? { kind: 'name', name, at, end } : { kind: 'word', word, at, end };
}

function quotedName(selector: string, at: number): Token {
  const { text: name, end } = quoted(selector, at, { form: QUOTED_NAME, what: 'name', quote: '"' });
  if (name === '') throw invalidSelector(at, 'a name has at least one character');
  return { kind: 'name', name, at, end };
}

/** What stands between quotes; a quote in it is written twice. */
function quoted(
  selector: string,
  at: number,
  { form, what, quote }: { readonly form: RegExp; readonly what: string; readonly quote: string },
): { readonly text: string; readonly at: number; readonly end: number } {
  const found = matchAt(form, selector, at)?.[0];
  if (found === undefined)
    throw invalidSelector(at, `the ${what} that begins here has no end: expected another ${quote}`);
  return { text: found.slice(1, -1).replaceAll(quote + quote, quote), at, end: at + found.length };
}

function numberAt(selector: string, at: number): Token {
  const { value, length } = approximateAt(selector, at) ?? exactAt(selector, at);
  const end = at + length;
  const next = matchAt(NAME, selector, end)?.[0] ?? matchAt(/[.\d]/y, selector, end)?.[0];
  if (next !== undefined) throw invalidSelector(end, `expected the end of the number, not ${JSON.stringify(next)}`);
  return { kind: 'number', value, at, end };
}

interface ReadNumber {
  readonly value: bigint | number;
  readonly length: number;
}

function approximateAt(selector: string, at: number): ReadNumber | undefined {
  if (matchAt(HEXADECIMAL, selector, at) !== undefined) return undefined;
  const found = matchAt(APPROXIMATE, selector, at);
  if (found === undefined) return undefined;
  const digits = (found[1] ?? found[3] ?? found[5] ?? '').replaceAll('_', '');
  const suffix = found[2] ?? found[4] ?? found[6] ?? '';
  const value = /[fF]/.test(suffix) ? Math.fround(Number(digits)) : Number(digits);
  if (!Number.isFinite(value)) throw invalidSelector(at, 'the number is beyond what a double can hold');
  return { value, length: found[0].length };
}

function exactAt(selector: string, at: number): ReadNumber {
  const hexadecimal = matchAt(HEXADECIMAL, selector, at);
  if (hexadecimal !== undefined) return bitsOf(`0x${hexadecimal[1]}`, at, hexadecimal[0].length);
  const binary = matchAt(BINARY, selector, at);
  if (binary !== undefined) return bitsOf(`0b${binary[1]}`, at, binary[0].length);
  const found = matchAt(EXACT, selector, at);
  const digits = (found?.[1] ?? '').replaceAll('_', '');
  const length = found?.[0].length ?? 0;
  if (/^0\d/.test(digits)) {
    if (/[89]/.test(digits)) throw invalidSelector(at, 'a number that begins with 0 is octal: expected digits 0 to 7');
    return bitsOf(`0o${digits.slice(1)}`, at, length);
  }
  const value = BigInt(digits);
  if (value > LONG_END) throw tooLarge(at);
  return { value, length };
}

/** Numbers that are not written in tens say what the bits of a long are. */
function bitsOf(text: string, at: number, length: number): ReadNumber {
  const bits = BigInt(text.replaceAll('_', ''));
  if (bits >= 2n ** BigInt(LONG_BITS)) throw tooLarge(at);
  return { value: BigInt.asIntN(LONG_BITS, bits), length };
}

export function tooLarge(at: number): Error {
  return invalidSelector(at, 'the number is beyond what a long can hold, -9223372036854775808 to 9223372036854775807');
}

function skipSpace(selector: string, at: number): number {
  return at + (matchAt(SPACE, selector, at)?.[0].length ?? 0);
}

function matchAt(form: RegExp, selector: string, at: number): RegExpExecArray | undefined {
  form.lastIndex = at;
  return form.exec(selector) ?? undefined;
}

function describeCharacter(selector: string, at: number): string {
  return JSON.stringify(String.fromCodePoint(selector.codePointAt(at) ?? 0));
}

/** What people bring along from other languages. */
function adviceOn(selector: string, at: number): string {
  const two = selector.slice(at, at + 2);
  if (two === '!=') return ': write <> for "not equal"';
  if (two === '&&') return ': write AND';
  if (two === '||') return ': write OR';
  if (two.startsWith('!')) return ': write NOT';
  if (two.startsWith('`')) return ': a name that is not one of Java stands between double quotes';
  return '';
}
