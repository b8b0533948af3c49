/**
 * The options of the operations that come with this stage (groups, leases, offsets), checked once for all stages: shape,
 * range, and whether the broker has the capability an option needs.
 *
 * Always true: each function returns the options with defaults filled in, or throws `MQ_INVALID_ARGUMENT` (with the
 * path), or `MQ_NOT_SUPPORTED` (with the capability). Like stage 1's `checked-options.ts`, which it continues, it looks
 * at capabilities and not at stages, so a later stage uses it unchanged.
 */
import type { BrowseOptions, FetchOptions, NackOptions, OffsetOptions } from '../../shared/contract/broker.ts';
import type { GroupMode, GroupOptions, OutOfRangeReset, SeekTarget } from '../../shared/contract/description.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../shared/contract/message.ts';
import {
  checkChoice,
  checkInteger,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../shared/contract/validation.ts';
import { checkBytesMax, checkPartition, checkSignal } from '../1-blocking-queue/checked-options.ts';
import { checkFilter, NO_FILTER } from '../1-blocking-queue/routing-options.ts';
import { need, type Rules } from '../1-blocking-queue/rules.ts';
import { checkRetryDelays } from './retry-delay-options.ts';

const RESETS: readonly OutOfRangeReset[] = ['earliest', 'latest', 'error'];
const MODES: readonly GroupMode[] = ['shared', 'exclusive', 'failover', 'key-ordered'];
const ISOLATIONS = ['read-uncommitted', 'read-committed'] as const;
const OUTCOMES = ['retry', 'return', 'reject'] as const;
/** Cells of an `inspect` whose caller does not say. */
const INSPECT_CELLS = 64;
const DELIVERIES_RANGE = { min: 0, max: 1_000_000, fallback: DEFAULTS.deliveriesMax };
const ANY_OFFSET = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 };

/** What a first receive or commit makes of a group that does not exist. */
export const GROUP_DEFAULTS: Required<GroupOptions> = Object.freeze({
  start: 'earliest',
  isEphemeral: false,
  onOutOfRange: 'earliest',
  mode: 'shared',
  deliveriesMax: DEFAULTS.deliveriesMax,
  retryDelays: [],
  deadLetterExpired: false,
  filter: NO_FILTER,
});

export interface CheckedFetchOptions {
  readonly partition: number;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly isolation: (typeof ISOLATIONS)[number];
  readonly signal: AbortSignal | undefined;
}

export interface CheckedBrowseOptions {
  readonly group: string;
  readonly partition: number;
  readonly max: number;
  /** First offset to look at. */
  readonly fromOffset: number;
}

/** A reference that may open a lease: everything in it has the right type. */
export interface CheckedRef {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly group: string;
  readonly memberId: string;
  readonly token: string;
}

/** When a silent member is forgotten. */
export function checkMemberTimeoutMs(memberTimeoutMs: number | undefined): number {
  const range = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: DEFAULTS.memberTimeoutMs };
  return checkInteger('options.memberTimeoutMs', memberTimeoutMs, range);
}

/** Options of a group; equal options give equal results. */
export function checkGroupOptions(options: GroupOptions | undefined, rules: Rules): Required<GroupOptions> {
  checkOptions('options', options, Object.keys(GROUP_DEFAULTS));
  const isEphemeral = checkFlag('options.isEphemeral', options?.isEphemeral);
  const mode = checkChoice('options.mode', options?.mode, MODES, 'shared');
  if (mode !== 'shared') need(rules, 'group-modes', 'options.mode');
  const start = options?.start ?? (isEphemeral ? 'latest' : 'earliest');
  return {
    start: checkSeekTarget('options.start', start, rules),
    isEphemeral,
    onOutOfRange: checkChoice('options.onOutOfRange', options?.onOutOfRange, RESETS, 'earliest'),
    mode,
    ...checkFailureOptions(options, rules),
    filter: checkFilter('options.filter', options?.filter, rules),
  };
}

type FailureOptions = Pick<Required<GroupOptions>, 'deliveriesMax' | 'retryDelays' | 'deadLetterExpired'>;

/** What becomes of messages that fail. */
function checkFailureOptions(options: GroupOptions | undefined, rules: Rules): FailureOptions {
  const { deliveriesMax, retryDelays, deadLetterExpired } = options ?? {};
  if (deliveriesMax !== undefined) need(rules, 'dead-letter', 'options.deliveriesMax');
  if (deadLetterExpired !== undefined) need(rules, 'dead-letter', 'options.deadLetterExpired');
  if (retryDelays !== undefined) need(rules, 'delay', 'options.retryDelays');
  return {
    deliveriesMax: checkInteger('options.deliveriesMax', deliveriesMax, DELIVERIES_RANGE),
    retryDelays: checkRetryDelays('options.retryDelays', retryDelays),
    deadLetterExpired: checkFlag('options.deadLetterExpired', deadLetterExpired),
  };
}

function checkFlag(path: string, flag: unknown): boolean {
  if (flag === undefined) return false;
  if (typeof flag !== 'boolean') throw invalidArgument(path, 'true or false', flag);
  return flag;
}

/** True when both were made by `checkGroupOptions` from options that mean the same. */
export function isSameGroupOptions(one: Required<GroupOptions>, other: Required<GroupOptions>): boolean {
  const names = Object.keys(GROUP_DEFAULTS) as (keyof GroupOptions)[];
  return names.every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
}

/** A place in the log. Whether an offset is held there is for the log to say. */
export function checkSeekTarget(path: string, target: unknown, rules: Rules): SeekTarget {
  if (target === 'earliest' || target === 'latest') return target;
  if (typeof target !== 'object' || target === null || Object.keys(target).length !== 1) {
    throw invalidArgument(path, '"earliest", "latest", {offset} or {timestamp}', target);
  }
  checkOptions(path, target, ['offset', 'timestamp']);
  if ('timestamp' in target) {
    need(rules, 'time-index', `${path}.timestamp`);
    return { timestamp: checkInteger(`${path}.timestamp`, target.timestamp, ANY_OFFSET) };
  }
  return { offset: checkOffset(`${path}.offset`, 'offset' in target ? target.offset : undefined) };
}

export function checkFetchOptions(options: FetchOptions | undefined, rules: Rules): CheckedFetchOptions {
  const known = ['partition', 'offset', 'max', 'bytesMax', 'waitMs', 'isolation', 'signal'];
  checkOptions('options', options, known);
  const { limits } = rules;
  const isolation = checkChoice('options.isolation', options?.isolation, ISOLATIONS, defaultIsolation(rules));
  if (isolation !== 'read-uncommitted') need(rules, 'transactions', 'options.isolation');
  return {
    partition: checkPartition('options.partition', options?.partition, rules),
    offset: checkInteger('options.offset', options?.offset, ANY_OFFSET),
    max: checkInteger('options.max', options?.max, { min: 1, max: limits.receiveCountMax, fallback: DEFAULTS.max }),
    bytesMax: checkBytesMax('options.bytesMax', options?.bytesMax, limits),
    waitMs: checkInteger('options.waitMs', options?.waitMs, { min: 0, max: limits.waitMsMax, fallback: 0 }),
    isolation,
    signal: checkSignal('options.signal', options?.signal),
  };
}

/** Where there are transactions, readers see what is committed unless they ask for more. */
function defaultIsolation({ capabilities }: Rules): CheckedFetchOptions['isolation'] {
  return capabilities.has('transactions') ? 'read-committed' : 'read-uncommitted';
}

export function checkBrowseOptions(options: BrowseOptions | undefined, rules: Rules): CheckedBrowseOptions {
  checkOptions('options', options, ['group', 'partition', 'max', 'after']);
  const { limits } = rules;
  const after = options?.after;
  return {
    group: options?.group === undefined ? DEFAULTS.group : checkName('options.group', options.group, limits),
    partition: checkPartition('options.partition', options?.partition, rules),
    max: checkInteger('options.max', options?.max, { min: 1, max: limits.receiveCountMax, fallback: DEFAULTS.max }),
    fromOffset: after === undefined ? 0 : checkOffset('options.after', after) + 1,
  };
}

/** The group and partition of `commit`, `committed` and `seek`; `more` names their further options. */
export function checkOffsetOptions(options: OffsetOptions, rules: Rules, more: readonly string[] = []): string {
  checkOptions('options', options, ['group', 'partition', ...more]);
  const group = checkName('options.group', options?.group, rules.limits);
  checkPartition('options.partition', options.partition, rules);
  return group;
}

export function checkOffset(path: string, offset: unknown): number {
  if (offset === undefined) throw invalidArgument(path, 'given');
  return checkInteger(path, offset, ANY_OFFSET);
}

/** Most cells an `inspect` answers. */
export function checkInspectOptions(options: { readonly max?: number } | undefined, rules: Rules): number {
  checkOptions('options', options, ['max']);
  const range = { min: 1, max: rules.limits.receiveCountMax, fallback: INSPECT_CELLS };
  return checkInteger('options.max', options?.max, range);
}

/** The deliveries of one `ack`. Their names came from us, so only their types are looked at. */
export function checkRefs(deliveries: readonly DeliveryRef[], rules: Rules): CheckedRef[] {
  if (!Array.isArray(deliveries)) throw invalidArgument('deliveries', 'an array of deliveries', deliveries);
  const { receiveCountMax } = rules.limits;
  if (deliveries.length > receiveCountMax) {
    throw invalidArgument('deliveries', `at most ${receiveCountMax} deliveries`, deliveries.length);
  }
  const check = (delivery: DeliveryRef, index: number): CheckedRef =>
    plainRef(delivery) ?? checkRef(`deliveries[${index}]`, delivery, rules);
  // `from` and not `map`, which would leave the holes of a sparse array as they are.
  return Array.from(deliveries, check);
}

/** undefined for one to be looked at more closely. For those that are right a path each would be 0.2 µs for nothing. */
function plainRef(delivery: DeliveryRef | undefined): CheckedRef | undefined {
  if (typeof delivery !== 'object' || delivery === null) return undefined;
  const { topic, partition, offset, group, memberId, leaseToken: token } = delivery;
  if (partition !== 0 || !Number.isSafeInteger(offset) || offset === null || offset < 0) return undefined;
  const isText = typeof topic === 'string' && typeof group === 'string' && typeof memberId === 'string';
  return isText && typeof token === 'string' ? { topic, partition, offset, group, memberId, token } : undefined;
}

/** What a `nack` or `extendLease` names, or one entry of an `ack`. */
export function checkRef(path: string, delivery: DeliveryRef, rules: Rules): CheckedRef {
  if (typeof delivery !== 'object' || delivery === null) throw invalidArgument(path, 'a delivery', delivery);
  const { topic, partition, offset, group, memberId, leaseToken } = delivery;
  return {
    topic: checkText(`${path}.topic`, topic),
    partition: checkPartition(`${path}.partition`, partition, rules),
    offset: checkOffset(`${path}.offset`, offset ?? undefined),
    group: checkText(`${path}.group`, group),
    memberId: checkText(`${path}.memberId`, memberId),
    token: checkText(`${path}.leaseToken`, leaseToken),
  };
}

/** Whether an ack is cumulative. */
export function checkAckOptions(options: { readonly cumulative?: boolean } | undefined): boolean {
  checkOptions('options', options, ['cumulative']);
  return checkFlag('options.cumulative', options?.cumulative);
}

/** The outcome of a nack; what the broker cannot do with it is refused. */
export function checkNackOptions(options: NackOptions | undefined, rules: Rules): 'retry' | 'return' {
  checkOptions('options', options, ['outcome', 'delayMs', 'reason']);
  const outcome = checkChoice('options.outcome', options?.outcome, OUTCOMES, 'retry');
  if (options?.delayMs !== undefined) need(rules, 'delay', 'options.delayMs');
  if (options?.reason !== undefined) checkText('options.reason', options.reason);
  if (outcome !== 'reject') return outcome;
  need(rules, 'dead-letter', 'options.outcome "reject"');
  return 'retry';
}

/** `leaseMs` of `extendLease`. */
export function checkExtendOptions(options: { readonly leaseMs?: number } | undefined, rules: Rules): number {
  checkOptions('options', options, ['leaseMs']);
  const range = { min: 1, max: rules.limits.leaseMsMax, fallback: DEFAULTS.leaseMs };
  return checkInteger('options.leaseMs', options?.leaseMs, range);
}

/** Group and member of `leave`; the member is undefined when it is the broker's own. */
export function checkLeaveOptions(
  options: { readonly group?: string; readonly memberId?: string } | undefined,
  rules: Rules,
): { readonly group: string; readonly memberId: string | undefined } {
  checkOptions('options', options, ['group', 'memberId']);
  const { group, memberId } = options ?? {};
  return {
    group: group === undefined ? DEFAULTS.group : checkName('options.group', group, rules.limits),
    memberId: memberId === undefined ? undefined : checkName('options.memberId', memberId, rules.limits),
  };
}

function checkText(path: string, text: unknown): string {
  if (typeof text !== 'string') throw invalidArgument(path, 'a string', text);
  return text;
}
