/**
 * A stage with a disk for the screen: its broker as a process of its own, on a temporary folder, spoken to over TCP.
 *
 *     actors --> BrokerOfNow --> TCP client --mq://127.0.0.1:port--> mq serve N --data /tmp/stagemq-screen-...
 *                 who is there <--- HTTP ---         kill -9, start again on the same folder and ports
 *
 * Always true: at most one process runs; none is left behind, since BrokerProcess ends when we do, however we do; the
 * folder goes when the stage is closed, at the latest when this process ends in any way it notices.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { BrokerProcess } from '../broker-process.ts';
import { CommandError } from '../exit.ts';
import { isFree } from '../free-port.ts';
import type { OpenedTarget, openConnectionsReader } from '../target.ts';
import { PROTOCOLS } from '../target-name.ts';
import { BrokerOfNow } from './broker-of-now.ts';
import type { DoorsView, FlushPolicy, Killable, ProcessView } from './killable.ts';

/** So small that a log has several files after a minute. */
const SEGMENT_BYTES_MAX = 4096;
/** Long enough to see what is written and not synced yet. */
const FLUSH_INTERVAL_MS = 5000;

/** The first that clients of other protocols are told of. */
const FIRST_STAGE_WITH_DOORS = 5;

/** A process that was just killed may still be busy in it. */
const REMOVING = { recursive: true, force: true, maxRetries: 5 } as const;

export interface BrokerChildOptions {
  /** One with a disk. */
  readonly stage: number;
  /** A client of a url; `openTarget`. */
  readonly openTarget: (url: string) => Promise<OpenedTarget>;
  readonly openConnectionsReader: typeof openConnectionsReader;
  readonly signal: AbortSignal;
}

interface Life {
  readonly process: BrokerProcess;
  readonly target: OpenedTarget;
  readonly reader: Awaited<ReturnType<typeof openConnectionsReader>>;
}

export class BrokerChild implements Killable {
  readonly #options: BrokerChildOptions;
  readonly #folder: string;
  readonly #now: BrokerOfNow;
  #life: Life;
  #view: ProcessView;

  static async open(options: BrokerChildOptions): Promise<BrokerChild> {
    const folder = await mkdtemp(join(tmpdir(), 'stagemq-screen-'));
    try {
      return new BrokerChild(options, folder, await begin(options, { dataFolder: folder, flushPolicy: 'always' }));
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  }

  private constructor(options: BrokerChildOptions, folder: string, life: Life) {
    this.#options = options;
    this.#folder = folder;
    this.#life = life;
    this.#now = new BrokerOfNow(life.target.broker);
    this.#view = { ...viewOf(life), lifeCount: 1, dataFolder: folder, flushPolicy: 'always' };
    this.#watch(life);
    process.on('exit', this.#onExit);
  }

  get broker(): BrokerOfNow['broker'] {
    return this.#now.broker;
  }

  get view(): ProcessView {
    return this.#view;
  }

  async lookAtDoors(): Promise<void> {
    const life = this.#life;
    if (this.#view.state !== 'running') return;
    // It may go while it is asked.
    const connections = await life.reader.read().catch(() => []);
    if (life === this.#life) this.#see(connections);
  }

  async kill(): Promise<void> {
    this.#serveNobody('ending');
    await this.#life.process.kill();
    await leave(this.#life);
    this.#view = { ...this.#view, state: 'dead' };
  }

  async start(): Promise<void> {
    const { dataFolder, flushPolicy, lifeCount, doors } = this.#view;
    this.#view = { ...this.#view, state: 'starting' };
    try {
      this.#life = await begin(this.#options, { dataFolder, flushPolicy, doors });
    } catch (error) {
      this.#view = { ...this.#view, state: 'dead' };
      throw error;
    }
    this.#view = { ...this.#view, ...viewOf(this.#life), lifeCount: lifeCount + 1 };
    this.#watch(this.#life);
    this.#now.become(this.#life.target.broker);
  }

  async restartWith(flushPolicy: FlushPolicy): Promise<void> {
    const { process: old } = this.#life;
    this.#serveNobody('ending');
    await old.stop();
    await leave(this.#life);
    this.#view = { ...this.#view, flushPolicy };
    await this.start();
  }

  async close(): Promise<void> {
    this.#now.end();
    await this.#life.process.kill();
    await leave(this.#life);
    await removeFolder(this.#folder);
    process.off('exit', this.#onExit);
  }

  /** Where nobody waited for `close`: the process first, since it would write on. */
  readonly #onExit = (): void => {
    if (this.#life.process.isAlive) process.kill(this.#life.process.pid, 'SIGKILL');
    rmSync(this.#folder, REMOVING);
  };

  #see(connections: DoorsView['connections']): void {
    this.#view = { ...this.#view, doors: { ...this.#view.doors, connections } };
  }

  #serveNobody(state: 'ending' | 'dead'): void {
    this.#view = { ...this.#view, state };
    this.#see([]);
    this.#now.gone();
  }

  /** It may also end without having been asked to. */
  #watch(life: Life): void {
    void life.process.ended.then(() => {
      if (this.#life === life && this.#view.state === 'running') this.#serveNobody('dead');
    });
  }
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, REMOVING);
}

async function leave({ target, reader }: Life): Promise<void> {
  await Promise.all([target.close(), reader[Symbol.asyncDispose]()]);
}

/** `doors`: of the life before, whose clients come back. */
async function begin(
  { stage, openTarget, openConnectionsReader: openReader, signal }: BrokerChildOptions,
  { dataFolder, flushPolicy, doors }: Pick<ProcessView, 'dataFolder' | 'flushPolicy'> & { readonly doors?: DoorsView },
): Promise<Life> {
  signal.throwIfAborted();
  const interval = flushPolicy === 'interval' ? ['--flush-interval', String(FLUSH_INTERVAL_MS)] : [];
  const args = ['--segment-bytes-max', String(SEGMENT_BYTES_MAX), ...interval];
  const startOn = (ports: readonly string[]): Promise<BrokerProcess> =>
    BrokerProcess.start({ stage, dataFolder, flushPolicy, args: [...args, ...ports], signal });
  const started = await (stage < FIRST_STAGE_WITH_DOORS ? startOn([]) : startWithDoors(startOn, doors?.places ?? []));
  try {
    return { process: started, target: await openTarget(started.tcpUrl), reader: await openReader(started.url) };
  } catch (error) {
    await started.kill();
    throw error;
  }
}

/** Somebody else may take a port that was free a moment ago: then any free ones do. */
async function startWithDoors(
  startOn: (ports: readonly string[]) => Promise<BrokerProcess>,
  before: DoorsView['places'],
): Promise<BrokerProcess> {
  try {
    return await startOn(await portArguments(before));
  } catch (error) {
    if (!(error instanceof CommandError) || !error.message.includes('is in use')) throw error;
    return await startOn(PROTOCOLS.flatMap(({ name }) => [`--${name}`, '0']));
  }
}

/** The port it had before, or has everywhere; a free one where somebody else has that. */
async function portArguments(before: DoorsView['places']): Promise<string[]> {
  const words = PROTOCOLS.map(async ({ name, title, port: usual }) => {
    const place = before.find((known) => known.title === title);
    const port = place === undefined ? usual : Number(new URL(place.url).port);
    return [`--${name}`, String((await isFree(port)) ? port : 0)];
  });
  return (await Promise.all(words)).flat();
}

function viewOf({ process: { pid, tcpUrl, startMs, report } }: Life) {
  const { durationMs = 0, notices = [] } = report.opening ?? {};
  const places = PROTOCOLS.flatMap(({ name, title }) => {
    const url = report[`${name}Url`];
    return url === null ? [] : [{ title, url }];
  });
  const doors: DoorsView = { places, connections: [] };
  return { state: 'running', pid, url: tcpUrl, startMs, openingMs: durationMs, notices, doors } as const;
}
