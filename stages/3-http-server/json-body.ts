/**
 * JSON from strangers: bytes to a value, or `MQ_INVALID_ARGUMENT`; nothing in between.
 *
 * Always true of what is returned: it was one JSON text in UTF-8 with nothing before or after, at most `JSON_DEPTH_MAX`
 * levels deep, with at most `JSON_VALUES_MAX` values in all and `JSON_MEMBERS_MAX` members in one object, and no object in
 * it named a member twice. `JSON.parse` alone accepts a repeated name (the last one wins, while another reader may take
 * the first). `__proto__` is an own member like any other and pollutes nothing.
 * Pure; the server's body parser calls it.
 */
import { isUtf8 } from 'node:buffer';
import { MqError } from '../../shared/contract/errors.ts';

/** Levels of arrays and objects. The deepest thing a route takes has four. */
export const JSON_DEPTH_MAX = 16;

/**
 * Values in one text, and members in one object. A value may be two bytes long, and what is done with each costs far
 * more memory and time than two bytes: without these numbers a request of a legal size could stop the server. Enough for
 * 10,000 messages with 20 members and headers each.
 */
export const JSON_VALUES_MAX = 262_144;
export const JSON_MEMBERS_MAX = 4096;

/** One this long has at most 512 values, and an object in it 256 members. */
const SHORT_BYTES_MAX = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const CLOSE_OBJECT = 0x7d;
const CLOSE_ARRAY = 0x5d;

/** The value of a JSON text. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw refusedJson('there is no JSON in it');
  if (!isUtf8(bytes)) throw refusedJson('it is not valid UTF-8');
  const text = bytes.toString('utf8');
  // A short text cannot have too many parts, and is looked at whole only where its colons are not all accounted for.
  const isShort = bytes.length <= SHORT_BYTES_MAX;
  const colonCount = isShort ? countColons(text) : scan(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (isShort) scan(bytes); // says better what is wrong with one that is far too deep
    throw refusedJson(error instanceof Error ? error.message : String(error));
  }
  // No route takes null, and to the server null means that there is no body.
  if (value === null) throw refusedJson('it is null');
  // I7: as many members as were written.
  const memberCount = countMembers(value, 1);
  if (memberCount === colonCount) return value;
  if (!isShort || memberCount !== scan(bytes)) throw refusedJson('an object in it has two members of one name');
  return value;
}

/** All of them, also those within strings: at least as many as members were written. */
function countColons(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) count += 1;
  return count;
}

/**
 * The number of `name:` in the text, counted without parsing it: each colon outside a string. Refuses what is too deep or
 * has too many parts before anything that takes its time with each of them sees it.
 */
function scan(bytes: Buffer): number {
  let depth = 0;
  let memberCount = 0;
  /** Never fewer than there are: each value but the first follows a comma or an opening bracket. */
  let valueCount = 1;
  /** Members of the object that is open at each depth. */
  const membersAt = new Uint32Array(JSON_DEPTH_MAX + 1);
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      for (at += 1; at < bytes.length && bytes[at] !== QUOTE; at += 1) if (bytes[at] === BACKSLASH) at += 1;
    } else if (byte === COMMA) valueCount = oneMore(valueCount, JSON_VALUES_MAX, 'values');
    else if (byte === COLON) {
      memberCount += 1;
      membersAt[depth] = oneMore(membersAt[depth] ?? 0, JSON_MEMBERS_MAX, 'members in one object');
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth = oneMore(depth, JSON_DEPTH_MAX, 'levels');
      valueCount = oneMore(valueCount, JSON_VALUES_MAX, 'values');
      membersAt[depth] = 0;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
  }
  return memberCount;
}

function oneMore(count: number, countMax: number, ofWhat: string): number {
  if (count >= countMax) throw refusedJson(`it has more than ${countMax} ${ofWhat}`);
  return count + 1;
}

/** Members of all objects in `value`, of which there are fewer than in its text when a name was repeated. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  oneMore(depth - 1, JSON_DEPTH_MAX, 'levels');
  let count = 0;
  if (Array.isArray(value)) {
    for (const part of value) count += countMembers(part, depth + 1);
    return count;
  }
  // What JSON.parse makes inherits nothing that could be counted, and `Object.values` would make a list for each object.
  for (const name in value) count += 1 + countMembers((value as Record<string, unknown>)[name], depth + 1);
  return count;
}

function refusedJson(why: string): MqError {
  return new MqError('MQ_INVALID_ARGUMENT', `the body must be one JSON text: ${why}`, { details: { path: 'body' } });
}
