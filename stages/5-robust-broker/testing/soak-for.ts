/**
 * Rounds of a soak until there were enough of them, or there is no more time; then what was held in the end is held against
 * what was held at the beginning.
 *
 *     node stages/5-robust-broker/testing/soak-for.ts [seed] [rounds]             one seed again, from its first round
 *     node stages/5-robust-broker/testing/soak-for.ts [seed] [rounds] --round 408   from this one; one round, if not told
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Soak, type SoakSample } from './soak.ts';

/** Until everything that is made once has been made. */
const WARM_UP_ROUNDS = 3;
/** Of the heap at the beginning: caches fill, and how transactions ended and what is told of messages goes with a restart. */
const GROWTH_SHARE = 0.1;
const GROWTH_BYTES = 5 * 1024 * 1024;
/** The journal of a topic that is being deleted, and the like. */
const FILES_MORE = 8;

export interface SoakForOptions {
  readonly seed: number;
  readonly roundsMax: number;
  readonly msMax: number;
  /** From 1, which is the default. */
  readonly firstRound?: number | undefined;
}

export interface SoakReport {
  readonly text: string;
  readonly samples: readonly SoakSample[];
}

/** Answers what was held after every round, and in one line, from which seed. */
export async function soakFor(options: SoakForOptions): Promise<SoakReport> {
  const { seed, roundsMax, msMax, firstRound } = options;
  const endsAtMs = performance.now() + msMax;
  const soak = new Soak({ seed, firstRound });
  const samples: SoakSample[] = [];
  for (let round = 0; round < roundsMax; round += 1) {
    samples.push(await soak.round());
    if (performance.now() > endsAtMs && round > WARM_UP_ROUNDS) break;
  }
  await soak.close();
  const text = `seed ${seed}, ${samples.length} rounds: ${told(samples[WARM_UP_ROUNDS - 1])} became ${told(samples.at(-1))}`;
  checkFlat(samples, text);
  return { samples, text };
}

/** Of too few rounds nothing can be said. */
function checkFlat(samples: readonly SoakSample[], text: string): void {
  const [first, last] = [samples[WARM_UP_ROUNDS - 1], samples.at(-1)];
  if (first === undefined || last === undefined) return;
  const heapBytesMax = first.heapBytes * (1 + GROWTH_SHARE) + GROWTH_BYTES;
  assert.ok(last.heapBytes < heapBytesMax, `memory grows; ${text}`);
  assert.ok(last.openFiles <= first.openFiles + FILES_MORE, `files are left open; ${text}`);
}

function told(sample: SoakSample | undefined): string {
  return sample === undefined ? 'nothing' : `${sample.heapBytes} bytes and ${sample.openFiles} files`;
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { round: { type: 'string' } } });
  const [seed = '1', rounds = values.round === undefined ? '10' : '1'] = positionals;
  const firstRound = values.round === undefined ? undefined : Number(values.round);
  const { samples, text } = await soakFor({
    seed: Number(seed),
    roundsMax: Number(rounds),
    msMax: 3_600_000,
    firstRound,
  });
  for (const sample of samples) process.stdout.write(`${JSON.stringify(sample)}\n`);
  process.stdout.write(`${text}\n`);
}
