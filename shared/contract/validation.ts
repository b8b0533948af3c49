/**
 * What every broker and door checks before it touches its state: names, messages, ranges. One implementation, so that
 * all stages refuse the same input with the same words.
 *
 * Always true: each function either returns the normalised value or throws an `MqError` whose `details.path` names the
 * argument and whose message says what would be right. Pure: no state, no clock.
 */
import { encodeText, ownBodies, ownBytes } from './body.ts';
import type { Broker } from './broker.ts';
import { MqError } from './errors.ts';
import { type Limits, OVERHEAD } from './limits.ts';
import type { Headers, Message } from './message.ts';

const encoder = new TextEncoder();

/** A checked message in the form a broker stores. */
export interface CheckedMessage {
  readonly body: Uint8Array;
  readonly key: string | undefined;
  readonly headers: Headers;
  /** The caller's id; the broker makes one when it is undefined. */
  readonly id: string | undefined;
  /** Body, key, id and headers in bytes: what batch limits, and `bytesMax` of a receive, count. */
  readonly bytes: number;
  /** What it takes in memory: `bytes` and the objects around them, as `bytesMax` of a topic counts. */
  readonly heldBytes: number;
}

/** `MQ_INVALID_ARGUMENT` for the argument at `path`; `expected` completes "... must be". */
export function invalidArgument(path: string, expected: string, got?: unknown): MqError {
  const shown = got === undefined ? '' : `, got ${describeValue(got)}`;
  return new MqError('MQ_INVALID_ARGUMENT', `${path} must be ${expected}${shown}`, { details: { path } });
}

/** Characters of a value that an error message shows; of a name it shows all that a legal one can have. */
const VALUE_CHARACTERS_SHOWN = 40;
const NAME_CHARACTERS_SHOWN = 249;
/** What could move a cursor, turn the direction of a line or end it; JSON escapes only some of it. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text as an error message shows it: in quotes, on one line, and cut when it is longer than `charactersMax`. */
export function quote(text: string, charactersMax = NAME_CHARACTERS_SHOWN): string {
  const shown = text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text;
  return JSON.stringify(shown).replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** A value as an error message shows it: short, on one line, never a whole body. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return quote(value, VALUE_CHARACTERS_SHOWN);
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'undefined') {
    return String(value);
  }
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

/**
 * A topic, group or member name in NFC: 1 to `nameBytesMax` UTF-8 bytes, no control characters, no lone surrogates,
 * not `.` or `..`; a leading `$` is reserved for names the broker makes. `/` and any script are allowed.
 */
export function checkName(path: string, name: unknown, limits: Limits): string {
  if (typeof name !== 'string') throw invalidArgument(path, 'a string', name);
  if (!name.isWellFormed()) throw invalidArgument(path, 'well-formed Unicode (no lone surrogates)', name);
  const normal = name.normalize('NFC');
  const bytes = utf8Length(normal);
  if (bytes < 1 || bytes > limits.nameBytesMax) {
    throw invalidArgument(path, `1 to ${limits.nameBytesMax} UTF-8 bytes, not ${bytes}`);
  }
  if (/\p{Cc}/u.test(normal)) throw invalidArgument(path, 'free of control characters', normal);
  if (normal === '.' || normal === '..') throw invalidArgument(path, 'other than "." and ".."', normal);
  if (normal.startsWith('$')) throw invalidArgument(path, 'without a leading "$", which is reserved', normal);
  return normal;
}

/** A safe integer within an inclusive range; `undefined` gives `fallback`. */
export function checkInteger(
  path: string,
  value: unknown,
  range: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  if (value === undefined) return range.fallback;
  if (!Number.isSafeInteger(value) || (value as number) < range.min || (value as number) > range.max) {
    throw invalidArgument(path, `a whole number from ${range.min} to ${range.max}`, value);
  }
  return (value as number) + 0; // makes 0 of -0
}

/** One of the listed words; `undefined` gives `fallback`. */
export function checkChoice<T extends string>(path: string, value: unknown, choices: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  if (!choices.includes(value as T)) throw invalidArgument(path, `one of ${choices.join(', ')}`, value);
  return value as T;
}

/** The path of a member whose name the caller chose: `options.name`, and `options["..."]` for what is no word. */
export function memberPath(path: string, name: string): string {
  return /^\w{1,40}$/.test(name) ? `${path}.${name}` : `${path}[${describeValue(name)}]`;
}

/** An options object (or nothing) without members the operation does not know: a misspelt option is never ignored. */
export function checkOptions(path: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(path, 'an object', options);
  }
  // `Object.keys` would make a list of them, for each message that is sent.
  for (const name in options) {
    if (!known.includes(name) && Object.hasOwn(options, name)) {
      throw invalidArgument(memberPath(path, name), `left out: there is no such option (known: ${known.join(', ')})`);
    }
  }
}

/** An object that has all of the `methods`; `kind` says what it would be then, as in `a Clock`. */
export function checkMethods(path: string, value: unknown, kind: string, methods: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw invalidArgument(path, kind, value);
  for (const name of methods) {
    if (typeof Reflect.get(value, name) !== 'function')
      throw invalidArgument(path, `${kind}, and this has no ${name}()`);
  }
}

/** The methods that every broker has; one without the capability for an operation still has the method. */
const BROKER_METHODS: readonly Exclude<keyof Broker, symbol>[] = [
  ...(['createTopic', 'deleteTopic', 'describeTopics', 'createGroup', 'deleteGroup', 'send', 'sendBatch'] as const),
  ...(['receive', 'ack', 'nack', 'extendLease', 'leave', 'browse', 'fetch', 'commit', 'committed', 'seek'] as const),
  ...(['begin', 'subscribe', 'close'] as const),
];

/** A Broker, as far as can be seen without calling it: for whoever is given one, so that a mistake shows at once. */
export function checkBroker(path: string, broker: unknown): Broker {
  checkMethods(path, broker, 'a Broker', BROKER_METHODS);
  const { capabilities, limits } = broker as Partial<Broker>;
  checkMethods(`${path}.capabilities`, capabilities, 'a Set', ['has']);
  if (typeof limits !== 'object' || limits === null) throw invalidArgument(`${path}.limits`, 'an object', limits);
  return broker as Broker;
}

const MESSAGE_MEMBERS = ['body', 'key', 'headers', 'id', 'delayMs', 'deliverAt', 'ttlMs', 'priority'];

/** Checks everything about a message that does not need a capability. */
export function checkMessage(path: string, message: Message, limits: Limits): CheckedMessage {
  const checked = checkMessageToEncode(path, message, limits);
  checked.body = ownBytes(checked.body);
  return checked;
}

type CheckedContent = { -readonly [Member in keyof CheckedMessage]: CheckedMessage[Member] };

/** The same for who encodes it before anything else happens: its body is the one that was given. */
export function checkMessageToEncode(path: string, message: Message, limits: Limits): CheckedContent {
  if (typeof message !== 'object' || message === null) throw invalidArgument(path, 'an object with a body', message);
  checkOptions(path, message, MESSAGE_MEMBERS);
  const body = checkBody(path, message.body, limits);
  const key = message.key === undefined ? undefined : checkText(`${path}.key`, message.key, limits.keyBytesMax);
  const id = message.id === undefined ? undefined : checkText(`${path}.id`, message.id, limits.idBytesMax);
  if (id === '') throw invalidArgument(`${path}.id`, 'at least one character');
  const { headers: given } = message;
  const headers = given === undefined ? WITHOUT_HEADERS : checkHeaders(`${path}.headers`, given, limits);
  const textBytes = (key === undefined ? 0 : utf8Length(key)) + (id === undefined ? 0 : utf8Length(id));
  const bytes = body.length + textBytes + headers.bytes;
  return {
    body,
    key,
    headers: headers.headers,
    id,
    bytes,
    heldBytes: bytes + OVERHEAD.recordBytes + headers.overheadBytes,
  };
}

/** All messages of a batch; refuses an empty batch and one above the batch limits. */
export function checkBatch(path: string, messages: readonly Message[], limits: Limits): CheckedMessage[] {
  const checked = checkBatchToEncode(path, messages, limits);
  ownBodies(checked);
  return checked;
}

/** The same for who encodes them before anything else happens: their bodies are those that were given. */
export function checkBatchToEncode(path: string, messages: readonly Message[], limits: Limits): CheckedContent[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw invalidArgument(path, 'an array with a message', messages);
  if (messages.length > limits.batchCountMax) {
    throw tooLarge('MQ_BATCH_TOO_LARGE', path, messages.length, limits.batchCountMax, 'messages');
  }
  const checked: CheckedContent[] = [];
  let bytes = 0;
  // Not with `map`, which would leave the holes of a sparse array as they are.
  for (let index = 0; index < messages.length; index += 1) {
    const content = checkContentAt(path, index, { messages, limits });
    checked.push(content);
    bytes += content.bytes;
  }
  if (bytes > limits.batchBytesMax) throw tooLarge('MQ_BATCH_TOO_LARGE', path, bytes, limits.batchBytesMax, 'bytes');
  return checked;
}

/** Checks a good message without its path, and a bad one again with it: writing the paths out costs more than checking. */
function checkContentAt(
  path: string,
  index: number,
  { messages, limits }: { readonly messages: readonly Message[]; readonly limits: Limits },
): CheckedContent {
  const message = messages[index] as Message;
  try {
    return checkMessageToEncode('', message, limits);
  } catch {
    return checkMessageToEncode(`${path}[${index}]`, message, limits);
  }
}

/** The UTF-8 length of `text` in bytes, without encoding it when it is ASCII. */
export function utf8Length(text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return encoder.encode(text).length;
  }
  return text.length;
}

/** `path` is that of the message. */
function checkBody(path: string, body: unknown, limits: Limits): Uint8Array {
  if (typeof body === 'string' && !body.isWellFormed()) {
    throw invalidArgument(`${path}.body`, 'well-formed Unicode when it is a string (send bytes otherwise)');
  }
  const bytes = typeof body === 'string' ? encodeText(body) : body;
  if (!(bytes instanceof Uint8Array)) throw invalidArgument(`${path}.body`, 'a Uint8Array or a string', body);
  if (bytes.length > limits.bodyBytesMax) {
    throw tooLarge('MQ_MESSAGE_TOO_LARGE', `${path}.body`, bytes.length, limits.bodyBytesMax, 'bytes');
  }
  return bytes;
}

function checkText(path: string, text: unknown, bytesMax: number): string {
  if (typeof text !== 'string') throw invalidArgument(path, 'a string', text);
  if (!text.isWellFormed()) throw invalidArgument(path, 'well-formed Unicode (no lone surrogates)', text);
  const bytes = utf8Length(text);
  if (bytes > bytesMax) throw tooLarge('MQ_MESSAGE_TOO_LARGE', path, bytes, bytesMax, 'UTF-8 bytes');
  return text;
}

interface CheckedHeaders {
  readonly headers: Headers;
  /** Names and values. */
  readonly bytes: number;
  readonly overheadBytes: number;
}

const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Headers);
const WITHOUT_HEADERS: CheckedHeaders = Object.freeze({ headers: NO_HEADERS, bytes: 0, overheadBytes: 0 });

function checkHeaders(path: string, headers: unknown, limits: Limits): CheckedHeaders {
  if (!isPlainObject(headers)) throw invalidArgument(path, 'an object of strings', headers);
  // Not `Object.entries`, which makes an array for each: it is asked of every message.
  const names = Object.keys(headers);
  if (names.length > limits.headersCountMax) {
    throw tooLarge('MQ_MESSAGE_TOO_LARGE', path, names.length, limits.headersCountMax, 'headers');
  }
  if (names.length === 0) return WITHOUT_HEADERS;
  const checked: Record<string, string> = Object.create(null);
  let bytes = 0;
  const where = (name: string): string => `${path}[${describeValue(name)}]`;
  for (const name of names) {
    const value = (headers as Readonly<Record<string, unknown>>)[name];
    if (name === '' || !name.isWellFormed())
      throw invalidArgument(where(name), 'named by a non-empty, well-formed string');
    if (typeof value !== 'string' || !value.isWellFormed())
      throw invalidArgument(where(name), 'a well-formed string', value);
    bytes += utf8Length(name) + utf8Length(value);
    checked[name] = value;
  }
  if (bytes > limits.headersBytesMax) {
    throw tooLarge('MQ_MESSAGE_TOO_LARGE', path, bytes, limits.headersBytesMax, 'UTF-8 bytes');
  }
  const overheadBytes = OVERHEAD.headersBytes + names.length * OVERHEAD.headerBytes;
  return { headers: Object.freeze(checked), bytes, overheadBytes };
}

/** False also for a Map or Headers, whose content is not in members and would silently get lost. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null; // that of literals, in any realm
}

function tooLarge(
  code: 'MQ_MESSAGE_TOO_LARGE' | 'MQ_BATCH_TOO_LARGE',
  path: string,
  got: number,
  max: number,
  unit: string,
): MqError {
  return new MqError(code, `${path} has ${got} ${unit}; at most ${max} are accepted`, { details: { path } });
}
