/**
 * How a broker gets its half messages back:
 *
 *     the half log, from its front      what was accepted, asked about, ended
 *     records that say they were one    of commits whose end was not written before a crash: they have ended
 *     topics that are not there         their halves have gone with them
 *
 * Always true: everything follows from the logs; reading them again, or after another crash in the middle of this, leads to
 * the same. Only the composition of the broker uses it.
 */
import { unresolvedTopicOf } from '../../../shared/contract/half-message.ts';
import type { PartitionLog } from '../../4-persisted-log/log/log.ts';
import type { MovedHalf } from '../../4-persisted-log/topic-settings.ts';
import type { LogPlace, OpenHalf } from './half.ts';
import { HalfEnds } from './half-ends.ts';
import { HalfLog } from './half-log.ts';
import { HalfMessages, type HalfMessagesOptions, type HalfState } from './half-messages.ts';
import type { HalfEnd, HalfEntry } from './half-record.ts';
import { HalfTable } from './half-table.ts';
import { type HalfTopics, isThere } from './half-topics.ts';

/** Ends that are remembered, if the log is long enough for them. */
const ENDS_COUNT_MAX = 16_384;
/** A half is two records. */
const RECORDS_OF_HALF_COUNT = 2;

/** The topics are open. `moved`: what was found in them. The log is closed when this fails. */
export async function openHalfMessages(
  log: PartitionLog,
  options: HalfMessagesOptions,
  moved: readonly MovedHalf[],
): Promise<HalfMessages> {
  try {
    const state = { table: new HalfTable(options.schedule), ends: new HalfEnds(ENDS_COUNT_MAX), log: new HalfLog(log) };
    await state.log.readAll((entry, place) => replay(state, entry, place));
    await noteMoved(state, moved);
    for (const { topic, partition, offset } of moved) {
      (await options.topics.find(topic)).partition(partition).noteMove(offset);
    }
    await forgetTopicless(state, options.topics);
    const halves = new HalfMessages(options, state);
    halves.start();
    return halves;
  } catch (error) {
    await log.close().catch(() => undefined); // why it cannot be opened says more
    throw error;
  }
}

function replay({ table, ends }: HalfState, entry: HalfEntry, place: LogPlace): void {
  if (entry.kind === 'half') {
    const known = table.find(entry.halfId);
    if (known === undefined) {
      table.reserve(entry);
      table.add(entry, place);
    } else {
      table.carried(known, place);
      table.checked(entry);
    }
  } else if (entry.kind === 'checks') for (const check of entry.checks) table.checked(check);
  else if (entry.kind === 'ended') {
    const { kind: _, ...end } = entry;
    const half = table.find(end.halfId);
    if (half !== undefined) table.remove(half);
    ends.add(end, { floor: place.offset, isWritten: true });
  }
}

/** Their ends are on the disk when it resolves: the next snapshot of a topic may know of the record then. */
async function noteMoved({ table, ends, log }: HalfState, moved: readonly MovedHalf[]): Promise<void> {
  const open = new Map<number, OpenHalf>();
  for (const share of [...table.shares]) for (const half of table.ofTopic(share.topicId)) open.set(half.offset, half);
  for (const { halfOffset, topic, partition, offset } of moved) {
    await log.skipTo(halfOffset + RECORDS_OF_HALF_COUNT);
    const half = open.get(halfOffset);
    if (half === undefined) continue;
    open.delete(halfOffset);
    const { halfId, share } = half;
    const { id } = await log.messageAt(halfOffset);
    const stored = { partition, offset, id, durability: 'synced' } as const;
    const isUnresolved = topic === unresolvedTopicOf(share.topic);
    const how = isUnresolved ? ({ outcome: 'aborted' } as const) : ({ outcome: 'committed', stored } as const);
    const end: HalfEnd = { halfId, topicId: share.topicId, ...how };
    table.remove(half);
    ends.add(end, { floor: await log.append({ kind: 'ended', ...end }, { isSynced: true }), isWritten: true });
  }
}

async function forgetTopicless({ table }: HalfState, topics: HalfTopics): Promise<void> {
  for (const share of [...table.shares]) if (!(await isThere(topics, share))) table.removeAllOf(share.topicId);
}
