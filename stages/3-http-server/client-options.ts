/**
 * What a client looks at before it asks: names, which end up in a path, and whether an option is one of the contract's.
 *
 * Always true: a misspelt option is refused here, with its path; which values are sensible the broker says, because it
 * alone has its limits in force. Pure; the client calls it.
 */
import type { DeadLetterOptions } from '../../shared/contract/broker.ts';
import type { GroupOptions, TopicOptions } from '../../shared/contract/description.ts';
import { DEFAULTS, type Limits } from '../../shared/contract/limits.ts';
import type { Message } from '../../shared/contract/message.ts';
import { checkInteger, checkName, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';

const TOPIC_OPTIONS: readonly (keyof TopicOptions)[] = [
  ...(['messagesMax', 'bytesMax', 'overflow', 'partitionCount'] as const),
  ...(['ttlMs', 'retentionMs', 'deleteFinished', 'dedupWindowMs'] as const),
];
const GROUP_OPTIONS: readonly (keyof GroupOptions)[] = [
  ...(['start', 'isEphemeral', 'onOutOfRange', 'mode'] as const),
  ...(['deliveriesMax', 'retryDelays', 'deadLetterExpired', 'filter'] as const),
];

export function topicOptions(options: TopicOptions | undefined): TopicOptions {
  checkOptions('options', options, TOPIC_OPTIONS);
  return options ?? {};
}

export function groupOptions(options: GroupOptions | undefined): GroupOptions {
  checkOptions('options', options, GROUP_OPTIONS);
  return options ?? {};
}

/** That times and priority are whole numbers, as every form of the wire needs; the rest the broker says. */
export function checkTimes(pathOf: (index: number) => string, messages: readonly Message[]): void {
  for (const [index, { delayMs, deliverAt, ttlMs, priority }] of messages.entries()) {
    const isPlain = delayMs === undefined && deliverAt === undefined && ttlMs === undefined && priority === undefined;
    if (isPlain) continue;
    for (const [name, value] of Object.entries({ delayMs, deliverAt, ttlMs, priority })) {
      checkInteger(`${pathOf(index)}.${name}`, value, { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
    }
  }
}

/** A name as the broker will know it. Names with a `$` are the broker's own, and it says which of them exist. */
export function nameOf(path: string, name: string, limits: Limits): string {
  if (typeof name !== 'string' || !name.startsWith('$')) return checkName(path, name, limits);
  if (!name.isWellFormed()) throw invalidArgument(path, 'well-formed Unicode (no lone surrogates)', name);
  return name.normalize('NFC');
}

/** The part of a topic's path that a pause or resume is about: the topic itself, or one group of it. */
export function pausedPart(options: { readonly group?: string } | undefined, limits: Limits): string[] {
  checkOptions('options', options, ['group']);
  if (options?.group === undefined) return ['pause'];
  return ['groups', nameOf('options.group', options.group, limits), 'pause'];
}

/** Of which group, and which of its dead letters. */
export function deadLetters(
  options: DeadLetterOptions | undefined,
  limits: Limits,
): { readonly group: string; readonly chosen: Omit<DeadLetterOptions, 'group'> } {
  checkOptions('options', options, ['group', 'max', 'ids']);
  const { group = DEFAULTS.group, max, ids } = options ?? {};
  return { group: nameOf('options.group', group, limits), chosen: { max, ids } };
}

/** The id that `explain` is asked about. */
export function idOf(options: { readonly id: string }): string {
  checkOptions('options', options, ['id']);
  if (typeof options?.id !== 'string') throw invalidArgument('options.id', 'a string', options?.id);
  return options.id;
}
