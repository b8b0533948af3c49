/**
 * The options of operations that came after this stage, checked once for the clients of all wires: shape, range, and that
 * none is misspelt.
 *
 * Always true: each function returns the options with their defaults, or throws `MQ_INVALID_ARGUMENT` with the path. What
 * only the broker knows (whether a transaction is open, a selector is one, a partition exists) it says itself. Pure.
 */
import type { Filter, LookupOptions } from '../../shared/contract/filter.ts';
import type {
  EndHalfOptions,
  HalfCheckOptions,
  HalfMessageOptions,
  HalfOutcome,
} from '../../shared/contract/half-message.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import type { ProducerOptions } from '../../shared/contract/producer.ts';
import type { BeginOptions, CommitOffsetOptions, TransactionSendOptions } from '../../shared/contract/transaction.ts';
import { checkInteger, checkName, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';
import {
  type CheckedSendOptions,
  checkPartition,
  checkSendOptions,
  checkSignal,
} from '../1-blocking-queue/checked-options.ts';
import { NO_FILTER } from '../1-blocking-queue/routing-options.ts';
import { need, type Rules } from '../1-blocking-queue/rules.ts';
import { checkOffset } from '../2-ring-buffer/reading-options.ts';

/** Of a user, and of a password: a greeting has room for both. */
const CREDENTIAL_BYTES_MAX = 1024;

const OUTCOMES: readonly HalfOutcome[] = ['commit', 'abort', 'unknown'];

export function checkProducerOptions(options: ProducerOptions | undefined, { limits }: Rules): ProducerOptions {
  checkOptions('options', options, ['name']);
  return options?.name === undefined ? {} : { name: checkName('options.name', options.name, limits) };
}

export function checkBeginOptions(options: BeginOptions | undefined, { limits }: Rules): BeginOptions {
  checkOptions('options', options, ['timeoutMs', 'transactionalId', 'signal']);
  const { timeoutMs, transactionalId } = options ?? {};
  checkInteger('options.timeoutMs', timeoutMs, { min: 1, max: limits.transactionMsMax, fallback: 1 });
  return {
    timeoutMs,
    transactionalId:
      transactionalId === undefined ? undefined : checkName('options.transactionalId', transactionalId, limits),
    signal: checkSignal('options.signal', options?.signal),
  };
}

/** What names a transaction, a half message or a producer group. */
export function checkText(path: string, text: unknown): string {
  if (typeof text === 'string' && text !== '' && text.isWellFormed()) return text;
  throw invalidArgument(path, 'a text that is not empty', text);
}

/** Of a send in a transaction: a producer of its own it cannot have. */
export function checkTransactionSend(options: TransactionSendOptions | undefined, rules: Rules): CheckedSendOptions {
  checkOptions('options', options, ['partition', 'signal', 'timeoutMs']);
  return checkSendOptions(options, rules);
}

export function checkCommitOffset(options: CommitOffsetOptions, rules: Rules): Required<CommitOffsetOptions> {
  checkOptions('options', options, ['group', 'partition', 'offset']);
  return {
    group: checkName('options.group', options?.group, rules.limits),
    partition: checkPartition('options.partition', options?.partition, rules),
    offset: checkOffset('options.offset', options?.offset),
  };
}

export interface CheckedHalfOptions extends CheckedSendOptions {
  readonly producerGroup: string;
  readonly checkAfterMs: number;
}

export function checkHalfOptions(options: HalfMessageOptions, rules: Rules): CheckedHalfOptions {
  const known = ['producerGroup', 'partition', 'checkAfterMs', 'signal', 'timeoutMs'];
  checkOptions('options', options, known);
  const { partition, signal, timeoutMs } = options ?? {};
  const range = { min: 1, max: rules.limits.transactionMsMax, fallback: DEFAULTS.halfCheckAfterMs };
  return {
    ...checkSendOptions({ partition, signal, timeoutMs }, rules),
    producerGroup: checkName('options.producerGroup', options?.producerGroup, rules.limits),
    checkAfterMs: checkInteger('options.checkAfterMs', options?.checkAfterMs, range),
  };
}

export function checkEndHalf(options: EndHalfOptions): EndHalfOptions {
  checkOptions('options', options, ['halfId', 'outcome']);
  const outcome = OUTCOMES.find((one) => one === options?.outcome);
  if (outcome === undefined) throw invalidArgument('options.outcome', 'commit, abort or unknown', options?.outcome);
  return { halfId: checkText('options.halfId', options.halfId), outcome };
}

export function checkHalfChecks(
  options: HalfCheckOptions | undefined,
  { limits }: Rules,
): Required<Pick<HalfCheckOptions, 'max' | 'waitMs'>> & { readonly signal: AbortSignal | undefined } {
  checkOptions('options', options, ['max', 'waitMs', 'signal']);
  return {
    max: checkInteger('options.max', options?.max, { min: 1, max: limits.receiveCountMax, fallback: DEFAULTS.max }),
    waitMs: checkInteger('options.waitMs', options?.waitMs, { min: 0, max: limits.waitMsMax, fallback: 0 }),
    signal: checkSignal('options.signal', options?.signal),
  };
}

/** `partition` and `offset` are left out where they were: then the broker chooses. */
export function checkLookup(options: LookupOptions, rules: Rules): LookupOptions {
  checkOptions('options', options, ['key', 'partition', 'offset', 'max']);
  const { key, partition, offset, max } = options ?? {};
  if (typeof key !== 'string' || !key.isWellFormed()) throw invalidArgument('options.key', 'well-formed text', key);
  const { receiveCountMax } = rules.limits;
  checkPartition('options.partition', partition, rules);
  return {
    key,
    partition,
    offset: offset === undefined ? undefined : checkOffset('options.offset', offset),
    max: checkInteger('options.max', max, { min: 1, max: receiveCountMax, fallback: DEFAULTS.max }),
  };
}

/** How a subscription reads its topic as a pattern; whether it is one the broker says. */
export function checkPattern(pattern: unknown, rules: Rules): void {
  need(rules, 'filters', 'options.pattern');
  if (pattern !== 'dotted' && pattern !== 'slashed')
    throw invalidArgument('options.pattern', 'dotted or slashed', pattern);
}

/** The user and the password of a client. Neither is shown: no credential appears in a message. */
export function checkPassword(user: unknown, password: unknown): void {
  const isText = (text: unknown): boolean =>
    typeof text === 'string' && text.isWellFormed() && Buffer.byteLength(text) <= CREDENTIAL_BYTES_MAX;
  if (!isText(user) || user === '' || String(user).includes(':')) {
    throw invalidArgument(
      'options.user',
      `a text of at most ${CREDENTIAL_BYTES_MAX} bytes without a colon, beside a password`,
    );
  }
  if (!isText(password)) {
    throw invalidArgument('options.password', `a text of at most ${CREDENTIAL_BYTES_MAX} bytes, beside a user`);
  }
}

/** undefined where nothing is filtered, so that no wire carries an empty filter. */
export function filterOrNone(filter: Filter): Filter | undefined {
  return filter === NO_FILTER ? undefined : filter;
}
