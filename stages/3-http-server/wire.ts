/**
 * What a client writes into a request besides a body, and reads out of an answer: paths, queries, and JSON of the
 * expected shape.
 *
 * Always true: a name that reaches a path cannot change the path; an answer of another shape than the protocol's is
 * `MQ_PROTOCOL`, not a surprise later. Pure; the client calls it.
 */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { MqError } from '../../shared/contract/errors.ts';
import type { Answer } from './exchange.ts';

export const JSON_HEADERS = Object.freeze({ 'content-type': 'application/json' });

/** `/topics/a%2Fb/messages` of `topics`, `a/b`, `messages`. */
export function pathOf(...parts: string[]): string {
  return parts.map((part) => `/${encodePart(part)}`).join('');
}

/** `?max=3&id=a%20b`, or nothing; what is undefined is left out. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? ''
    : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&')}`;
}

/** Reads an answer, and knows what it must look like. */
export type Reader<T> = (answer: Answer) => T;

/**
 * A reader of answers of this schema; `what` names them in an error. Compiled at the first answer, so that a client pays
 * only for what it uses. Which member was wrong is not looked for: an answer may be large, and its server is broken.
 */
export function readerOf<S extends TSchema>(what: string, schema: S): Reader<Static<S>> {
  let compiled: ReturnType<typeof Compile<S>> | undefined;
  return (answer) => {
    compiled ??= Compile(schema);
    const value = jsonIn(answer);
    if (!compiled.Check(value)) throw notTheProtocol(`another shape than ${what}`);
    return value;
  };
}

/** What an answer says, of whatever shape. */
export function jsonIn({ body }: Answer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw notTheProtocol('no JSON', error);
  }
}

/** The whole number in an answer's header. */
export function numberInHeader({ headers }: Answer, name: string): number {
  const value = headers[name];
  if (typeof value !== 'string' || !/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
    throw notTheProtocol(`no whole number in the header ${name}`);
  }
  return Number(value);
}

export function notTheProtocol(what: string, cause?: unknown): MqError {
  return new MqError('MQ_PROTOCOL', `the server's answer has ${what}`, { cause });
}

/** Dots are percent-encoded where a path would be shortened by them. */
function encodePart(part: string): string {
  return /^\.+$/.test(part) ? part.replaceAll('.', '%2E') : encodeURIComponent(part);
}
