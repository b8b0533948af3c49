/**
 * The logs of one topic, opened from its folder with what its last snapshot says of them.
 *
 *     t-orders-4be1.../   p0/  p1/ ...     the records
 *                         groups/          the journal of its groups
 *                         snapshots/       all of the topic's state, the two youngest
 *                         delayed/         messages that are not due yet; only where there ever was one
 *
 * Always true: two logs of a broker never have the same topic id and number, so bytes that are in the wrong one are found.
 * Only the topic uses it.
 */
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { PartitionLog } from './log/log.ts';
import { JOURNAL_FOLDER, partitionFolderName, type TopicDefinition } from './topic-folder.ts';
import type { TopicSettings } from './topic-settings.ts';

/** Numbers of the logs that are no partitions. */
const JOURNAL_NUMBER = 0xffff_ffff;
const DELAYED_NUMBER = 0xffff_fffe;
export const SNAPSHOTS_FOLDER = 'snapshots';
const DELAYED_FOLDER = 'delayed';
/** A journal is small: snapshots cut it off at the front. */
const JOURNAL_SEGMENT_BYTES = 8 * 1024 * 1024;
/** A topic that may hold little has small files, so that released bytes are freed soon. */
const SEGMENTS_PER_TOPIC = 8;
const SEGMENT_BYTES_MIN = 1024 * 1024;
/** Topics, or logs of one. */
const CLOSED_TOGETHER_COUNT = 16;

export interface TopicPlace {
  readonly definition: TopicDefinition;
  readonly folder: string;
  readonly settings: TopicSettings;
  /** The data folder was closed in order. */
  readonly wasClean: boolean;
}

export async function openJournalLog(place: TopicPlace): Promise<PartitionLog> {
  return await openLog(place, {
    name: JOURNAL_FOLDER,
    partition: JOURNAL_NUMBER,
    segmentBytesMax: JOURNAL_SEGMENT_BYTES,
    isSide: true,
  });
}

/** `onVisible` gets the number of the partition whose records readers can see more, or less, of. */
export async function openPartitionLogs(
  place: TopicPlace,
  onVisible: (partition: number) => void,
): Promise<PartitionLog[]> {
  const { partitionCount = 1, bytesMax = Number.MAX_SAFE_INTEGER } = place.definition.options;
  const share = Math.max(Math.floor(bytesMax / SEGMENTS_PER_TOPIC), SEGMENT_BYTES_MIN);
  const segmentBytesMax = Math.min(place.settings.segmentBytesMax, share);
  const logs: PartitionLog[] = [];
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const onPartition = (): void => onVisible(partition);
    logs.push(
      await openLog(place, {
        name: partitionFolderName(partition),
        partition,
        segmentBytesMax,
        onVisible: onPartition,
      }),
    );
  }
  return logs;
}

export async function hasDelayedLog({ settings, folder }: TopicPlace): Promise<boolean> {
  return await settings.disk.exists(join(folder, DELAYED_FOLDER));
}

export async function openDelayedLog(place: TopicPlace): Promise<PartitionLog> {
  const { segmentBytesMax } = place.settings;
  return await openLog(place, { name: DELAYED_FOLDER, partition: DELAYED_NUMBER, segmentBytesMax, isSide: true });
}

/** What became of `close` of each; not all at once, since files are opened and folders synced for it. */
export async function settledSomeAtATime<T>(
  items: readonly T[],
  close: (item: T) => Promise<void>,
): Promise<PromiseSettledResult<void>[]> {
  const settled: PromiseSettledResult<void>[] = [];
  for (let from = 0; from < items.length; from += CLOSED_TOGETHER_COUNT) {
    const together = items.slice(from, from + CLOSED_TOGETHER_COUNT);
    settled.push(...(await Promise.allSettled(together.map(close))));
  }
  return settled;
}

/** The journal last, which the others still write to; one that fails does not keep the rest open. */
export async function closeLogs(
  logs: readonly ({ close(): Promise<void> } | undefined)[],
  journal: { close(): Promise<void> },
): Promise<void> {
  const closed = await settledSomeAtATime(logs, async (log) => await log?.close());
  await journal.close();
  for (const result of closed) if (result.status === 'rejected') throw result.reason;
}

/** What a broker tells of itself, and replies that nobody can wait for after a restart, are not worth a sync. */
function isPassing({ name }: TopicDefinition): boolean {
  return name.startsWith('$sys/') || name.startsWith('$temp/');
}

async function openLog(
  { definition, folder, settings, wasClean }: TopicPlace,
  own: {
    readonly name: string;
    readonly partition: number;
    readonly segmentBytesMax: number;
    readonly onVisible?: () => void;
    readonly isSide?: boolean;
  },
): Promise<PartitionLog> {
  const { name, isSide = false, ...rest } = own;
  const { disk, clock, flushIntervalMs, cache, sideCache } = settings;
  const flushPolicy = isPassing(definition) ? 'never' : settings.flushPolicy;
  const log = await PartitionLog.open({
    ...{ disk, clock, flushPolicy, flushIntervalMs, wasClean },
    cache: isSide ? sideCache : cache,
    onNotice: settings.onNotice,
    onBroken: (isBroken) => settings.observer.logBroken(join(folder, name), isBroken),
    folder: join(folder, name),
    topicId: Buffer.from(definition.topicId, 'hex'),
    ...rest,
  });
  for (const { file, fromOffset, toOffset, reason } of log.findings) {
    const what = toOffset > fromOffset ? `offsets ${fromOffset} to ${toOffset - 1}: ` : '';
    settings.onNotice(`${file}: ${what}${reason}`);
  }
  return log;
}
