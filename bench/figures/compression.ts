/**
 * What zstd makes of JSON: the same JSON-like messages through a Producer, once as they are and once compressed by the
 * client; what counts is the bytes of the topic's log.
 *
 * Always true: the messages are made from a seed, the same in every run, with ids, times, names, numbers and words that
 * differ as those of orders do; the batches are the Producer's own.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Producer } from '../../shared/client/index.ts';
import type { Message } from '../../shared/contract/message.ts';
import { SeededRandom } from '../../shared/random.ts';
import type { Plan } from '../plan.ts';
import type { Figure } from '../report.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { addCounts, type Counts, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';
import { formatBytes } from '../text-table.ts';

const TOPIC = 'bench-compression';
const SENDS_COUNT = 10_000;
const SEED = 1;
const STATES = ['placed', 'paid', 'packed', 'sent', 'returned'] as const;
const TEAS = ['assam', 'sencha', 'oolong', 'pu-erh', 'rooibos', 'lapsang souchong', 'long jing', 'darjeeling'] as const;

interface Stored {
  readonly bytes: number;
  readonly counts: Counts;
}

export async function measureCompression({ compressedCount }: Plan): Promise<Figure> {
  const plain = await store(compressedCount, 'none');
  const compressed = await store(compressedCount, 'zstd');
  const [{ body }] = [orderOf(0, new SeededRandom(SEED))];
  const details =
    `${compressedCount.toLocaleString('en')} messages such as ${body}: ` +
    `${formatBytes(plain.bytes)} on the disk as they are, ${formatBytes(compressed.bytes)} in zstd`;
  return { value: compressed.bytes / plain.bytes, details, counts: addCounts(plain.counts, compressed.counts) };
}

async function store(count: number, codec: 'none' | 'zstd'): Promise<Stored> {
  const server = await ServerProcess.start('stage-4-tcp', { flushPolicy: 'never' });
  try {
    await using broker = await createRemote(server.url, { codec });
    await using producer = new Producer({ broker });
    const random = new SeededRandom(SEED);
    const tally = new Tally(count);
    for (let first = 0; first < count; first += SENDS_COUNT) {
      const sends: Promise<unknown>[] = [];
      const end = Math.min(count, first + SENDS_COUNT);
      for (let number = first; number < end; number += 1) sends.push(producer.send(TOPIC, orderOf(number, random)));
      await Promise.all(sends);
      for (let number = first; number < end; number += 1) tally.sent(number);
    }
    for (let offset = 0; offset < count; ) {
      const { records, nextOffset } = await broker.fetch(TOPIC, { offset, max: 1024 });
      if (nextOffset === offset) break;
      for (const { body } of records) tally.received(numberOf(body));
      offset = nextOffset;
    }
    return { bytes: await logBytesIn(server.dataFolder), counts: tally.counts };
  } finally {
    await server.stop();
  }
}

function orderOf(number: number, random: SeededRandom): Message & { readonly body: string } {
  const order = {
    order: number,
    customer: `c-${random.hex(4)}`,
    at: new Date(1_767_225_600_000 + number * 250 + random.below(250)).toISOString(),
    tea: TEAS[random.below(TEAS.length)],
    grams: 50 + 25 * random.below(20),
    price: (5 + random.below(4500) / 100).toFixed(2),
    state: STATES[random.below(STATES.length)],
  };
  return { body: JSON.stringify(order) };
}

function numberOf(body: Uint8Array): number {
  return (JSON.parse(new TextDecoder().decode(body)) as { order: number }).order;
}

/** Of all segments of the topic's partitions; groups have logs of their own and are not in it. */
async function logBytesIn(dataFolder: string): Promise<number> {
  const names = await readdir(dataFolder, { recursive: true });
  const segments = names.filter((name) => /\bp\d+\b.*\.log$/.test(name));
  const sizes = await Promise.all(segments.map(async (name) => (await stat(join(dataFolder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
