/**
 * The groups of one topic: their desks, made, found and deleted here, and put back where they stood after a restart.
 *
 *     spine --> desk of "kitchen" --> events --> journal, trace
 *               desk of "audit"   --/
 *     start <-- snapshot, events since
 *
 * Always true:
 *   - a group exists for callers only when its creation is as safe as the flush policy says
 *   - a group's number is never given twice, so events of a group that was deleted concern no other
 * Only the topic and the spine use it.
 */
import type { GroupOptions, SeekTarget } from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import { quote } from '../../shared/contract/validation.ts';
import { GROUP_DEFAULTS, isSameGroupOptions } from '../2-ring-buffer/reading-options.ts';
import { outOfRangeError } from '../2-ring-buffer/refusals.ts';
import type { DeskSettings, DyingRecord } from './delivery/desk-surroundings.ts';
import { GroupDesk } from './delivery/group-desk.ts';
import type { CreatedEvent, GroupEvent, JournalEvent } from './delivery/group-events.ts';
import type { GroupSnapshot } from './delivery/group-snapshot.ts';
import { GroupWatchers } from './group-watchers.ts';
import type { Partition } from './partition.ts';
import type { DyingGroup } from './policies/dead-letters.ts';

/** What a snapshot of the topic keeps of its groups. */
export interface GroupsState {
  readonly nextGroupId: number;
  readonly isPaused: boolean;
  readonly groups: readonly GroupSnapshot[];
}

export interface TopicGroupsOptions {
  readonly topic: string;
  readonly settings: DeskSettings;
  readonly partitions: readonly Partition[];
  readonly ttlMs: number | undefined;
  /** Keeps an event, in the order in which they come. */
  readonly record: (event: JournalEvent) => void;
  /** Resolves when all that was recorded is as safe as the flush policy says. */
  readonly flushed: () => Promise<void>;
  /** Undefined for groups that have no dead letters. */
  readonly bury: ((group: DyingGroup, dying: DyingRecord) => Promise<void>) | undefined;
  readonly checkMayWait: () => void;
  /** Throws when the topic is deleted or closed. */
  readonly checkOpen: () => void;
  /** Records may have become free to go. */
  readonly onProgress: () => void;
  /** An ephemeral group died with its last member. */
  readonly onGone: (group: string) => void;
}

export class TopicGroups {
  readonly desks = new Map<string, GroupDesk>();
  readonly watchers = new GroupWatchers();
  /** True: nothing of the topic is handed out. */
  isPaused = false;
  readonly #options: TopicGroupsOptions;
  /** Every group that exists, by number. */
  readonly #byId = new Map<number, GroupDesk>();
  #nextGroupId = 1;
  #isStarted = false;
  /** Of groups whose creation is on its way to the disk. */
  readonly #creations = new Map<string, Promise<void>>();

  constructor(options: TopicGroupsOptions, state?: GroupsState) {
    this.#options = options;
    if (state === undefined) return;
    this.#nextGroupId = state.nextGroupId;
    this.isPaused = state.isPaused;
    for (const snapshot of state.groups) {
      const options = { ...GROUP_DEFAULTS, ...snapshot.options }; // an older one does not have all
      const own = this.#deskOptions({ groupId: snapshot.group, name: snapshot.name, options });
      this.#add(GroupDesk.restore(own, snapshot));
    }
  }

  /** What the journal has from after the snapshot. */
  replay(event: GroupEvent): void {
    if (event.kind === 'created') {
      this.#add(this.#newDesk(event));
      this.#nextGroupId = Math.max(this.#nextGroupId, event.group + 1);
      return;
    }
    const desk = this.#byId.get(event.group);
    if (desk === undefined) return; // it died before its last events were written
    if (event.kind === 'deleted') this.#forget(desk);
    else desk.replay(event);
  }

  start(): void {
    for (const desk of [...this.desks.values()]) desk.start();
    this.#isStarted = true;
    for (const { partition } of this.#options.partitions) this.fallBehind(partition);
  }

  /** Records of a partition are there no more, perhaps some that a group had not finished. */
  fallBehind(partition: number): void {
    if (!this.#isStarted) return; // whoever starts looks for himself
    for (const desk of this.desks.values()) desk.fallBehind(partition);
  }

  state(): GroupsState {
    return {
      nextGroupId: this.#nextGroupId,
      isPaused: this.isPaused,
      groups: [...this.desks.values()].map((desk) => desk.snapshot()),
    };
  }

  nameOf(groupId: number): string | undefined {
    return this.#byId.get(groupId)?.name;
  }

  /** Resolves when it is safe. */
  async create(name: string, options: Required<GroupOptions>): Promise<void> {
    this.#options.settings.matcherOf?.(options.filter); // refuses what is no selector
    if (!this.desks.has(name)) {
      const starts = await Promise.all(
        this.#options.partitions.map((partition) => this.placeOf(partition, options.start)),
      );
      if (!this.desks.has(name)) return await this.#create(name, options, starts);
    }
    if (!isSameGroupOptions(this.existing(name).options, options)) {
      throw new MqError('MQ_GROUP_EXISTS', `group ${quote(name)} of topic ${this.#topic} exists with other options`);
    }
    await this.#creations.get(name);
  }

  /** Calls that wait in it reject. Resolves when it is gone for good. */
  async delete(name: string): Promise<void> {
    const desk = this.existing(name);
    this.#remove(desk, new MqError('MQ_UNKNOWN_GROUP', `group ${quote(name)} of topic ${this.#topic} was deleted`));
    await this.#options.flushed();
  }

  /** `MQ_UNKNOWN_GROUP` when there is none. */
  existing(name: string): GroupDesk {
    const desk = this.desks.get(name);
    if (desk === undefined) throw new MqError('MQ_UNKNOWN_GROUP', `topic ${this.#topic} has no group ${quote(name)}`);
    return desk;
  }

  /** For receive and commit, which create what does not exist. */
  async open(name: string): Promise<GroupDesk> {
    const starts = this.#options.partitions.map(({ logStartOffset }) => logStartOffset);
    const creation = this.desks.has(name) ? this.#creations.get(name) : this.#create(name, GROUP_DEFAULTS, starts);
    if (creation !== undefined) await creation;
    this.#options.checkOpen();
    return this.existing(name);
  }

  /** The offset a target means now, in one partition. */
  async placeOf(partition: Partition, target: SeekTarget): Promise<number> {
    const { logStartOffset, highWatermark } = partition;
    if (target === 'earliest') return logStartOffset;
    if (target === 'latest') return partition.lastStableOffset;
    if ('offset' in target) {
      if (target.offset >= logStartOffset && target.offset <= highWatermark) return target.offset;
      throw outOfRangeError(target.offset, { logStartOffset, logEndOffset: highWatermark });
    }
    const offset = await partition.log.offsetOfTimestamp(target.timestamp);
    // The log may have moved while it was looked up.
    return Math.min(Math.max(offset, partition.logStartOffset), partition.highWatermark);
  }

  /** The first receive of a group makes it, unless it would have to wait and may not: what is refused leaves nothing. */
  async openToReceive(name: string, { waitMs }: { readonly waitMs: number }): Promise<GroupDesk> {
    const isEmpty = this.#options.partitions.every(({ heldCount }) => heldCount === 0);
    if (isEmpty && waitMs > 0 && !this.desks.has(name)) this.#options.checkMayWait();
    return await this.open(name);
  }

  /** The log group's position; the first commit makes the group. Resolves when it is safe. */
  async commit(name: string, partition: Partition, offset: number): Promise<number> {
    const { logStartOffset, highWatermark } = partition;
    if (offset > highWatermark) throw outOfRangeError(offset, { logStartOffset, logEndOffset: highWatermark });
    const desk = await this.open(name);
    const committed = desk.commit(partition.partition, offset);
    await this.#options.flushed();
    return committed;
  }

  /** A queue group's is its floor. */
  committed(name: string, { partition }: Partition): number {
    this.existing(name).counts(); // steps over what expired at the head
    return this.existing(name).committed(partition);
  }

  /** Moves either kind of group to what `target` means now. Resolves when that is safe. */
  async seek(name: string, partition: Partition, target: SeekTarget): Promise<number> {
    this.existing(name);
    const offset = await this.placeOf(partition, target);
    const sought = this.existing(name).seek(partition.partition, offset);
    await this.#options.flushed();
    return sought;
  }

  /** One group, or (undefined) the whole topic. Idempotent. Resolves when it is safe. */
  async setPaused(name: string | undefined, isPaused: boolean): Promise<void> {
    if (name === undefined) this.#setTopicPaused(isPaused);
    else this.existing(name).setPaused(isPaused);
    await this.#options.flushed();
  }

  /** Something became available, to all of them. */
  serve(): void {
    for (const desk of this.desks.values()) desk.serve();
  }

  /** Waiting receives reject with `error`, or are answered empty without one. */
  close(error: MqError | undefined): void {
    for (const desk of this.desks.values()) desk.close(error);
    this.watchers.wakeAll();
  }

  /** `MQ_UNKNOWN_GROUP` for a desk whose group was deleted since. */
  checkExists(desk: GroupDesk): void {
    if (this.#byId.get(desk.groupId) !== desk) this.existing(desk.name);
  }

  #setTopicPaused(isPaused: boolean): void {
    if (this.isPaused === isPaused) return;
    this.isPaused = isPaused;
    this.#options.record({ kind: 'topic-paused', isPaused });
    if (!isPaused) this.serve();
  }

  /** From now on it is found; who uses it waits for what this resolves to, first come first served. */
  #create(name: string, options: Required<GroupOptions>, starts: readonly number[]): Promise<void> {
    const { groupsCountMax } = this.#options.settings.limits;
    if (this.desks.size >= groupsCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `the topic has ${groupsCountMax} groups, which is the limit`);
    }
    const created: CreatedEvent = { kind: 'created', group: this.#nextGroupId, name, options, starts };
    this.#nextGroupId += 1;
    this.#options.record(created);
    const desk = this.#newDesk(created);
    this.#add(desk);
    desk.start();
    const creation = this.#options.flushed().finally(() => this.#creations.delete(name));
    this.#creations.set(name, creation);
    this.#options.onProgress(); // it may begin behind records that nobody was there to finish
    return creation;
  }

  #newDesk({ group, name, options, starts }: CreatedEvent): GroupDesk {
    return new GroupDesk({ ...this.#deskOptions({ groupId: group, name, options }), starts });
  }

  #deskOptions(own: { readonly groupId: number; readonly name: string; readonly options: Required<GroupOptions> }) {
    const { settings, topic, partitions, ttlMs, record, bury, checkMayWait, onProgress } = this.#options;
    const dyingGroup: DyingGroup = { topic, name: own.name, groupId: own.groupId };
    return {
      ...settings,
      ...own,
      topic,
      partitions,
      ttlMs,
      events: {
        record: (event: GroupEvent): void => {
          record(event);
          if (event.kind !== 'leased') this.watchers.wake(event.group);
        },
      },
      isTopicPaused: () => this.isPaused,
      bury: bury === undefined ? undefined : (dying: DyingRecord) => bury(dyingGroup, dying),
      checkMayWait,
      onProgress,
      onEmpty: () => {
        const desk = this.#byId.get(own.groupId);
        if (!own.options.isEphemeral || desk === undefined) return;
        this.#remove(desk);
        this.#options.onGone(own.name);
      },
    };
  }

  #add(desk: GroupDesk): void {
    this.desks.set(desk.name, desk);
    this.#byId.set(desk.groupId, desk);
  }

  #forget(desk: GroupDesk): void {
    if (this.desks.get(desk.name) === desk) this.desks.delete(desk.name);
    this.#byId.delete(desk.groupId);
  }

  #remove(desk: GroupDesk, error?: MqError): void {
    this.#options.record({ kind: 'deleted', group: desk.groupId });
    this.#forget(desk);
    desk.close(error);
    this.watchers.wake(desk.groupId);
    this.#options.onProgress(); // perhaps it was the slowest
  }

  get #topic(): string {
    return quote(this.#options.topic);
  }
}
