/**
 * Where a command reads and writes: standard input, output and error, and the environment, in one object that a test
 * can replace.
 *
 * Always true: `write` resolves when the system has accepted the bytes, never before, so what is acknowledged after it
 * was really handed over; a reader that went away (`mq receive t | head`) ends the command quietly with exit code 0.
 */
import { styleText } from 'node:util';
import { EXIT, QuietEnd } from './exit.ts';

type Style = Parameters<typeof styleText>[0];

/** The part of `process` a command uses. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; readonly fd?: number; destroy?(): unknown };
  readonly stdout: NodeJS.WritableStream & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

/** The reader of our output went away; there is nobody left to tell. */
export class ReaderGone extends QuietEnd {
  constructor() {
    super(EXIT.ok);
  }
}

export class Terminal {
  readonly stdin: Streams['stdin'];
  readonly stdout: Streams['stdout'];
  readonly stderr: Streams['stderr'];
  readonly env: NodeJS.ProcessEnv;

  constructor(streams: Streams) {
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.env = streams.env;
    // Each write reports its own failure; without a listener the same failure would also end the process.
    this.stdout.on('error', () => undefined);
    this.stderr.on('error', () => undefined);
  }

  /** True when a person sits at both ends: only then may the screen open. */
  get isInteractive(): boolean {
    return this.stdin.isTTY === true && this.stdout.isTTY === true;
  }

  /** Bytes or text to standard output, as they are. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stdout.write(data, (error?: Error | null) => {
        if (error === undefined || error === null) resolve();
        else reject(isReaderGone(error) ? new ReaderGone() : error);
      });
    });
  }

  /** Lines of text to standard output. */
  print(...lines: readonly string[]): Promise<void> {
    return this.write(lines.map((line) => `${line}\n`).join(''));
  }

  printJson(value: unknown): Promise<void> {
    return this.print(JSON.stringify(value, null, 2));
  }

  /** Lines to standard error; never fails. */
  complain(...lines: readonly string[]): void {
    this.stderr.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** Colour where standard output shows it: not in a pipe, not with NO_COLOR. */
  paint(style: Style, text: string): string {
    if (this.stdout.isTTY !== true || (this.env.NO_COLOR ?? '') !== '') return text;
    return styleText(style, text, { validateStream: false });
  }

  /** Resolves when everything written so far is out, or nobody reads it any more. */
  async flush(): Promise<void> {
    await Promise.all([this.stdout, this.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  }
}

function isReaderGone(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'EOF';
}
