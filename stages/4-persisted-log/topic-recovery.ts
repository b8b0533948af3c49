/**
 * How a topic gets back what it had in memory:
 *
 *     snapshot (all of it, at some moment)  +  journal since then  +  records stored since then
 *
 * Always true: everything in memory follows from these three, so a snapshot may be as old as it likes, or missing as long
 * as the journal reaches back to the beginning; a clean end only saves the reading. One that knows of records which the disk
 * has lost is followed by another before anything takes their offsets. Whatever fails closes what was opened.
 */
import { join } from 'node:path';
import { GroupJournal } from './group-journal.ts';
import type { PartitionLog } from './log/log.ts';
import { storageError } from './log/storage-error.ts';
import { Topic } from './topic.ts';
import {
  hasDelayedLog,
  openDelayedLog,
  openJournalLog,
  openPartitionLogs,
  SNAPSHOTS_FOLDER,
  type TopicPlace,
} from './topic-logs.ts';
import type { TopicOutside, TopicState } from './topic-state.ts';

/** A redriven record that its dead-letter topic may not know of. */
export interface Redriven {
  readonly topic: string;
  readonly group: string;
  /** In the dead-letter topic. */
  readonly deadOffset: number;
}

export interface RecoveredTopic {
  readonly topic: Topic;
  readonly redriven: readonly Redriven[];
}

/** Opens, and does not start: dead-letter topics and the topics they belong to need each other for that. */
export async function recoverTopic(place: TopicPlace, outside: TopicOutside): Promise<RecoveredTopic> {
  const opened: PartitionLog[] = [];
  try {
    return await recover(place, outside, opened);
  } catch (error) {
    await Promise.allSettled(opened.map((log) => log.close()));
    throw storageError(error, `${place.folder} cannot be opened`);
  }
}

async function recover(place: TopicPlace, outside: TopicOutside, opened: PartitionLog[]): Promise<RecoveredTopic> {
  const { settings, folder, definition } = place;
  let topic: Topic | undefined;
  const journalLog = await openJournalLog(place);
  opened.push(journalLog);
  const journal = new GroupJournal({
    disk: settings.disk,
    folder: join(folder, SNAPSHOTS_FOLDER),
    log: journalLog,
    takeSnapshot: () => topic?.state(),
    onSnapshot: (content) => noteKept(topic, content as TopicState),
    onNotice: settings.onNotice,
  });
  const snapshot = await journal.readSnapshot();
  const logs = await openPartitionLogs(place, (partition) => topic?.becameVisible(partition));
  opened.push(...logs);
  const delayedLog = (await hasDelayedLog(place)) ? await openDelayedLog(place) : undefined;
  if (delayedLog !== undefined) opened.push(delayedLog);
  topic = new Topic({ place, outside, journal, logs, delayedLog }, snapshot?.content as TopicState | undefined);
  const redriven: Redriven[] = [];
  for (const partition of topic.partitions) {
    await partition.catchUp(({ movedFrom, forGroup, offset: movedTo }) => {
      if (movedFrom === undefined) return;
      const { log, offset } = movedFrom;
      if (log === 'delayed') topic?.delayed?.noteMoved({ fromOffset: offset, count: 1 });
      else if (log === 'half') {
        const { name } = definition;
        partition.moves.add(movedTo); // until whoever has the halves knows it too
        settings.onHalfMoved({ halfOffset: offset, topic: name, partition: partition.partition, offset: movedTo });
      } else redriven.push({ topic: definition.name, group: forGroup ?? '', deadOffset: offset });
    });
  }
  await journal.replay(snapshot?.offset ?? 0, (event) => topic?.replay(event));
  await topic.delayed?.readLog();
  await topic.rules.readBack({ partitions: logs, delayed: delayedLog });
  if (knewMore(snapshot?.content as TopicState | undefined, logs)) await journal.renew();
  return { topic, redriven };
}

/** Once something else has the offsets that were lost nobody can tell that the snapshot means what was there before. */
function knewMore(state: TopicState | undefined, logs: readonly PartitionLog[]): boolean {
  return logs.some(({ logEndOffset }, index) => (state?.partitions[index]?.logEndOffset ?? 0) > logEndOffset);
}

/** A snapshot is on the disk, and what only kept records said is in it. */
function noteKept(topic: Topic | undefined, { partitions }: TopicState): void {
  for (const [index, state] of partitions.entries()) topic?.partitions[index]?.noteKept(state);
}
