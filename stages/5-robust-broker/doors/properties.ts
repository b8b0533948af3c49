/**
 * The properties of a message as JMS and OpenWire have them, typed, and the headers of the contract that carry them.
 *
 *     price double 9.5, count int 3, name string "x"  <-->  price "9.5", count "3", name "x", $types "price=double&count=int"
 *
 *     a property          its header
 *     null                none; `$types` has `name=null`
 *     `$x`, `%x`          `%24x`, `%25x`: headers that begin with `$` are the broker's
 *     a common word       the same, and `$types` has its type, so that it is known to be no `type` or `reply-to` of the
 *                         message itself; where the message has that too, its first character is percent-encoded
 *
 * Always true (I32): reading what was written gives the same properties with their types; a header whose text
 * is not of its type is a string. Selectors of the broker read the same headers by the same types. Pure. Every door of a
 * protocol, and the JMS-style API, use it.
 */
import { TYPES_HEADER } from '../../../shared/contract/filter.ts';
import type { Headers } from '../../../shared/contract/message.ts';
import { invalidArgument, memberPath } from '../../../shared/contract/validation.ts';
import { type ScalarType, type TypedValue, textOf, textValue, valueOfText } from './typed-values.ts';

/** Name -> value. */
export type Properties = ReadonlyMap<string, TypedValue>;

/** Headers that belong to the message as every door knows it. */
export const COMMON_HEADERS: ReadonlySet<string> = new Set(['content-type', 'correlation-id', 'reply-to', 'type']);

/** Types of properties; a `char` and `bytes` are text to a selector, as `null` is nothing. */
const PROPERTY_TYPES: readonly string[] = [
  ...(['boolean', 'byte', 'short', 'int', 'long', 'float', 'double', 'char', 'string', 'bytes'] as const),
] satisfies ScalarType[];
const ESCAPED_FIRST = /^[$%]/;
const ESCAPE = /^%([0-9A-F]{2})(.*)$/s;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** Words of selectors, whatever their case. */
const RESERVED = /^(?:NULL|TRUE|FALSE|NOT|AND|OR|BETWEEN|LIKE|IN|IS|ESCAPE)$/i;

/**
 * The headers of `properties`, beside those that the message has: its common words. Lone halves of surrogate pairs become
 * U+FFFD. `MQ_INVALID_ARGUMENT` for a map or list, and for a name of no characters.
 */
export function encodeProperties(properties: Properties, words: Headers = {}): Headers {
  const headers: Record<string, string> = Object.assign(Object.create(null), words);
  const types = new URLSearchParams();
  for (const [name, value] of properties) {
    const path = memberPath('properties', name);
    if (name === '') throw invalidArgument(path, 'named by at least one character');
    if (value.type === 'map' || value.type === 'list')
      throw invalidArgument(path, `a single value, not a ${value.type}`);
    const header = headerOf(name.toWellFormed(), words);
    if (value.type !== 'null') headers[header] = textOf(value).toWellFormed();
    if (value.type !== 'string' || COMMON_HEADERS.has(header)) types.set(header, value.type);
  }
  if (types.size > 0) headers[TYPES_HEADER] = types.toString();
  return headers;
}

/** The properties among the headers: all that are neither a common word nor the broker's. */
export function decodeProperties(headers: Headers): Map<string, TypedValue> {
  const properties = new Map<string, TypedValue>();
  const types = typesOf(headers[TYPES_HEADER]);
  for (const name in headers) {
    if (name.startsWith('$') || (COMMON_HEADERS.has(name) && !types.has(name))) continue;
    properties.set(nameOf(name), typedHeader(headers[name] ?? '', types.get(name)));
  }
  for (const [name, type] of types) {
    if (type === 'null' && !Object.hasOwn(headers, name)) properties.set(nameOf(name), { type: 'null', value: null });
  }
  return properties;
}

/** A common word of the message itself; undefined when it has none, or the header is a property of that name. */
export function commonWord(headers: Headers, name: string): string | undefined {
  const text = headers[name];
  if (text === undefined || headers[TYPES_HEADER] === undefined) return text;
  return typesOf(headers[TYPES_HEADER]).has(name) ? undefined : text;
}

/** A name that JMS allows: an identifier of Java that is no word of selectors. `MQ_INVALID_ARGUMENT` otherwise. */
export function checkPropertyName(name: string): string {
  if (!IDENTIFIER.test(name)) throw invalidArgument('name', 'an identifier: letters, digits, _ and $', name);
  if (RESERVED.test(name)) throw invalidArgument('name', 'no word of selectors', name);
  return name;
}

function headerOf(name: string, words: Headers): string {
  const isTaken = COMMON_HEADERS.has(name) && words[name] !== undefined;
  if (!isTaken && !ESCAPED_FIRST.test(name)) return name;
  return `%${name.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}${name.slice(1)}`;
}

/** Only what `headerOf` writes is read back: `%41` in the header of somebody else is nothing else. */
function nameOf(header: string): string {
  const [, code, rest] = ESCAPE.exec(header) ?? [];
  if (code === undefined || rest === undefined) return header;
  const name = String.fromCharCode(Number.parseInt(code, 16)) + rest;
  return ESCAPED_FIRST.test(name) || COMMON_HEADERS.has(name) ? name : header;
}

function typesOf(header: string | undefined): Map<string, string> {
  return header === undefined ? new Map() : new Map(new URLSearchParams(header));
}

function typedHeader(text: string, type: string | undefined): TypedValue {
  if (type === undefined || !PROPERTY_TYPES.includes(type)) return textValue(text);
  return valueOfText(text, type as ScalarType) ?? textValue(text);
}
