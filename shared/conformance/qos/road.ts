/**
 * What a journey goes through: a world, a topic, and what survives the clients: notes and work.
 *
 * Always true: what is noted is noted at once and for good, as by a database of the client's own.
 */
import { isMqError } from '../../contract/errors.ts';
import type { ProducerIdentity } from '../../contract/producer.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import type { Faults } from './faults.ts';
import type { Usage } from './usages.ts';
import { World } from './world.ts';

export const ORDERS = 'orders';
/** What transactions make of orders. */
export const BILLS = 'bills';
export const GROUP = 'workers';
export const LEASE_MS = 1000;
const WINDOW_MS = 24 * 3_600_000;

export class Road {
  readonly world: World;
  readonly bodies: readonly string[];
  readonly usage: Usage;
  /** So many of the messages count as sent. */
  sentCount = 0;
  /** Who the producer is, for all its lives. */
  identity: ProducerIdentity | null = null;
  /** Half messages whose work is done, and those that were given up, so that it must not be done any more. */
  readonly doneHalves = new Set<string>();
  readonly refusedHalves = new Set<string>();
  /** What was worked on outside the broker, in order, under the ids of the messages. */
  readonly worksOutside: { readonly id: string; readonly body: string }[] = [];

  constructor(
    create: CreateOnDisk,
    { faults, bodies, usage }: { readonly faults: Faults; readonly bodies: readonly string[]; readonly usage: Usage },
  ) {
    this.world = new World(create, faults);
    this.bodies = bodies;
    this.usage = usage;
  }

  /** Makes everything; then things can go wrong. */
  async prepare(): Promise<void> {
    const broker = await this.world.broker;
    await broker.createTopic(ORDERS, this.usage.isDeduplicated ? { dedupWindowMs: WINDOW_MS } : {});
    await broker.createTopic(BILLS);
    await broker.createGroup(ORDERS, GROUP, { deliveriesMax: 0 });
    if (this.usage.sending === 'numbered') this.identity = await broker.openProducer();
    this.world.watch();
  }

  /** All is noted as sent, the group has finished everything there is, and no commit is under way. */
  async isOver(): Promise<boolean> {
    if (this.sentCount < this.bodies.length) return false;
    const topics = await (await this.world.broker).describeTopics();
    const undecided = topics.map(({ halfCount = 0, openTransactionCount = 0 }) => halfCount + openTransactionCount);
    return undecided.every((count) => count === 0) && topics.every(({ topic, lag }) => topic !== ORDERS || lag === 0);
  }

  /** Bodies of what was worked on, wherever that is kept. */
  async works(): Promise<string[]> {
    if (this.usage.working !== 'transacted') return this.worksOutside.map(({ body }) => body);
    const { records } = await (await this.world.broker).fetch(BILLS, { max: 100 });
    return records.map(({ body }) => new TextDecoder().decode(body));
  }
}

/** True when the call was answered well; false when it was not, or nobody knows. */
export async function attempt(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isMqError(error)) return false;
    throw error;
  }
}
