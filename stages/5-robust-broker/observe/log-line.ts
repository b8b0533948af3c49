/**
 * What may stand in a log, and how: a line is one line whatever a stranger put into its names, and tells no secret.
 *
 *     fields --> without secrets, cut --> { "time": ..., "level": "warn", "event": "refused", ... }      json
 *                                     --> 2026-11-20T14:12:38.123Z WARN  refused code=MQ_FORBIDDEN       text
 *
 * Always true (I26): a line has no control character but its end, no character that turns a terminal's writing round, and
 * no value of a field that is called like a secret; it is at most a few kilobytes. Pure.
 */

/** What is told beside the name of the event. */
export type LogFields = Readonly<Record<string, unknown>>;

const REDACTED = '[redacted]';
const TEXT_CHARACTERS_MAX = 1000;
const DEPTH_MAX = 4;
const MEMBERS_MAX = 32;
/** Names of fields whose values are nobody's business. */
const SECRET_NAME =
  /(authori[sz]ation|cookie|token|passw|passphrase|secret|credential|private|^body$|^payload$|^pin$)/i;
/** Secrets inside texts: what follows a scheme of Authorization, the login part of a url, `password=...`. */
const SECRETS_IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic|digest)\s+[^\s"',;]+/gi, `$1 ${REDACTED}`],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${REDACTED}@`],
  [/\b((?:access_)?token|password|passwd|secret)(["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi, `$1$2${REDACTED}`],
];
/** What JSON leaves as it is though a terminal or a log reader would act on it. */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
const PLAIN_VALUE = /^[\w.:/@$+-]+$/;

/** The same without secrets, and cut where it is long. */
export function tellable(fields: LogFields): LogFields {
  return tellableObject(fields, 0);
}

/** A JSON line in which nothing acts. Also escapes of JSON are JSON. */
export function safeLine(line: string): string {
  return line.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same line for people. */
export function textLineOf(line: string): string {
  const { time, level, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const told = Object.entries(fields).map(([name, value]) => `${quoted(name)}=${quoted(value)}`);
  return safeLine(`${[time, String(level).toUpperCase().padEnd(5), event, ...told].join(' ')}\n`);
}

function quoted(value: unknown): string {
  return typeof value === 'string' && PLAIN_VALUE.test(value) ? value : JSON.stringify(value);
}

function tellableObject(value: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, MEMBERS_MAX);
  const told = entries.map(([name, member]): [string, unknown] => [
    name.slice(0, TEXT_CHARACTERS_MAX),
    SECRET_NAME.test(name) ? REDACTED : tellableValue(member, depth + 1),
  ]);
  return Object.fromEntries(told);
}

function tellableValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return tellableText(value);
  if (value instanceof Error) return { name: value.name, message: tellableText(value.message) };
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (depth >= DEPTH_MAX) return '...';
  if (Array.isArray(value)) return value.slice(0, MEMBERS_MAX).map((member) => tellableValue(member, depth + 1));
  return tellableObject(value, depth);
}

function tellableText(text: string): string {
  // Cut first, so that a long text costs little; a secret that is cut in two is still found by what goes before it.
  const cut = text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}...` : text;
  return SECRETS_IN_TEXT.reduce(
    (told, [pattern, replacement]) => told.replace(pattern, replacement),
    cut,
  ).toWellFormed();
}
