/**
 * What this stage's messages and calls may say besides what earlier stages know: when a message is due, how long it lives,
 * how urgent it is, in which partition it goes, and what becomes of a delivery that is given back.
 *
 * Always true: each function returns the options in the form the topic works with, or throws `MQ_INVALID_ARGUMENT` with
 * the path. Times are turned into points of the wall clock here, once, so that whatever waits later waits for the same
 * moment, also after a restart. Pure; the spine calls it before it touches its state.
 */
import type { Clock } from '../../shared/clock.ts';
import type { AppendOptions, NackOptions, OffsetOptions, SendOptions } from '../../shared/contract/broker.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import type { ProducerStamp } from '../../shared/contract/producer.ts';
import {
  type CheckedMessage,
  checkChoice,
  checkInteger,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../shared/contract/validation.ts';
import { checkSignal } from '../1-blocking-queue/checked-options.ts';
import { checkProducer } from '../1-blocking-queue/routing-options.ts';
import type { Rules } from '../1-blocking-queue/rules.ts';
import type { BatchSender } from './bytes/record-batch.ts';

/** The last moment that JavaScript can write as a date. */
export const TIME_MAX = 8_640_000_000_000_000;
export const PRIORITY_MAX = 9;
/** `reason` of a nack, in characters: it is kept with the message and becomes a header of the dead letter. */
export const REASON_CHARACTERS_MAX = 1000;

/** The levels of RocketMQ, for senders: level 1 is 1 s, level 18 is 2 h; `send(topic, { body, delayMs: DELAY_LEVELS_MS[3] })`. */
export const DELAY_LEVELS_MS: readonly number[] = Object.freeze([
  ...[1000, 5000, 10_000, 30_000],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120].map((minutes) => minutes * 60_000),
]);

/** A checked message with what this stage adds. */
export interface TimedMessage {
  readonly content: CheckedMessage;
  /** 0 to 9. */
  readonly priority: number;
  readonly ttlMs: number | undefined;
  /** Epoch ms; undefined for a message that is due already. */
  readonly deliverAt: number | undefined;
}

/**
 * The messages with their times. Their shape is checked already, in the same order. The clock is asked only when one of them
 * has a time: for a plain message that would take longer than all the rest.
 */
export function checkTimes(
  path: 'message' | 'messages',
  messages: readonly Message[],
  { contents, clock }: { readonly contents: readonly CheckedMessage[]; readonly clock: Pick<Clock, 'now'> },
): TimedMessage[] {
  let now: number | undefined;
  return contents.map((content, index) => {
    const { priority, ttlMs, delayMs, deliverAt } = messages[index] as Message;
    const isPlain = priority === undefined && ttlMs === undefined && delayMs === undefined && deliverAt === undefined;
    if (isPlain) return { content, priority: 0, ttlMs: undefined, deliverAt: undefined };
    const own = path === 'message' ? path : `${path}[${index}]`;
    now ??= clock.now();
    return {
      content,
      priority: checkInteger(`${own}.priority`, priority, { min: 0, max: PRIORITY_MAX, fallback: 0 }),
      ttlMs: checkTtl(`${own}.ttlMs`, ttlMs, now),
      deliverAt: checkDue(own, { delayMs, deliverAt }, now),
    };
  });
}

/** When the whole batch is due: each of its messages has a time, or none has. */
export function isDelayed(path: string, messages: readonly TimedMessage[]): boolean {
  let count = 0;
  for (const { deliverAt } of messages) if (deliverAt !== undefined) count += 1;
  if (count === 0) return false;
  if (count === messages.length) return true;
  throw invalidArgument(path, 'all delayed or none: they would not be stored together');
}

/** A life that ends after all time is one without end. */
function checkTtl(path: string, ttlMs: number | undefined, now: number): number | undefined {
  if (ttlMs === undefined) return undefined;
  const checked = checkInteger(path, ttlMs, { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 1 });
  return now + checked > TIME_MAX ? undefined : checked;
}

function checkDue(
  path: string,
  { delayMs, deliverAt }: Pick<Message, 'delayMs' | 'deliverAt'>,
  now: number,
): number | undefined {
  if (delayMs !== undefined && deliverAt !== undefined) {
    throw invalidArgument(`${path}.deliverAt`, 'left out when delayMs is given: one of them says when');
  }
  const delayMax = Math.max(TIME_MAX - now, 0);
  const due =
    delayMs === undefined
      ? checkInteger(`${path}.deliverAt`, deliverAt, { min: 0, max: TIME_MAX, fallback: now })
      : now + checkInteger(`${path}.delayMs`, delayMs, { min: 0, max: delayMax, fallback: 0 });
  return due > now ? due : undefined;
}

export interface CheckedStoringOptions {
  /** undefined: the key decides, or round robin. */
  readonly partition: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly producer: ProducerStamp | undefined;
  /** Set by the broker itself for what is sent in a transaction. */
  readonly transaction?: BatchSender | undefined;
}

export interface CheckedAppendOptions extends CheckedStoringOptions {
  readonly isGiven: boolean;
}

const STORING_OPTIONS: readonly (keyof SendOptions)[] = ['partition', 'signal', 'timeoutMs', 'producer'];
const APPEND_OPTIONS: readonly (keyof AppendOptions)[] = [...STORING_OPTIONS, 'isGiven'];
const ANYWHERE: CheckedStoringOptions = Object.freeze({
  partition: undefined,
  signal: undefined,
  timeoutMs: undefined,
  producer: undefined,
});
const ANYWHERE_AND_KEPT: CheckedAppendOptions = Object.freeze({ ...ANYWHERE, isGiven: false });

/** Of `send` and `sendBatch`. Whether the topic has the partition is for the topic to say. */
export function checkStoringOptions(options: SendOptions | undefined, rules: Rules): CheckedStoringOptions {
  if (options === undefined) return ANYWHERE;
  checkOptions('options', options, STORING_OPTIONS);
  return storingOptionsOf(options, rules);
}

/** Of `appendBatch`. */
export function checkAppendOptions(options: AppendOptions | undefined, rules: Rules): CheckedAppendOptions {
  if (options === undefined) return ANYWHERE_AND_KEPT;
  checkOptions('options', options, APPEND_OPTIONS);
  return { ...storingOptionsOf(options, rules), isGiven: checkIsGiven(options) };
}

/** Whether the caller of `appendBatch` gives its bytes away. */
export function checkIsGiven({ isGiven = false }: AppendOptions): boolean {
  if (typeof isGiven !== 'boolean') throw invalidArgument('options.isGiven', 'true or false', isGiven);
  return isGiven;
}

function storingOptionsOf(options: SendOptions, rules: Rules): CheckedStoringOptions {
  const { partition, timeoutMs } = options;
  return {
    partition: partition === undefined ? undefined : checkInteger('options.partition', partition, ANY_NUMBER),
    signal: checkSignal('options.signal', options.signal),
    timeoutMs: timeoutMs === undefined ? undefined : checkInteger('options.timeoutMs', timeoutMs, ANY_NUMBER),
    producer: checkProducer('options.producer', options.producer, rules),
  };
}

/** The group and partition of `commit`, `committed` and `seek`; `more` names their further options. */
export function checkPlace(
  options: OffsetOptions,
  limits: Limits,
  more: readonly string[] = [],
): { readonly group: string; readonly partition: number } {
  checkOptions('options', options, ['group', 'partition', ...more]);
  return {
    group: checkName('options.group', options?.group, limits),
    partition: checkInteger('options.partition', options.partition, ANY_NUMBER),
  };
}

export interface CheckedNack {
  readonly outcome: 'retry' | 'return' | 'reject';
  /** undefined: as the group's retry delays say. */
  readonly delayMs: number | undefined;
  readonly reason: string | undefined;
}

export function checkNack(options: NackOptions | undefined): CheckedNack {
  checkOptions('options', options, ['outcome', 'delayMs', 'reason']);
  const outcome = checkChoice('options.outcome', options?.outcome, ['retry', 'return', 'reject'], 'retry');
  const { delayMs, reason } = options ?? {};
  if (outcome === 'reject' && delayMs !== undefined) {
    throw invalidArgument('options.delayMs', 'left out of a reject: what is rejected does not come again');
  }
  return {
    outcome,
    delayMs: delayMs === undefined ? undefined : checkInteger('options.delayMs', delayMs, RETRY_DELAY),
    reason: reason === undefined ? undefined : checkReason(reason),
  };
}

function checkReason(reason: unknown): string {
  if (typeof reason !== 'string' || !reason.isWellFormed()) {
    throw invalidArgument('options.reason', 'well-formed text', reason);
  }
  // A stack trace is not the caller's mistake; its first lines say what happened.
  return reason.length > REASON_CHARACTERS_MAX ? reason.slice(0, REASON_CHARACTERS_MAX).toWellFormed() : reason;
}

/** The group that is paused or resumed; undefined: the whole topic. */
export function checkPauseOptions(
  options: { readonly group?: string } | undefined,
  limits: Limits,
): string | undefined {
  checkOptions('options', options, ['group']);
  return options?.group === undefined ? undefined : checkName('options.group', options.group, limits);
}

/** The id of the message to be explained. */
export function checkExplainOptions(options: { readonly id: string }): string {
  checkOptions('options', options, ['id']);
  const id: unknown = options?.id;
  if (typeof id === 'string' && id !== '' && id.isWellFormed()) return id;
  throw invalidArgument('options.id', 'the id of a message', id);
}

/** Of the topics a broker makes itself. */
const READABLE_PREFIXES = ['$dead/', '$sys/', '$temp/', '$unresolved/'];

/** A topic's name in NFC; those that only the broker makes, too. */
export function checkReadableName(path: string, name: unknown, limits: Limits): string {
  const isMadeHere =
    typeof name === 'string' && name.isWellFormed() && READABLE_PREFIXES.some((prefix) => name.startsWith(prefix));
  return isMadeHere ? name.normalize('NFC') : checkName(path, name, limits);
}

const ANY_NUMBER = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 };
/** A year, like the delays of a group. */
const RETRY_DELAY = { min: 0, max: 366 * 24 * 60 * 60 * 1000, fallback: 0 };
