/**
 * A broker with a disk in a process of its own, made to be killed for real: `mq serve 4` or `5` on a data folder and free
 * ports.
 *
 *     this process  -- spawn -->  mq.js serve N --data DIR --port 0 --tcp-port 0 --json
 *                   <-- line ---  {"url": "http://...", "tcpUrl": "mq://...", "pid": ..., "recovery": {...}}
 *                   -- kill -9 ->  gone; start again on the same folder, and see what survived
 *
 * Always true: one process, no shell between, so `pid` is the broker itself; it is never left behind: a channel between
 * the two closes when this process ends, however it ends, and then mq.js ends itself (see there). A Ctrl-C in the terminal
 * does not reach it. The screen and tests use it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommandError } from './exit.ts';
import type { ServeReport } from './serve-report.ts';
import { DISK_STAGE } from './target-name.ts';

/** As long as a slow machine may take to start Node and to recover a large log. */
const START_MS_MAX = 60_000;
/** As long as a drain may take before it becomes a kill. */
const STOP_MS_MAX = 10_000;
/** Of what it says on standard error; more is forgotten, oldest first. */
const COMPLAINT_CHARACTERS_MAX = 4096;

export interface BrokerProcessOptions {
  /** One with a disk. Default 4. */
  readonly stage?: number;
  readonly dataFolder: string;
  readonly flushPolicy?: 'always' | 'interval' | 'never';
  /** Further words for `mq serve`, such as `--tcp-port`, `7000`. Ports are free ones by default. */
  readonly args?: readonly string[];
  /** Default 60 s. */
  readonly startMsMax?: number;
  readonly signal?: AbortSignal;
  /** In place of mq.js; for tests. */
  readonly script?: string;
}

/** How a process ended. */
export interface BrokerEnd {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One life of a broker: from when it listens until it is gone. Disposing of it kills it. */
export class BrokerProcess implements AsyncDisposable {
  /** What it said when it listened. */
  readonly report: ServeReport;
  /** From the start of the process until it listened: Node, recovery and all. */
  readonly startMs: number;
  readonly pid: number;
  /** Settles when it is gone, whoever ended it. Never rejects. */
  readonly ended: Promise<BrokerEnd>;
  readonly #child: StartedChild;

  private constructor(
    child: StartedChild,
    pid: number,
    started: { readonly report: ServeReport; readonly ms: number },
  ) {
    this.#child = child;
    this.pid = pid;
    this.report = started.report;
    this.startMs = started.ms;
    this.ended = child.ended;
  }

  /**
   * Resolves when it listens; rejects with a `CommandError` that has its own words when it ends before, or takes too long,
   * and with the reason of the signal. Nothing is started for a signal that is aborted already.
   */
  static async start(options: BrokerProcessOptions): Promise<BrokerProcess> {
    const { startMsMax = START_MS_MAX, signal } = options;
    signal?.throwIfAborted();
    const beganMs = performance.now();
    const child = new StartedChild(options);
    const timeout = AbortSignal.timeout(startMsMax);
    try {
      const report = await child.report(signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
      return new BrokerProcess(child, child.pid, { report, ms: performance.now() - beganMs });
    } catch (error) {
      await child.kill();
      if (timeout.aborted) throw new CommandError(`the broker process did not listen within ${startMsMax} ms`);
      throw error;
    }
  }

  /** Of its HTTP door. */
  get url(): string {
    return this.report.url;
  }

  /** Of its TCP door, `mq://host:port`. */
  get tcpUrl(): string {
    return this.report.tcpUrl ?? this.report.url;
  }

  /** What it said on standard error, at most the last 4,096 characters. */
  get complaints(): string {
    return this.#child.complaints;
  }

  get isAlive(): boolean {
    return this.#child.isAlive;
  }

  /** kill -9: nothing more is written, answered or cleaned up. Resolves when it is gone; fine when it already is. */
  async kill(): Promise<BrokerEnd> {
    return await this.#child.kill();
  }

  /** SIGTERM: what was accepted is finished. Killed when that takes longer than `timeoutMs`. */
  async stop(options: { readonly timeoutMs?: number } = {}): Promise<BrokerEnd> {
    return await this.#child.stop(options.timeoutMs ?? STOP_MS_MAX);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** The process from its first moment, also while nobody knows yet whether it will ever listen. */
class StartedChild {
  readonly ended: Promise<BrokerEnd>;
  readonly #child: ChildProcess;
  /** The first line of its output; undefined when it ended without one. */
  readonly #firstLine: Promise<string | undefined>;
  #complaints = '';

  constructor(options: BrokerProcessOptions) {
    const { stage = DISK_STAGE, dataFolder, flushPolicy = 'always', args = [], script = mqScript() } = options;
    const ports = ['--port', '0', '--tcp-port', '0'];
    const words = ['serve', String(stage), '--data', dataFolder, '--flush', flushPolicy, ...ports, ...args, '--json'];
    this.#child = spawn(process.execPath, [script, ...words], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A process group of its own: a Ctrl-C is for whoever started it.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    // Without this a process that could not be started would be an exception nobody can catch; 'close' follows.
    this.#child.on('error', (error) => this.#complained(error.message));
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (exitCode, endedBy) => resolve({ exitCode, signal: endedBy }));
    });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new TypeError('the process was started without pipes');
    stderr.setEncoding('utf8').on('data', (text: string) => this.#complained(text));
    // What follows the first line is read and dropped: a full pipe would hold the broker.
    const lines = createInterface({ input: stdout });
    this.#firstLine = new Promise((resolve) => lines.once('line', resolve).once('close', () => resolve(undefined)));
    // The channel says nothing, and must not keep this process alive.
    this.#child.channel?.unref();
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new CommandError(`the broker process could not be started: ${this.#complaints}`);
    return pid;
  }

  get complaints(): string {
    return this.#complaints;
  }

  get isAlive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The line it prints once it listens. */
  async report(signal: AbortSignal): Promise<ServeReport> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const line = await Promise.race([this.#firstLine, aborted]);
    if (line !== undefined) return JSON.parse(line) as ServeReport;
    const { exitCode, signal: by } = await this.ended;
    throw new CommandError(`the broker process ended (${exitCode ?? by}): ${this.#complaints.trim()}`);
  }

  async kill(): Promise<BrokerEnd> {
    if (this.isAlive) this.#child.kill('SIGKILL');
    return await this.ended;
  }

  async stop(timeoutMs: number): Promise<BrokerEnd> {
    if (this.isAlive) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  #complained(text: string): void {
    this.#complaints = (this.#complaints + text).slice(-COMPLAINT_CHARACTERS_MAX);
  }
}

/** Ours, without what would change the port, the token or the words; and with what makes mq.js end with us. */
function environment(): NodeJS.ProcessEnv {
  const { MQ_TOKEN: _token, MQ_TARGET: _target, npm_lifecycle_event: _npm, ...env } = process.env;
  return { ...env, MQ_SIGNALS_ARE_FORWARDED: '1' };
}

/** The one that is not compiled: beside this file in a checkout, and at the same place in the package. */
function mqScript(): string {
  return fileURLToPath(new URL('cli/mq.js', import.meta.resolve('stagemq/package.json')));
}
