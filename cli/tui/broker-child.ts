/**
 * A stage with a disk for the screen: its broker as a process of its own, on a temporary folder, spoken to over TCP.
 *
 *     actors --> BrokerOfNow --> TCP client --mq://127.0.0.1:port--> mq serve N --data /tmp/stagemq-screen-...
 *                                                 kill -9, start again on the same folder
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
import type { OpenedTarget } from '../target.ts';
import { BrokerOfNow } from './broker-of-now.ts';
import type { FlushPolicy, Killable, ProcessView } from './killable.ts';

/** So small that a log has several files after a minute. */
const SEGMENT_BYTES_MAX = 4096;
/** Long enough to see what is written and not synced yet. */
const FLUSH_INTERVAL_MS = 5000;

/** A process that was just killed may still be busy in it. */
const REMOVING = { recursive: true, force: true, maxRetries: 5 } as const;

export interface BrokerChildOptions {
  /** One with a disk. */
  readonly stage: number;
  /** A client of a url; `openTarget`. */
  readonly openTarget: (url: string) => Promise<OpenedTarget>;
  readonly signal: AbortSignal;
}

interface Life {
  readonly process: BrokerProcess;
  readonly target: OpenedTarget;
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

  async kill(): Promise<void> {
    this.#serveNobody('ending');
    await this.#life.process.kill();
    await this.#life.target.close();
    this.#view = { ...this.#view, state: 'dead' };
  }

  async start(): Promise<void> {
    const { dataFolder, flushPolicy, lifeCount } = this.#view;
    this.#view = { ...this.#view, state: 'starting' };
    try {
      this.#life = await begin(this.#options, { dataFolder, flushPolicy });
    } catch (error) {
      this.#view = { ...this.#view, state: 'dead' };
      throw error;
    }
    this.#view = { ...this.#view, ...viewOf(this.#life), lifeCount: lifeCount + 1 };
    this.#watch(this.#life);
    this.#now.become(this.#life.target.broker);
  }

  async restartWith(flushPolicy: FlushPolicy): Promise<void> {
    const { process: old, target } = this.#life;
    this.#serveNobody('ending');
    await old.stop();
    await target.close();
    this.#view = { ...this.#view, flushPolicy };
    await this.start();
  }

  async close(): Promise<void> {
    this.#now.end();
    await this.#life.process.kill();
    await this.#life.target.close();
    await removeFolder(this.#folder);
    process.off('exit', this.#onExit);
  }

  /** Where nobody waited for `close`: the process first, since it would write on. */
  readonly #onExit = (): void => {
    if (this.#life.process.isAlive) process.kill(this.#life.process.pid, 'SIGKILL');
    rmSync(this.#folder, REMOVING);
  };

  #serveNobody(state: 'ending' | 'dead'): void {
    this.#view = { ...this.#view, state };
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

async function begin(
  { stage, openTarget, signal }: BrokerChildOptions,
  { dataFolder, flushPolicy }: Pick<ProcessView, 'dataFolder' | 'flushPolicy'>,
): Promise<Life> {
  signal.throwIfAborted();
  const interval = flushPolicy === 'interval' ? ['--flush-interval', String(FLUSH_INTERVAL_MS)] : [];
  const args = ['--segment-bytes-max', String(SEGMENT_BYTES_MAX), ...interval];
  const started = await BrokerProcess.start({ stage, dataFolder, flushPolicy, args, signal });
  try {
    return { process: started, target: await openTarget(started.tcpUrl) };
  } catch (error) {
    await started.kill();
    throw error;
  }
}

function viewOf({ process: { pid, tcpUrl, startMs, report } }: Life) {
  const { durationMs = 0, notices = [] } = report.opening ?? {};
  return { state: 'running', pid, url: tcpUrl, startMs, openingMs: durationMs, notices } as const;
}
