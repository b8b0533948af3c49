/**
 * The options of the operations every stage has, checked once for all stages: shape, range, and whether the broker has
 * the capability an option needs.
 *
 * Always true: each function returns the options with defaults filled in, or throws `MQ_INVALID_ARGUMENT` (with the
 * path), or `MQ_NOT_SUPPORTED` (with the capability). The set of capabilities decides, not the stage, so a later stage
 * uses this file unchanged. Spines call it first, before they touch their state.
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import type { CloseOptions, ReceiveOptions, SendOptions } from '../../shared/contract/broker.ts';
import { type Capability, notSupported } from '../../shared/contract/capabilities.ts';
import type { Overflow, TopicOptions } from '../../shared/contract/description.ts';
import { abortedError } from '../../shared/contract/errors.ts';
import type { Filter } from '../../shared/contract/filter.ts';
import { DEFAULTS, type Limits } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import {
  checkChoice,
  checkInteger,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../shared/contract/validation.ts';
import { checkFilter } from './routing-options.ts';
import { need, type Rules } from './rules.ts';

/** Most records a topic can be made for; keeps one topic's bookkeeping below about 128 MiB. */
export const TOPIC_MESSAGES_MAX = 2 ** 24;

const TOPIC_OPTIONS: readonly (keyof TopicOptions)[] = [
  ...(['messagesMax', 'bytesMax', 'overflow', 'partitionCount'] as const),
  ...(['ttlMs', 'retentionMs', 'deleteFinished', 'dedupWindowMs'] as const),
];

const RECEIVE_OPTIONS: readonly (keyof ReceiveOptions)[] = [
  ...(['group', 'memberId', 'max', 'bytesMax', 'waitMs', 'leaseMs', 'filter', 'signal'] as const),
];

export const OVERFLOWS: readonly Overflow[] = ['wait', 'reject', 'drop-oldest'];

export interface CheckedSendOptions {
  readonly partition: number;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

export interface CheckedReceiveOptions {
  readonly group: string;
  /** undefined: the broker's own. */
  readonly memberId: string | undefined;
  readonly max: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly filter: Filter;
  readonly signal: AbortSignal | undefined;
}

/** Options of `createBroker`; `limits` and `topicDefaults` are checked by those who read them. */
export function checkBrokerOptions(options: BrokerOptions, capabilities: ReadonlySet<Capability>): void {
  checkOptions('options', options, [
    'clock',
    'random',
    'autoCreateTopics',
    'topicDefaults',
    'limits',
    'memberTimeoutMs',
  ]);
  if (options.autoCreateTopics !== undefined && typeof options.autoCreateTopics !== 'boolean') {
    throw invalidArgument('options.autoCreateTopics', 'true or false', options.autoCreateTopics);
  }
  if (options.memberTimeoutMs !== undefined && !capabilities.has('groups')) {
    throw notSupported('groups', 'options.memberTimeoutMs');
  }
}

/** Options of a topic, with `defaults` for what is left out; equal options give equal results. */
export function checkTopicOptions(
  path: string,
  options: TopicOptions | undefined,
  rules: Rules & { readonly defaults: TopicOptions },
): TopicOptions {
  checkOptions(path, options, TOPIC_OPTIONS);
  const { defaults } = rules;
  const given = options ?? {};
  const whole = (name: 'messagesMax' | 'bytesMax' | 'partitionCount', max: number): number =>
    checkInteger(`${path}.${name}`, given[name], { min: 1, max, fallback: defaults[name] ?? 1 });
  const isDurable = rules.capabilities.has('durable'); // then what is held needs no memory
  const messagesMax = whole('messagesMax', isDurable ? Number.MAX_SAFE_INTEGER : TOPIC_MESSAGES_MAX);
  const bytesMax = whole('bytesMax', Number.MAX_SAFE_INTEGER);
  const partitionCount = whole('partitionCount', rules.limits.topicsCountMax);
  const overflow = checkChoice(`${path}.overflow`, given.overflow, OVERFLOWS, defaults.overflow ?? 'wait');
  if (given.bytesMax !== undefined) need(rules, 'offsets', `${path}.bytesMax`);
  if (partitionCount !== 1) need(rules, 'partitions', `${path}.partitionCount`);
  return {
    messagesMax,
    ...(rules.capabilities.has('offsets') ? { bytesMax } : {}),
    overflow,
    ...(rules.capabilities.has('partitions') ? { partitionCount } : {}),
    ...checkKeeping(path, given, rules),
  };
}

/** How long messages are kept; what is not given is left out. */
function checkKeeping(
  path: string,
  { ttlMs, retentionMs, deleteFinished, dedupWindowMs }: TopicOptions,
  rules: Rules & { readonly defaults: TopicOptions },
): TopicOptions {
  const { defaults } = rules;
  if (ttlMs !== undefined) need(rules, 'ttl', `${path}.ttlMs`);
  if (retentionMs !== undefined) need(rules, 'durable', `${path}.retentionMs`);
  if (deleteFinished !== undefined) need(rules, 'durable', `${path}.deleteFinished`);
  if (dedupWindowMs !== undefined) need(rules, 'dedup', `${path}.dedupWindowMs`);
  if (deleteFinished !== undefined && typeof deleteFinished !== 'boolean') {
    throw invalidArgument(`${path}.deleteFinished`, 'true or false', deleteFinished);
  }
  const duration = (name: 'ttlMs' | 'retentionMs' | 'dedupWindowMs', ms: number | undefined): TopicOptions =>
    ms === undefined ? {} : { [name]: checkInteger(`${path}.${name}`, ms, { ...ANY_DURATION_MS, min: 1 }) };
  return {
    ...duration('ttlMs', ttlMs ?? defaults.ttlMs),
    ...duration('retentionMs', retentionMs ?? defaults.retentionMs),
    ...duration('dedupWindowMs', dedupWindowMs ?? defaults.dedupWindowMs),
    ...((deleteFinished ?? defaults.deleteFinished) ? { deleteFinished: true } : {}),
  };
}

/** True when both were made by `checkTopicOptions` from options that mean the same. */
export function isSameTopicOptions(one: TopicOptions, other: TopicOptions): boolean {
  return (
    one.messagesMax === other.messagesMax &&
    one.bytesMax === other.bytesMax &&
    one.overflow === other.overflow &&
    one.partitionCount === other.partitionCount &&
    one.ttlMs === other.ttlMs &&
    one.retentionMs === other.retentionMs &&
    one.dedupWindowMs === other.dedupWindowMs &&
    one.deleteFinished === other.deleteFinished
  );
}

/** Refuses what a message asks for and this broker cannot do; its shape is checked by `checkMessage`. */
export function checkMessageOptions(path: string, message: Message, rules: Rules): void {
  if (message.delayMs !== undefined) need(rules, 'delay', `${path}.delayMs`);
  if (message.deliverAt !== undefined) need(rules, 'delay', `${path}.deliverAt`);
  if (message.ttlMs !== undefined) need(rules, 'ttl', `${path}.ttlMs`);
  if (message.priority !== undefined) need(rules, 'priority', `${path}.priority`);
}

/** The same of each message of a batch, whose place is written out only for those that have options. */
export function checkBatchOptions(path: string, messages: readonly Message[], rules: Rules): void {
  messages.forEach((message, index) => {
    const { delayMs, deliverAt, ttlMs, priority } = message;
    const isPlain = delayMs === undefined && deliverAt === undefined && ttlMs === undefined && priority === undefined;
    if (!isPlain) checkMessageOptions(`${path}[${index}]`, message, rules);
  });
}

export function checkSendOptions(options: SendOptions | undefined, rules: Rules): CheckedSendOptions {
  if (options === undefined) return SEND_DEFAULTS;
  checkOptions('options', options, ['partition', 'signal', 'timeoutMs', 'producer']);
  const { partition, timeoutMs, producer } = options;
  if (producer !== undefined) need(rules, 'idempotence', 'options.producer');
  return {
    partition: checkPartition('options.partition', partition, rules),
    signal: checkSignal('options.signal', options.signal),
    timeoutMs: timeoutMs === undefined ? undefined : checkInteger('options.timeoutMs', timeoutMs, ANY_DURATION_MS),
  };
}

export function checkReceiveOptions(given: ReceiveOptions | undefined, rules: Rules): CheckedReceiveOptions {
  const options = given ?? {};
  checkOptions('options', options, RECEIVE_OPTIONS);
  const { limits } = rules;
  const { group, memberId, leaseMs } = options;
  const checked: CheckedReceiveOptions = {
    group: group === undefined ? DEFAULTS.group : checkName('options.group', group, limits),
    memberId: memberId === undefined ? undefined : checkName('options.memberId', memberId, limits),
    max: checkInteger('options.max', options.max, { min: 1, max: limits.receiveCountMax, fallback: DEFAULTS.max }),
    bytesMax: checkBytesMax('options.bytesMax', options.bytesMax, limits),
    waitMs: checkInteger('options.waitMs', options.waitMs, { min: 0, max: limits.waitMsMax, fallback: 0 }),
    leaseMs: checkInteger('options.leaseMs', leaseMs, { min: 1, max: limits.leaseMsMax, fallback: DEFAULTS.leaseMs }),
    filter: checkFilter('options.filter', options.filter, rules),
    signal: checkSignal('options.signal', options.signal),
  };
  if (checked.group !== DEFAULTS.group) need(rules, 'groups', 'options.group');
  if (leaseMs !== undefined) need(rules, 'lease', 'options.leaseMs');
  return checked;
}

/** A partition number; anything but 0 needs the capability `partitions`. */
export function checkPartition(path: string, partition: unknown, rules: Rules): number {
  const checked = checkInteger(path, partition, { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
  if (checked !== 0) need(rules, 'partitions', path);
  return checked;
}

/** `bytesMax` of a receive or fetch. A broker that allows less than the default starts from what it allows. */
export function checkBytesMax(path: string, bytesMax: unknown, limits: Limits): number {
  const fallback = Math.min(DEFAULTS.bytesMax, limits.receiveBytesMax);
  return checkInteger(path, bytesMax, { min: 1, max: limits.receiveBytesMax, fallback });
}

/** A signal that may still abort: a call whose signal has done so is refused before anything is touched or made. */
export function checkSignal(path: string, signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  if (!(signal instanceof AbortSignal)) throw invalidArgument(path, 'an AbortSignal', signal);
  if (signal.aborted) throw abortedError(signal);
  return signal;
}

/** Options of `close`; a broker in memory has nothing to wait for, so only their shape matters. */
export function checkCloseOptions(options: CloseOptions | undefined): void {
  checkOptions('options', options, ['timeoutMs']);
  checkInteger('options.timeoutMs', options?.timeoutMs, ANY_DURATION_MS);
}

const ANY_DURATION_MS = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 };

const SEND_DEFAULTS: CheckedSendOptions = Object.freeze({ partition: 0, signal: undefined, timeoutMs: undefined });
