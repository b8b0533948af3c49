/** What a HalfMessageProducer can be told, checked, and with the defaults filled in; and the types of its calls. */
import { type Clock, checkClock } from '../clock.ts';
import type { Broker } from '../contract/broker.ts';
import type { HalfCheck, HalfMessageOptions, HalfOutcome } from '../contract/half-message.ts';
import type { Receipt } from '../contract/message.ts';
import { checkBroker, checkInteger, checkName, checkOptions, invalidArgument } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import { checkRetryPolicy, type RetryPolicy } from './retry.ts';

/** Of `new HalfMessageProducer`. */
export interface HalfMessageProducerOptions {
  /** Capability `half-message`. */
  readonly broker: Broker;
  /** Its members can answer for each other. */
  readonly producerGroup: string;
  /**
   * What became of the work on a message that perhaps another process sent: looks at what the work leaves behind. `unknown`,
   * and an error, is: ask again later. It must not say `abort` while the work may still end well.
   */
  readonly check: (question: HalfCheck) => Promise<HalfOutcome> | HalfOutcome;
  /** Sends under way at a time, from 1. Default 1024; one more is `MQ_LIMIT_EXCEEDED`. */
  readonly inFlightMax?: number;
  /** Questions answered at a time, from 1. Default 16. */
  readonly checksInFlightMax?: number;
  /** How long one call for questions waits. Default 20 s. */
  readonly waitMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface HalfMessageSettings {
  readonly broker: Broker;
  readonly producerGroup: string;
  readonly check: (question: HalfCheck) => Promise<HalfOutcome> | HalfOutcome;
  readonly inFlightMax: number;
  readonly checksInFlightMax: number;
  readonly waitMs: number;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
}

/** Of one `send`. */
export type HalfSendOptions = Omit<HalfMessageOptions, 'producerGroup'>;

/** What `send` resolves to. */
export interface HalfSent<Result> {
  /** Of the message that is seen now. */
  readonly receipt: Receipt;
  /** What the work returned. */
  readonly result: Result;
}

/** What a HalfMessageProducer is doing and has done. */
export interface HalfMessageProducerState {
  /** `retrying`: the broker could not be asked for questions, and will be again. `failed`: asking again is no use. */
  readonly status: 'running' | 'retrying' | 'failed' | 'closed';
  /** The last thing that went wrong with a question or its answer. */
  readonly reason: Error | null;
  /** Sends that have not settled. */
  readonly inFlightCount: number;
  /** Sends whose message is seen, */
  readonly committedCount: number;
  /** and whose work threw. */
  readonly abortedCount: number;
  /** Questions that were answered, with `unknown` too. */
  readonly answeredCount: number;
}

const KNOWN = [
  ...['broker', 'producerGroup', 'check', 'inFlightMax', 'checksInFlightMax', 'waitMs', 'retry', 'clock', 'random'],
];

/** Throws `MQ_INVALID_ARGUMENT` with the path of what is wrong. */
export function checkHalfMessageProducerOptions(options: HalfMessageProducerOptions): HalfMessageSettings {
  checkOptions('options', options, KNOWN);
  const broker = checkBroker('options.broker', options?.broker);
  const { limits } = broker;
  const { check, inFlightMax, checksInFlightMax, waitMs } = options;
  if (typeof check !== 'function') throw invalidArgument('options.check', 'a function', check);
  const waitRange = { min: 1, max: limits.waitMsMax, fallback: Math.min(20_000, limits.waitMsMax) };
  const checksRange = { min: 1, max: limits.receiveCountMax, fallback: Math.min(16, limits.receiveCountMax) };
  return {
    broker,
    producerGroup: checkName('options.producerGroup', options.producerGroup, limits),
    check,
    inFlightMax: checkInteger('options.inFlightMax', inFlightMax, { min: 1, max: 65_536, fallback: 1024 }),
    checksInFlightMax: checkInteger('options.checksInFlightMax', checksInFlightMax, checksRange),
    waitMs: checkInteger('options.waitMs', waitMs, waitRange),
    retry: checkRetryPolicy('options.retry', options.retry),
    clock: checkClock('options.clock', options.clock),
    random: checkRandom('options.random', options.random),
  };
}
