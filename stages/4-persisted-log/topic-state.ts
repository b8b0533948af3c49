/** What a topic is opened with: what it keeps on the disk, and what it needs of others. Types only. */

import type { OffsetSpan } from './delivery/offset-spans.ts';
import type { GroupJournal } from './group-journal.ts';
import type { PartitionLog } from './log/log.ts';
import type { PartitionState } from './partition.ts';
import type { OpenBox } from './policies/dead-letters.ts';
import type { GroupsState } from './topic-groups.ts';
import type { TopicPlace } from './topic-logs.ts';

/** All that a topic keeps in memory, as its snapshots have it. */
export interface TopicState {
  readonly groups: GroupsState;
  readonly partitions: readonly PartitionState[];
  readonly droppedCount: number;
  /** Offsets of the delayed log that were moved to a partition. */
  readonly moved: readonly OffsetSpan[];
  /** By group number: the last dead letter that is known of. */
  readonly lastKept: readonly (readonly [group: number, deadOffset: number])[];
  /** Of a dead-letter topic: what is not there any more. */
  readonly gone: readonly OffsetSpan[];
  readonly rules?: unknown;
}

/** What a topic needs of the others. */
export interface TopicOutside {
  /** The place for the dead letters of one of its groups; made when it is missing. */
  readonly openBox: OpenBox;
  /** One of its groups is gone, and its dead letters go with it. */
  readonly onGroupGone: (group: string) => void;
}

export interface TopicStorage {
  readonly place: TopicPlace;
  readonly outside: TopicOutside;
  readonly journal: GroupJournal;
  /** By partition. */
  readonly logs: readonly PartitionLog[];
  readonly delayedLog: PartitionLog | undefined;
}
