/**
 * Makes a function of the tree of a selector: one closure for each of its nodes, chosen once, called for each message.
 *
 * Always true (I17): evaluating allocates nothing but numbers and takes time in proportion to the selector (LIKE: times the
 * header it looks at). AND and OR stop as soon as the outcome is known. Pure.
 */
import { fieldOf, type Read, type Subject } from './fields.ts';
import { likePattern } from './like.ts';
import type { ComparisonOperator, Expression, Literal } from './syntax.ts';
import { compare, compute, negate, not, type Truth, truthOf } from './values.ts';

export type Test = (subject: Subject) => Truth;

type Node<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

/** A condition. */
export function compileTest(expression: Expression): Test {
  switch (expression.kind) {
    case 'and':
      return allOf(expression.operands.map(compileTest));
    case 'or':
      return anyOf(expression.operands.map(compileTest));
    case 'not': {
      const test = compileTest(expression.operand);
      return (subject) => not(test(subject));
    }
    case 'comparison':
      return comparisonTest(expression);
    case 'between':
      return betweenTest(expression);
    case 'in':
      return inTest(expression);
    case 'like':
      return likeTest(expression);
    case 'is-null': {
      const read = fieldOf(expression.field, expression.at);
      const { isNot } = expression;
      return (subject) => (read(subject) === undefined) !== isNot;
    }
    default: {
      const read = compileRead(expression);
      return (subject) => truthOf(read(subject));
    }
  }
}

/** A value; of a condition its truth. */
function compileRead(expression: Expression): Read {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'field':
      return fieldOf(expression.name, expression.at);
    case 'minus': {
      const read = compileRead(expression.operand);
      return (subject) => negate(read(subject));
    }
    case 'arithmetic': {
      const { operator } = expression;
      const [left, right] = [compileRead(expression.left), compileRead(expression.right)];
      return (subject) => compute(operator, left(subject), right(subject));
    }
    default:
      return compileTest(expression);
  }
}

function allOf(tests: readonly Test[]): Test {
  return (subject) => {
    let isKnown = true;
    for (const test of tests) {
      const truth = test(subject);
      if (truth === false) return false;
      if (truth === undefined) isKnown = false;
    }
    return isKnown ? true : undefined;
  };
}

function anyOf(tests: readonly Test[]): Test {
  return (subject) => {
    let isKnown = true;
    for (const test of tests) {
      const truth = test(subject);
      if (truth === true) return true;
      if (truth === undefined) isKnown = false;
    }
    return isKnown ? false : undefined;
  };
}

function comparisonTest({ operator, left, right }: Node<'comparison'>): Test {
  const readLeft = compileRead(left);
  if (right.kind === 'literal') return literalTest(operator, readLeft, right.value);
  const readRight = compileRead(right);
  return (subject) => compare(operator, readLeft(subject), readRight(subject));
}

/** The most frequent comparisons by far, without a look at the type of what is known already. */
function literalTest(operator: ComparisonOperator, read: Read, literal: Literal): Test {
  if (typeof literal === 'string' && operator === '=') {
    return (subject) => {
      const value = read(subject);
      return value === undefined ? undefined : value === literal;
    };
  }
  return (subject) => compare(operator, read(subject), literal);
}

function betweenTest({ operand, low, high, isNot }: Node<'between'>): Test {
  const [read, readLow, readHigh] = [compileRead(operand), compileRead(low), compileRead(high)];
  return (subject) => {
    const value = read(subject);
    const [least, most] = [readLow(subject), readHigh(subject)];
    if (isNot) return eitherOf(compare('<', value, least), compare('>', value, most));
    return bothOf(compare('>=', value, least), compare('<=', value, most));
  };
}

function bothOf(one: Truth, other: Truth): Truth {
  if (one === false || other === false) return false;
  return one === undefined || other === undefined ? undefined : true;
}

function eitherOf(one: Truth, other: Truth): Truth {
  if (one === true || other === true) return true;
  return one === undefined || other === undefined ? undefined : false;
}

function inTest({ field, values, isNot, at }: Node<'in'>): Test {
  const texts = new Set(values);
  return textTest(fieldOf(field, at), (text) => texts.has(text) !== isNot);
}

function likeTest({ field, pattern, escapeCharacter, isNot, at }: Node<'like'>): Test {
  const matches = likePattern(pattern, escapeCharacter);
  return textTest(fieldOf(field, at), (text) => matches(text) !== isNot);
}

/** Of nothing it is unknown; of what is no text it is false, like every comparison of different types. */
function textTest(read: Read, test: (text: string) => boolean): Test {
  return (subject) => {
    const value = read(subject);
    if (value === undefined) return undefined;
    return typeof value === 'string' && test(value);
  };
}
