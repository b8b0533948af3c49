/**
 * A broker behind a network that loses, delays and repeats: requests that never arrive, answers that never do, and requests
 * that arrive when their caller has given up on them.
 *
 *     call --> delay --> broker --> answer        each of them lost, or the whole of it late, as chance has it
 *
 * Always true: the same seed loses the same calls.
 */
import type { Clock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { Random } from '../../random.ts';

export interface LossyOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Of 100 calls so many go wrong. */
  readonly lossPercent: number;
  readonly delayMsMax: number;
  /** Those that go wrong; the others pass at once. */
  readonly operations?: readonly string[];
}

const OPERATIONS = ['send', 'sendBatch', 'openProducer', 'describeTopics'];

type Call = (...args: unknown[]) => Promise<unknown>;

/** `lostCount` counts the calls that went wrong. */
export function lossyBroker(
  broker: Broker,
  { clock, random, lossPercent, delayMsMax, operations = OPERATIONS }: LossyOptions,
): { readonly broker: Broker; readonly lostCount: () => number } {
  let lostCount = 0;
  const wait = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, random.below(delayMsMax)));
  const lost = (): MqError => {
    lostCount += 1;
    return new MqError('MQ_CONNECTION_LOST', 'the connection broke');
  };
  const carry = async (call: () => Promise<unknown>): Promise<unknown> => {
    const fate = random.below(100);
    await wait();
    if (fate >= lossPercent) return await call();
    const kind = fate % 3;
    if (kind === 1) await call().catch(() => undefined); // only its answer is lost
    if (kind === 2) void wait().then(call).then(ignore, ignore); // it arrives when nobody waits for it any more
    throw lost();
  };
  const handler: ProxyHandler<Broker> = {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call: Call = member.bind(target);
      if (!operations.includes(String(name))) return call;
      return (...args: unknown[]) => carry(() => call(...args.map(withoutSignal)));
    },
  };
  return { broker: new Proxy(broker, handler), lostCount: () => lostCount };
}

/** What is on its way cannot be called back. */
function withoutSignal(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || !('signal' in argument)) return argument;
  const { signal: _, ...rest } = argument;
  return rest;
}

function ignore(): void {}
