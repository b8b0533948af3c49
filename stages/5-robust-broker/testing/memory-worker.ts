/**
 * A broker and a TCP door in a process of their own, that does what its parent asks for and says what memory it takes.
 *
 * Always true: every command is answered once, in order; memory is asked for after the garbage is gone.
 */
import process from 'node:process';
import { createTcpServer } from '../../4-persisted-log/index.ts';
import { createBroker } from '../index.ts';
import { openFilesCount } from '../observe/process-meters.ts';
import { collectedHeapBytes } from './collected-heap.ts';
import type { MemoryAnswer, MemoryCommand } from './memory-process.ts';

const [folder = '', cacheBytesMax] = process.argv.slice(2);
const TOGETHER_COUNT = 50;
const BATCH_COUNT = 100;
const BODY = Buffer.alloc(10_000, 'backlog ');

let rssMax = 0;
let broker = await open();
let server = await createTcpServer(broker);

process.on('message', (command: MemoryCommand) => {
  answer(command).then(
    (told) => process.send?.(told),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ url: server.url });

function open() {
  return createBroker({ dataFolder: folder, flushPolicy: 'never', cacheBytesMax: Number(cacheBytesMax) });
}

async function answer(command: MemoryCommand): Promise<MemoryAnswer> {
  switch (command.kind) {
    case 'memory':
      return memory();
    case 'topics':
      return await makeTopics(command.count);
    case 'fill':
      return await fill(command.bytes);
    case 'read':
      return await readAll();
    case 'reopen':
      await closeAll();
      broker = await open();
      server = await createTcpServer(broker);
      return { url: server.url };
    case 'close':
      await closeAll();
      return memory();
  }
}

async function closeAll(): Promise<void> {
  await server.close();
  await broker.close();
}

async function memory(): Promise<MemoryAnswer> {
  const heldBytes = await collectedHeapBytes();
  return { heldBytes, rssBytes: process.memoryUsage().rss, openFiles: openFilesCount() ?? 0 };
}

async function makeTopics(count: number): Promise<MemoryAnswer> {
  for (let from = 0; from < count; from += TOGETHER_COUNT) {
    const names = Array.from({ length: Math.min(TOGETHER_COUNT, count - from) }, (_, index) => `topic-${from + index}`);
    await Promise.all(names.map((name) => broker.send(name, { body: name })));
  }
  return { openFiles: openFilesCount() ?? 0 };
}

async function fill(bytes: number): Promise<MemoryAnswer> {
  const batch = Array.from({ length: BATCH_COUNT }, () => ({ body: BODY }));
  let count = 0;
  for (; count * BODY.length < bytes; count += BATCH_COUNT) {
    await broker.sendBatch('backlog', batch);
    noteRss();
  }
  return { count, rssMax };
}

async function readAll(): Promise<MemoryAnswer> {
  let count = 0;
  for (;;) {
    const deliveries = await broker.receive('backlog', { group: 'g', max: 1024, bytesMax: 1024 * 1024 });
    if (deliveries.length === 0) return { count, rssMax };
    if (!deliveries.every(({ body }) => body.length === BODY.length)) throw new Error('a body has another length');
    await broker.ack(deliveries);
    count += deliveries.length;
    noteRss();
  }
}

function noteRss(): void {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}
