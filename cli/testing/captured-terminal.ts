/** A terminal whose output is kept in memory: commands run in the test's own process, without starting a Node each. */
import { PassThrough, Readable, Writable } from 'node:stream';
import { main } from '../main.ts';
import { Terminal } from '../terminal.ts';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** `stdout` before it became text. */
  readonly bytes: Buffer;
}

export interface RunOptions {
  /** Standard input. */
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** True: standard output pretends to be a terminal. */
  readonly isTty?: boolean;
  /** True: standard error does. */
  readonly isWatched?: boolean;
  /** The reader of standard output takes so many lines and goes away, as `| head` does. */
  readonly linesRead?: number;
}

/** Runs one command line in this process. */
export async function runCaptured(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { terminal, read } = captured(options);
  const exitCode = await main(args, terminal);
  return { exitCode, ...read() };
}

/** A terminal, and what was written to it so far. */
export function captured(options: RunOptions = {}): { readonly terminal: Terminal; read(): Omit<Ran, 'exitCode'> } {
  const [stdout, stderr] = [new Captured(options.linesRead), new Captured()];
  const stdin = options.input === undefined ? new PassThrough().end() : Readable.from([Buffer.from(options.input)]);
  const terminal = new Terminal({
    stdin,
    stdout: options.isTty ? Object.assign(stdout, { isTTY: true, columns: 80, rows: 24 }) : stdout,
    stderr: options.isWatched ? Object.assign(stderr, { isTTY: true, columns: 80 }) : stderr,
    env: options.env ?? {},
  });
  const read = () => ({ stdout: stdout.bytes.toString(), stderr: stderr.bytes.toString(), bytes: stdout.bytes });
  return { terminal, read };
}

class Captured extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly #linesMax: number;
  #lineCount = 0;

  constructor(linesMax = Number.POSITIVE_INFINITY) {
    super();
    this.#linesMax = linesMax;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.#lineCount >= this.#linesMax) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return;
    }
    this.#lineCount += chunk.toString('latin1').split('\n').length - 1;
    this.#chunks.push(chunk);
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
