/** Starts and asks a server that runs in a process of its own (see `server-main.ts`), or stands for a foreign one. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogOptions } from '../targets.ts';
import { ANSWER_MS_MAX, settled } from './deadline.ts';
import type { Memory, ServerKind, ServerReport, Usage } from './server-main.ts';

/** A server under load, whoever runs it. */
export interface Door {
  readonly url: string;
  /** Undefined for a server in a process we cannot ask. */
  readonly usage?: () => Promise<Usage>;
  /** What a run left there is deleted, so that the next one is not charged for it. */
  readonly forget?: () => Promise<void>;
}

/** As long as a slow machine may take to start, or to collect 10,000 connections' garbage. */
const REPORT_MS_MAX = 30_000;
/** `.ts` in a checkout, `.js` in the package. */
const MAIN = fileURLToPath(new URL(`./server-main${extname(import.meta.url)}`, import.meta.url));

export class ServerProcess implements Door {
  readonly url: string;
  /** Where it keeps its files, if it has any; removed when it stops. */
  readonly dataFolder: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { url, dataFolder }: { readonly url: string; readonly dataFolder: string }) {
    this.#child = child;
    this.url = url;
    this.dataFolder = dataFolder;
  }

  static async start(kind: ServerKind, options: Omit<LogOptions, 'dataFolder'> = {}): Promise<ServerProcess> {
    const dataFolder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
    const child = fork(MAIN, [kind, JSON.stringify({ ...options, dataFolder })], {
      execArgv: ['--expose-gc', ...profiling()],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const { url } = await answerOf(child, 'ready');
      return new ServerProcess(child, { url, dataFolder });
    } catch (error) {
      child.kill('SIGKILL');
      await rm(dataFolder, { recursive: true, force: true });
      throw error;
    }
  }

  async usage(): Promise<Usage> {
    return (await this.#ask('usage', 'usage')).usage;
  }

  /** After a garbage collection. */
  async memory(): Promise<Memory> {
    return (await this.#ask('memory', 'memory')).memory;
  }

  async forget(): Promise<void> {
    await this.#ask('forget', 'forgotten');
  }

  async stop(): Promise<void> {
    try {
      await this.#end();
    } finally {
      await rm(this.dataFolder, { recursive: true, force: true });
    }
  }

  async #end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    try {
      await settled(exited, { msMax: ANSWER_MS_MAX, otherwise: "the server's process did not end" });
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  #ask<Kind extends ServerReport['kind']>(
    question: 'usage' | 'memory' | 'forget',
    kind: Kind,
  ): Promise<Extract<ServerReport, { kind: Kind }>> {
    const answer = answerOf(this.#child, kind);
    this.#child.send(question);
    return answer;
  }
}

/** A bench run under `node --cpu-prof` has its servers profiled too, each into a file of its own. */
function profiling(): string[] {
  return process.execArgv.filter((flag) => flag.startsWith('--cpu-prof'));
}

/** The next report of that kind; rejects when the process ends or stays silent. */
function answerOf<Kind extends ServerReport['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<ServerReport, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    const onMessage = (message: unknown): void => {
      const report = message as ServerReport;
      if (report.kind !== kind) return;
      settle();
      resolve(report as Extract<ServerReport, { kind: Kind }>);
    };
    const onExit = (code: number | null): void => {
      settle();
      reject(new Error(`the server's process ended with ${code} before it answered "${kind}"`));
    };
    const timer = setTimeout(() => {
      settle();
      reject(new Error(`the server's process did not answer "${kind}" within ${REPORT_MS_MAX} ms`));
    }, REPORT_MS_MAX);
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
