/**
 * A process of its own whose heap is small: `memory.test.ts` and `memory.long.ts` start it with
 * `--max-old-space-size`, so that a ring that did not reclaim would not survive.
 *
 *     memory-run.ts pass <messageCount>     1 KiB messages pass through one topic, read by a queue and a log group
 *     memory-run.ts idle <topicCount>       that many topics, each used once and then left alone
 *     memory-run.ts weigh <recordCount>     that many records of each kind that is mostly overhead
 *
 * It prints one line of JSON. With `--expose-gc` the heap is what is really alive.
 */
import process from 'node:process';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Message } from '../../../shared/contract/message.ts';
import { createBroker } from '../index.ts';

const BODY_BYTES = 1024;
const READ_COUNT = 256;

/** What `pass` prints; `queueSum` and `logSum` add up every offset that was read. */
export interface PassReport {
  readonly sentCount: number;
  readonly queueCount: number;
  readonly logCount: number;
  readonly queueSum: number;
  readonly logSum: number;
  readonly heldCount: number;
  readonly rssBytesMax: number;
}

/** What `idle` prints: bytes alive on the heap before, with all topics, and after all were deleted. */
export interface IdleReport {
  readonly before: number;
  readonly idle: number;
  readonly after: number;
}

/** What `weigh` prints for each kind: bytes really alive for one record, and bytes the topic counts for it. */
export type WeighReport = Record<string, { readonly real: number; readonly counted: number }>;

async function pass(messageCount: number): Promise<PassReport> {
  await using broker = await createBroker();
  await broker.createTopic('t');
  await broker.createGroup('t', 'log');
  const report = { sentCount: 0, queueCount: 0, logCount: 0, queueSum: 0, logSum: 0, heldCount: 0, rssBytesMax: 0 };
  let nextOffset = 0;
  while (report.queueCount < messageCount) {
    for (let count = 0; count < READ_COUNT && report.sentCount < messageCount; count += 1) {
      await broker.send('t', { body: new Uint8Array(BODY_BYTES).fill(report.sentCount % 256) });
      report.sentCount += 1;
    }
    const deliveries = await broker.receive('t', { group: 'queue', max: READ_COUNT });
    await broker.ack(deliveries.slice(-1), { cumulative: true });
    const fetched = await broker.fetch('t', { offset: nextOffset, max: READ_COUNT });
    nextOffset = await broker.commit('t', { group: 'log', offset: fetched.nextOffset });
    report.queueCount += deliveries.length;
    report.logCount += fetched.records.length;
    for (const { offset } of deliveries) report.queueSum += offset ?? 0;
    for (const { offset } of fetched.records) report.logSum += offset ?? 0;
    report.rssBytesMax = Math.max(report.rssBytesMax, process.memoryUsage.rss());
  }
  const [topic] = await broker.describeTopics();
  return { ...report, heldCount: (topic?.logEndOffset ?? 0) - (topic?.logStartOffset ?? 0) };
}

async function idle(topicCount: number): Promise<IdleReport> {
  await using broker = await createBroker();
  await broker.send('warm-up', { body: 'x' });
  await broker.ack(await broker.receive('warm-up'));
  const before = liveBytes();
  for (let number = 0; number < topicCount - 1; number += 1) {
    await broker.send(`topic ${number}`, { body: 'x' });
    await broker.ack(await broker.receive(`topic ${number}`));
  }
  const used = liveBytes();
  for (let number = 0; number < topicCount - 1; number += 1) await broker.deleteTopic(`topic ${number}`);
  return { before, idle: used, after: liveBytes() };
}

const KINDS: Record<string, () => Message> = {
  'a short text': () => ({ body: 'x' }),
  'one byte': () => ({ body: new Uint8Array(1) }),
  'one byte of a large buffer': () => ({ body: new Uint8Array(64 * 1024).subarray(9, 10) }),
  'a hundred bytes of a large buffer': () => ({ body: Buffer.alloc(64 * 1024).subarray(9, 109) }),
  'one header': () => ({ body: '', headers: { name: '' } }),
  'a hundred headers': () => ({ body: '', headers: HUNDRED_HEADERS }),
};
const HUNDRED_HEADERS = Object.fromEntries(Array.from({ length: 100 }, (_, number) => [`name ${number}`, '']));

async function weigh(recordCount: number): Promise<WeighReport> {
  // The first collections under pressure also free what the start of the process left, several megabytes.
  for (let count = 0; count < 20_000; count += 1) KINDS['one byte of a large buffer']?.();
  const report: WeighReport = {};
  const brokers: Broker[] = []; // kept, so that no old one is collected while the next is weighed
  for (const [kind, message] of Object.entries(KINDS)) {
    const broker = await createBroker();
    brokers.push(broker);
    await broker.createTopic('t', { bytesMax: Number.MAX_SAFE_INTEGER });
    const before = await settledBytes();
    for (let count = 0; count < recordCount; count += 1) await broker.send('t', message());
    const real = ((await settledBytes()) - before) / recordCount;
    const [topic] = await broker.describeTopics();
    report[kind] = { real, counted: (topic?.bytes ?? 0) / recordCount };
  }
  for (const broker of brokers) await broker.close();
  return report;
}

function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error('start this with --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** With buffers outside the heap, which are freed a turn after they were collected. */
async function settledBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    liveBytes();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return liveBytes() + process.memoryUsage().arrayBuffers;
}

const MODES: Record<string, (count: number) => Promise<unknown>> = { pass, idle, weigh };
const [mode, count] = process.argv.slice(2);
const run = MODES[mode ?? ''];
if (run !== undefined) process.stdout.write(`${JSON.stringify(await run(Number(count)))}\n`);
