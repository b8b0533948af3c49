/** The options of half messages, checked; each function returns them with their defaults, or throws with the path. Pure. */

import type { Clock } from '../../../shared/clock.ts';
import type {
  EndHalfOptions,
  HalfCheckOptions,
  HalfMessageOptions,
  HalfOutcome,
} from '../../../shared/contract/half-message.ts';
import { DEFAULTS, type Limits } from '../../../shared/contract/limits.ts';
import type { Message } from '../../../shared/contract/message.ts';
import {
  checkChoice,
  checkInteger,
  checkMessage,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../../shared/contract/validation.ts';
import { checkSignal } from '../../1-blocking-queue/checked-options.ts';
import { checkTimes, type TimedMessage } from '../../4-persisted-log/message-options.ts';
import type { CheckSchedule } from './half.ts';
import type { CheckWant } from './half-checks.ts';

/** `halfCheck` of `createBroker`: how a producer that stays silent is asked. */
export interface HalfCheckSchedule {
  /** From one question about a half message to the next. Default 30 s, as in RocketMQ 5. */
  readonly intervalMs?: number;
  /** After so many in vain it is kept in `unresolvedTopicOf(topic)`. Default 15, as there. */
  readonly checksMax?: number;
}

const INTERVAL_MS = 30_000;
const CHECKS_MAX = 15;
const INTERVAL_MS_MAX = 24 * 60 * 60 * 1000;
const OUTCOMES: readonly HalfOutcome[] = ['commit', 'abort', 'unknown'];

export function checkHalfSchedule(path: string, given: HalfCheckSchedule | undefined): CheckSchedule {
  checkOptions(path, given, ['intervalMs', 'checksMax']);
  const interval = { min: 1, max: INTERVAL_MS_MAX, fallback: INTERVAL_MS };
  return {
    intervalMs: checkInteger(`${path}.intervalMs`, given?.intervalMs, interval),
    checksMax: checkInteger(`${path}.checksMax`, given?.checksMax, { min: 1, max: 1000, fallback: CHECKS_MAX }),
  };
}

/** Of `sendHalf`. */
export interface CheckedHalfOptions {
  readonly producerGroup: string;
  readonly partition: number | undefined;
  readonly checkAfterMs: number;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** A message and how it is kept. */
export interface CheckedHalf extends CheckedHalfOptions {
  readonly message: TimedMessage;
}

export function checkHalf(
  message: Message,
  options: HalfMessageOptions,
  { limits, clock }: { readonly limits: Limits; readonly clock: Clock },
): CheckedHalf {
  const contents = [checkMessage('message', message, limits)];
  checkNotDelayed(message);
  const [timed] = checkTimes('message', [message], { contents, clock });
  return { message: timed as TimedMessage, ...checkHalfMessageOptions(options, limits) };
}

function checkHalfMessageOptions(options: HalfMessageOptions, limits: Limits): CheckedHalfOptions {
  checkOptions('options', options, ['producerGroup', 'partition', 'checkAfterMs', 'signal', 'timeoutMs']);
  const { partition, timeoutMs } = options ?? {};
  const after = { min: 1, max: limits.transactionMsMax, fallback: DEFAULTS.halfCheckAfterMs };
  return {
    producerGroup: checkName('options.producerGroup', options?.producerGroup, limits),
    partition: partition === undefined ? undefined : checkInteger('options.partition', partition, ANY_NUMBER),
    checkAfterMs: checkInteger('options.checkAfterMs', options.checkAfterMs, after),
    signal: checkSignal('options.signal', options.signal),
    timeoutMs: timeoutMs === undefined ? undefined : checkInteger('options.timeoutMs', timeoutMs, ANY_NUMBER),
  };
}

/** When it is seen its producer says, and nobody else. */
function checkNotDelayed({ delayMs, deliverAt }: Message): void {
  if (delayMs === undefined && deliverAt === undefined) return;
  const path = delayMs === undefined ? 'message.deliverAt' : 'message.delayMs';
  throw invalidArgument(path, 'left out: a half message is seen when it is committed');
}

export function checkEndHalf(options: EndHalfOptions): EndHalfOptions {
  checkOptions('options', options, ['halfId', 'outcome']);
  const halfId: unknown = options?.halfId;
  if (typeof halfId !== 'string' || halfId === '')
    throw invalidArgument('options.halfId', 'that of a half message', halfId);
  if (options.outcome === undefined) throw invalidArgument('options.outcome', 'given');
  return { halfId, outcome: checkChoice('options.outcome', options.outcome, OUTCOMES, 'unknown') };
}

export function checkHalfCheck(
  producerGroup: string,
  options: HalfCheckOptions | undefined,
  limits: Limits,
): CheckWant {
  checkOptions('options', options, ['max', 'waitMs', 'signal']);
  return {
    producerGroup: checkName('producerGroup', producerGroup, limits),
    max: checkInteger('options.max', options?.max, { min: 1, max: limits.receiveCountMax, fallback: DEFAULTS.max }),
    waitMs: checkInteger('options.waitMs', options?.waitMs, { min: 0, max: limits.waitMsMax, fallback: 0 }),
    signal: checkSignal('options.signal', options?.signal),
  };
}

const ANY_NUMBER = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 };
