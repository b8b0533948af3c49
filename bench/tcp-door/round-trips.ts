/**
 * One message in flight: how long a caller waits.
 *
 *     echo     bytes go ... the same bytes are back
 *     pushed   send ... the subscriber has it             acked, untimed, before the next one
 *     synced   send ... the answer that it is on the disk
 *
 * Always true: a trip ends where the bytes arrive in this process, before any promise of ours is resolved.
 */
import { createHistogram } from 'node:perf_hooks';
import { latencyOf } from '../http-door/closed-loop.ts';
import type { Run } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { NO_COUNTS, numberedBody, numberIn } from '../tally.ts';
import { type Place, timed, type Worked } from './door-run.ts';
import { connectTo } from './floor-client.ts';

const GROUP = 'bench';
/** One message is in flight; the rest is for credit on its way. */
const CREDIT = 16;
/** Part of the trips that comes first and is not timed. */
const WARM_UP_SHARE = 0.1;

/** From `send` to the delivery that is pushed over another connection. */
export async function pushedDeliveries({ sender, reader, topic, tally, count }: Place): Promise<Worked> {
  const trips = new RoundTrips(count);
  let arrived = (): void => undefined;
  let acked: Promise<void> = Promise.resolve();
  const subscription = await reader.subscribe(topic, { group: GROUP, creditMax: CREDIT }, (delivery) => {
    trips.end();
    tally.received(numberIn(delivery.body));
    acked = reader.ack([delivery]);
    arrived();
  });
  for (let number = 0; number < count; number += 1) {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    const message = { body: numberedBody(number) };
    trips.begin();
    await Promise.all([sender.send(topic, message), promise]);
    tally.sent(number);
    await acked;
  }
  await subscription.close();
  return trips.result;
}

/** From `send` to its answer. */
export async function syncedSends({ sender, topic, tally, count }: Place): Promise<Worked> {
  const trips = new RoundTrips(count);
  for (let number = 0; number < count; number += 1) {
    const message = { body: numberedBody(number) };
    trips.begin();
    const { durability } = await sender.send(topic, message);
    trips.end();
    if (durability !== 'synced') throw new Error(`a send was answered "${durability}" where "synced" is measured`);
    tally.sent(number);
  }
  return trips.result;
}

export interface EchoOptions {
  readonly door: Door;
  /** Of one trip. */
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** The same bytes there and back: the least that any of the above can take. */
export async function runEcho({ door, bytes, count }: EchoOptions): Promise<Run> {
  const trips = new RoundTrips(count);
  let missingBytes = 0;
  let back = (): void => undefined;
  const socket = await connectTo(door, (some) => {
    missingBytes -= some.length;
    if (missingBytes > 0) return;
    trips.end();
    back();
  });
  let received = 0;
  const work = async (): Promise<Worked> => {
    for (; received < count; received += 1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      [missingBytes, back] = [bytes.length, resolve];
      trips.begin();
      socket.write(bytes);
      await promise;
    }
    return trips.result;
  };
  try {
    return await timed(door, { count, counts: () => ({ ...NO_COUNTS, sent: count, received }), work });
  } finally {
    socket.destroy();
  }
}

/** Times what begins and ends, one after the other. */
class RoundTrips {
  readonly #histogram = createHistogram();
  #leftToWarmUp: number;
  #startedMs = 0;
  #elapsedMs = 0;

  constructor(count: number) {
    this.#leftToWarmUp = Math.floor(count * WARM_UP_SHARE);
  }

  begin(): void {
    this.#startedMs = performance.now();
  }

  end(): void {
    const tookMs = performance.now() - this.#startedMs;
    this.#leftToWarmUp -= 1;
    if (this.#leftToWarmUp >= 0) return;
    this.#elapsedMs += tookMs;
    this.#histogram.record(Math.max(1, Math.round(tookMs * 1000)));
  }

  get result(): Worked {
    const messagesPerSecond = (this.#histogram.count / this.#elapsedMs) * 1000;
    return { messagesPerSecond, latency: latencyOf(this.#histogram) };
  }
}
