/**
 * Maps and lists of typed values as JSON that anybody can read, and beside it the types that JSON does not tell.
 *
 *     { big: long 5, name: string "x", half: float 0.5, raw: bytes 1 2 3 }
 *
 *     text     {"big":5,"name":"x","half":0.5,"raw":"AQID"}
 *     types    long,string,float,bytes                       of the values that hold no others, in the order of the text
 *
 * JSON alone means: text a string, true and false a boolean, 5 an int (or a long, where it is too large for one), 5.0 a
 * double. Where that says it all, there are no types; the same type several times over is `int*3`.
 *
 * Always true: what is read is exactly what was written, with the order of names, longs beyond 2^53, NaN and -0; depth and
 * count are bounded before anything is built; what does not fit together is not read at all. Pure. Bodies use it.
 */
import { invalidArgument } from '../../../shared/contract/validation.ts';
import { type ScalarType, type TypedValue, textOf, valueOfText } from './typed-values.ts';

/** So many maps and lists around a value. */
export const DEPTH_MAX = 16;
/** Values in one body, those in maps and lists within it too. */
export const VALUES_COUNT_MAX = 65_536;
/** Types beside the text, in characters: they travel as a header. */
export const TYPES_LENGTH_MAX = 8192;

export type Container = Extract<TypedValue, { readonly type: 'map' | 'list' }>;

/** The text, and the types where the text does not say them. */
export interface TypedText {
  readonly text: string;
  readonly types: string | undefined;
}

const TEXTS = ['char', 'string', 'bytes'] as const;
const WORDS = ['boolean', 'byte', 'short', 'int', 'long', 'float', 'double', 'null'] as const;
const LEAVES: ReadonlySet<string> = new Set([...TEXTS, ...WORDS]);
type Leaf = ScalarType | 'null';

/** `MQ_INVALID_ARGUMENT` for what is too deep or too much. */
export function writeTyped(path: string, container: Container): TypedText {
  const types: Leaf[] = [];
  let isPlain = true;
  let count = 0;
  const write = (value: TypedValue, depth: number): string => {
    count += 1;
    if (count > VALUES_COUNT_MAX) throw invalidArgument(path, `at most ${VALUES_COUNT_MAX} values`);
    if (depth > DEPTH_MAX) throw invalidArgument(path, `at most ${DEPTH_MAX} maps and lists deep`);
    if (value.type === 'list') return `[${value.value.map((each) => write(each, depth + 1)).join(',')}]`;
    if (value.type === 'map') {
      const members = [...value.value].map(([name, each]) => `${JSON.stringify(name)}:${write(each, depth + 1)}`);
      return `{${members.join(',')}}`;
    }
    const text = leafText(value);
    types.push(value.type);
    if (plainTypeOf(text) !== value.type) isPlain = false;
    return text;
  };
  const text = write(container, 0);
  return { text, types: isPlain ? undefined : joinTypes(path, types) };
}

/** undefined for what is no such text, or not of these types. */
export function readTyped(text: string, types: string | undefined): Container | undefined {
  const leaves = types === undefined ? undefined : splitTypes(types);
  if (leaves === null) return undefined;
  try {
    return new Reader(text, leaves).read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function leafText(value: Exclude<TypedValue, Container>): string {
  switch (value.type) {
    case 'null':
      return 'null';
    case 'string':
    case 'char':
      return JSON.stringify(value.value);
    case 'bytes':
      return JSON.stringify(textOf(value));
    case 'float':
    case 'double': {
      const text = textOf(value);
      if (!Number.isFinite(value.value)) return JSON.stringify(text);
      return /[.e]/.test(text) ? text : `${text}.0`;
    }
    default:
      return textOf(value);
  }
}

/** What JSON says a leaf is. */
function plainTypeOf(text: string): Leaf {
  if (text.startsWith('"')) return 'string';
  if (text === 'null') return 'null';
  if (text === 'true' || text === 'false') return 'boolean';
  if (/[.eE]/.test(text)) return 'double';
  if (valueOfText(text, 'int') !== undefined) return 'int';
  return valueOfText(text, 'long') === undefined ? 'double' : 'long';
}

function joinTypes(path: string, types: readonly Leaf[]): string {
  const runs: { readonly type: Leaf; count: number }[] = [];
  for (const type of types) {
    const last = runs.at(-1);
    if (last?.type === type) last.count += 1;
    else runs.push({ type, count: 1 });
  }
  const text = runs.map(({ type, count }) => (count === 1 ? type : `${type}*${count}`)).join(',');
  if (text.length <= TYPES_LENGTH_MAX) return text;
  throw invalidArgument(path, `of types that can be told in ${TYPES_LENGTH_MAX} characters, not ${text.length}`);
}

/** null for what `joinTypes` does not write. */
function splitTypes(text: string): Leaf[] | null {
  if (text.length > TYPES_LENGTH_MAX) return null;
  const types: Leaf[] = [];
  for (const run of text.split(',')) {
    const [, type, times] = /^([a-z]+)(?:\*(\d{1,6}))?$/.exec(run) ?? [];
    const count = times === undefined ? 1 : Number(times);
    if (type === undefined || !LEAVES.has(type) || types.length + count > VALUES_COUNT_MAX) return null;
    for (let index = 0; index < count; index += 1) types.push(type as Leaf);
  }
  return types;
}

/** A number of more characters is none of ours. */
const WORD = /true|false|null|-?\d[\d.eE+-]{0,400}/y;
const SPACES = ' \t\n\r';

/** Reads JSON by hand, since `JSON.parse` rounds what is long and orders what looks like a number. */
class Reader {
  readonly #text: string;
  readonly #types: readonly Leaf[] | undefined;
  #at = 0;
  #count = 0;
  #leafCount = 0;

  constructor(text: string, types: readonly Leaf[] | undefined) {
    this.#text = text;
    this.#types = types;
  }

  read(): Container {
    const value = this.#value(0);
    this.#space();
    const isWhole = this.#at === this.#text.length;
    if (!isWhole || (this.#types !== undefined && this.#types.length !== this.#leafCount)) this.#refuse();
    if (value.type !== 'map' && value.type !== 'list') return this.#refuse();
    return value;
  }

  #value(depth: number): TypedValue {
    this.#count += 1;
    if (depth > DEPTH_MAX || this.#count > VALUES_COUNT_MAX) this.#refuse();
    this.#space();
    if (this.#skip('{')) return this.#map(depth);
    if (this.#skip('[')) return this.#list(depth);
    return this.#leaf();
  }

  #map(depth: number): TypedValue {
    const value = new Map<string, TypedValue>();
    this.#members('}', () => {
      this.#space();
      const name = this.#string();
      this.#space();
      if (name === undefined || value.has(name) || !this.#skip(':')) return this.#refuse();
      value.set(name, this.#value(depth + 1));
    });
    return { type: 'map', value };
  }

  #list(depth: number): TypedValue {
    const value: TypedValue[] = [];
    this.#members(']', () => value.push(this.#value(depth + 1)));
    return { type: 'list', value };
  }

  #members(end: string, readMember: () => void): void {
    this.#space();
    if (this.#skip(end)) return;
    do {
      readMember();
      this.#space();
    } while (this.#skip(','));
    if (!this.#skip(end)) this.#refuse();
  }

  #leaf(): TypedValue {
    const string = this.#string();
    const word = string === undefined ? this.#word() : undefined;
    const type = this.#types === undefined ? plainTypeOf(word ?? '"') : this.#types[this.#leafCount];
    this.#leafCount += 1;
    return fittingLeaf(type, { string, word }) ?? this.#refuse();
  }

  #string(): string | undefined {
    if (this.#text[this.#at] !== '"') return undefined;
    const from = this.#at;
    let end = from;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end === -1) return this.#refuse();
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(from, this.#at)) as string;
  }

  #isEscaped(at: number): boolean {
    let before = at;
    while (this.#text[before - 1] === '\\') before -= 1;
    return (at - before) % 2 === 1;
  }

  #word(): string | undefined {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0];
    if (word === undefined) return undefined;
    this.#at += word.length;
    JSON.parse(word); // a number of JSON has its own rules
    return word;
  }

  #space(): void {
    while (SPACES.includes(this.#text[this.#at] ?? '"')) this.#at += 1;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #refuse(): never {
    throw new SyntaxError(`no typed JSON at character ${this.#at}`);
  }
}

interface LeafSource {
  readonly string: string | undefined;
  readonly word: string | undefined;
}

/** A string of JSON for what is text, and for the numbers JSON has no word for; a word for the rest. */
function fittingLeaf(type: Leaf | undefined, { string, word }: LeafSource): TypedValue | undefined {
  if (type === undefined) return undefined;
  if (type === 'null') return word === 'null' ? { type, value: null } : undefined;
  if (type === 'string' || type === 'char' || type === 'bytes') {
    return string === undefined ? undefined : valueOfText(string, type);
  }
  if (word !== undefined) return valueOfText(word, type);
  const isSpecial = string !== undefined && !/\d/.test(string) && (type === 'float' || type === 'double');
  return isSpecial ? valueOfText(string, type) : undefined;
}
