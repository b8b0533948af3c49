/**
 * Ten thousand long polls at once: what they cost the server, whether a message still wakes each, and whether the memory
 * comes back when all have gone.
 *
 *     a few waiters once, so that code and pools are warm
 *     before --> all connect and wait --> during --> half are woken by a message each, half hang up, the topic goes --> after
 *
 * Always true: the clients are bare sockets in this process, so their memory is not the server's; every message that was
 * sent is received by a waiter or by the drain, or counted as lost.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../../shared/contract/broker.ts';
import type { Memory } from '../servers/server-main.ts';
import type { ServerProcess } from '../servers/server-process.ts';
import { numberedBody, numberIn, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';

export interface WaitersResult {
  readonly waiterCount: number;
  readonly before: Memory;
  readonly during: Memory;
  readonly after: Memory;
  /** (during - before) / waiters, of what is held. */
  readonly bytesPerWaiter: number;
  /** Share of what the waiters cost that was free again afterwards; 1 is all of it. */
  readonly givenBackShare: number;
  /** Polls that were answered with a message. */
  readonly wokenCount: number;
  readonly lostCount: number;
  /** What the broker says afterwards: anything but 0 is a leak. */
  readonly waiterCountAfter: number;
}

const WARM_UP_COUNT = 500;
/** Connections opened before the next ones: a listen queue is short. */
const CONNECT_COUNT = 200;
const WAIT_MS = 60_000;
/** How long the server may take to see that so many came, or left. */
const SETTLE_MS_MAX = 30_000;
const SEND_COUNT = 500;

export async function measureWaiters(server: ServerProcess, waiterCount: number): Promise<WaitersResult> {
  const client = await createRemote(server.url);
  try {
    await cycle({ server, client, topic: 'bench-waiters-warm-up', waiterCount: Math.min(WARM_UP_COUNT, waiterCount) });
    return await cycle({ server, client, topic: 'bench-waiters', waiterCount });
  } finally {
    await client.close({ timeoutMs: 1000 });
  }
}

interface CycleOptions {
  readonly server: ServerProcess;
  readonly client: Broker;
  readonly topic: string;
  readonly waiterCount: number;
}

async function cycle({ server, client, topic, waiterCount }: CycleOptions): Promise<WaitersResult> {
  const tally = new Tally(waiterCount);
  const before = await server.memory();
  await client.createTopic(topic);
  const waiters = await openWaiters({ url: server.url, topic, waiterCount, tally });
  await waiterCountBecomes(client, topic, waiterCount);
  const during = await server.memory();

  const messagesCount = Math.floor(waiterCount / 2);
  for (let first = 0; first < messagesCount; first += SEND_COUNT) {
    const numbers = Array.from({ length: Math.min(SEND_COUNT, messagesCount - first) }, (_, index) => first + index);
    await client.sendBatch(
      topic,
      numbers.map((number) => ({ body: numberedBody(number) })),
    );
    for (const number of numbers) tally.sent(number);
  }
  await waiterCountBecomes(client, topic, waiterCount - messagesCount);
  await waiters.answered(messagesCount);
  waiters.hangUp();
  await waiterCountBecomes(client, topic, 0);
  await drain(client, topic, tally);
  const waiterCountAfter = await waiterCountOf(client, topic);
  // The messages go with their topic: what is left then is what waiting left behind.
  await client.deleteTopic(topic);
  const after = await server.memory();

  const cost = during.heldBytes - before.heldBytes;
  return {
    waiterCount,
    before,
    during,
    after,
    bytesPerWaiter: cost / waiterCount,
    givenBackShare: cost > 0 ? (during.heldBytes - after.heldBytes) / cost : 1,
    wokenCount: waiters.answeredCount,
    lostCount: tally.counts.lost,
    waiterCountAfter,
  };
}

interface OpenOptions {
  readonly url: string;
  readonly topic: string;
  readonly waiterCount: number;
  readonly tally: Tally;
}

async function openWaiters(options: OpenOptions): Promise<Waiters> {
  const waiters = new Waiters(options);
  for (let count = 0; count < options.waiterCount; count += CONNECT_COUNT) {
    await waiters.open(Math.min(CONNECT_COUNT, options.waiterCount - count));
  }
  return waiters;
}

/** Sockets that have asked for a delivery and wait. */
class Waiters {
  readonly #sockets = new Set<Socket>();
  readonly #request: string;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #tally: Tally;
  #answeredCount = 0;

  constructor({ url, topic, tally }: OpenOptions) {
    const { hostname, host, port } = new URL(url);
    const body = JSON.stringify({ waitMs: WAIT_MS });
    this.#address = { host: hostname, port: Number(port) };
    this.#tally = tally;
    this.#request = [
      `POST /topics/${topic}/deliveries HTTP/1.1`,
      `host: ${host}`,
      'content-type: application/json',
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  get answeredCount(): number {
    return this.#answeredCount;
  }

  async open(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#openOne()));
  }

  /** Resolves when so many polls were answered with a message. */
  async answered(count: number): Promise<void> {
    await until(() => this.#answeredCount >= count, `${count} polls are answered`);
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #openOne(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#address, () => {
        socket.write(this.#request);
        resolve();
      });
      this.#sockets.add(socket);
      let answer = '';
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => {
        answer += text;
        const body = /"body":"([^"]*)"/.exec(answer)?.[1];
        if (body === undefined) return;
        answer = '';
        this.#answeredCount += 1;
        this.#tally.received(numberIn(Buffer.from(body)));
      });
      socket.on('error', reject);
    });
  }
}

/** Waits until `isReached`; the server is another process, so there is no event to await. */
async function until(isReached: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + SETTLE_MS_MAX;
  while (!(await isReached())) {
    if (performance.now() > endMs) throw new Error(`not within ${SETTLE_MS_MAX} ms: ${what}`);
    await sleep(10);
  }
}

async function waiterCountBecomes(client: Broker, topic: string, count: number): Promise<void> {
  await until(async () => (await waiterCountOf(client, topic)) === count, `${count} waiters at the broker`);
}

async function waiterCountOf(client: Broker, topic: string): Promise<number> {
  const [description] = await client.describeTopics({ topic });
  return description?.waiterCount ?? 0;
}

/** What a poll that hung up gave back, if anything. */
async function drain(client: Broker, topic: string, tally: Tally): Promise<void> {
  for (;;) {
    const deliveries = await client.receive(topic, { max: 1000 });
    if (deliveries.length === 0) return;
    for (const { body } of deliveries) tally.received(numberIn(body));
  }
}
