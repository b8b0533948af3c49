/**
 * Values with the types that Java programs, OpenWire and JMS give them, and which of them may be read as which.
 *
 *     boolean  byte  short  char  int  long  float  double  string  bytes  null         and in bodies: map, list
 *
 *     written as     may be read as                     written as     may be read as
 *     boolean        boolean, string                    float          float, double, string
 *     byte           byte, short, int, long, string     double         double, string
 *     short          short, int, long, string           char           char, string
 *     int            int, long, string                  bytes          bytes
 *     long           long, string                       string         all but char and bytes, if the text is one
 *
 * Always true: a long is a bigint, since a number is exact only up to 2^53; a float is a number that fits in one; text and
 * value are the same either way, also NaN, -0 and the ends of each range. Pure. Bodies, properties and doors use it.
 */
import { invalidArgument } from '../../../shared/contract/validation.ts';

/** One value of a property, or of a map or stream body. */
export type TypedValue =
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'byte' | 'short' | 'int' | 'float' | 'double'; readonly value: number }
  | { readonly type: 'long'; readonly value: bigint }
  /** One UTF-16 unit. */
  | { readonly type: 'char'; readonly value: string }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'null'; readonly value: null }
  | { readonly type: 'map'; readonly value: ReadonlyMap<string, TypedValue> }
  | { readonly type: 'list'; readonly value: readonly TypedValue[] };

export type ValueType = TypedValue['type'];
/** What `readAs` can be asked for. */
export type ScalarType = Exclude<ValueType, 'null' | 'map' | 'list'>;
/** What a value of this type is in TypeScript. */
export type ValueOf<T extends ValueType> = Extract<TypedValue, { readonly type: T }>['value'];

const INTEGER_BITS = { byte: 8, short: 16, int: 32, long: 64 } as const;
const INTEGER = /^[+-]?\d{1,19}$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);
/** As many digits tell every float from every other. */
const FLOAT_DIGITS_MAX = 9;

const READABLE_AS: Readonly<Record<ValueType, readonly ScalarType[]>> = {
  boolean: ['boolean', 'string'],
  byte: ['byte', 'short', 'int', 'long', 'string'],
  short: ['short', 'int', 'long', 'string'],
  int: ['int', 'long', 'string'],
  long: ['long', 'string'],
  float: ['float', 'double', 'string'],
  double: ['double', 'string'],
  char: ['char', 'string'],
  bytes: ['bytes'],
  string: ['boolean', 'byte', 'short', 'int', 'long', 'float', 'double', 'string'],
  null: ['boolean', 'string', 'bytes'],
  map: [],
  list: [],
};

/** The type of a property or header that is nothing but text. */
export function textValue(value: string): TypedValue {
  return { type: 'string', value };
}

/** `value` as one of type `type`; `MQ_INVALID_ARGUMENT` when it is none, such as 200 as a byte. */
export function typed(path: string, type: ScalarType, value: unknown): TypedValue {
  const fits = fitting(type, value);
  if (fits === undefined) throw invalidArgument(path, `a ${type}`, value);
  return fits;
}

function fitting(type: ScalarType, value: unknown): TypedValue | undefined {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? { type, value } : undefined;
    case 'byte':
    case 'short':
    case 'int':
      return typeof value === 'number' && isInteger(value, INTEGER_BITS[type]) ? { type, value: value + 0 } : undefined;
    case 'long':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return { type, value: BigInt(value) };
      return typeof value === 'bigint' && BigInt.asIntN(INTEGER_BITS.long, value) === value
        ? { type, value }
        : undefined;
    case 'float':
      return typeof value === 'number' ? { type, value: Math.fround(value) } : undefined;
    case 'double':
      return typeof value === 'number' ? { type, value } : undefined;
    case 'char':
      return typeof value === 'string' && value.length === 1 ? { type, value } : undefined;
    case 'string':
      return typeof value === 'string' ? { type, value } : undefined;
    case 'bytes':
      return value instanceof Uint8Array ? { type, value } : undefined;
  }
}

/** The type that a value of TypeScript most plainly has, as `setObject` of JMS takes it; undefined for none. */
export function typeOfPlain(value: unknown): ScalarType | undefined {
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint') return 'long';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return isInteger(value, INTEGER_BITS.int) && !Object.is(value, -0) ? 'int' : 'double';
  return value instanceof Uint8Array ? 'bytes' : undefined;
}

/**
 * `value` read as `type`, as JMS allows. `MQ_INVALID_ARGUMENT` where it does not, and for text that is none; a null is
 * false, no text and no bytes, and no number at all.
 */
export function readAs<T extends ScalarType>(path: string, value: TypedValue, type: T): ValueOf<T> | null {
  if (!READABLE_AS[value.type].includes(type)) {
    throw invalidArgument(path, `read as ${READABLE_AS[value.type].join(', ') || 'what it is'}; it is a ${value.type}`);
  }
  return converted(path, value, type) as ValueOf<T> | null;
}

function converted(path: string, value: TypedValue, type: ScalarType): TypedValue['value'] {
  if (value.type === 'null') return type === 'boolean' ? false : null;
  if (type === 'string') return textOf(value);
  if (value.type === 'string') return parsed(path, value.value, type);
  return type === 'long' && typeof value.value === 'number' ? BigInt(value.value) : value.value;
}

function parsed(path: string, text: string, type: ScalarType): TypedValue['value'] {
  if (type === 'boolean') return text.toLowerCase() === 'true';
  const value = valueOfText(text.trim(), type);
  if (value === undefined) throw invalidArgument(path, `text of a ${type}`, text);
  return value.value;
}

/** A value as a header has it: exact, and what a person would write. Of a map or list nothing. */
export function textOf(value: TypedValue): string {
  switch (value.type) {
    case 'float':
      return floatText(value.value);
    case 'double':
      return numberText(value.value);
    case 'bytes':
      return Buffer.from(value.value.buffer, value.value.byteOffset, value.value.byteLength).toString('base64');
    case 'map':
    case 'list':
    case 'null':
      return '';
    default:
      return String(value.value);
  }
}

/** The inverse of `textOf`; undefined for a text that is not of this type. */
export function valueOfText(text: string, type: ScalarType): TypedValue | undefined {
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 'false' ? { type, value: text === 'true' } : undefined;
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
      return integerOfText(text, type);
    case 'float':
    case 'double': {
      const value = DECIMAL.test(text) ? Number(text) : SPECIAL.get(text);
      return value === undefined ? undefined : fitting(type, value);
    }
    case 'bytes':
      return bytesOfText(text);
    default:
      return fitting(type, text);
  }
}

function integerOfText(text: string, type: keyof typeof INTEGER_BITS): TypedValue | undefined {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value !== BigInt.asIntN(INTEGER_BITS[type], value)) return undefined;
  return type === 'long' ? { type, value } : { type, value: Number(value) };
}

function bytesOfText(text: string): TypedValue | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return { type: 'bytes', value: new Uint8Array(Buffer.from(text, 'base64')) };
}

function isInteger(value: number, bits: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** The shortest that is this float again: 0.1, not 0.10000000149011612. */
function floatText(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) return numberText(value);
  for (let digits = 1; digits < FLOAT_DIGITS_MAX; digits += 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(FLOAT_DIGITS_MAX)));
}
