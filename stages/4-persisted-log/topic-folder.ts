/**
 * The folder of one topic as it stands on the disk, before anything in it is opened.
 *
 *     t-orders-4be1.../   topic.json      its name, its id and its options; written last
 *                         p0/  p1/ ...    there before topic.json is
 *                         groups/         too
 *
 * Always true: a folder with a topic.json was made whole, so whatever it names and lacks was lost and is not merely empty;
 * one without is left of a creation that never resolved, if it has only empty folders, and else it has lost its topic.json.
 * For the data folder and the tools.
 */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { TopicOptions } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import { quote } from '../../shared/contract/validation.ts';
import type { Disk } from '../../shared/disk.ts';
import { readSealed, UNFINISHED, writeSealed } from './log/whole-file.ts';

const TOPIC_FILE = 'topic.json';
export const JOURNAL_FOLDER = 'groups';
const NAME_CHARACTERS_MAX = 40;
const HASH_CHARACTERS = 24;

/** What a topic's folder says of it. */
export interface TopicDefinition {
  readonly name: string;
  /** 16 random bytes in hexadecimal: a topic made again under the same name is another one. */
  readonly topicId: string;
  readonly options: TopicOptions;
  /** Of a dead-letter topic: whose. */
  readonly deadLettersOf?: { readonly topic: string; readonly group: string };
  /** Of a topic that keeps messages of which nobody could say what became of them: whose. */
  readonly unresolvedOf?: string;
}

/** For whom the broker made a topic of its own. */
export type TopicOwner = Pick<TopicDefinition, 'deadLettersOf' | 'unresolvedOf'>;

/** The topic that one of the broker's own goes with; undefined for one that callers made. */
export function ownerOf({ deadLettersOf, unresolvedOf }: TopicOwner): string | undefined {
  return deadLettersOf?.topic ?? unresolvedOf;
}

/** Harmless on every file system, also on those that do not tell upper from lower case or know names such as `con`. */
export function folderNameOf(topic: string): string {
  const readable = topic
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, NAME_CHARACTERS_MAX);
  const hash = createHash('sha256').update(topic).digest('hex').slice(0, HASH_CHARACTERS);
  return `t-${readable}-${hash}`.replace(/-+/g, '-');
}

/** True for a name such as `folderNameOf` makes. */
export function isTopicFolderName(name: string): boolean {
  return /^t-(?:[a-z0-9-]*-)?[0-9a-f]{24}$/.test(name);
}

export function partitionFolderName(partition: number): string {
  return `p${partition}`;
}

/** There is no such folder. When it resolves all of it is on the disk, but for its own name in the folder above. */
export async function makeTopicFolder(disk: Disk, folder: string, definition: TopicDefinition): Promise<void> {
  for (const name of foldersOf(definition)) await disk.makeFolder(join(folder, name));
  await writeSealed(disk, join(folder, TOPIC_FILE), definition);
}

/** True for what is left of a creation that never resolved: nothing in it can be missed. */
export async function isUnfinishedTopic(disk: Disk, folder: string): Promise<boolean> {
  for (const name of await disk.list(folder)) {
    if (name === `${TOPIC_FILE}${UNFINISHED}`) continue;
    const isFolder = name === JOURNAL_FOLDER || /^p\d+$/.test(name);
    if (!isFolder || (await disk.list(join(folder, name))).length > 0) return false;
  }
  return true;
}

/** What the folder says of its topic; `MQ_CORRUPT` (answered, not thrown) where it cannot be believed, or lacks something. */
export async function readTopicFolder(disk: Disk, folder: string): Promise<TopicDefinition | MqError> {
  const file = join(folder, TOPIC_FILE);
  try {
    const definition = (await readSealed(disk, file)) as TopicDefinition | undefined;
    if (definition === undefined) return new MqError('MQ_CORRUPT', `${folder} has no ${TOPIC_FILE} any more`);
    if (folderNameOf(definition.name) !== basename(folder)) {
      return new MqError('MQ_CORRUPT', `${folder} holds topic ${quote(definition.name)}, which has another folder`);
    }
    const names = await disk.list(folder);
    const missing = foldersOf(definition).find((name) => !names.includes(name));
    return missing === undefined ? definition : missingError(join(folder, missing));
  } catch (error) {
    if (error instanceof MqError) return error;
    return new MqError('MQ_CORRUPT', `${file} cannot be read`, { cause: error });
  }
}

/** All that must be there. */
function foldersOf({ options }: TopicDefinition): string[] {
  const partitions = Array.from({ length: options.partitionCount ?? 1 }, (_, index) => partitionFolderName(index));
  return [JOURNAL_FOLDER, ...partitions];
}

function missingError(path: string): MqError {
  const advice = 'put it back from a copy, or make it anew to go on without what was in it';
  return new MqError('MQ_CORRUPT', `${path} is missing, with all that was in it: ${advice}`);
}
