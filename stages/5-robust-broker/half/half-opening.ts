/**
 * The half messages of a broker that is being opened: topics come first, and already ask what is reserved in them and tell what
 * was moved to them; then the half log, which makes sense of it.
 *
 *     const half = new HalfOpening();
 *     const parts = await openParts({ ..., reservedIn: half.reservedIn, onHalfMoved: half.onHalfMoved, closeOthers: half.close });
 *     const halves = await half.open(parts, { dataFolder, schedule });
 *
 * Only the composition of the broker uses it.
 */
import { join } from 'node:path';
import type { BrokerParts } from '../../4-persisted-log/broker-parts.ts';
import { PartitionLog } from '../../4-persisted-log/log/log.ts';
import type { RoomRequest } from '../../4-persisted-log/room-maker.ts';
import type { MovedHalf, TopicSettings } from '../../4-persisted-log/topic-settings.ts';
import type { CheckSchedule } from './half.ts';
import { type HalfMessages, NOTHING_RESERVED } from './half-messages.ts';
import { openHalfMessages } from './half-recovery.ts';

/** In the data folder. */
export const HALF_FOLDER = 'half';
/** It is nobody's topic, and the same in every data folder: "half messages" in ASCII, filled up. */
const HALF_LOG_ID = Uint8Array.from(Buffer.from('half messages'.padEnd(16, '.')));
/** What is over goes by whole segments. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;

export interface OpenHalfOptions {
  readonly dataFolder: string;
  readonly schedule: CheckSchedule;
  /** Of the log, besides twice what is open. Default 16 MiB. */
  readonly slackBytes?: number;
}

export class HalfOpening {
  readonly #moved: MovedHalf[] = [];
  #halves: HalfMessages | undefined;

  readonly reservedIn = (topicId: string): RoomRequest => this.#halves?.reservedIn(topicId) ?? NOTHING_RESERVED;

  readonly onHalfMoved = (moved: MovedHalf): void => {
    this.#moved.push(moved);
  };

  /** After the topics. Resolves when everything is on the disk and closed. */
  readonly close = async (): Promise<void> => {
    await this.#halves?.close();
  };

  /** The topics are open. */
  async open(parts: BrokerParts, { dataFolder, ...options }: OpenHalfOptions): Promise<HalfMessages> {
    const { clock, limits, settings, topics, ids } = parts;
    const log = await openLog(settings, join(dataFolder, HALF_FOLDER));
    const prefix = settings.random.hex(8);
    let count = 0;
    const nextHalfId = (): string => {
      count += 1;
      return `${prefix}-${count}`;
    };
    const { onNotice } = settings;
    const more = { clock, limits, topics, nextId: () => ids.next(), nextHalfId, onNotice };
    this.#halves = await openHalfMessages(log, { ...options, ...more }, this.#moved);
    this.#moved.length = 0;
    return this.#halves;
  }
}

async function openLog(settings: TopicSettings, folder: string): Promise<PartitionLog> {
  const { disk, clock, flushPolicy, flushIntervalMs, sideCache: cache, onNotice } = settings;
  return await PartitionLog.open({
    ...{ disk, clock, flushPolicy, flushIntervalMs, cache, onNotice, folder },
    topicId: HALF_LOG_ID,
    partition: 0,
    segmentBytesMax: Math.min(settings.segmentBytesMax, SEGMENT_BYTES_MAX),
    wasClean: false,
  });
}
