/**
 * Measures work in this process: a contestant takes a batch of numbered messages through and reports what comes out, again
 * and again until the time of the run is over.
 *
 *     [message 0 ... message n-1] --> racer.pass --> received(body) n times, then the pass resolves
 *
 * Always true: only the passes are timed, making and counting messages is not; after every pass each number must have
 * come out exactly once. The messages are made once and shared by all
 * passes: nobody may write to them.
 */
import type { Contestant, Role, Run } from '../race.ts';
import { addCounts, NO_COUNTS, numberedBody, numberIn, Tally } from '../tally.ts';

/** What goes through: a message as every broker of ours takes it. */
export interface NumberedMessage {
  readonly body: Uint8Array;
}

export type Received = (body: Uint8Array) => void;

/** A contestant while it runs. */
export interface Racer {
  /** Resolves when all that will come out has been handed to `received`. */
  pass(messages: readonly NumberedMessage[]): Promise<void>;
  close?(): Promise<void>;
}

export interface PassContestant {
  readonly name: string;
  readonly role: Role;
  /** Messages of one pass. */
  readonly passCount: number;
  /** How long a run lasts; a pass that has begun is finished. */
  readonly runMs: number;
  readonly start: (received: Received) => Racer | Promise<Racer>;
}

/** Part of every run that is not measured: a fresh queue or broker meets its own warm code paths first. */
const WARM_UP_SHARE = 0.2;

export function passContestant(options: PassContestant): Contestant {
  const { name, role } = options;
  return { name, role, run: () => runPasses(options) };
}

async function runPasses({ passCount, runMs, start }: PassContestant): Promise<Run> {
  const messages = firstMessages(passCount);
  let tally = new Tally(passCount);
  const racer = await start((body) => tally.received(numberIn(body)));
  try {
    for (let warmMs = 0; warmMs < runMs * WARM_UP_SHARE; ) warmMs += await timePass(racer, messages);
    tally = new Tally(passCount);
    for (let number = 0; number < passCount; number += 1) tally.sent(number);
    let counts = NO_COUNTS;
    let elapsedMs = 0;
    while (elapsedMs < runMs) {
      elapsedMs += await timePass(racer, messages);
      counts = addCounts(counts, tally.counts);
      tally.forgetReceived();
    }
    return { messagesPerSecond: (counts.received / elapsedMs) * 1000, counts };
  } finally {
    await racer.close?.();
  }
}

async function timePass(racer: Racer, messages: readonly NumberedMessage[]): Promise<number> {
  const startedMs = performance.now();
  await racer.pass(messages);
  return performance.now() - startedMs;
}

let pool: NumberedMessage[] = [];

/** Messages numbered from 0, made once a scenario; more than one needs would only be more for every collection to look at. */
function firstMessages(count: number): readonly NumberedMessage[] {
  if (pool.length !== count) pool = Array.from({ length: count }, (_, number) => ({ body: numberedBody(number) }));
  return pool;
}
