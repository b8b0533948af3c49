/**
 * The part of `mq verify` that looks at the folders of topics: what a log that is simply not there cannot say of itself.
 *
 * Always true: nothing is written; a finding is what a start would refuse the topic for.
 */
import { basename, join } from 'node:path';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Disk } from '../../../shared/disk.ts';
import { TOPICS_FOLDER } from '../data-folder.ts';
import { isTopicFolderName, isUnfinishedTopic, readTopicFolder } from '../topic-folder.ts';
import { namesIn } from './log-folders.ts';
import type { VerifyFinding } from './verify.ts';

export interface TopicsReport {
  readonly findings: readonly VerifyFinding[];
  readonly notes: readonly VerifyFinding[];
}

/** All topics of `folder`: the data of a broker, its topics, or one of them. */
export async function verifyTopics(disk: Disk, folder: string): Promise<TopicsReport> {
  const findings: VerifyFinding[] = [];
  const notes: VerifyFinding[] = [];
  for (const topic of await topicFoldersIn(disk, folder)) {
    const at = { file: topic, position: 0, fromOffset: 0, toOffset: null };
    if (await isUnfinishedTopic(disk, topic)) {
      notes.push({ ...at, toOffset: 0, reason: 'its creation was never finished; a start removes it' });
      continue;
    }
    const definition = await readTopicFolder(disk, topic);
    if (definition instanceof MqError) findings.push({ ...at, reason: definition.message });
  }
  return { findings, notes };
}

async function topicFoldersIn(disk: Disk, folder: string): Promise<string[]> {
  if (isTopicFolderName(basename(folder))) return [folder];
  const names = (await namesIn(disk, folder)) ?? [];
  if (names.includes(TOPICS_FOLDER)) return await topicFoldersIn(disk, join(folder, TOPICS_FOLDER));
  return names.filter(isTopicFolderName).map((name) => join(folder, name));
}
