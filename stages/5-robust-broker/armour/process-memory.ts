/**
 * What this process holds in memory, and a way to have its garbage taken away: a mark about memory that counted garbage could
 * stay shut for ever, since a broker that takes nothing in makes none that would have it collected.
 *
 * Always true: to collect stops the process for a moment; whoever calls it does so rarely.
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The heap, and the bytes of buffers beside it. */
export function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (collect === undefined) {
    // The function is there only for who asks for it; the flag changes nothing else.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
