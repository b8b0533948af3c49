/**
 * The real screen, watched from outside: `mq` runs as a process of its own in a pseudo terminal, and a second terminal
 * without a window reads what it draws.
 *
 *     test or screenshot --keys--> pty --> node cli/mq.js --bytes--> @xterm/headless --> lines, cells
 *
 * Always true: `until` follows the bytes and never sleeps; whoever starts one closes it, and a process that does not end
 * by itself is killed then. For tests and screenshot.ts.
 */
import { fileURLToPath } from 'node:url';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

const COMMAND = fileURLToPath(import.meta.resolve('../mq.js'));
/** Far beyond what any frame takes, so that a busy machine is not a failure. */
const UNTIL_MS_MAX = 20_000;

export interface WatchOptions {
  readonly columns: number;
  readonly rows: number;
  /** Arguments of `mq`. */
  readonly args?: readonly string[];
  /** Arguments of node, for another program than `mq`. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class WatchedScreen {
  readonly terminal: xterm.Terminal;
  readonly #process: IPty;
  readonly #exited = Promise.withResolvers<number>();
  readonly #waiting = new Set<() => void>();
  #bytes = '';
  #isExited = false;

  constructor(options: WatchOptions) {
    const { columns, rows, args = [], nodeArgs = [COMMAND, ...args], env = {} } = options;
    this.terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#process = spawn(process.execPath, [...nodeArgs], {
      name: 'xterm-256color',
      cols: columns,
      rows,
      env: { ...withoutColourWishes(process.env), COLORTERM: '', ...env },
    });
    this.#process.onData((data) => {
      this.#bytes += data;
      this.terminal.write(data, () => this.#look());
    });
    this.#process.onExit(({ exitCode, signal }) => {
      this.#isExited = true;
      this.#exited.resolve(signal ? 128 + signal : exitCode);
      this.terminal.write('', () => this.#look());
    });
  }

  /** Everything the process wrote, escape sequences included. */
  get bytes(): string {
    return this.#bytes;
  }

  /** The rows of the terminal as they stand now, without the blanks at their ends. */
  get lines(): string[] {
    const { active } = this.terminal.buffer;
    return Array.from(
      { length: this.terminal.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? '',
    );
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** True while the program shows itself beside what was in the terminal before. */
  get isOnAlternateScreen(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  /** True when the last word about the cursor was to show it. */
  get isCursorShown(): boolean {
    return this.#bytes.lastIndexOf('\u001b[?25h') >= this.#bytes.lastIndexOf('\u001b[?25l');
  }

  /** Resolves when the screen shows `wanted`; rejects with what it shows instead. */
  until(wanted: string | RegExp | (() => boolean)): Promise<void> {
    const isThere = (): boolean => {
      if (typeof wanted === 'function') return wanted();
      return typeof wanted === 'string' ? this.text.includes(wanted) : wanted.test(this.text);
    };
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isThere()) finish(resolve);
        else if (this.#isExited) fail('the process ended');
      };
      const fail = (why: string): void => finish(() => reject(new Error(`${why} before ${wanted}:\n${this.text}`)));
      const timer = setTimeout(() => fail('time is over'), UNTIL_MS_MAX);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      this.#waiting.add(look);
      this.#look();
    });
  }

  press(keys: string): void {
    this.#process.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows);
    this.#process.resize(columns, rows);
  }

  signal(name: 'SIGTERM' | 'SIGINT'): void {
    process.kill(this.#process.pid, name);
  }

  /** Resolves to the exit code; 128 + n for signal n. */
  async exitCode(): Promise<number> {
    const code = await this.#exited.promise;
    await new Promise<void>((resolve) => this.terminal.write('', resolve));
    return code;
  }

  async close(): Promise<void> {
    if (!this.#isExited) this.#process.kill('SIGKILL');
    await this.#exited.promise;
    this.terminal.dispose();
  }

  /** Only at whole frames: Ink marks where one begins and ends, and the bytes arrive in pieces of any size. */
  #look(): void {
    if (this.terminal.modes.synchronizedOutputMode) return;
    for (const look of this.#waiting) look();
  }
}

/** Whoever starts us may run without colours or as CI; the process we watch sits at a terminal. */
function withoutColourWishes(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const unwanted = new Set([
    'NO_COLOR',
    'FORCE_COLOR',
    'CI',
    'CONTINUOUS_INTEGRATION',
    'LC_ALL',
    'LC_MESSAGES',
    'LANG',
  ]);
  const kept = Object.entries(env).filter(([name]) => !unwanted.has(name) && !/^(NODE|CI)_/.test(name));
  return Object.fromEntries(kept);
}
