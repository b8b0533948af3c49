/**
 * Lets contestants run against each other so that a busy machine hurts all of them alike.
 *
 *     warm-up: A B C        round 1: A B C        round 2: A B C        round 3: A B C
 *
 * Always true: a round has one run of every contestant, in the same order, so a ratio within a round compares runs that
 * were neighbours; no contestant runs while another does; garbage of one run is collected before the next begins, where
 * Node lets us ask for it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Counts } from './tally.ts';

/** What a contestant is to the reader of the table. */
export type Role = 'floor' | 'peer' | 'stage';

/** Response times, in µs. */
export interface Latency {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** One run of one contestant. */
export interface Run {
  readonly messagesPerSecond: number;
  readonly counts: Counts;
  readonly latency?: Latency;
  /** CPU time of the server's process per message; in process there is no second process to ask. */
  readonly serverCpuUsPerMessage?: number;
  /** Share of the run's wall time in which the server's process used a core: 1 is a core, fully. */
  readonly serverBusyShare?: number;
}

/** What `race` needs of a contestant. */
export interface Contestant {
  /** Unique in its scenario, such as `stage 1` or `fastq.promise`. */
  readonly name: string;
  readonly role: Role;
  /** Makes one run: as long as `isWarmUp` or the scenario says. Warm-ups are thrown away. */
  run(options: { readonly isWarmUp: boolean }): Promise<Run>;
}

/** Several ways to do the same work, measured in turn. */
export interface Scenario {
  /** Short and stable, such as `queue-in-turn`; bars name it. */
  readonly name: string;
  readonly title: string;
  /** What one message goes through, in a sentence or two. */
  readonly how: string;
  readonly contestants: readonly Contestant[];
  /** Where what is looked for is a few per cent, a median needs so many times the rounds of the others. Default: 1. */
  readonly roundsTimes?: number;
}

export interface RaceOptions {
  readonly roundsCount: number;
  readonly onProgress?: (text: string) => void;
}

/** The runs of every contestant, one a round. */
export type RaceResult = ReadonlyMap<string, readonly Run[]>;

/** Ratios and medians of fewer rounds say nothing. */
export const ROUNDS_COUNT_MIN = 3;

export async function race(scenario: Scenario, options: RaceOptions): Promise<RaceResult> {
  if (options.roundsCount < ROUNDS_COUNT_MIN) throw new RangeError(`at least ${ROUNDS_COUNT_MIN} rounds`);
  const result = new Map<string, Run[]>(scenario.contestants.map(({ name }) => [name, []]));
  const roundsCount = options.roundsCount * (scenario.roundsTimes ?? 1);
  for (let round = 0; round <= roundsCount; round += 1) {
    const isWarmUp = round === 0;
    for (const contestant of scenario.contestants) {
      const phase = isWarmUp ? 'warm-up' : `round ${round} of ${roundsCount}`;
      options.onProgress?.(`${scenario.title}: ${contestant.name}, ${phase}`);
      collectGarbage();
      const run = await contestant.run({ isWarmUp });
      if (!isWarmUp) result.get(contestant.name)?.push(run);
    }
  }
  return result;
}

let collect: (() => void) | undefined;

/** A full collection now, so that the garbage of one run is not charged to the next. */
export function collectGarbage(): void {
  collect ??= exposedCollector();
  collect();
}

/** `gc` without a flag on the command line: a context made after `--expose-gc` has it. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  return typeof found === 'function' ? () => found() : () => {};
}
