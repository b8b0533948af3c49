/**
 * A password from a person or from a pipe, never from the command line: that is in the history of the shell and in the list of
 * processes.
 *
 * Always true: what is typed is not shown; Ctrl-C ends the command with 130 and leaves the terminal as it was.
 */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { QuietEnd, usageError } from './exit.ts';
import type { Terminal } from './terminal.ts';

const INTERRUPTED = 130;
/** More than any password may have. */
const INPUT_BYTES_MAX = 4096;

/** Asks a person. Standard input belongs to the command itself, so a pipe is not read. */
export async function readPassword(terminal: Terminal, user: string): Promise<string> {
  if (terminal.stdin.isTTY === true) return await typed(terminal, `password of ${user}: `);
  throw usageError('there is nobody to ask for the password', 'give it as $MQ_PASSWORD');
}

/** Asks twice where a person answers; else takes the first line of standard input. */
export async function readNewPassword(terminal: Terminal, user: string): Promise<string> {
  if (terminal.stdin.isTTY !== true) return await firstLine(terminal);
  const password = await typed(terminal, `password of ${user}: `);
  if ((await typed(terminal, 'once more: ')) === password) return password;
  throw usageError('the two passwords are not the same', 'type it again');
}

async function firstLine(terminal: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX) throw usageError('a password has at most 1024 bytes', 'give it as one line');
  }
  const [line = ''] = Buffer.concat(chunks).toString('utf8').split('\n');
  return line.replace(/\r$/, '');
}

async function typed(terminal: Terminal, label: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: terminal.stdin, output: silent, terminal: true });
  const interrupted = new AbortController();
  lines.once('SIGINT', () => interrupted.abort());
  terminal.stderr.write(label);
  try {
    return await lines.question('', { signal: interrupted.signal });
  } catch (error) {
    if (interrupted.signal.aborted) throw new QuietEnd(INTERRUPTED);
    throw error;
  } finally {
    lines.close();
    terminal.stderr.write('\n');
  }
}
