/**
 * Kills a real broker process under load with -9, again and again on one folder, and checks after each time that the folder
 * holds what was promised and that `verify` finds nothing wrong.
 *
 * Always true: the seed, printed when something is wrong, decides the load and the moment in lines told; what the machine
 * makes of it differs from run to run, which is the point.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { type Random, SeededRandom } from '../../../shared/random.ts';
import { RealDisk } from '../../../shared/real-disk.ts';
import { createBroker } from '../index.ts';
import { verifyFolder } from '../tools/verify.ts';
import { DELAY_MS_MAX, type Deed } from './broker-load.ts';
import { BrokerPromises } from './broker-promises.ts';

const WORKER = join(import.meta.dirname, 'kill-worker.ts');
/** One in so many dies before it is ready. */
const EARLY_RATE = 5;
const START_MS_MAX = 400;
const LIFE_MS_MAX = 400;
const AGAIN_MS = 250;
const PATIENCE_MS = 5000;

/** Where a run keeps its data, and what its brokers told. */
export function foldersIn(root: string): { readonly data: string; readonly told: string } {
  const told = join(root, 'told');
  mkdirSync(told, { recursive: true });
  return { data: join(root, 'data'), told };
}

/** A broker process on a data folder. */
export class KillWorker {
  readonly process: ChildProcess;
  /** Code and signal. */
  readonly exit: Promise<unknown[]>;
  readonly #told: string;

  constructor(root: string, { run, seed }: { readonly run: string; readonly seed: number }) {
    const { data, told } = foldersIn(root);
    this.#told = join(told, run);
    const output = openSync(this.#told, 'w');
    const stdio = ['ignore', output, 'inherit', 'pipe'] as const;
    this.process = spawn(process.execPath, [WORKER, data, run, String(seed)], { stdio: [...stdio] });
    closeSync(output);
    this.exit = once(this.process, 'exit');
  }

  /** Its topics are there, and the load begins. */
  async ready(): Promise<void> {
    await Promise.race([once(this.process.stdio[3] as Readable, 'data'), this.exit]);
  }

  /** Once it has ended: all it told. */
  deeds(): readonly Deed[] {
    const lines = readFileSync(this.#told, 'utf8').split('\n');
    assert.equal(lines.pop(), '', 'a line is written whole');
    return lines.map((line) => JSON.parse(line) as Deed);
  }

  async kill(signal: NodeJS.Signals): Promise<unknown[]> {
    this.process.kill(signal);
    return await this.exit;
  }
}

export interface Life {
  readonly random: Random;
  readonly run: string;
}

/** One life of a broker: started, loaded, killed. */
async function liveAndDie(root: string, promises: BrokerPromises, { random, run }: Life): Promise<void> {
  const worker = new KillWorker(root, { run, seed: random.below(2 ** 31) });
  if (random.below(EARLY_RATE) === 0) await passed(random.below(START_MS_MAX));
  else {
    await worker.ready();
    await passed(random.below(LIFE_MS_MAX));
  }
  await worker.kill('SIGKILL');
  for (const deed of worker.deeds()) promises.add(deed);
}

/** Many lives on one folder. Half of the starts are the next life's, under load and killed again. */
export async function liveMany(
  root: string,
  { seed, lifeCount }: { readonly seed: number; readonly lifeCount: number },
): Promise<void> {
  const random = new SeededRandom(seed);
  const promises = new BrokerPromises();
  for (let life = 0; life < lifeCount; life += 1) {
    try {
      await liveAndDie(root, promises, { random, run: `life${life}` });
      if (random.below(2) === 0 || life === lifeCount - 1) await checkFolder(root, promises);
    } catch (error) {
      throw new Error(`seed ${seed}, life ${life}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
}

/** Starts a broker on the folder here, lets what was delayed fall due, and checks. */
export async function checkFolder(root: string, promises: BrokerPromises): Promise<void> {
  const folder = foldersIn(root).data;
  const broker = await createBroker({ dataFolder: folder });
  try {
    await passed(DELAY_MS_MAX + 50);
    await eventually(() => promises.check(broker));
  } finally {
    await broker.close();
  }
  const report = await verifyFolder({ disk: new RealDisk(), folder });
  assert.deepEqual(report.findings, [], 'verify finds nothing wrong');
}

/** What was delayed or was dying moves on in the background; what is lost or comes again does so for ever. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += AGAIN_MS) {
    try {
      return await check();
    } catch (error) {
      if (waitedMs >= PATIENCE_MS) throw error;
    }
    await passed(AGAIN_MS);
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
