/**
 * The topics of a broker by name: opened from the data folder at the start, made and deleted in it.
 *
 *     "orders" -> Topic        "mails" -> being opened        "$dead/orders/kitchen" -> Topic that keeps dead letters
 *
 * Always true:
 *   - a topic is found from the moment its creation began, and whoever uses it waits until it is on the disk; from the
 *     moment its deletion began it is not found
 *   - a topic whose files are damaged is said to be so by every call on it; the others are not touched by that
 * Made by the composition, used by the spine.
 */
import type { TopicOptions } from '../../shared/contract/description.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { deadLetterTopicOf } from '../../shared/contract/message.ts';
import { isSameTopicOptions } from '../1-blocking-queue/checked-options.ts';
import * as refusals from '../1-blocking-queue/topic-refusals.ts';
import { DamagedTopics } from './damaged-topics.ts';
import { DataFolder, type FoundTopic } from './data-folder.ts';
import type { OpenedBox } from './policies/dead-letters.ts';
import { openedBoxOf } from './policies/letter-keeping.ts';
import type { Topic } from './topic.ts';
import type { NamedTopic } from './topic-errors.ts';
import { ownerOf, type TopicDefinition, type TopicOwner } from './topic-folder.ts';
import { settledSomeAtATime } from './topic-logs.ts';
import { type Redriven, recoverTopic } from './topic-recovery.ts';
import type { TopicSettings } from './topic-settings.ts';

/** Topics opened at the same time at the start. */
const TOGETHER_COUNT = 8;

interface Entry {
  readonly definition: TopicDefinition;
  /** Undefined until it is open. */
  topic: Topic | undefined;
  opening: Promise<Topic>;
}

export interface TopicTableOptions {
  readonly settings: TopicSettings;
  /** True: `open` makes a topic that does not exist, */
  readonly autoCreateTopics: boolean;
  /** with these options. */
  readonly topicDefaults: TopicOptions;
  readonly deadLetterOptions: TopicOptions;
}

export class TopicTable {
  readonly #options: TopicTableOptions;
  readonly #settings: TopicSettings;
  readonly #folder: DataFolder;
  /** By name in NFC. A Map and not an object: `__proto__` is a legal name. */
  readonly #entries = new Map<string, Entry>();
  /** By name: a topic made again waits until the last one of its name is gone. */
  readonly #deletions = new Map<string, Promise<void>>();
  readonly damaged: DamagedTopics;
  /** Set when it is closed: no topic is made any more, also none for dead letters. */
  #ended: MqError | undefined;

  private constructor(folder: DataFolder, options: TopicTableOptions) {
    this.#folder = folder;
    this.damaged = new DamagedTopics((name) => folder.folderOf(name), options.settings.onNotice);
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Opens the folder and all topics in it. */
  static async openFolder(path: string, options: TopicTableOptions): Promise<TopicTable> {
    const folder = await DataFolder.open(options.settings.disk, path, options.settings.features);
    const table = new TopicTable(folder, options);
    try {
      await table.#openAll();
      return table;
    } catch (error) {
      await table.#closeTopics(refusals.closedError()).catch(() => undefined);
      await folder.close({ isClean: false });
      throw error;
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** All that are not damaged, by name in code unit order. */
  async all(): Promise<readonly Topic[]> {
    return await Promise.all([...this.#entries.keys()].sort().map((name) => this.find(name)));
  }

  /** A promise only where it is just being made. `MQ_UNKNOWN_TOPIC`; `MQ_CORRUPT` for a damaged one; `MQ_CLOSED` for all. */
  find(name: string): Topic | Promise<Topic> {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry.topic ?? entry.opening;
    throw this.#ended ?? this.damaged.of(name)?.error ?? refusals.unknownTopicError(name);
  }

  /** For send and receive, which create what does not exist, unless `check` refuses the call. */
  open(name: string, check: (topic: NamedTopic) => void = () => undefined): Topic | Promise<Topic> {
    const existing = this.#entries.get(name);
    if (existing !== undefined) {
      check(existing.definition);
      return existing.topic ?? existing.opening;
    }
    const { autoCreateTopics, topicDefaults } = this.#options;
    if (!autoCreateTopics || name.startsWith('$') || this.damaged.of(name) !== undefined) return this.find(name);
    this.#checkMayCreate();
    check({ name, options: topicDefaults });
    return this.#create(this.#newDefinition(name, topicDefaults));
  }

  /** Idempotent for equal options. Resolves when it is on the disk. */
  async createOnce(name: string, options: TopicOptions): Promise<void> {
    const existing = this.#entries.get(name);
    if (existing === undefined) {
      if (this.damaged.of(name) !== undefined) await this.find(name);
      this.#checkMayCreate();
      await this.#create(this.#newDefinition(name, options));
    } else if (isSameTopicOptions(existing.definition.options, options)) await existing.opening;
    else throw refusals.topicExistsError(name);
  }

  /** What the broker made for it, such as dead letters, goes with it. Resolves when it is gone for good. */
  async delete(name: string): Promise<void> {
    if (this.#isLeft(name)) return await this.#deleting(name, this.#deleteLeft(name));
    const own = [...this.#entries.values()].filter(({ definition }) => ownerOf(definition) === name);
    await Promise.all([this.#delete(name), ...own.map(({ definition }) => this.delete(definition.name))]);
  }

  /** The topic with the dead letters of a group, when there is one. */
  deadLettersOf(topic: string, group: string): Topic | Promise<Topic> | undefined {
    const name = deadLetterTopicOf(topic, group);
    return this.#entries.has(name) ? this.find(name) : undefined;
  }

  /** They go with their group. */
  async deleteDeadLettersOf(topic: string, group: string): Promise<void> {
    const name = deadLetterTopicOf(topic, group);
    if (this.#entries.has(name)) await this.#delete(name);
  }

  /** A topic of the broker's own, which goes with its owner; made when it is missing. */
  async openOwn(name: string, owner: TopicOwner): Promise<Topic> {
    if (!this.#hasOwner(owner)) throw refusals.unknownTopicError(name); // nobody would delete it
    const definition = { ...this.#newDefinition(name, this.#options.deadLetterOptions), ...owner };
    return await (this.#entries.has(name) ? this.find(name) : this.#create(definition));
  }

  /** Resolves when everything is on the disk and the folder is free; `closeOthers` has it before that. */
  async close(error: MqError, closeOthers?: () => Promise<void>): Promise<void> {
    this.#ended = error;
    let isClean = false;
    try {
      await this.#closeTopics(error).finally(closeOthers);
      await Promise.allSettled(this.#deletions.values());
      isClean = this.damaged.count === 0;
    } finally {
      await this.#folder.close({ isClean });
    }
  }

  /** Topics that callers made; its own are as many as they have groups, which are counted elsewhere, and one more each. */
  #checkMayCreate(): void {
    const count = this.#entries.values().reduce((sum, { definition }) => sum + (ownerOf(definition) ? 0 : 1), 0);
    const { topicsCountMax } = this.#settings.limits;
    if (count >= topicsCountMax) throw refusals.topicsError(topicsCountMax);
  }

  #newDefinition(name: string, options: TopicOptions): TopicDefinition {
    return { name, topicId: this.#settings.random.hex(16), options };
  }

  async #openAll(): Promise<void> {
    const found = await this.#folder.topics();
    const redriven: Redriven[] = [];
    for (let from = 0; from < found.length; from += TOGETHER_COUNT) {
      const together = found.slice(from, from + TOGETHER_COUNT).map((topic) => this.#openFound(topic));
      redriven.push(...(await Promise.all(together)).flat());
    }
    for (const { topic, group, deadOffset } of redriven) {
      const keeper = await this.deadLettersOf(topic, group);
      if (keeper?.box?.noteCopy(deadOffset)) await keeper.journal.flushed();
    }
    await this.#removeOrphans();
    for (const { topic } of this.#entries.values()) topic?.start();
    const { path, wasClean } = this.#folder;
    if (found.length > 0 && !wasClean) {
      this.#settings.onNotice(`${path} was not closed in order: topics looked through: ${found.length}`);
    }
  }

  /** Topics of the broker's own whose owner's deletion was interrupted when only they were left. */
  async #removeOrphans(): Promise<void> {
    for (const [name, { definition }] of this.damaged.count > 0 ? [] : this.#entries) {
      if (ownerOf(definition) !== undefined && !this.#hasOwner(definition)) await this.#delete(name);
    }
  }

  #hasOwner(owner: TopicOwner): boolean {
    const entry = this.#entries.get(ownerOf(owner) ?? '');
    return owner.deadLettersOf ? !!entry?.topic?.groups.desks.has(owner.deadLettersOf.group) : entry !== undefined;
  }

  async #openFound({ folder, definition }: FoundTopic): Promise<readonly Redriven[]> {
    if (definition instanceof MqError) {
      this.damaged.note(folder, definition);
      return [];
    }
    try {
      const { topic, redriven } = await this.#recover(folder, definition, this.#folder.wasClean);
      this.#entries.set(definition.name, { definition, topic, opening: Promise.resolve(topic) });
      return redriven;
    } catch (error) {
      if (!isMqError(error, 'MQ_CORRUPT') && !isMqError(error, 'MQ_DATA_VERSION')) throw error;
      this.damaged.note(folder, error);
      return [];
    }
  }

  #recover(folder: string, definition: TopicDefinition, wasClean: boolean): ReturnType<typeof recoverTopic> {
    const { name: topic } = definition;
    const openBox = async (group: string): Promise<OpenedBox> =>
      openedBoxOf(await this.openOwn(deadLetterTopicOf(topic, group), { deadLettersOf: { topic, group } }));
    const onGroupGone = (group: string): void => {
      this.deleteDeadLettersOf(topic, group).catch((error) => this.#settings.onNotice(String(error)));
    };
    return recoverTopic({ definition, folder, settings: this.#settings, wasClean }, { openBox, onGroupGone });
  }

  #create(definition: TopicDefinition): Promise<Topic> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const earlier = this.#deletions.get(definition.name);
    const open = async (): Promise<Topic> => {
      await earlier?.catch(() => undefined); // what it left is removed first
      const folder = await this.#folder.createTopic(definition);
      try {
        const { topic } = await this.#recover(folder, definition, false);
        topic.start();
        this.#settings.observer.topicChanged(definition.name, 'made');
        return topic;
      } catch (error) {
        // What was refused is not there; should this fail too, the next creation of this name begins with it.
        await this.#folder.abandonTopic(folder);
        throw error;
      }
    };
    const entry: Entry = { definition, topic: undefined, opening: Promise.resolve().then(open) };
    this.#entries.set(definition.name, entry);
    entry.opening.then(
      (topic) => {
        entry.topic = topic;
      },
      () => {
        if (this.#entries.get(definition.name) === entry) this.#entries.delete(definition.name);
      },
    );
    return entry.opening;
  }

  async #delete(name: string): Promise<void> {
    const found = this.find(name);
    this.#entries.delete(name);
    await this.#deleting(name, this.#bringDown(name, found));
  }

  async #deleting(name: string, deletion: Promise<void>): Promise<void> {
    this.#deletions.set(name, deletion);
    try {
      await deletion;
    } finally {
      if (this.#deletions.get(name) === deletion) this.#deletions.delete(name);
    }
  }

  /** True for one nobody can use: damaged, or its deletion failed. */
  #isLeft(name: string): boolean {
    if (this.#entries.has(name)) return false;
    return this.damaged.of(name) !== undefined || this.#folder.isDoomed(this.#folder.folderOf(name));
  }

  async #deleteLeft(name: string): Promise<void> {
    const folder = this.#folder.folderOf(name);
    await this.#folder.deleteTopic(folder);
    this.damaged.forget(folder);
  }

  async #bringDown(name: string, found: Topic | Promise<Topic>): Promise<void> {
    const topic = await found;
    await topic.close(refusals.deletedTopicError(name)).catch(() => undefined); // what was not written is not needed
    await this.#folder.deleteTopic(topic.folder);
    this.#settings.observer.topicChanged(name, 'deleted');
  }

  /** Nobody waits any more, at once; then some at a time, as files are opened and folders synced for it. */
  async #closeTopics(error: MqError): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { topic } of entries) topic?.end(error);
    const closed = await settledSomeAtATime(entries, async ({ opening }) => (await opening).close(error));
    for (const result of closed) if (result.status === 'rejected') throw result.reason;
  }
}
