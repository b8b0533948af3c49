/** What the behaviour tests of this stage begin with, and two questions they often ask. For tests only. */
import assert from 'node:assert/strict';
import type { BrokerOptions } from '../../../shared/broker-options.ts';
import { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { TopicDescription, TopicOptions } from '../../../shared/contract/description.ts';
import { type ErrorCode, isMqError } from '../../../shared/contract/errors.ts';
import { createBroker } from '../index.ts';

export interface Setup {
  readonly broker: Broker;
  readonly clock: VirtualClock;
}

/** A broker whose topic "t" holds `count` messages with the bodies 0, 1, 2, ... and the id "i". */
export async function setup(
  count: number,
  options: { readonly topic?: TopicOptions; readonly broker?: BrokerOptions } = {},
): Promise<Setup> {
  const clock = new VirtualClock();
  const broker = await createBroker({ clock, ...options.broker });
  await broker.createTopic('t', options.topic);
  for (let number = 0; number < count; number += 1) await broker.send('t', { body: `${number}`, id: 'i' });
  return { broker, clock };
}

export async function describeTopic(broker: Broker): Promise<TopicDescription> {
  const [topic] = await broker.describeTopics({ topic: 't' });
  assert.ok(topic !== undefined);
  return topic;
}

export function offsetsOf(records: readonly { readonly offset: number | null }[]): (number | null)[] {
  return records.map(({ offset }) => offset);
}

export function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(promise, (error) => isMqError(error, code));
}

/** True when `promise` is still pending after everything that can happen now has happened. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const now = new Promise((resolve) => setImmediate(resolve, pending));
  return (await Promise.race([promise.catch(() => 'rejected'), now])) === pending;
}

/** A signal that is aborted by hand. */
export function abortable(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
