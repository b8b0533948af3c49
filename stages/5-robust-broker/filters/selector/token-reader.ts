/**
 * The tokens of one selector, read from the left: what is next, taking it, and saying what should have been there.
 *
 * Always true: behind the last token there is its end, which is never passed. Only the parser uses it.
 */
import { invalidSelector } from './syntax.ts';
import type { Token, Word } from './tokens.ts';

export class TokenReader {
  readonly #tokens: readonly Token[];
  #place = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The next one. */
  get current(): Token {
    return this.#tokens[this.#place] as Token;
  }

  skip(): void {
    this.#place += 1;
  }

  isWord(word: Word): boolean {
    const token = this.current;
    return token.kind === 'word' && token.word === word;
  }

  /** False when it is not there. */
  takeWord(word: Word): boolean {
    if (!this.isWord(word)) return false;
    this.#place += 1;
    return true;
  }

  expectWord(word: Word): void {
    if (!this.takeWord(word)) throw this.unexpected(word);
  }

  isSymbol(symbol: string): boolean {
    const token = this.current;
    return token.kind === 'symbol' && token.symbol === symbol;
  }

  takeSymbol(): string {
    const token = this.current;
    this.#place += 1;
    return token.kind === 'symbol' ? token.symbol : '';
  }

  expectSymbol(symbol: string): void {
    if (!this.isSymbol(symbol)) throw this.unexpected(symbol);
    this.#place += 1;
  }

  expectText(): string {
    const token = this.current;
    if (token.kind !== 'text') throw this.unexpected('a text in single quotes');
    this.#place += 1;
    return token.text;
  }

  /** `MQ_INVALID_SELECTOR` for the next token. */
  unexpected(expected: string): Error {
    const token = this.current;
    const advice = token.kind === 'word' && token.word === 'NULL' ? ' (write IS NULL to ask whether there is one)' : '';
    return invalidSelector(token.at, `expected ${expected}, not ${describeToken(token)}${advice}`);
  }
}

/** For people. */
export function describeToken(token: Token): string {
  if (token.kind === 'end') return 'the end';
  if (token.kind === 'word') return token.word;
  if (token.kind === 'symbol') return token.symbol;
  if (token.kind === 'number') return `the number ${token.value}`;
  return token.kind === 'name' ? `the name ${JSON.stringify(token.name)}` : `the text '${token.text}'`;
}
