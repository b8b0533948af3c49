/**
 * What the suite says about one test and about one target, and how an error becomes a verdict.
 *
 *     passed          the promise was kept
 *     failed          two operations contradict the specification: there is a story
 *     notYet          the broker lacks the capability; a later stage has it
 *     optionOff       this target cannot be asked: its door or its factory does not offer what the test needs
 *     couldNotTest    the environment failed (no connection, a hang, no room on the machine): nothing is known
 *
 * Always true: every test of a run has exactly one verdict, and a fault of the environment is never counted as the
 * broker's. Used by the runner and by whoever prints a report.
 */
import type { Capability } from '../contract/capabilities.ts';
import { type ErrorCode, MqError } from '../contract/errors.ts';

/** How a test can end. */
export const VERDICTS = Object.freeze(['passed', 'failed', 'notYet', 'optionOff', 'couldNotTest'] as const);

/**
 * `notYet`: a capability is missing. `optionOff`: the target cannot be set up for it. `couldNotTest`: the surroundings
 * failed.
 */
export type Verdict = (typeof VERDICTS)[number];

/** Why a test failed, complete enough to be read without the source. */
export interface FailureStory {
  /** The sentence of the specification that was broken: the test's name. */
  readonly sentence: string;
  /** The two operations that contradict each other, oldest first. */
  readonly operations: readonly string[];
  readonly expected: string;
  readonly got: string;
  readonly seed: number;
  /** One line to type to see it again. */
  readonly replay: string;
}

/** How one test ended, and why. */
export interface TestResult {
  readonly name: string;
  readonly capability: Capability;
  readonly verdict: Verdict;
  /** Present for every verdict but `passed`. */
  readonly reason?: string;
  /** Present for `failed`. */
  readonly story?: FailureStory;
}

/** The five counts add up to `tests.length`. Plain JSON. */
export interface ConformanceReport {
  readonly target: string;
  readonly passed: number;
  readonly failed: number;
  readonly notYet: number;
  readonly optionOff: number;
  readonly couldNotTest: number;
  /** Repeats the run. */
  readonly seed: number;
  readonly durationMs: number;
  readonly tests: readonly TestResult[];
}

/** Where two lists of bodies part: what should have come there and what came; undefined where a list had ended. */
export interface Difference {
  readonly expected: string | undefined;
  readonly got: string | undefined;
}

/** A broken promise, found by a check. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction';
  readonly #what: string;
  readonly #value: string;
  readonly got: string;
  /** The operations that contradict each other when the check knows them; else they are looked for (`witnesses.ts`). */
  readonly operations: readonly string[];
  readonly difference: Difference | undefined;

  constructor(
    what: string,
    facts: { expected: string; got: string; operations?: readonly string[]; difference?: Difference },
  ) {
    super(`${what}: expected ${facts.expected}, got ${facts.got}`);
    this.#what = what;
    this.#value = facts.expected;
    this.got = facts.got;
    this.operations = facts.operations ?? [];
    this.difference = facts.difference;
  }

  /** What was looked at, and what it should have been. */
  get expected(): string {
    return `${this.#what}: ${this.#value}`;
  }

  /** The same contradiction, with the operations that show it. */
  citing(operations: readonly string[], circumstances = ''): Contradiction {
    return new Contradiction(this.#what, { expected: `${this.#value}${circumstances}`, got: this.got, operations });
  }
}

/** Something outside the broker kept a test from finding out. */
export class EnvironmentFault extends Error {
  override readonly name = 'EnvironmentFault';
}

/** Codes a client answers when it could not ask, or asked and was not answered. */
const ENVIRONMENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MQ_UNREACHABLE',
  'MQ_CONNECTION_LOST',
  'MQ_TIMEOUT',
  'MQ_UNAUTHORIZED',
  'MQ_FORBIDDEN',
  'MQ_MISSING_DEPENDENCY',
]);

/** What the operating system says when a socket, a port, a file or memory is the problem. */
const SYSTEM_CODES = /^(E(CONN|ADDR|PIPE|HOST|NET|TIMEDOUT|MFILE|NFILE|NOTFOUND|AI_|NOSPC|NOMEM)|UND_ERR)/;

/** True when `error` says nothing about the broker's promises. */
export function isEnvironmentFault(error: unknown): boolean {
  if (error instanceof EnvironmentFault) return true;
  if (error instanceof MqError) return ENVIRONMENT_CODES.has(error.code);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && SYSTEM_CODES.test(code);
}

/** The report of a run; the counts are taken from the results and nowhere else. */
export function reportOf(
  target: string,
  facts: { readonly seed: number; readonly durationMs: number; readonly tests: readonly TestResult[] },
): ConformanceReport {
  const count = (verdict: Verdict): number => facts.tests.filter((test) => test.verdict === verdict).length;
  return {
    target,
    passed: count('passed'),
    failed: count('failed'),
    notYet: count('notYet'),
    optionOff: count('optionOff'),
    couldNotTest: count('couldNotTest'),
    ...facts,
  };
}
