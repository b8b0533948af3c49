/** What a Consumer can be told, checked, and with the defaults filled in. */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { notSupported } from '../contract/capabilities.ts';
import { DEFAULTS } from '../contract/limits.ts';
import {
  checkBroker,
  checkChoice,
  checkInteger,
  checkName,
  checkOptions,
  invalidArgument,
} from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import type { ConsumerState } from './consumer-state.ts';
import { checkRetryPolicy, type RetryPolicy } from './retry.ts';

/** `automatic`: returning from the handler, or asking for the next message, is the ack. `explicit`: only `ack()` is. */
export type AckMode = 'automatic' | 'explicit';

/** Who says how long a message that failed waits. */
export type BackOffBy = 'consumer' | 'broker';

/** Of `new Consumer`: from where, how many at once, and for how long. */
export interface ConsumerOptions {
  readonly broker: Broker;
  readonly topic: string;
  readonly group?: string;
  /** Default: a name of its own for every consumer. */
  readonly memberId?: string;
  /** Handlers of `onMessage` at the same time. Default 1. */
  readonly concurrency?: number;
  /**
   * Messages waiting for a handler or in one, at most. Default 16, or the concurrency when that is more. Without leases
   * nothing is fetched ahead.
   */
  readonly prefetchCount?: number;
  /**
   * Failing messages that back off besides those, before each further one takes the place of a prefetched one: only
   * then can they starve the rest. Default 1024.
   */
  readonly backingOffMax?: number;
  /** Default `automatic`. */
  readonly ackMode?: AckMode;
  /** Default 30 s; extended while the message waits, is handled (`holdMsMax`), or backs off. */
  readonly leaseMs?: number;
  /**
   * How long a message may wait for a handler before it is given back untouched, and then be in one before its lease is
   * left to end. Default 5 min.
   */
  readonly holdMsMax?: number;
  /** How long one receive waits for a message, from 1. Default 20 s. */
  readonly waitMs?: number;
  /** Of calls to the broker that fail; its pauses are also the back-off of failing messages. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Who says how long a failing message waits when its handler does not: `consumer` (default), by `retry`; or `broker`, by
   * the `retryDelays` of the group (capability `delay`).
   */
  readonly backOffBy?: BackOffBy;
  /** Called with each new state; must not throw. */
  readonly onState?: (state: ConsumerState) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ConsumerSettings {
  readonly broker: Broker;
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  readonly concurrency: number;
  readonly prefetchCount: number;
  readonly backingOffMax: number;
  readonly ackMode: AckMode;
  readonly leaseMs: number;
  readonly holdMsMax: number;
  readonly waitMs: number;
  readonly retry: RetryPolicy;
  readonly backOffBy: BackOffBy;
  readonly onState: (state: ConsumerState) => void;
  readonly clock: Clock;
  readonly random: Random;
  /** False: what the broker hands out is finished, so nothing can be given back. */
  readonly hasLease: boolean;
  /** True: the broker holds back what failed. */
  readonly hasDelay: boolean;
  /** True: the broker sends messages without being asked for each; only where none has to back off here. */
  readonly hasPush: boolean;
}

const KNOWN = [
  ...['broker', 'topic', 'group', 'memberId', 'concurrency', 'prefetchCount', 'backingOffMax', 'ackMode'],
  ...['leaseMs', 'holdMsMax', 'waitMs', 'retry', 'backOffBy', 'onState', 'clock', 'random'],
];

/** Throws `MQ_INVALID_ARGUMENT` with the path of what is wrong. */
export function checkConsumerOptions(options: ConsumerOptions): ConsumerSettings {
  checkOptions('options', options, KNOWN);
  const broker = checkBroker('options.broker', options?.broker);
  const { limits } = broker;
  const { group, memberId, onState = () => undefined } = options;
  if (typeof onState !== 'function') throw invalidArgument('options.onState', 'a function', onState);
  const random = checkRandom('options.random', options.random);
  type Whole = 'concurrency' | 'prefetchCount' | 'backingOffMax' | 'leaseMs' | 'holdMsMax' | 'waitMs';
  const whole = (name: Whole, max: number, fallback: number): number =>
    checkInteger(`options.${name}`, options[name], { min: 1, max, fallback: Math.min(fallback, max) });
  const [hasLease, hasDelay] = [broker.capabilities.has('lease'), broker.capabilities.has('delay')];
  const backOffBy = checkChoice<BackOffBy>('options.backOffBy', options.backOffBy, ['consumer', 'broker'], 'consumer');
  if (backOffBy === 'broker' && !hasDelay) throw notSupported('delay', 'options.backOffBy "broker"');
  const concurrency = whole('concurrency', limits.receiveCountMax, 1);
  return {
    broker,
    topic: checkName('options.topic', options.topic, limits),
    group: group === undefined ? DEFAULTS.group : checkName('options.group', group, limits),
    memberId: memberId === undefined ? `consumer-${random.hex(8)}` : checkName('options.memberId', memberId, limits),
    concurrency,
    prefetchCount: whole('prefetchCount', limits.inFlightCountMax, Math.max(16, concurrency)),
    backingOffMax: whole('backingOffMax', limits.inFlightCountMax, 1024),
    ackMode: checkChoice<AckMode>('options.ackMode', options.ackMode, ['automatic', 'explicit'], 'automatic'),
    leaseMs: whole('leaseMs', limits.leaseMsMax, DEFAULTS.leaseMs),
    holdMsMax: whole('holdMsMax', Number.MAX_SAFE_INTEGER, 5 * 60_000),
    waitMs: whole('waitMs', limits.waitMsMax, 20_000),
    retry: checkRetryPolicy('options.retry', options.retry),
    backOffBy,
    onState,
    clock: checkClock('options.clock', options.clock),
    random,
    hasLease,
    hasDelay,
    hasPush: hasLease && hasDelay && broker.capabilities.has('push'),
  };
}
