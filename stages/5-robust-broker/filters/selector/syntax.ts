/**
 * What a selector means, as a tree: the parser makes it, the compiler makes functions of it. Types only, and the one error.
 *
 *     price * 2 > 10 AND NOT sold      and [ > [ * [price, 2], 10 ], not [sold] ]
 */
import { MqError } from '../../../../shared/contract/errors.ts';

/** A literal: text, exact number, approximate number, truth value. */
export type Literal = string | bigint | number | boolean;

export type ArithmeticOperator = '+' | '-' | '*' | '/';
export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** `at` is the index of its first character in the selector. */
export type Expression = { readonly at: number } & (
  | { readonly kind: 'literal'; readonly value: Literal }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'minus'; readonly operand: Expression }
  | {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'between';
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly isNot: boolean;
    }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly string[]; readonly isNot: boolean }
  | {
      readonly kind: 'like';
      readonly field: string;
      readonly pattern: string;
      readonly escapeCharacter: string | undefined;
      readonly isNot: boolean;
    }
  | { readonly kind: 'is-null'; readonly field: string; readonly isNot: boolean }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] }
);

/** `MQ_INVALID_SELECTOR`; `problem` goes on from "the selector is wrong at position 7: ". */
export function invalidSelector(position: number, problem: string): MqError {
  return new MqError('MQ_INVALID_SELECTOR', `the selector is wrong at position ${position}: ${problem}`, {
    details: { position },
  });
}
