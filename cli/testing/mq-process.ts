/** The real command as a process of its own, for what only a process has: pipes, signals, exit codes. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const SHIM = fileURLToPath(new URL('../mq.js', import.meta.url));

export interface Ended {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** The Node that starts the shim. Default: the one that runs this test. */
  readonly node?: string;
  readonly shim?: string;
  readonly cwd?: string;
}

/** One running `mq`. Disposing of it kills it, so that a failed test leaves nothing behind. */
export class MqProcess implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** Settles when it has ended and all its output was read. */
  readonly ended: Promise<Ended>;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  constructor(args: readonly string[], options: StartOptions = {}) {
    const { node = process.execPath, shim = SHIM, cwd } = options;
    // What the test's own environment says about targets and colours must not decide.
    const env = { ...process.env, MQ_TARGET: '', MQ_TOKEN: '', LANG: 'en_US.UTF-8', LC_ALL: '', ...options.env };
    this.child = spawn(node, [shim, ...args], { env, cwd, stdio: 'pipe' });
    this.child.stdin.on('error', () => undefined);
    this.child.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.ended = once(this.child, 'close').then(([exitCode, signal]) => ({
      exitCode,
      signal,
      stdout: Buffer.concat(this.#stdout),
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
    }));
  }

  /** Resolves to the match once standard output (or `stream`) has it; rejects when the process ends without. */
  async saw(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const chunks = stream === 'stdout' ? this.#stdout : this.#stderr;
    for (;;) {
      const match = pattern.exec(Buffer.concat(chunks).toString('utf8'));
      if (match !== null) return match;
      const ended = await Promise.race([once(this.child[stream], 'data').then(() => null), this.ended]);
      if (ended === null) continue;
      if (pattern.test(Buffer.concat(chunks).toString('utf8'))) continue;
      throw new Error(
        `mq ended (${ended.exitCode ?? ended.signal}) without ${pattern}: ${ended.stderr}${ended.stdout}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Starts `mq serve` on a free port; resolves when it listens. */
export async function startServer(
  args: readonly string[] = ['3'],
  options: StartOptions = {},
): Promise<{ readonly mq: MqProcess; readonly url: string } & AsyncDisposable> {
  const mq = new MqProcess(['serve', ...args, '--port', '0'], options);
  const [, url = ''] = await mq.saw(/listens on (\S+)/);
  return { mq, url, [Symbol.asyncDispose]: () => mq[Symbol.asyncDispose]() };
}

/** Runs one command line to its end. */
export async function runMq(
  args: readonly string[],
  options: StartOptions & { readonly input?: string | Uint8Array } = {},
): Promise<Ended> {
  await using mq = new MqProcess(args, options);
  mq.child.stdin.end(options.input ?? '');
  return await mq.ended;
}
