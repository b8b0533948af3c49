/**
 * What JavaScript objects and buffers take when the garbage is gone. Without what functions are compiled to: of that there is
 * more for hours, and at most so much for each function. For tests that look for leaks.
 */
import process from 'node:process';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Spaces of V8 that hold machine code, byte code and what belongs to them, and nothing else. */
const COMPILED = /^(code|trusted)_/;

export async function collectedHeapBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  const compiled = getHeapSpaceStatistics().filter(({ space_name: name }) => COMPILED.test(name));
  const compiledBytes = compiled.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
  return heapUsed + external - compiledBytes;
}
