/** Standard input as a whole: how much of it there is, and all of it within a bound. */
import { fstatSync } from 'node:fs';
import { CommandError, usageError } from './exit.ts';
import type { Streams } from './terminal.ts';
import { grouped } from './text.ts';

/** Bytes of the file behind `stdin`; undefined for a pipe or terminal, whose end nobody knows. */
export function inputBytes(stdin: Streams['stdin']): number | undefined {
  if (stdin.fd === undefined) return undefined;
  const stat = fstatSync(stdin.fd);
  // Node would read a folder as if it were empty.
  if (stat.isDirectory()) throw usageError('standard input is a folder', 'give a file: mq send <topic> < file');
  return stat.isFile() && stat.size > 0 ? stat.size : undefined;
}

/** All of `stdin`, refused as soon as it is more than `bytesMax`. */
export async function readWhole(stdin: Streams['stdin'], bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(piece);
    bytes += piece.length;
    if (bytes > bytesMax) {
      throw new CommandError(`standard input has more than the ${grouped(bytesMax)} bytes a message may have`, {
        hint: 'leave out --raw to send it line by line',
      });
    }
  }
  return Buffer.concat(chunks);
}
