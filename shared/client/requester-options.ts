/** What a Requester can be told, checked, and with the defaults filled in. */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import { notSupported } from '../contract/capabilities.ts';
import { checkBroker, checkInteger, checkOptions } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { checkRetryPolicy, type RetryPolicy } from './retry.ts';

/** Of `new Requester`: to which broker (capability `filters`), how many at once, and how long for an answer. */
export interface RequesterOptions {
  readonly broker: Broker;
  /** Requests that may wait for their replies at once. Default 1024; one more is `MQ_LIMIT_EXCEEDED`. */
  readonly inFlightMax?: number;
  /** How long a request waits that does not say. Default 30 s. */
  readonly timeoutMs?: number;
  /** How long one receive of replies waits, from 1. Default 20 s. */
  readonly waitMs?: number;
  /** Of sending a request, and of receiving replies. */
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

export type RequesterSettings = Required<Omit<RequesterOptions, 'retry'>> & { readonly retry: RetryPolicy };

const KNOWN = ['broker', 'inFlightMax', 'timeoutMs', 'waitMs', 'retry', 'clock', 'random'];
const IN_FLIGHT_DEFAULT = 1024;
const WAIT_MS = 20_000;
export const TIMEOUT_RANGE = { min: 1, max: 2 ** 31 - 1, fallback: 30_000 };

/** Throws `MQ_INVALID_ARGUMENT` with the path of what is wrong, `MQ_NOT_SUPPORTED` for a broker that cannot. */
export function checkRequesterOptions(options: RequesterOptions): RequesterSettings {
  checkOptions('options', options, KNOWN);
  const broker = checkBroker('options.broker', options?.broker);
  if (!broker.capabilities.has('filters')) throw notSupported('filters', 'a Requester');
  const { waitMsMax } = broker.limits;
  const inFlight = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: IN_FLIGHT_DEFAULT };
  const wait = { min: 1, max: waitMsMax, fallback: Math.min(WAIT_MS, waitMsMax) };
  return {
    broker,
    inFlightMax: checkInteger('options.inFlightMax', options.inFlightMax, inFlight),
    timeoutMs: checkInteger('options.timeoutMs', options.timeoutMs, TIMEOUT_RANGE),
    waitMs: checkInteger('options.waitMs', options.waitMs, wait),
    retry: checkRetryPolicy('options.retry', options.retry),
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
  };
}
