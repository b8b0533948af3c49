/**
 * A program of somebody else's that runs beside the bench: a broker, or a load in another language.
 *
 * Always true: it listens on loopback only, works in a folder of its own, and is stopped, by its pid, with the bench; what
 * it says wrong is in the error. `missing` says what to install where it is not there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Usage } from '../servers/server-main.ts';

/** A slow machine starts a Java program in less. */
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
/** Of `/proc/<pid>/stat`: one tick is 10 ms wherever Linux runs. */
const US_PER_TICK = 10_000;
const LAST_WORDS_LENGTH = 2000;

export interface ForeignOptions {
  readonly command: string;
  readonly args: (folder: string) => readonly string[];
  /** The text of its output, either stream, from which on it is ready. */
  readonly isReady: (line: string) => boolean;
}

export class ForeignProcess {
  readonly folder: string;
  /** The line in which it said that it is ready. */
  readonly ready: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, started: { folder: string; ready: string; lines: AsyncIterator<string> }) {
    this.#child = child;
    this.folder = started.folder;
    this.ready = started.ready;
    this.#lines = started.lines;
  }

  static async start({ command, args, isReady }: ForeignOptions): Promise<ForeignProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
    const child = spawn(command, args(folder), { stdio: ['pipe', 'pipe', 'pipe'] });
    let lastWords = '';
    child.stderr.on('data', (piece: Buffer) => {
      lastWords = (lastWords + piece.toString()).slice(-LAST_WORDS_LENGTH);
    });
    const kill = (): boolean => child.kill('SIGKILL');
    const timer = setTimeout(kill, READY_MS_MAX);
    process.once('exit', kill);
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const ready = await firstOf(child, lines, isReady);
      return new ForeignProcess(child, { folder, ready, lines });
    } catch (error) {
      kill();
      await rm(folder, { recursive: true, force: true });
      throw new Error(`${command} did not start: ${lastWords}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says a line, and answers the next one it says. */
  async ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const answer = await this.#lines.next();
    if (answer.done) throw new Error('the program ended instead of answering');
    return answer.value;
  }

  usage(): Promise<Usage> {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Promise.resolve({ cpuUs: ticks * US_PER_TICK, wallUs: performance.now() * 1000 });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.stdin?.end();
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
      await exited;
      clearTimeout(timer);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function firstOf(
  child: ChildProcess,
  lines: AsyncIterator<string>,
  isReady: (line: string) => boolean,
): Promise<string> {
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  for (;;) {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    if (isReady(line.value)) return line.value;
  }
}

/** Whether a program of that name is there to be run. */
export function isInstalled(command: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a socket has a port');
  return address.port;
}
