/** What the tests of the idempotent producer share: stage 5's broker on a disk in memory and on virtual time. */
import assert from 'node:assert/strict';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { SeededRandom } from '../../random.ts';
import { SimulatedDisk } from '../../simulated-disk.ts';
import { Producer } from '../producer.ts';
import type { ProducerOptions } from '../producer-options.ts';

const RETRY = { attemptsMax: 1000, delayMs: 5, delayMsMax: 50, totalMsMax: 10_000_000 };

export interface World {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly broker: Broker;
}

export async function newWorld(seed = 7, options: object = {}): Promise<World> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const broker = await createBroker({ clock, random, disk: new SimulatedDisk(), dataFolder: '/data', ...options });
  return { clock, random, broker };
}

/** An idempotent one, which never gives up. */
export function newProducer(
  { clock, random }: World,
  broker: Broker,
  options: Partial<ProducerOptions> = {},
): Producer {
  return new Producer({ broker, clock, random, isIdempotent: true, retry: RETRY, ...options });
}

/** Lets time pass until all have settled. */
export async function settled<T>(
  clock: VirtualClock,
  promises: readonly Promise<T>[],
): Promise<PromiseSettledResult<T>[]> {
  let isOver = false;
  const all = Promise.allSettled(promises).finally(() => {
    isOver = true;
  });
  for (let turns = 0; !isOver; turns += 1) {
    assert.ok(turns < 200_000, 'it comes to an end');
    await clock.pass(5);
  }
  return await all;
}

/** The bodies of a partition, in order. */
export async function storedIn(broker: Broker, topic: string, partition = 0): Promise<string[]> {
  const bodies: string[] = [];
  for (let offset = 0; ; ) {
    const { records, nextOffset } = await broker.fetch(topic, { partition, offset, max: 1000 });
    bodies.push(...records.map(({ body }) => new TextDecoder().decode(body)));
    if (nextOffset === offset) return bodies;
    offset = nextOffset;
  }
}
