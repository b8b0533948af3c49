/**
 * What many idle things take, and that a backlog does not live in memory; each as a function of how many.
 *
 *     node stages/5-robust-broker/testing/memory-proofs.ts [count]      the numbers of docs/operations.md
 *
 * Always true: the broker is alone in its process, so what is counted is its memory and not that of its clients.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { createTcpClient } from '../../4-persisted-log/index.ts';
import { MemoryProcess } from './memory-process.ts';

/** Beside the logs: the lock, sockets, the channel to the parent, what Node itself has open. */
const OTHER_FILES = 64;
const OPEN_FILES_MAX = 512;
const TOGETHER_COUNT = 100;
/** Of the base line that is held again when everything is closed. */
const LEAK_SHARE = 0.1;

interface HeapOptions {
  readonly heapMebibytes?: number;
}

/** More bytes than the heap may have are sent, kept over a restart, and received. */
export async function proveBacklog({
  bytes,
  rssBytesMax,
  isFast = true,
}: {
  readonly bytes: number;
  readonly rssBytesMax: number;
  readonly isFast?: boolean;
}): Promise<void> {
  await using held = await MemoryProcess.start({ isFast });
  const { count } = await held.ask({ kind: 'fill', bytes });
  await held.ask({ kind: 'reopen' });
  const read = await held.ask({ kind: 'read' });
  assert.equal(read.count, count);
  assert.ok(Number(read.rssMax) < rssBytesMax, `${read.rssMax} bytes of memory`);
}

export async function proveTopics(
  count: number,
  options: HeapOptions = {},
): Promise<{ readonly bytesPerTopic: number }> {
  await using held = await MemoryProcess.start(options);
  await held.ask({ kind: 'reopen' }); // what is only made once is there
  const before = await held.ask({ kind: 'memory' });
  await held.ask({ kind: 'topics', count });
  const after = await held.ask({ kind: 'memory' });
  assert.ok(Number(after.openFiles) <= OPEN_FILES_MAX + OTHER_FILES, `${after.openFiles} files are open`);
  const closed = await held.ask({ kind: 'close' });
  assertSame(closed.heldBytes, before.heldBytes);
  return { bytesPerTopic: Math.round((Number(after.heldBytes) - Number(before.heldBytes)) / count) };
}

export async function measureHeld(
  count: number,
  options: HeapOptions = {},
): Promise<{ readonly bytesPerConnection: number; readonly bytesPerSubscription: number }> {
  await using held = await MemoryProcess.start(options);
  await (await createTcpClient(held.url)).close(); // what is only made once is there
  const before = await held.ask({ kind: 'memory' });
  const clients = await someAtATime(count, () => createTcpClient(held.url));
  const connected = await held.ask({ kind: 'memory' });
  await clients[0]?.createTopic('t');
  await someAtATime(count, async (index) => {
    return await clients[index]?.subscribe('t', { creditMax: 10, group: 'g', memberId: `m${index}` }, () => undefined);
  });
  const subscribed = await held.ask({ kind: 'memory' });
  await someAtATime(count, async (index) => await clients[index]?.close());
  const closed = await held.ask({ kind: 'close' });
  assertSame(closed.heldBytes, before.heldBytes);
  return {
    bytesPerConnection: Math.round((Number(connected.heldBytes) - Number(before.heldBytes)) / count),
    bytesPerSubscription: Math.round((Number(subscribed.heldBytes) - Number(connected.heldBytes)) / count),
  };
}

async function someAtATime<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let from = 0; from < count; from += TOGETHER_COUNT) {
    const together = Array.from({ length: Math.min(TOGETHER_COUNT, count - from) }, (_, index) => act(from + index));
    results.push(...(await Promise.all(together)));
  }
  return results;
}

/** Everything is closed: what is held is what was held before, but for a tenth. */
function assertSame(closedBytes: number | undefined, beforeBytes: number | undefined): void {
  const [closed, before] = [Number(closedBytes), Number(beforeBytes)];
  assert.ok(
    closed < before * (1 + LEAK_SHARE),
    `${closed} bytes are held after everything is closed, ${before} before`,
  );
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 1000);
  const options = { heapMebibytes: 1024 };
  const report = { count, ...(await proveTopics(count, options)), ...(await measureHeld(count, options)) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
