/**
 * Values as JMS computes with them, and logic with three truth values.
 *
 *     text    string            exact number    bigint, 64 bits, round and round as in Java
 *     truth   boolean           approximate     number
 *     nothing undefined: NULL as a value, "unknown" as a truth value
 *
 * Always true: whatever is compared or computed with nothing is nothing; so is what cannot be computed (a text plus one, a
 * division by zero). Values of different types are neither equal nor unequal nor in any order: that is false, not unknown.
 * An exact and an approximate number are both numbers, and meet as approximate ones. Pure.
 */
import type { ArithmeticOperator, ComparisonOperator } from './syntax.ts';

export type Value = string | bigint | number | boolean | undefined;
/** undefined: unknown. */
export type Truth = boolean | undefined;

export function compare(operator: ComparisonOperator, left: Value, right: Value): Truth {
  if (left === undefined || right === undefined) return undefined;
  if (typeof left === typeof right) {
    if (typeof left === 'bigint' || typeof left === 'number') return compareNumbers(operator, left, right);
    if (operator === '=') return left === right;
    return operator === '<>' && left !== right;
  }
  return isNumber(left) && isNumber(right) && compareNumbers(operator, Number(left), Number(right));
}

/** Both of the same type. */
function compareNumbers(operator: ComparisonOperator, left: Value, right: Value): boolean {
  const [one, other] = [left as number, right as number];
  switch (operator) {
    case '=':
      return one === other;
    case '<>':
      return one !== other;
    case '<':
      return one < other;
    case '<=':
      return one <= other;
    case '>':
      return one > other;
    case '>=':
      return one >= other;
  }
}

export function compute(operator: ArithmeticOperator, left: Value, right: Value): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return computeExact(operator, left, right);
  if (!isNumber(left) || !isNumber(right)) return undefined;
  return computeApproximate(operator, Number(left), Number(right));
}

function computeExact(operator: ArithmeticOperator, left: bigint, right: bigint): Value {
  if (operator === '/') return right === 0n ? undefined : BigInt.asIntN(64, left / right);
  if (operator === '*') return BigInt.asIntN(64, left * right);
  return BigInt.asIntN(64, operator === '+' ? left + right : left - right);
}

function computeApproximate(operator: ArithmeticOperator, left: number, right: number): Value {
  if (operator === '/') return right === 0 ? undefined : left / right;
  if (operator === '*') return left * right;
  return operator === '+' ? left + right : left - right;
}

export function negate(value: Value): Value {
  if (typeof value === 'bigint') return BigInt.asIntN(64, -value);
  return typeof value === 'number' ? -value : undefined;
}

export function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

/** Of a value that stands where a condition is expected. */
export function truthOf(value: Value): Truth {
  return typeof value === 'boolean' ? value : undefined;
}

export function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}
