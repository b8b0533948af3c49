/** What the consumer tests share: messages, numbers, and passing time until something has happened. */
import assert from 'node:assert/strict';
import type { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';

export async function sendAll(broker: Broker, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await broker.send('t', { body });
}

/** Passes time in steps until `isTrue`; a condition that never comes fails the test. */
export async function until(clock: VirtualClock, isTrue: () => boolean, stepMs = 10): Promise<void> {
  for (let step = 0; step < 5000 && !isTrue(); step += 1) await clock.pass(stepMs);
  assert.ok(isTrue(), 'this never became true');
}

export async function lagOf(broker: Broker): Promise<number> {
  const [description] = await broker.describeTopics({ topic: 't' });
  return description?.lag ?? -1;
}
