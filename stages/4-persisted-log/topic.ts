/**
 * One topic of stage 4: its partitions on the disk, the groups that read them, and those who wait for room.
 *
 *     Entrance: sends      [ p0: log ] [ p1: log ] ...        fetches wait at the end of each
 *     wait for room   -->      |   \   /   |
 *     [ delayed log ] --due--> |  desk  desk                  one per group; receives wait there
 *                              +-- journal: what happened to the groups; snapshots of all this
 *
 * Always true:
 *   I18  what was accepted is in exactly one place: the delayed log, or a partition
 *   I3   readers are served only what is below the high watermark
 * Made by `recoverTopic`, kept by the table of topics, used by the spine.
 */
import type { TopicOptions } from '../../shared/contract/description.ts';
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';
import { waitersError } from '../1-blocking-queue/waiter-line.ts';
import type { LogRecord } from './bytes/record.ts';
import type { JournalEvent } from './delivery/group-events.ts';
import type { OffsetSpan } from './delivery/offset-spans.ts';
import { Entrance, type WaitForRoomOptions } from './entrance.ts';
import type { GroupJournal } from './group-journal.ts';
import { type IncomingBatch, type PartitionWish, wishedPartition } from './incoming-batch.ts';
import { type DelayedTarget, Intake } from './intake.ts';
import type { AppendReceipt, PartitionLog } from './log/log.ts';
import type { StoredRun } from './observer.ts';
import { Partition } from './partition.ts';
import { Burials, DeadLetterBox, originOf } from './policies/dead-letters.ts';
import { DelayedMessages } from './policies/delayed-messages.ts';
import { Retention } from './policies/retention.ts';
import type { RecordRules, StoredReceipt, TopicRules } from './record-rules.ts';
import { RoomMaker, sumOf } from './room-maker.ts';
import { TopicGroups } from './topic-groups.ts';
import { closeLogs, openDelayedLog, type TopicPlace } from './topic-logs.ts';
import type { TopicSettings } from './topic-settings.ts';
import type { TopicState, TopicStorage } from './topic-state.ts';

/** Stored records make a snapshot due much later than events do: a start reads them faster. */
const GROWTH_SHARE = 16;

export class Topic {
  readonly name: string;
  readonly topicId: string;
  readonly options: TopicOptions;
  readonly folder: string;
  readonly partitions: readonly Partition[];
  readonly groups: TopicGroups;
  readonly room: RoomMaker;
  readonly entrance: Entrance;
  readonly burials: Burials;
  /** Of a dead-letter topic. */
  readonly box: DeadLetterBox | undefined;
  readonly journal: GroupJournal;
  readonly settings: TopicSettings;
  readonly rules: TopicRules;
  readonly #intake: Intake;
  readonly #place: TopicPlace;
  readonly #retention: Retention | undefined;
  /** Undefined until the first message is delayed. */
  delayed: DelayedMessages | undefined;
  #openingDelayed: Promise<DelayedMessages> | undefined;
  /** Where the next message without a key goes. */
  #nextPartition = 0;
  /** Why there is nothing to be had here any more. */
  #ended: MqError | undefined;
  #closing: Promise<void> | undefined;

  constructor({ place, outside, journal, logs, delayedLog }: TopicStorage, state?: TopicState) {
    const { definition, folder, settings } = place;
    const { name, topicId, options, deadLettersOf } = definition;
    const { clock, limits, onNotice } = settings;
    this.name = name;
    this.topicId = topicId;
    this.options = options;
    this.folder = folder;
    this.journal = journal;
    this.settings = settings;
    this.#place = place;
    const checkMayWait = (): void => this.#checkMayWait();
    const isGone = (offset: number): boolean => this.box?.gone.has(offset) ?? false;
    const hasGoneIn = ({ from, below }: OffsetSpan): boolean => (this.box?.gone.firstFrom(from) ?? below) < below;
    const onReleased = (partition: number): void => this.groups.fallBehind(partition);
    const onRoom = (): void => this.entrance.admitWaiting();
    const onStored = (run: StoredRun): void => settings.observer.stored(this, run);
    const outOfIt = { isGone, hasGoneIn, checkMayWait, onReleased, onRoom, onStored, onNotice, journal };
    const shared = { topic: name, clock, limits, ttlMs: options.ttlMs, ...outOfIt };
    const states = logs.map((_, index) => state?.partitions[index]);
    const kept = { state: state?.rules, states: states.map((partition) => partition?.rules) };
    this.rules = settings.newTopicRules({ topicId, name, options, partitionCount: logs.length, ...kept });
    this.partitions = logs.map((log, index) => {
      const rules = this.rules.partitions[index] as RecordRules;
      return new Partition({ ...shared, log, rules }, states[index]);
    });
    const record = (event: JournalEvent): void => this.#record(event);
    const flushed = (): Promise<void> => journal.flushed();
    this.burials = new Burials({ openBox: outside.openBox, record, flushed, lastKept: state?.lastKept });
    this.groups = new TopicGroups(
      {
        ...{ topic: name, settings, partitions: this.partitions, ttlMs: options.ttlMs, record, checkMayWait },
        flushed,
        bury: deadLettersOf === undefined ? (group, dying) => this.burials.bury(group, dying) : undefined,
        checkOpen: () => this.checkOpen(),
        onProgress: () => this.#madeProgress(),
        onGone: outside.onGroupGone,
      },
      state?.groups,
    );
    this.room = new RoomMaker({
      ...{ options, partitions: this.partitions, droppedCount: state?.droppedCount, record },
      desks: () => this.groups.desks.values(),
      pending: () => sumOf([settings.reservedIn(topicId), this.delayed]),
    });
    this.entrance = new Entrance({ topic: this, clock, limits, room: this.room, diskShortage: settings.diskShortage });
    this.#intake = new Intake({
      ...{ entrance: this.entrance, clock },
      checkOpen: () => this.checkOpen(),
      store: (partition, bytes, at) => this.store(partition, bytes, at),
      delayed: () => this.delayed,
      openDelayed: () => this.#openDelayed(),
      onStored: (bytes) => journal.noteGrowth(bytes / GROWTH_SHARE),
    });
    const [first] = this.partitions;
    if (deadLettersOf !== undefined && first !== undefined) {
      this.box = new DeadLetterBox({ partition: first, record, gone: state?.gone });
    }
    this.#retention = this.#newRetention();
    if (delayedLog !== undefined) this.delayed = this.#newDelayed(delayedLog, state?.moved);
  }

  get partitionCount(): number {
    return this.partitions.length;
  }

  /** Receives and fetches that wait. */
  get waitingReaderCount(): number {
    let count = 0;
    for (const { fetches } of this.partitions) count += fetches.size;
    for (const desk of this.groups.desks.values()) count += desk.line.size;
    return count;
  }

  /** What the journal has from after the snapshot. */
  replay(event: JournalEvent): void {
    if (event.kind === 'topic-paused') this.groups.isPaused = event.isPaused;
    else if (event.kind === 'delayed-moved') this.delayed?.noteMoved(event);
    else if (event.kind === 'dead-kept') this.burials.noteKept(event);
    else if (event.kind === 'dead-gone') this.box?.noteGone(event);
    else if (event.kind === 'dropped') this.room.noteDropped(event);
    else if (event.kind === 'transaction-applied') this.rules.noteApplied(event);
    else if (event.kind !== 'log-start') this.groups.replay(event);
  }

  /** Everything that has to be there is: time begins to run. */
  start(): void {
    this.groups.start();
    this.room.start();
    this.delayed?.start();
    this.box?.release();
    void this.#retention?.look();
  }

  state(): TopicState {
    return {
      groups: this.groups.state(),
      partitions: this.partitions.map((partition) => partition.state()),
      droppedCount: this.room.droppedCount,
      moved: [...(this.delayed?.moved.spans ?? [])], // a copy: it is written while more comes
      lastKept: [...this.burials.lastKept],
      gone: [...(this.box?.gone.spans ?? [])],
      rules: this.rules.state(),
    };
  }

  /** Throws for whoever comes after the end: a call that waited for something else meanwhile. */
  checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** `MQ_INVALID_ARGUMENT` when the topic has no such partition. */
  partition(number: number): Partition {
    const partition = this.partitions[number];
    if (partition !== undefined) return partition;
    throw invalidArgument('options.partition', `a partition of the topic, 0 to ${this.partitionCount - 1}`, number);
  }

  /** Where messages go that say themselves, or by their keys, or do not care. */
  partitionFor(wish: PartitionWish): Partition {
    const chosen = wishedPartition(wish, this.partitionCount);
    if (chosen !== undefined) return this.partition(chosen);
    const next = this.partition(this.#nextPartition);
    this.#nextPartition = (this.#nextPartition + 1) % this.partitionCount;
    return next;
  }

  /** Resolves when all have entered and are as safe as the flush policy says; `checkFits` comes first. */
  send(batch: IncomingBatch, partition: Partition, wait: WaitForRoomOptions): Promise<StoredReceipt> {
    return this.#intake.send(batch, partition, wait);
  }

  /** The same for messages that are not due yet. */
  sendDelayed(batch: IncomingBatch, target: DelayedTarget, wait: WaitForRoomOptions): Promise<StoredReceipt> {
    return this.#intake.sendDelayed(batch, target, wait);
  }

  /** The same for what the broker itself moves here. */
  sendOwn(batch: IncomingBatch, partition: Partition, wait: WaitForRoomOptions): Promise<AppendReceipt> {
    return this.#intake.sendOwn(batch, partition, wait);
  }

  /** Letters about its messages went back to their group, or away. */
  noteLetters(kind: 'redriven' | 'dropped', letters: readonly LogRecord[], group: string): void {
    for (const letter of letters) {
      const { partition, offset } = originOf(letter, this.partitionCount);
      this.settings.observer.happened(this, { kind, partition, fromOffset: offset, count: 1, group });
    }
  }

  /** Readers see more of a partition, or less. */
  becameVisible(partition: number): void {
    this.partitions[partition]?.wakeFetches();
    this.groups.serve();
  }

  /** Nothing more is taken. Who waits is refused with `error`, or, when it is MQ_CLOSED and they read, answered empty. */
  end(error: MqError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    const readerError = isMqError(error, 'MQ_CLOSED') ? undefined : error;
    this.entrance.close(error);
    this.groups.close(readerError);
    for (const partition of this.partitions) partition.endFetches(readerError);
    this.#retention?.close();
    this.delayed?.close();
  }

  /** Ends it; resolves when everything accepted is on the disk and all files are closed, and rejects when it is not. */
  close(error: MqError): Promise<void> {
    this.end(error);
    this.#closing ??= this.burials
      .settled()
      .then(() => closeLogs([...this.partitions, this.delayed?.log], this.journal));
    return this.#closing;
  }

  #madeProgress(): void {
    if (this.options.deleteFinished) this.room.releaseAllFinished();
    this.entrance.admitWaiting();
  }

  /** I18. The one way into a partition. There is room, or it needs none. `at` is now: a clock is not asked twice. */
  store(partition: Partition, bytes: Uint8Array, at = this.settings.clock.now()): Promise<AppendReceipt> {
    this.journal.noteGrowth(bytes.length / GROWTH_SHARE);
    this.#retention?.noteStored(at);
    return partition.append(bytes, at);
  }

  async #openDelayed(): Promise<DelayedMessages> {
    this.#openingDelayed ??= openDelayedLog(this.#place).then((log) => this.#newDelayed(log));
    try {
      this.delayed = await this.#openingDelayed;
    } finally {
      this.#openingDelayed = undefined;
    }
    return this.delayed;
  }

  #newDelayed(log: PartitionLog, moved?: readonly OffsetSpan[]): DelayedMessages {
    const { clock, onNotice } = this.settings;
    const store = (partition: number, batch: Uint8Array): Promise<AppendReceipt> =>
      this.store(this.partition(partition), batch);
    const onMoved = (run: { readonly fromOffset: number; readonly count: number }): void => {
      this.#record({ kind: 'delayed-moved', ...run });
      this.entrance.admitWaiting();
    };
    const onNoted = (partition: number, baseOffset: number): void => this.partition(partition).noteMove(baseOffset);
    return new DelayedMessages({ clock, log, rules: this.rules.delayed, store, onMoved, onNoted, onNotice }, moved);
  }

  #newRetention(): Retention | undefined {
    const { retentionMs } = this.options;
    if (retentionMs === undefined) return undefined;
    const { clock, onNotice } = this.settings;
    const drop = (partition: Partition, offset: number): void => {
      this.room.drop(partition, offset);
      this.entrance.admitWaiting();
    };
    return new Retention({ clock, retentionMs, partitions: this.partitions, drop, onNotice });
  }

  #record(event: JournalEvent): void {
    this.journal.record(event);
    this.settings.observer.happened(this, event);
  }

  #checkMayWait(): void {
    this.checkOpen();
    const { waitersCountMax } = this.settings.limits;
    if (this.waitingReaderCount >= waitersCountMax) throw waitersError('receives and fetches', waitersCountMax);
  }
}
