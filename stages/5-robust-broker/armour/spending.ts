/**
 * How the calls of one client spend what is allowed to it and to the topics they name.
 *
 * Always true: what goes in is refused whole or taken whole, before it is stored; what comes out is taken afterwards, since
 * nobody knows before how much it will be. The view that limits is made of it.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { MqError } from '../../../shared/contract/errors.ts';
import type { Allowance, Amount, ClientAllowance, TopicAllowances } from './quotas.ts';

/** Who shares what. */
export interface LimitedBy {
  readonly client: ClientAllowance;
  readonly topics: TopicAllowances;
  readonly clock: Clock;
}

export const sent = (messages: number, bytes: number): Amount => ({ way: 'send', messages, bytes });
export const read = (messages: number, bytes: number): Amount => ({ way: 'read', messages, bytes });
/** What has to be left before something is read. */
const SOMETHING = read(1, 1);

/** Takes it, or throws `MQ_RATE_LIMITED` and takes nothing. */
export function spend(by: LimitedBy, topic: string, amount: Amount): void {
  const refusal = refusalOf(by, topic, amount);
  if (refusal !== undefined) throw refusal;
  charge(by, topic, amount);
}

/** Takes what was used already. */
export function charge({ client, topics }: LimitedBy, topic: string, amount: Amount): void {
  client.rates.take(amount);
  allowanceOf(topics, topic)?.take(amount);
}

/** Throws `MQ_RATE_LIMITED` while more was read than may be. */
export function checkMayRead(by: LimitedBy, topic: string): void {
  const refusal = refusalOf(by, topic, SOMETHING);
  if (refusal !== undefined) throw refusal;
}

/** How long until something may be read; 0: now. */
export function readWaitMs(by: LimitedBy, topic: string): number {
  return refusalOf(by, topic, SOMETHING)?.details.retryAfterMs ?? 0;
}

function refusalOf({ client, topics }: LimitedBy, topic: string, amount: Amount): MqError | undefined {
  return client.rates.refusalOf(amount) ?? allowanceOf(topics, topic)?.refusalOf(amount);
}

/** A topic that is no text is for the broker to refuse. */
function allowanceOf(topics: TopicAllowances, topic: unknown): Allowance | undefined {
  return typeof topic === 'string' ? topics.of(topic) : undefined;
}
