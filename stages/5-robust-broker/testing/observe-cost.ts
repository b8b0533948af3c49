/**
 * What observing costs: the same work on two brokers, one with and one without, in turns.
 *
 *     node stages/5-robust-broker/testing/observe-cost.ts [rounds] [advisories]
 *
 * Always true: each round measures both, in alternating order; what counts is the best round of each, since whatever else the
 * machine does makes a round slower, and never faster.
 */
import process from 'node:process';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createBroker } from '../index.ts';
import type { ObserveOptions } from '../observe/observe-options.ts';

const WARM_UP_ROUNDS = 3;
const WARM_UP_MESSAGES = 2000;
const MESSAGES = 20_000;
const IN_FLIGHT = 1000;
const WITHOUT: ObserveOptions = Object.freeze({ metrics: false });
const BODY = 'x'.repeat(100);

export interface CostReport {
  /** Messages a second of processor time with, over those without: what else the machine does counts for neither. */
  readonly ratio: number;
  readonly withRate: number;
  readonly withoutRate: number;
}

/**
 * One message a call, a thousand calls at a time, and everything received and acked. One broker at a time: channels are of the
 * process, so a listener of one broker would let the other one speak too.
 */
export async function measureCost(withIt: ObserveOptions, rounds: number): Promise<CostReport> {
  const rates: { withRate: number; withoutRate: number }[] = [];
  for (let round = 0; round < rounds + WARM_UP_ROUNDS; round += 1) {
    const isFirst = round % 2 === 0;
    const first = await rateOf(isFirst ? withIt : WITHOUT);
    const second = await rateOf(isFirst ? WITHOUT : withIt);
    const [withRate, withoutRate] = isFirst ? [first, second] : [second, first];
    if (round >= WARM_UP_ROUNDS) rates.push({ withRate, withoutRate });
  }
  const withRate = Math.max(...rates.map((rate) => rate.withRate));
  const withoutRate = Math.max(...rates.map((rate) => rate.withoutRate));
  return { ratio: withRate / withoutRate, withRate, withoutRate };
}

async function rateOf(options: ObserveOptions): Promise<number> {
  await using broker = await createBroker({ ...options, flushPolicy: 'never' });
  await work(broker, WARM_UP_MESSAGES);
  const began = process.cpuUsage();
  await work(broker, MESSAGES);
  const { user, system } = process.cpuUsage(began);
  return MESSAGES / ((user + system) / 1_000_000);
}

async function work(broker: Broker, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += IN_FLIGHT) {
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => broker.send('t', { body: BODY })));
    const deliveries = await broker.receive('t', { group: 'g', max: IN_FLIGHT });
    await broker.ack(deliveries);
  }
}

if (import.meta.main) {
  const [rounds = '21', advisories] = process.argv.slice(2);
  const report = await measureCost({ metrics: true, advisories: advisories !== undefined }, Number(rounds));
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
