/** The journey of two messages from a producer's list to a consumer's work, with at most one fault on the way. */

import { isMqError } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import type { Usage } from './usages.ts';
import { ClientCrash, type Fault, World } from './world.ts';

const TOPIC = 'orders';
const GROUP = 'workers';
const BODIES = ['first', 'second'];
const LEASE_MS = 1000;
/** Turns of a consumer; a sound broker needs a handful. */
const TURNS_MAX = 200;

export interface Journey {
  /** How often each message was worked on. */
  readonly workCounts: readonly number[];
  /** False: the journey ended before the moment of its fault. */
  readonly wasHit: boolean;
}

/** Runs to the end: the producer has noted all, and nothing is left for the consumer. */
export async function travel(create: CreateOnDisk, usage: Usage, fault: Fault | null): Promise<Journey> {
  const world = new World(create, fault);
  const broker = await world.broker;
  await broker.createTopic(TOPIC);
  await broker.createGroup(TOPIC, GROUP, { deliveriesMax: 0 });
  world.watch();
  await Promise.all([restarted(() => produce(world, usage)), restarted(() => consume(world, usage))]);
  await world.close();
  const workCounts = BODIES.map((body) => world.works.filter((work) => work.body === body).length);
  return { workCounts, wasHit: world.wasHit };
}

/** Lives again after a crash, knowing nothing but what was kept outside. */
async function restarted(life: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await life();
    } catch (error) {
      if (!(error instanceof ClientCrash)) throw error;
    }
  }
}

async function produce(world: World, { isNotedFirst }: Usage): Promise<void> {
  for (let body = BODIES[world.sentCount]; body !== undefined; body = BODIES[world.sentCount]) {
    const message = { body, id: `order-${body}` };
    if (isNotedFirst) world.sentCount += 1;
    const wasAnswered = await attempt(() => world.call('producer', (broker) => broker.send(TOPIC, message)));
    if (!isNotedFirst && wasAnswered) world.sentCount += 1;
  }
}

async function consume(world: World, usage: Usage): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const held: Delivery[] = [];
    await attempt(async () => {
      const options = { group: GROUP, memberId: 'worker', leaseMs: LEASE_MS };
      held.push(...(await world.call('consumer', (broker) => broker.receive(TOPIC, options))));
    });
    for (const delivery of held) await handle(world, usage, delivery);
    if (held.length > 0) continue;
    if (await isOver(world)) return;
    await world.clock.pass(LEASE_MS / 2);
  }
  throw new RangeError(`the journey does not end within ${TURNS_MAX} turns`);
}

async function handle(world: World, { isAckedFirst, remembersIds }: Usage, delivery: Delivery): Promise<void> {
  const { id } = delivery;
  const ack = (): Promise<boolean> => attempt(() => world.call('consumer', (broker) => broker.ack([delivery])));
  const work = (): void => {
    const isDone = remembersIds && world.works.some((each) => each.id === id);
    if (!isDone) world.works.push({ id, body: new TextDecoder().decode(delivery.body) });
  };
  if (isAckedFirst) {
    if (await ack()) work();
    return;
  }
  work();
  await ack();
}

/** True when the call was answered well; false when it was not, or nobody knows. */
async function attempt(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isMqError(error)) return false;
    throw error;
  }
}

/** All is noted as sent, and the group has finished everything. */
async function isOver(world: World): Promise<boolean> {
  if (world.sentCount < BODIES.length) return false;
  const [description] = await (await world.broker).describeTopics({ topic: TOPIC });
  return description?.lag === 0;
}
