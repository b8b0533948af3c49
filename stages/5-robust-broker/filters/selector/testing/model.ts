/**
 * A second, much simpler meaning of selectors, to hold the first against: truth is a number (0 false, ½ unknown, 1 true), AND
 * the least, OR the greatest, NOT one minus; LIKE tries everything. Slow, recursive, without bounds. Only tests use it.
 */

export type Model =
  | { readonly kind: 'value'; readonly value: string | number | boolean; readonly isExact: boolean }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Model; readonly right: Model }
  | { readonly kind: 'unary'; readonly operator: 'NOT' | '-'; readonly operand: Model }
  | { readonly kind: 'between'; readonly parts: readonly [Model, Model, Model]; readonly isNot: boolean }
  | { readonly kind: 'in'; readonly name: string; readonly texts: readonly string[]; readonly isNot: boolean }
  | { readonly kind: 'like'; readonly name: string; readonly pattern: string; readonly isNot: boolean }
  | { readonly kind: 'is-null'; readonly name: string; readonly isNot: boolean };

/** Names as the model knows them; a missing one is null. */
export type ModelHeaders = Readonly<Record<string, Typed | undefined>>;

/** A value with its type; null is NULL. */
export type Typed = {
  readonly type: 'text' | 'exact' | 'double' | 'boolean';
  readonly value: string | number | boolean;
} | null;

const UNKNOWN = 0.5;

/** 0, ½ or 1. */
export function truthOfModel(model: Model, headers: ModelHeaders): number {
  switch (model.kind) {
    case 'unary':
      return model.operator === 'NOT' ? 1 - truthOfModel(model.operand, headers) : UNKNOWN;
    case 'binary': {
      const truths = (): [number, number] => [truthOfModel(model.left, headers), truthOfModel(model.right, headers)];
      if (model.operator === 'AND') return Math.min(...truths());
      if (model.operator === 'OR') return Math.max(...truths());
      return compared(model.operator, valueOfModel(model.left, headers), valueOfModel(model.right, headers));
    }
    case 'between': {
      const [value, low, high] = model.parts.map((part) => valueOfModel(part, headers)) as [Typed, Typed, Typed];
      if (model.isNot) return Math.max(compared('<', value, low), compared('>', value, high));
      return Math.min(compared('>=', value, low), compared('<=', value, high));
    }
    case 'in':
      return ofText(headers[model.name], (text) => model.texts.some((other) => other === text) !== model.isNot);
    case 'like':
      return ofText(headers[model.name], (text) => isLike([...text], [...model.pattern]) !== model.isNot);
    case 'is-null':
      return ((headers[model.name] ?? null) === null) !== model.isNot ? 1 : 0;
    default: {
      const value = valueOfModel(model, headers);
      return value?.type === 'boolean' ? Number(value.value) : UNKNOWN;
    }
  }
}

function valueOfModel(model: Model, headers: ModelHeaders): Typed {
  if (model.kind === 'name') return headers[model.name] ?? null;
  if (model.kind === 'value') return typed(model.value, model.isExact);
  if (model.kind === 'unary') {
    const operand = valueOfModel(model.operand, headers);
    return computed('-', typed(0, operand?.type !== 'double'), operand);
  }
  if (model.kind !== 'binary') throw new Error('a condition is no value');
  return computed(model.operator, valueOfModel(model.left, headers), valueOfModel(model.right, headers));
}

function typed(value: string | number | boolean, isExact: boolean): Typed {
  if (typeof value === 'number') return { type: isExact ? 'exact' : 'double', value };
  return { type: typeof value === 'string' ? 'text' : 'boolean', value };
}

function compared(operator: string, left: Typed, right: Typed): number {
  if (left === null || right === null) return UNKNOWN;
  const areNumbers = isNumber(left) && isNumber(right);
  if (!areNumbers && (left.type !== right.type || !['=', '<>'].includes(operator))) return 0;
  const order = left.value === right.value ? 0 : left.value < right.value ? -1 : 1;
  const allowed: Readonly<Record<string, readonly number[]>> = {
    '=': [0],
    '<>': [-1, 1],
    '<': [-1],
    '<=': [-1, 0],
    '>': [1],
    '>=': [0, 1],
  };
  return allowed[operator]?.includes(order) ? 1 : 0;
}

function computed(operator: string, left: Typed, right: Typed): Typed {
  if (left === null || right === null || !isNumber(left) || !isNumber(right)) return null;
  const [one, other] = [Number(left.value), Number(right.value)];
  const isExact = left.type === 'exact' && right.type === 'exact';
  if (operator === '/' && other === 0) return null;
  const result = { '+': one + other, '-': one - other, '*': one * other, '/': one / other }[operator] ?? Number.NaN;
  return { type: isExact ? 'exact' : 'double', value: isExact ? Math.trunc(result) : result };
}

function isNumber(value: Exclude<Typed, null>): boolean {
  return value.type === 'exact' || value.type === 'double';
}

function ofText(value: Typed | undefined, test: (text: string) => boolean): number {
  if (value === undefined || value === null) return UNKNOWN;
  return value.type === 'text' && test(String(value.value)) ? 1 : 0;
}

export function isLike(text: readonly string[], pattern: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === '%') return text.concat('').some((_, skipped) => isLike(text.slice(skipped), rest));
  return text.length > 0 && (first === '_' || first === text[0]) && isLike(text.slice(1), rest);
}

/** How strongly an operator binds; what binds less stands in parentheses, and nothing else does. */
const STRENGTHS: Readonly<Record<string, number>> = { OR: 1, AND: 2, NOT: 3, '+': 5, '-': 5, '*': 6, '/': 6 };
const COMPARISON = 4;
const SIGN = 7;

/** The selector that says the same. */
export function writeModel(model: Model, atLeast = 0): string {
  const own = strengthOf(model);
  const text = writeBare(model, own);
  return own < atLeast ? `(${text})` : text;
}

function strengthOf(model: Model): number {
  if (model.kind === 'value' || model.kind === 'name') return typeof valueIn(model) === 'number' ? SIGN : SIGN + 1;
  if (model.kind === 'unary') return model.operator === 'NOT' ? 3 : SIGN;
  return model.kind === 'binary' ? (STRENGTHS[model.operator] ?? COMPARISON) : COMPARISON;
}

function valueIn(model: Model): unknown {
  return model.kind === 'value' ? model.value : undefined;
}

function writeBare(model: Model, own: number): string {
  const no = 'isNot' in model && model.isNot ? 'NOT ' : '';
  switch (model.kind) {
    case 'value':
      return writeLiteral(model.value, model.isExact);
    case 'name':
      return model.name;
    case 'unary':
      return model.operator === 'NOT' ? `NOT ${writeModel(model.operand, own)}` : `- ${writeModel(model.operand, own)}`;
    case 'binary':
      return `${writeModel(model.left, own === COMPARISON ? 5 : own)} ${model.operator} ${writeModel(model.right, own + 1)}`;
    case 'between': {
      const [value, low, high] = model.parts.map((part) => writeModel(part, 5));
      return `${value} ${no}BETWEEN ${low} AND ${high}`;
    }
    case 'in':
      return `${model.name} ${no}IN (${model.texts.map((text) => writeLiteral(text, true)).join(', ')})`;
    case 'like':
      return `${model.name} ${no}LIKE ${writeLiteral(model.pattern, true)}`;
    case 'is-null':
      return `${model.name} IS ${no}NULL`;
  }
}

function writeLiteral(value: string | number | boolean, isExact: boolean): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return isExact ? String(value) : `${value}${Number.isInteger(value) ? '.0' : ''}`;
}
