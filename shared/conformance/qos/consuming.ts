/** The consumer of a journey: it works on what it receives, outside the broker or by a transaction. */
import type { Delivery } from '../../contract/message.ts';
import { attempt, BILLS, GROUP, LEASE_MS, ORDERS, type Road } from './road.ts';

/** Turns of a consumer; a sound broker needs a handful. */
const TURNS_MAX = 400;
const NAME = 'worker';

/** One life, until all is over. */
export async function consume(road: Road): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const workedCount = road.usage.working === 'transacted' ? await workInTransaction(road) : await workOutside(road);
    if (workedCount > 0) continue;
    if (await road.isOver()) return;
    await road.world.clock.pass(LEASE_MS / 2);
  }
  throw new RangeError(`the journey does not end within ${TURNS_MAX} turns`);
}

async function workOutside(road: Road): Promise<number> {
  const held: Delivery[] = [];
  await attempt(async () => {
    const options = { group: GROUP, memberId: NAME, leaseMs: LEASE_MS };
    held.push(...(await road.world.call('consumer', (broker) => broker.receive(ORDERS, options))));
  });
  for (const delivery of held) await handle(road, delivery);
  return held.length;
}

async function handle({ world, usage, worksOutside }: Road, delivery: Delivery): Promise<void> {
  const { id } = delivery;
  const ack = (): Promise<boolean> => attempt(() => world.call('consumer', (broker) => broker.ack([delivery])));
  const work = (): void => {
    const isDone = usage.working === 'remembered' && worksOutside.some((each) => each.id === id);
    if (!isDone) worksOutside.push({ id, body: new TextDecoder().decode(delivery.body) });
  };
  if (usage.working === 'acked first') {
    if (await ack()) work();
    return;
  }
  work();
  await ack();
}

/** Whatever is not answered is left as it is: the next turn takes over under the same name. */
async function workInTransaction({ world }: Road): Promise<number> {
  let workedCount = 0;
  await attempt(async () => {
    const options = { group: GROUP, memberId: NAME, leaseMs: LEASE_MS };
    const deliveries = await world.call('consumer', (broker) => broker.receive(ORDERS, options));
    workedCount = deliveries.length;
    if (deliveries.length === 0) return;
    const { life } = world;
    const transaction = await world.call('consumer', (broker) => broker.begin({ transactionalId: NAME }));
    const call = <T>(operation: () => Promise<T>): Promise<T> => world.call('consumer', operation, { life });
    for (const { body } of deliveries) await call(() => transaction.send(BILLS, { body }));
    await call(() => transaction.ack(deliveries));
    await call(() => transaction.commit());
  });
  return workedCount;
}
