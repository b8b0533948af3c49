/** What a Producer can be told, checked, and with the defaults filled in. */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { notSupported } from '../contract/capabilities.ts';
import { CALLS_REMEMBERED_COUNT } from '../contract/producer.ts';
import { checkBroker, checkInteger, checkOptions, invalidArgument } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { checkRetryPolicy, type RetryPolicy } from './retry.ts';

/** Of `new Producer`: to which broker, in which batches, how many at once, and how often to try again. */
export interface ProducerOptions {
  readonly broker: Broker;
  /** Batches, and sends on their own, at the broker at the same time. Default 64. */
  readonly inFlightMax?: number;
  /** Messages that may wait to go to the broker, from 1. Default 65,536; one more is `MQ_LIMIT_EXCEEDED`. */
  readonly waitingMax?: number;
  /** The same in bytes of bodies, keys, ids and headers. Default 64 MiB. */
  readonly waitingBytesMax?: number;
  /**
   * How long a message waits for others to share its batch. Default 0: for nothing but the answers to what went before it
   * to the same partition.
   */
  readonly lingerMs?: number;
  /** Messages in a batch at most. Default what one receive or fetch brings, 1024: such a batch is read whole. 1: no batches. */
  readonly batchCountMax?: number;
  /** Bodies, keys, ids and headers in a batch at most; a larger message goes alone. Default 256 KiB. */
  readonly batchBytesMax?: number;
  /**
   * Capability `idempotence`: calls are numbered, so the broker stores each of them once, in order, whatever is repeated;
   * at most 5 are under way to a partition. Delayed messages are not numbered. Default false.
   */
  readonly isIdempotent?: boolean;
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ProducerSettings {
  readonly broker: Broker;
  readonly inFlightMax: number;
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  readonly lingerMs: number;
  readonly batchCountMax: number;
  readonly batchBytesMax: number;
  readonly isIdempotent: boolean;
  /** Departures of a lane. */
  readonly underWayMax: number;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
  /** False: every message goes alone. */
  readonly hasBatch: boolean;
}

const KNOWN = [
  ...['broker', 'inFlightMax', 'waitingMax', 'waitingBytesMax', 'lingerMs', 'batchCountMax', 'batchBytesMax'],
  ...['isIdempotent', 'retry', 'clock', 'random'],
];

/** Throws `MQ_INVALID_ARGUMENT` with the path of what is wrong. */
export function checkProducerOptions(options: ProducerOptions): ProducerSettings {
  checkOptions('options', options, KNOWN);
  const broker = checkBroker('options.broker', options?.broker);
  const { limits } = broker;
  const { isIdempotent = false } = options;
  if (typeof isIdempotent !== 'boolean') throw invalidArgument('options.isIdempotent', 'true or false', isIdempotent);
  if (isIdempotent && !broker.capabilities.has('idempotence'))
    throw notSupported('idempotence', 'options.isIdempotent');
  type Whole = 'inFlightMax' | 'waitingMax' | 'waitingBytesMax' | 'lingerMs' | 'batchCountMax' | 'batchBytesMax';
  const whole = (name: Whole, [min, max, fallback]: readonly [number, number, number]): number =>
    checkInteger(`options.${name}`, options[name], { min, max, fallback: Math.min(fallback, max) });
  return {
    broker,
    inFlightMax: whole('inFlightMax', [1, 65_536, 64]),
    waitingMax: whole('waitingMax', [1, 2 ** 24, 65_536]),
    waitingBytesMax: whole('waitingBytesMax', [1, Number.MAX_SAFE_INTEGER, 64 * 1024 * 1024]),
    lingerMs: whole('lingerMs', [0, 60_000, 0]),
    batchCountMax: whole('batchCountMax', [1, limits.batchCountMax, limits.receiveCountMax]),
    batchBytesMax: whole('batchBytesMax', [1, limits.batchBytesMax, 256 * 1024]),
    isIdempotent,
    underWayMax: isIdempotent ? CALLS_REMEMBERED_COUNT : Number.POSITIVE_INFINITY,
    retry: checkRetryPolicy('options.retry', options.retry),
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
    hasBatch: broker.capabilities.has('batch'),
  };
}
