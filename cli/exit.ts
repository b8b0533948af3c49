/**
 * How a command ends: the four exit codes, the errors that carry them, and the words for people.
 *
 * Always true: every failure a person can cause or meet ends in one line of what was wrong and one of what to type
 * instead; a stack trace means a defect of ours.
 */
import type { ErrorCode } from '../shared/contract/errors.ts';
import { isMqError } from '../shared/contract/errors.ts';
import { printable } from './text.ts';

export const EXIT = Object.freeze({ ok: 0, failed: 1, wrongUse: 2, unreachable: 3 });

export interface CommandErrorOptions {
  /** What to type instead. */
  readonly hint?: string;
  /** Default `EXIT.failed`. */
  readonly exitCode?: number;
}

/** The command cannot do what was asked, and says why. */
export class CommandError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: CommandErrorOptions = {}) {
    super(message);
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The command line is wrong: exit code 2. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(message, { exitCode: EXIT.wrongUse, ...(hint === undefined ? {} : { hint }) });
}

/** The command said all there was to say and ends with a code other than 0 (`mq test` with a failure, a signal). */
export class QuietEnd extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** What a person reads about a failure, and the exit code it ends with. */
export interface Failure {
  readonly exitCode: number;
  /** One line each. */
  readonly lines: readonly string[];
}

const UNREACHABLE: ReadonlySet<ErrorCode> = new Set(['MQ_UNREACHABLE', 'MQ_CONNECTION_LOST', 'MQ_TIMEOUT']);

const HINTS: Partial<Record<ErrorCode, string>> = {
  MQ_UNREACHABLE: 'start a server with: mq serve 3     (or name a running one with --target <url> or $MQ_TARGET)',
  MQ_CONNECTION_LOST: 'see whether the server still runs: mq topics',
  MQ_TIMEOUT: 'see whether the server still runs: mq topics',
  MQ_UNAUTHORIZED: 'give the token the server was started with: --token <token> or $MQ_TOKEN',
  MQ_UNKNOWN_TOPIC: 'see which topics there are: mq topics     (or make one: mq topics create <topic>)',
  MQ_UNKNOWN_GROUP: 'see which groups there are: mq groups     (or make one: mq groups create <topic> <group>)',
  MQ_QUEUE_FULL: 'make room by reading: mq receive <topic>     (or wait longer: --timeout <ms>)',
  MQ_OFFSET_OUT_OF_RANGE: 'start at the first message that is held: --offset earliest',
  MQ_GROUP_KIND: 'a group either receives or fetches and commits: take another name with --group <name>',
  MQ_PROTOCOL: 'see whether the target is a StageMQ server: mq doctor',
};

/** Turns anything thrown into what a person reads. */
export function failureOf(error: unknown): Failure {
  if (error instanceof QuietEnd) return { exitCode: error.exitCode, lines: [] };
  if (error instanceof CommandError) return { exitCode: error.exitCode, lines: linesOf(error.message, error.hint) };
  if (isMqError(error)) {
    return { exitCode: exitCodeOf(error.code), lines: linesOf(`${error.message} (${error.code})`, HINTS[error.code]) };
  }
  if (isSystemError(error)) return { exitCode: EXIT.failed, lines: linesOf(error.message, undefined) };
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return { exitCode: EXIT.failed, lines: ['mq: a defect of mq itself, please report it:', ...stack.split('\n')] };
}

/** What the operating system refused: a full disk, a folder where a file should be. Not a defect of anybody's. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

function exitCodeOf(code: ErrorCode): number {
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  return code === 'MQ_INVALID_ARGUMENT' ? EXIT.wrongUse : EXIT.failed;
}

function linesOf(message: string, hint: string | undefined): string[] {
  const first = `mq: ${printable(message)}`;
  return hint === undefined ? [first] : [first, `    ${printable(hint)}`];
}
