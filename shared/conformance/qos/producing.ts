/** The producer of a journey: it has a list of messages, and notes of how far it has come. */
import type { Message } from '../../contract/message.ts';
import { attempt, ORDERS, type Road } from './road.ts';

const PRODUCER_GROUP = 'shop';
/** Long enough for the producer to say by itself what became of its work. */
const CHECK_AFTER_MS = 2000;
/** Turns of who answers questions; a sound broker needs a handful. */
const TURNS_MAX = 2000;

/** One life. */
export async function produce(road: Road): Promise<void> {
  const { sending } = road.usage;
  for (let body = road.bodies[road.sentCount]; body !== undefined; body = road.bodies[road.sentCount]) {
    const message = { body, id: `order-${body}` };
    if (sending === 'half') await sendHalf(road, message);
    else await send(road, message);
  }
}

async function send(road: Road, message: Message): Promise<void> {
  const { world, identity, usage } = road;
  const options = identity === null ? {} : { producer: { ...identity, sequence: road.sentCount } };
  if (usage.sending === 'once') road.sentCount += 1;
  const wasAnswered = await attempt(() => world.call('producer', (broker) => broker.send(ORDERS, message, options)));
  if (usage.sending !== 'once' && wasAnswered) road.sentCount += 1;
}

/** The note is the producer's own work, done in one with it. */
async function sendHalf(road: Road, message: Message): Promise<void> {
  const { world } = road;
  let halfId = '';
  const options = { producerGroup: PRODUCER_GROUP, checkAfterMs: CHECK_AFTER_MS };
  const wasAnswered = await attempt(async () => {
    ({ halfId } = await world.call('producer', (broker) => broker.sendHalf(ORDERS, message, options)));
  });
  if (!wasAnswered || road.refusedHalves.has(halfId)) return;
  road.doneHalves.add(halfId);
  road.sentCount += 1;
  const end = { halfId, outcome: 'commit' } as const;
  // Should it not be answered, somebody will be asked.
  await attempt(() => world.call('producer', (broker) => broker.endHalf(ORDERS, end)));
}

/** One life of whoever answers for the producer: by its notes, and what is not in them will not be done any more. */
export async function answerQuestions(road: Road): Promise<void> {
  const { world } = road;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    await attempt(async () => {
      const checks = await world.call('producer', (broker) => broker.receiveHalfChecks(PRODUCER_GROUP, { max: 10 }));
      for (const { halfId } of checks) {
        const isDone = road.doneHalves.has(halfId);
        if (!isDone) road.refusedHalves.add(halfId);
        const end = { halfId, outcome: isDone ? 'commit' : 'abort' } as const;
        await world.call('producer', (broker) => broker.endHalf(ORDERS, end));
      }
    });
    if (await road.isOver()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new RangeError(`questions do not end within ${TURNS_MAX} turns`);
}
