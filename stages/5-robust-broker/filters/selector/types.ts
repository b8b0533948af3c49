/** What can be told of the value of an expression before there is a message. Pure. */
import type { Expression } from './syntax.ts';

/** `any`: what a header holds is known only when it is there. */
export type StaticType = 'text' | 'number' | 'boolean' | 'any';

export function typeOf(expression: Expression): StaticType {
  switch (expression.kind) {
    case 'literal':
      if (typeof expression.value === 'string') return 'text';
      return typeof expression.value === 'boolean' ? 'boolean' : 'number';
    case 'field':
      return 'any';
    case 'minus':
    case 'arithmetic':
      return 'number';
    default:
      return 'boolean';
  }
}
