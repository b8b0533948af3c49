/**
 * How a command ends: the four exit codes, the errors that carry them, and the words for people.
 *
 * Always true: every failure a person can cause or meet ends in one line of what was wrong and one of what to type
 * instead; a stack trace means a defect of ours.
 */
import type { ErrorCode } from '../shared/contract/errors.ts';
import { isMqError } from '../shared/contract/errors.ts';
import { type Asked, hintFor, inFlags } from './hints.ts';
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

export function isCommandError(error: unknown): error is CommandError {
  return error instanceof CommandError;
}

/** The command line is wrong: exit code 2. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(message, { exitCode: EXIT.wrongUse, hint });
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

/** There is no server any more, or no way to it. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set([
  ...(['MQ_UNREACHABLE', 'MQ_CONNECTION_LOST', 'MQ_TIMEOUT', 'MQ_CLOSED'] as const),
]);
/** What no repetition makes right: the command line must change. */
const WRONG_USE: ReadonlySet<ErrorCode> = new Set(['MQ_INVALID_ARGUMENT', 'MQ_INVALID_SELECTOR', 'MQ_NOT_SUPPORTED']);

/** Turns anything thrown into what a person reads, in the words of the command that was `asked` for. */
export function failureOf(error: unknown, asked: Asked = {}): Failure {
  if (error instanceof QuietEnd) return { exitCode: error.exitCode, lines: [] };
  if (error instanceof CommandError) return { exitCode: error.exitCode, lines: linesOf(error.message, error.hint) };
  if (isMqError(error)) {
    const message = `${inFlags(error.message, asked)} (${error.code})`;
    return {
      exitCode: exitCodeOf(error.code),
      lines: linesOf(message, hintFor(error.code, { ...asked, failure: error.message })),
    };
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
  return WRONG_USE.has(code) ? EXIT.wrongUse : EXIT.failed;
}

function linesOf(message: string, hint: string | undefined): string[] {
  const first = `mq: ${printable(message)}`;
  return hint === undefined ? [first] : [first, `    ${printable(hint)}`];
}
