/**
 * Where one message is and how it came there: the record is looked for, the groups are asked, the trace is read.
 *
 *     id --> youngest records first --> (partition, offset) --> each group: where does it stand?  trace: what happened?
 *
 * Always true: nothing is kept for it but the trace, so asking may read the whole log; changes nothing. Used by the spine.
 */
import type { Explanation, MessageEvent } from '../../shared/contract/explanation.ts';
import type { LogRecord } from './bytes/record.ts';
import type { GroupDesk } from './delivery/group-desk.ts';
import { batchFrom } from './log-reading.ts';
import type { Partition } from './partition.ts';
import { originOf } from './policies/dead-letters.ts';
import type { DelayedMessage } from './policies/delayed-messages.ts';
import type { TracedPlace } from './policies/trace.ts';
import type { Topic } from './topic.ts';

/** Records that are read before those before them are. */
const WINDOW_COUNT = 4096;

/** null when the topic has none with this id, or not any more. */
export async function explainMessage(topic: Topic, id: string): Promise<Explanation | null> {
  for (const partition of topic.partitions) {
    const record = await findRecord(partition, id);
    if (record !== undefined) return explainRecord(topic, partition, record);
  }
  return await explainDelayed(topic, id);
}

/** The youngest one with this id. */
async function findRecord(partition: Partition, id: string): Promise<LogRecord | undefined> {
  const { log } = partition;
  for (let below = log.highWatermark; below > partition.logStartOffset; below -= WINDOW_COUNT) {
    const from = Math.max(below - WINDOW_COUNT, partition.logStartOffset);
    const found = await findIn(partition, id, { from, below });
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findIn(
  partition: Partition,
  id: string,
  { from, below }: { readonly from: number; readonly below: number },
): Promise<LogRecord | undefined> {
  let found: LogRecord | undefined;
  for (let next = from; next < below; ) {
    const batch = await batchFrom(partition.log, next);
    if (batch === undefined) break;
    if (batch.isMarker) next = batch.nextOffset;
    for (next = Math.max(next, batch.baseOffset); next < Math.min(batch.nextOffset, below); next += 1) {
      if (partition.isGone(next)) continue;
      const record = batch.recordAt(next);
      if (record.id === id) found = record;
    }
  }
  return found;
}

function explainRecord(topic: Topic, { partition }: Partition, record: LogRecord): Explanation {
  const { offset, timestamp, id, forGroup } = record;
  const expiresAt =
    record.expiresAt ?? (topic.options.ttlMs === undefined ? undefined : timestamp + topic.options.ttlMs);
  const since = topic.settings.trace.eventsOf({ topicId: topic.topicId, partition, offset }, (group) =>
    topic.groups.nameOf(group),
  );
  const groups = [...topic.groups.desks.values()]
    .filter((desk) => forGroup === undefined || desk.name === forGroup)
    .map((desk) =>
      standingFor(
        desk,
        { partition, offset },
        since.filter(({ group }) => group === desk.name),
      ),
    );
  const events = [...beginningOf(topic, record), ...since];
  return {
    ...{ topic: topic.name, id, partition, offset, timestamp },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    groups,
    events,
    isComplete: topic.settings.trace.isCompleteSince(timestamp),
  };
}

/** How the record came into its partition: sent, due, or as the copy of a dead letter, whose own story goes before. */
function beginningOf(topic: Topic, record: LogRecord): MessageEvent[] {
  const { timestamp: at, movedFrom } = record;
  if (movedFrom?.log === 'half') return [{ at, what: 'committed', reason: 'it was a half message' }];
  if (movedFrom?.log !== 'dead') return [{ at, what: movedFrom === undefined ? 'accepted' : 'due' }];
  const origin = { topicId: topic.topicId, ...originOf(record, topic.partitionCount) };
  const story = topic.settings.trace.eventsOf(origin, (group) => topic.groups.nameOf(group));
  const ofGroup = story.filter(({ group }) => group === record.forGroup);
  return ofGroup.some(({ what }) => what === 'redriven') ? ofGroup : [...ofGroup, { at, what: 'redriven' }];
}

/** Of what is finished the group knows nothing more: the events, if they are remembered, tell how it ended. */
function standingFor(
  desk: GroupDesk,
  { partition, offset }: Omit<TracedPlace, 'topicId'>,
  events: readonly MessageEvent[],
): Explanation['groups'][number] {
  const { state, deliveryCount, memberId, availableAt } = desk.standingOf(partition, offset);
  const last = events.at(-1);
  if (state === 'finished' || state === 'dying') {
    const end = last?.what === 'expired' || last?.what === 'dead' ? last.what : 'finished';
    return {
      group: desk.name,
      state: state === 'dying' ? 'dead' : end,
      deliveryCount: last?.deliveryCount ?? deliveryCount,
    };
  }
  const standing = { group: desk.name, state, deliveryCount };
  if (memberId !== undefined) return { ...standing, memberId };
  return availableAt === undefined ? standing : { ...standing, availableAt };
}

async function explainDelayed(topic: Topic, id: string): Promise<Explanation | null> {
  const { delayed } = topic;
  if (delayed === undefined) return null;
  let found: { readonly message: DelayedMessage; readonly record: LogRecord } | undefined;
  for (const message of delayed.soonest(Number.POSITIVE_INFINITY)) {
    const record = await delayed.recordOf(message);
    if (record.id === id) found = { message, record };
  }
  if (found === undefined) return null;
  const { timestamp, targetPartition = 0, expiresAt } = found.record;
  const { deliverAt } = found.message;
  const reason = `until ${new Date(deliverAt).toISOString()}`;
  return {
    ...{ topic: topic.name, id, partition: targetPartition, offset: null, timestamp, deliverAt },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    groups: [],
    events: [{ at: timestamp, what: 'delayed', reason }],
    isComplete: true,
  };
}
