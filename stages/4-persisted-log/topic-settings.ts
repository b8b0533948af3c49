/** What all topics of a broker share. Types only. */
import type { Disk } from '../../shared/disk.ts';
import type { Codec } from './bytes/compression.ts';
import type { DeskSettings } from './delivery/desk-surroundings.ts';
import type { Shortage } from './disk-watch.ts';
import type { BatchCache } from './log/batch-cache.ts';
import type { FlushPolicy } from './log/log.ts';
import type { Observer } from './observer.ts';
import type { Trace } from './policies/trace.ts';
import type { NewTopicRules } from './record-rules.ts';
import type { RoomRequest } from './room-maker.ts';

/** A half message that became a record. */
export interface MovedHalf {
  /** What it was among half messages. */
  readonly halfOffset: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface TopicSettings extends DeskSettings {
  readonly disk: Disk;
  /** What besides the format of stage 4 may lie in the data folder. */
  readonly features: readonly string[];
  readonly flushPolicy: FlushPolicy;
  readonly flushIntervalMs: number;
  readonly segmentBytesMax: number;
  /** Of what is sent as messages; batches that come encoded keep theirs. */
  readonly codec: Codec;
  /** Of all partitions. */
  readonly cache: BatchCache;
  /** Of everything else that is a log: it must not push out what readers want. */
  readonly sideCache: BatchCache;
  /** Of all topics. */
  readonly trace: Trace;
  /** Told of all that happens in them; it keeps the trace. */
  readonly observer: Observer;
  /** What is known of the records of a topic beyond its logs. */
  readonly newTopicRules: NewTopicRules;
  /** What of the room of a topic is taken by what is kept elsewhere until it comes in. */
  readonly reservedIn: (topicId: string) => RoomRequest;
  /** After a start: a record that says that it was a half message. */
  readonly onHalfMoved: (moved: MovedHalf) => void;
  /** Set while the disk has so little room left that nothing new is accepted. */
  readonly diskShortage: () => Shortage | undefined;
  /** What people should know and no call can tell, a line each. */
  readonly onNotice: (text: string) => void;
}
