/** The parent's side of a broker in a process with little memory. For tests, and for the numbers of docs/operations.md. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the process is asked to do. */
export type MemoryCommand =
  | { readonly kind: 'memory' | 'read' | 'reopen' | 'close' }
  | { readonly kind: 'topics'; readonly count: number }
  | { readonly kind: 'fill'; readonly bytes: number };

/** What it says; what a command does not tell is missing. */
export interface MemoryAnswer {
  readonly url?: string;
  /** Of JavaScript objects and of buffers, without garbage. */
  readonly heldBytes?: number;
  readonly rssBytes?: number;
  /** The most there ever was. */
  readonly rssMax?: number;
  readonly openFiles?: number;
  readonly count?: number;
  readonly error?: string;
}

const WORKER = join(import.meta.dirname, 'memory-worker.ts');
/** A disk in memory, where there is one: what is measured is not how long a sync takes. */
const FAST_FOLDER = '/dev/shm';

export class MemoryProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  url = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  static async start(
    options: { readonly heapMebibytes?: number; readonly cacheBytesMax?: number; readonly isFast?: boolean } = {},
  ): Promise<MemoryProcess> {
    const { heapMebibytes = 128, cacheBytesMax = 16 * 1024 * 1024, isFast = true } = options;
    const root = isFast && existsSync(FAST_FOLDER) ? FAST_FOLDER : tmpdir();
    const folder = mkdtempSync(join(root, 'stagemq-memory-'));
    const child = fork(WORKER, [join(folder, 'data'), String(cacheBytesMax)], {
      execArgv: [`--max-old-space-size=${heapMebibytes}`, '--expose-gc'],
    });
    const started = new MemoryProcess(child, folder);
    started.url = (await started.#answer()).url ?? '';
    return started;
  }

  async ask(command: MemoryCommand): Promise<MemoryAnswer> {
    this.#child.send(command);
    return await this.#answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true });
  }

  async #answer(): Promise<MemoryAnswer> {
    const ended = once(this.#child, 'exit').then(([code, signal]): MemoryAnswer => {
      return { error: `the process ended with ${code ?? signal}` };
    });
    const [answer] = await Promise.race([
      once(this.#child, 'message') as Promise<[MemoryAnswer]>,
      ended.then((it) => [it]),
    ]);
    if (answer?.error !== undefined) throw new Error(answer.error);
    return answer as MemoryAnswer;
  }
}
