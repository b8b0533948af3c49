/**
 * The grammar of selectors: tokens in, a tree out, by recursive descent. What binds least is read first:
 *
 *     condition    conjunction { OR conjunction }
 *     conjunction  negation { AND negation }
 *     negation     NOT negation | predicate
 *     predicate    sum [ = <> < <= > >= sum | [NOT] BETWEEN sum AND sum | [NOT] IN ( text, ... )
 *                      | [NOT] LIKE text [ESCAPE text] | IS [NOT] NULL ]
 *     sum          product { + - product }
 *     product      sign { * / sign }
 *     sign         + sign | - sign | literal | name | ( condition )
 *
 * Always true (I16): what is accepted is a condition, and every operator in it can make sense of its operands, as far as
 * that can be told without a message; how deep it nests and how many operands it has is bounded. Everything else is
 * `MQ_INVALID_SELECTOR` with its place and what was expected there. Pure.
 */
import { type ArithmeticOperator, type ComparisonOperator, type Expression, invalidSelector } from './syntax.ts';
import { describeToken, TokenReader } from './token-reader.ts';
import { LONG_END, type Token, tokensOf, tooLarge, type Word } from './tokens.ts';
import { typeOf } from './types.ts';

/** Parentheses, NOT and signs within each other. */
export const SELECTOR_DEPTH_MAX = 64;
/** Literals and names; the texts of one IN count as one. */
export const SELECTOR_OPERANDS_MAX = 512;
/** Characters of all patterns together: what comparing with them costs is their length times that of the header. */
export const PATTERN_CHARACTERS_MAX = 512;

const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='];

export function parseSelector(selector: string): Expression {
  return new Parser(new TokenReader(tokensOf(selector))).whole();
}

class Parser {
  readonly #tokens: TokenReader;
  #depth = 0;
  #operandCount = 0;
  #patternCharacters = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const condition = this.#expectCondition(this.#condition());
    const { kind, at } = this.#tokens.current;
    if (kind !== 'end')
      throw invalidSelector(at, `expected AND, OR or the end, not ${describeToken(this.#tokens.current)}`);
    return condition;
  }

  #condition(): Expression {
    return this.#chain('or', 'OR', () => this.#chain('and', 'AND', () => this.#negation()));
  }

  #chain(kind: 'and' | 'or', word: Word, next: () => Expression): Expression {
    const first = next();
    if (!this.#tokens.isWord(word)) return first;
    const operands = [this.#expectCondition(first)];
    while (this.#tokens.takeWord(word)) operands.push(this.#expectCondition(next()));
    return { kind, at: first.at, operands };
  }

  #negation(): Expression {
    const { at } = this.#tokens.current;
    if (!this.#tokens.takeWord('NOT')) return this.#predicate();
    return this.#nested(at, () => ({ kind: 'not', at, operand: this.#expectCondition(this.#negation()) }));
  }

  #predicate(): Expression {
    const operand = this.#sum();
    const token = this.#tokens.current;
    if (token.kind === 'symbol' && COMPARISONS.includes(token.symbol)) return this.#comparison(operand);
    if (this.#tokens.takeWord('IS')) {
      const isNot = this.#tokens.takeWord('NOT');
      this.#tokens.expectWord('NULL');
      return { kind: 'is-null', at: operand.at, field: this.#fieldOf(operand, 'IS NULL'), isNot };
    }
    const isNot = this.#tokens.takeWord('NOT');
    if (this.#tokens.takeWord('BETWEEN')) return this.#between(operand, isNot);
    if (this.#tokens.takeWord('IN')) return this.#in(operand, isNot);
    if (this.#tokens.takeWord('LIKE')) return this.#like(operand, isNot);
    if (isNot) throw this.#tokens.unexpected('BETWEEN, IN or LIKE');
    return operand;
  }

  #comparison(left: Expression): Expression {
    const operator = this.#tokens.takeSymbol() as ComparisonOperator;
    const right = this.#sum();
    if (operator !== '=' && operator !== '<>') {
      for (const side of [left, right]) expectNumber(side, operator);
    } else for (const side of [left, right]) expectValue(side, operator);
    return { kind: 'comparison', at: left.at, operator, left, right };
  }

  #between(operand: Expression, isNot: boolean): Expression {
    const low = this.#sum();
    this.#tokens.expectWord('AND');
    const high = this.#sum();
    for (const side of [operand, low, high]) expectNumber(side, 'BETWEEN');
    return { kind: 'between', at: operand.at, operand, low, high, isNot };
  }

  #in(operand: Expression, isNot: boolean): Expression {
    const field = this.#fieldOf(operand, 'IN');
    this.#tokens.expectSymbol('(');
    const values = [this.#tokens.expectText()];
    while (this.#tokens.isSymbol(',')) {
      this.#tokens.skip();
      values.push(this.#tokens.expectText());
    }
    this.#tokens.expectSymbol(')');
    return { kind: 'in', at: operand.at, field, values, isNot };
  }

  #like(operand: Expression, isNot: boolean): Expression {
    const field = this.#fieldOf(operand, 'LIKE');
    const { at } = this.#tokens.current;
    const pattern = this.#tokens.expectText();
    this.#patternCharacters += pattern.length;
    if (this.#patternCharacters > PATTERN_CHARACTERS_MAX) {
      throw invalidSelector(at, `all patterns together have at most ${PATTERN_CHARACTERS_MAX} characters`);
    }
    const escapeCharacter = this.#tokens.takeWord('ESCAPE') ? this.#escape() : undefined;
    if (escapeCharacter !== undefined && endsInEscape(pattern, escapeCharacter)) {
      throw invalidSelector(at, 'the pattern ends with the character that escapes: expected another one behind it');
    }
    return { kind: 'like', at: operand.at, field, pattern, escapeCharacter, isNot };
  }

  #escape(): string {
    const { at } = this.#tokens.current;
    const escapeCharacter = this.#tokens.expectText();
    if ([...escapeCharacter].length !== 1) throw invalidSelector(at, 'expected a text of one character behind ESCAPE');
    return escapeCharacter;
  }

  #sum(): Expression {
    return this.#arithmetic(['+', '-'], () => this.#arithmetic(['*', '/'], () => this.#sign()));
  }

  #arithmetic(operators: readonly string[], next: () => Expression): Expression {
    let left = next();
    for (
      let token = this.#tokens.current;
      token.kind === 'symbol' && operators.includes(token.symbol);
      token = this.#tokens.current
    ) {
      const operator = this.#tokens.takeSymbol() as ArithmeticOperator;
      const right = next();
      for (const side of [left, right]) expectNumber(side, operator);
      left = { kind: 'arithmetic', at: left.at, operator, left, right };
    }
    return left;
  }

  #sign(): Expression {
    const token = this.#tokens.current;
    if (token.kind !== 'symbol' || (token.symbol !== '-' && token.symbol !== '+')) return this.#operand();
    const { at } = token;
    this.#tokens.skip();
    const next = this.#tokens.current;
    const isSmallest = next.kind === 'number' && next.value === LONG_END;
    if (token.symbol === '-' && isSmallest) {
      this.#tokens.skip();
      this.#countOperand(at);
      return { kind: 'literal', at, value: -LONG_END };
    }
    const operand = this.#nested(at, () => this.#sign());
    expectNumber(operand, token.symbol);
    return token.symbol === '-' ? { kind: 'minus', at, operand } : operand;
  }

  #operand(): Expression {
    const token = this.#tokens.current;
    const { at } = token;
    if (token.kind === 'symbol' && token.symbol === '(') return this.#parentheses(at);
    const operand =
      literalOf(token) ?? (token.kind === 'name' ? ({ kind: 'field', at, name: token.name } as const) : undefined);
    if (operand === undefined) throw this.#tokens.unexpected('a name, a number, a text, TRUE, FALSE or (');
    this.#countOperand(at);
    this.#tokens.skip();
    return operand;
  }

  #parentheses(at: number): Expression {
    this.#tokens.skip();
    const inside = this.#nested(at, () => this.#condition());
    this.#tokens.expectSymbol(')');
    return inside;
  }

  #nested<T>(at: number, read: () => T): T {
    this.#depth += 1;
    if (this.#depth > SELECTOR_DEPTH_MAX) {
      throw invalidSelector(at, `it nests more than ${SELECTOR_DEPTH_MAX} levels deep`);
    }
    const inside = read();
    this.#depth -= 1;
    return inside;
  }

  #countOperand(at: number): void {
    this.#operandCount += 1;
    if (this.#operandCount <= SELECTOR_OPERANDS_MAX) return;
    throw invalidSelector(at, `it has more than ${SELECTOR_OPERANDS_MAX} names and literals`);
  }

  #expectCondition(expression: Expression): Expression {
    const type = typeOf(expression);
    if (type === 'boolean' || type === 'any') return expression;
    throw invalidSelector(expression.at, `expected a condition, and a ${type} is none: compare it with something`);
  }

  #fieldOf(operand: Expression, operator: string): string {
    if (operand.kind === 'field') return operand.name;
    throw invalidSelector(operand.at, `expected the name of a header before ${operator}`);
  }
}

function literalOf(token: Token): Expression | undefined {
  const { at } = token;
  if (token.kind === 'text') return { kind: 'literal', at, value: token.text };
  if (token.kind === 'word' && token.word === 'TRUE') return { kind: 'literal', at, value: true };
  if (token.kind === 'word' && token.word === 'FALSE') return { kind: 'literal', at, value: false };
  if (token.kind !== 'number') return undefined;
  if (token.value === LONG_END) throw tooLarge(at);
  return { kind: 'literal', at, value: token.value };
}

function expectNumber(operand: Expression, operator: string): void {
  const type = typeOf(operand);
  if (type === 'number' || type === 'any') return;
  const advice = type === 'text' ? ': texts are compared with = and <> only' : '';
  throw invalidSelector(operand.at, `${operator} is for numbers, not for a ${type}${advice}`);
}

function expectValue(operand: Expression, operator: string): void {
  if (operand.kind === 'literal' || operand.kind === 'field' || typeOf(operand) === 'number') return;
  throw invalidSelector(
    operand.at,
    `expected a name, a number, a text or a truth value beside ${operator}, not a condition`,
  );
}

function endsInEscape(pattern: string, escapeCharacter: string): boolean {
  let isEscaped = false;
  for (const character of pattern) isEscaped = !isEscaped && character === escapeCharacter;
  return isEscaped;
}
