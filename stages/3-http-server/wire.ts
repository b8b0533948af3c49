/**
 * What a client writes into a request besides a body, and reads out of an answer: paths, queries, and JSON of the
 * expected shape.
 *
 * Always true: a name that reaches a path cannot change the path; an answer of another shape than the protocol's is
 * `MQ_PROTOCOL`, not a surprise later. Pure; the client calls it.
 */
import { MqError } from '../../shared/contract/errors.ts';
import type { Answer } from './transport.ts';

export const JSON_HEADERS = Object.freeze({ 'content-type': 'application/json' });

/** `/topics/a%2Fb/messages` of `topics`, `a/b`, `messages`. */
export function pathOf(...parts: string[]): string {
  return parts.map((part) => `/${encodePart(part)}`).join('');
}

/** `?max=3&offset=0`, or nothing; what is undefined is left out. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`;
}

/** The object an answer carries. */
export function objectIn(answer: Answer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(answer.body.toString('utf8'));
  } catch (error) {
    throw notTheProtocol('no JSON', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notTheProtocol('no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

/** The array that the answer has as `member`. What its entries are is taken on trust: both sides have one schema. */
export function arrayIn<T>(answer: Answer, member: string): readonly T[] {
  const value = objectIn(answer)[member];
  if (!Array.isArray(value)) throw notTheProtocol(`no array "${member}"`);
  return value as T[];
}

/** The number that the answer has as `member`. */
export function numberIn(answer: Answer, member: string): number {
  const value = objectIn(answer)[member];
  if (typeof value !== 'number') throw notTheProtocol(`no number "${member}"`);
  return value;
}

/** The whole number in an answer's header. */
export function numberInHeader({ headers }: Answer, name: string): number {
  const value = headers[name];
  if (typeof value !== 'string' || !/^\d+$/.test(value)) throw notTheProtocol(`no number in the header ${name}`);
  return Number(value);
}

export function notTheProtocol(what: string, cause?: unknown): MqError {
  return new MqError('MQ_PROTOCOL', `the server's answer has ${what}`, { cause });
}

/** Dots are percent-encoded where a path would be shortened by them. */
function encodePart(part: string): string {
  return /^\.+$/.test(part) ? part.replaceAll('.', '%2E') : encodeURIComponent(part);
}
