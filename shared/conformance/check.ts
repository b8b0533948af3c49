/**
 * The checks the tests are written with. Each either returns or throws a `Contradiction` that says what was expected
 * and what came; the runner adds the operations and the seed. Faults of the environment pass through untouched.
 */
import { isDeepStrictEqual } from 'node:util';
import { type ErrorCode, isMqError, type MqError } from '../contract/errors.ts';
import { show } from './show.ts';
import { Contradiction, type Difference, isEnvironmentFault } from './verdict.ts';

/** How long, in real time, something that must happen at once may take before it counts as not happening. */
const AT_ONCE_MS = 5000;

/** `got` and `expected` are the same value, compared deeply. */
export function equal<T>(got: T, expected: T, what: string): void {
  if (isDeepStrictEqual(got, expected)) return;
  const difference = firstDifference(got, expected);
  throw new Contradiction(what, { expected: show(expected), got: show(got), difference });
}

/** Where two lists of texts part; undefined for whatever is no list of texts. */
function firstDifference(got: unknown, expected: unknown): Difference | undefined {
  if (!isTexts(got) || !isTexts(expected)) return undefined;
  const parting = expected.findIndex((text, index) => text !== got[index]);
  const index = parting === -1 ? expected.length : parting;
  return { expected: expected[index], got: got[index] };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Two byte sequences are the same; only the first difference is shown. */
export function equalBytes(got: Uint8Array, expected: Uint8Array, what: string): void {
  equal(got.length, expected.length, `${what}, length in bytes`);
  for (let index = 0; index < expected.length; index += 1) {
    if (got[index] !== expected[index]) equal(got[index], expected[index], `${what}, byte ${index}`);
  }
}

/** `condition` is true; `expected` says it in words. */
export function holds(condition: boolean, expected: string, got: unknown): asserts condition {
  if (!condition) throw new Contradiction('the answer', { expected, got: show(got) });
}

/** The value is there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Contradiction(what, { expected: 'there', got: show(value) });
  return value;
}

/** The call rejects with one of `codes`; resolves to the error for closer looks. */
export async function refused(
  call: Promise<unknown>,
  codes: ErrorCode | readonly ErrorCode[],
  what: string,
): Promise<MqError> {
  const allowed: readonly ErrorCode[] = typeof codes === 'string' ? [codes] : codes;
  const expected = `refused with ${allowed.join(' or ')}`;
  let got: unknown;
  try {
    got = await atOnce(call, what);
  } catch (error) {
    if (isMqError(error) && allowed.includes(error.code)) return error;
    if (isEnvironmentFault(error) || error instanceof Contradiction) throw error;
    throw new Contradiction(what, { expected, got: show(error) });
  }
  throw new Contradiction(what, { expected, got: `accepted: ${show(got)}` });
}

/** The call settles without more time passing; when it stays open that is the broker's fault, not a hang of the run. */
export function atOnce<T>(call: PromiseLike<T>, what: string): Promise<T> {
  return within(AT_ONCE_MS, call, what);
}

/** The call settles within `ms` of real time, which is far more than a sound broker needs for it. */
export async function within<T>(ms: number, call: PromiseLike<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const contradiction = new Contradiction(what, {
      expected: 'an answer at once',
      got: `none within ${ms} ms`,
    });
    timer = setTimeout(() => reject(contradiction), ms);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats `look` until it answers true; fails when it does not within the time allowed for "at once". */
export async function eventually(look: () => Promise<boolean>, expected: string): Promise<void> {
  const untilMs = performance.now() + AT_ONCE_MS;
  for (;;) {
    if (await look()) return;
    if (performance.now() > untilMs) {
      throw new Contradiction('in time', { expected, got: `not so after ${AT_ONCE_MS} ms` });
    }
    await nextTurn();
  }
}

/** A call that is awaited only later: should it reject meanwhile, that is found then, and is no unhandled rejection. */
export function awaitedLater<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

/** True when `call` has settled by now, after everything that was ready has run. */
export async function isSettled(call: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  call.then(note, note);
  await nextTurn();
  return settled;
}

/** Lets sockets and promise callbacks that are ready run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
