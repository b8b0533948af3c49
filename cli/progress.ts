/**
 * How far a long command has come, on standard error, for a person who watches: nothing in a pipe, nothing under CI,
 * and nothing is left behind when it ends.
 *
 *     sending [########............]  41%  8,214 messages
 */
import type { Terminal } from './terminal.ts';
import { columnsOf, printable } from './text.ts';

const BAR_COLUMNS = 20;
/** Faster than this the eye sees nothing, and the terminal becomes the work. */
const INTERVAL_MS = 100;

export class Progress implements Disposable {
  readonly #terminal: Terminal;
  readonly #verb: string;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(terminal: Terminal, verb: string) {
    this.#terminal = terminal;
    this.#verb = verb;
  }

  /** Shows `text`, and a bar when the share that is done (0 to 1) is known. */
  show(text: string, share?: number): void {
    const { stderr } = this.#terminal;
    const nowMs = performance.now();
    if (stderr.isTTY !== true || nowMs - this.#lastMs < INTERVAL_MS) return;
    this.#lastMs = nowMs;
    this.#isShown = true;
    const line = `${this.#verb} ${share === undefined ? '' : `${barOf(share)} `}${printable(text)}`;
    stderr.write(`\r\x1b[K${cutToColumns(line, (stderr.columns ?? 80) - 1)}`);
  }

  /** Wipes the line. */
  [Symbol.dispose](): void {
    if (this.#isShown) this.#terminal.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}

function barOf(share: number): string {
  const done = Math.round(Math.min(Math.max(share, 0), 1) * BAR_COLUMNS);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_COLUMNS - done)}] ${percent}%`;
}

function cutToColumns(text: string, columnsMax: number): string {
  let [cut, columns] = ['', 0];
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > columnsMax) break;
    cut += character;
  }
  return cut;
}
