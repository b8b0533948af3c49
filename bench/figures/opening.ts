/**
 * Opening after an orderly end: two data folders, one with a hundred times the messages of the other, opened in turn.
 *
 * Always true: an opening is over when the first message was received, so that nothing is put off until then; both
 * folders are opened in this process, and in the same state: no message was ever acked.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../plan.ts';
import type { Figure } from '../report.ts';
import { summarise, summariseRatio } from '../statistics.ts';
import { addCounts, type Counts, numberIn, Tally } from '../tally.ts';
import { createLog } from '../targets.ts';
import { numberedMessages } from '../tcp-door/numbered-batches.ts';
import { formatRatio, formatThree } from '../text-table.ts';

const TOPIC = 'bench-opening';
const GROUP = 'bench';
const BATCH_COUNT = 1000;
const RECEIVE_COUNT = 1024;

export async function measureOpening({ openedFewCount, openedManyCount, openingsCount }: Plan): Promise<Figure> {
  await using few = await Folder.filled(openedFewCount);
  await using many = await Folder.filled(openedManyCount);
  const [fewMs, manyMs]: [number[], number[]] = [[], []];
  for (let round = 0; round <= openingsCount; round += 1) {
    const [ofFew, ofMany] = [await few.open(), await many.open()];
    if (round === 0) continue; // a warm-up
    fewMs.push(ofFew);
    manyMs.push(ofMany);
  }
  const ratio = summariseRatio(manyMs, fewMs);
  const whole = (count: number): string => count.toLocaleString('en');
  const details =
    `${formatThree(summarise(fewMs).median)} ms with ${whole(openedFewCount)} messages, ` +
    `${formatThree(summarise(manyMs).median)} ms with ${whole(openedManyCount)}; ratio ${formatRatio(ratio)}`;
  return { value: ratio.median, details, counts: addCounts(await few.drain(), await many.drain()) };
}

/** A data folder with messages that nobody has received. */
class Folder implements AsyncDisposable {
  readonly #dataFolder: string;
  readonly #tally = new Tally();

  private constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
  }

  static async filled(count: number): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), 'stagemq-bench-')));
    await using broker = await createLog({ dataFolder: folder.#dataFolder, flushPolicy: 'never' });
    await broker.createTopic(TOPIC);
    await broker.createGroup(TOPIC, GROUP);
    const messages = numberedMessages(count);
    for (let first = 0; first < count; first += BATCH_COUNT) {
      const batch = messages.slice(first, first + BATCH_COUNT);
      await broker.sendBatch(TOPIC, batch);
      for (let number = first; number < first + batch.length; number += 1) folder.#tally.sent(number);
    }
    return folder;
  }

  /** Answers how many ms it took. */
  async open(): Promise<number> {
    const startedMs = performance.now();
    await using broker = await createLog({ dataFolder: this.#dataFolder, flushPolicy: 'never' });
    const [delivery] = await broker.receive(TOPIC, { group: GROUP });
    const tookMs = performance.now() - startedMs;
    if (delivery === undefined) throw new Error('nothing was received from a log that was just opened');
    await broker.nack(delivery, { outcome: 'return' });
    return tookMs;
  }

  /** Receives everything. */
  async drain(): Promise<Counts> {
    await using broker = await createLog({ dataFolder: this.#dataFolder, flushPolicy: 'never' });
    for (;;) {
      const deliveries = await broker.receive(TOPIC, { group: GROUP, max: RECEIVE_COUNT });
      const last = deliveries.at(-1);
      if (last === undefined) return this.#tally.counts;
      for (const { body } of deliveries) this.#tally.received(numberIn(body));
      await broker.ack([last], { cumulative: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dataFolder, { recursive: true, force: true });
  }
}
