/**
 * The folder a broker keeps everything in, and the topics it finds there.
 *
 *     data/
 *       format.json      which format this is; read before anything else, written once
 *       lock.db          held by the one process that works here; the system frees it however that process ends
 *       clean            there exactly while nobody works here and the last one closed everything
 *       topics/
 *         t-orders-4be1.../   the name made harmless, and a hash of it: no name can leave the folder or meet another
 *           topic.json        its name, its id and its options
 *           p0/ p1/ ...       its partitions; groups/, delayed/: its other logs
 *         .deleted-...        what was being deleted when the process ended: removed at the next start
 *
 * Always true (I23): a topic exists exactly when its folder with its topic.json does, and both are on the disk before
 * `createTopic` resolves; `clean` is gone from the disk before anything else is written; a folder that has or had a topic in it
 * is never written over, whatever became of its topic.json. Only the broker uses it.
 */
import { join } from 'node:path';
import { MqError } from '../../shared/contract/errors.ts';
import { quote } from '../../shared/contract/validation.ts';
import type { Disk, DiskLock } from '../../shared/disk.ts';
import { storageError } from './log/storage-error.ts';
import { parse, readWholeFile, UNFINISHED, writeWholeFile } from './log/whole-file.ts';
import {
  folderNameOf,
  isUnfinishedTopic,
  makeTopicFolder,
  readTopicFolder,
  type TopicDefinition,
} from './topic-folder.ts';

/** Of what lies below the folder; one that is newer than this program knows is refused. */
const DATA_VERSION = 1;
/** The same, with a list of what lies there too: whoever does not know one of these must not open it. */
const DATA_VERSION_WITH_FEATURES = 2;
const FORMAT_NAME = 'stagemq-data';
const FORMAT_FILE = 'format.json';
const LOCK_FILE = 'lock.db';
const CLEAN_FILE = 'clean';
export const TOPICS_FOLDER = 'topics';
const DELETED_PREFIX = '.deleted-';
/** What a first start may have left behind before the folder had its format. */
const BEFORE_FORMAT = new Set([LOCK_FILE, `${LOCK_FILE}-journal`, `${FORMAT_FILE}${UNFINISHED}`]);

/** A topic that was found: its definition, or why there is none. */
export interface FoundTopic {
  readonly folder: string;
  readonly definition: TopicDefinition | MqError;
}

export class DataFolder {
  /** True when whoever was here before closed everything: then no log needs to be looked through. */
  readonly wasClean: boolean;
  readonly path: string;
  readonly #disk: Disk;
  readonly #lock: DiskLock;
  /** Folders of topics whose creation, or deletion, failed: they are nobody's, and whoever comes next removes them. */
  readonly #doomed = new Set<string>();
  #deletedCount = 0;

  private constructor(disk: Disk, path: string, held: { readonly lock: DiskLock; readonly wasClean: boolean }) {
    this.#disk = disk;
    this.path = path;
    this.#lock = held.lock;
    this.wasClean = held.wasClean;
  }

  /** `MQ_DATA_VERSION` for a folder of another format, or with features unknown here, which is left as it is; `MQ_DATA_LOCKED` when another works in it. */
  static async open(disk: Disk, path: string, features: readonly string[] = []): Promise<DataFolder> {
    let lock: DiskLock | undefined;
    try {
      await disk.makeFolder(path);
      await checkFormat(disk, path, features);
      lock = await disk.lock(join(path, LOCK_FILE));
      await writeFormat(disk, path, features);
      await disk.makeFolder(join(path, TOPICS_FOLDER));
      const wasClean = await takeCleanMark(disk, path);
      return new DataFolder(disk, path, { lock, wasClean });
    } catch (error) {
      await lock?.release();
      throw storageError(error, `the data folder ${path} cannot be opened`);
    }
  }

  /** All topics; what a deletion or an unfinished creation left behind is removed on the way. */
  async topics(): Promise<FoundTopic[]> {
    const parent = join(this.path, TOPICS_FOLDER);
    const found: FoundTopic[] = [];
    for (const name of await this.#disk.list(parent)) {
      const folder = join(parent, name);
      const isLeftOver = name.startsWith(DELETED_PREFIX) || (await isUnfinishedTopic(this.#disk, folder));
      if (isLeftOver) await this.#disk.removeFolder(folder);
      else found.push({ folder, definition: await readTopicFolder(this.#disk, folder) });
    }
    return found;
  }

  /** Answers the topic's folder, once it is on the disk. `MQ_CORRUPT` for a folder that is not ours to throw away. */
  async createTopic(definition: TopicDefinition): Promise<string> {
    const folder = this.folderOf(definition.name);
    try {
      if (await this.#disk.exists(folder)) await this.#removeLeftOver(folder);
      this.#doomed.add(folder);
      await makeTopicFolder(this.#disk, folder, definition);
      await this.#disk.syncFolder(join(this.path, TOPICS_FOLDER));
      this.#doomed.delete(folder);
      return folder;
    } catch (error) {
      throw storageError(error, `topic ${quote(definition.name)} cannot be made`);
    }
  }

  /** The topic that was just made there could not be opened, and never was. What cannot be removed now is, before the next. */
  async abandonTopic(folder: string): Promise<void> {
    this.#doomed.add(folder);
    await this.#removeLeftOver(folder).catch(() => undefined);
  }

  /** All files of the topic are closed. Gone for good when it resolves, though not all of its bytes may be freed yet. */
  async deleteTopic(folder: string): Promise<void> {
    try {
      this.#doomed.add(folder);
      await this.#removeLeftOver(folder);
    } catch (error) {
      throw storageError(error, `${folder} cannot be deleted`);
    }
  }

  /** True for what a creation or deletion left that failed: it may be deleted again. */
  isDoomed(folder: string): boolean {
    return this.#doomed.has(folder);
  }

  folderOf(topic: string): string {
    return join(this.path, TOPICS_FOLDER, folderNameOf(topic));
  }

  /** Nothing is written any more. `isClean`: every log was closed well. */
  async close({ isClean }: { readonly isClean: boolean }): Promise<void> {
    try {
      if (isClean && this.#doomed.size === 0) await this.#leaveCleanMark();
    } finally {
      await this.#lock.release();
    }
  }

  /** Of a creation that failed, in this life or an earlier one: a folder with anything else in it is somebody's topic. */
  async #removeLeftOver(folder: string): Promise<void> {
    if (!this.#doomed.has(folder) && !(await isUnfinishedTopic(this.#disk, folder))) {
      throw new MqError('MQ_CORRUPT', `${folder} has something in it, though no topic was found there`);
    }
    await this.#delete(folder);
    this.#doomed.delete(folder);
  }

  async #delete(folder: string): Promise<void> {
    const parent = join(this.path, TOPICS_FOLDER);
    // Renamed already, by a deletion whose sync failed: that rename may never be safe, a new folder's under its name can be.
    if (!(await this.#disk.exists(folder))) await this.#disk.makeFolder(folder);
    this.#deletedCount += 1;
    let grave = join(parent, `${DELETED_PREFIX}${this.#deletedCount}`);
    while (await this.#disk.exists(grave)) {
      this.#deletedCount += 1;
      grave = join(parent, `${DELETED_PREFIX}${this.#deletedCount}`);
    }
    await this.#disk.rename(folder, grave);
    await this.#disk.syncFolder(parent);
    await this.#disk.removeFolder(grave).catch(() => undefined); // else the next start does
  }

  async #leaveCleanMark(): Promise<void> {
    const path = join(this.path, CLEAN_FILE);
    const file = await this.#disk.open(path, 'create');
    await file.close();
    await this.#disk.syncFolder(this.path);
  }
}

/** Nothing is written or locked before the format is known to be ours, or the folder to be new. */
async function checkFormat(disk: Disk, path: string, features: readonly string[]): Promise<void> {
  const format = await readFormat(disk, path);
  if (format === undefined) {
    const strangers = (await disk.list(path)).filter((name) => !BEFORE_FORMAT.has(name));
    if (strangers.length === 0) return;
    const example = quote(strangers[0] ?? '');
    throw new MqError(
      'MQ_DATA_VERSION',
      `${path} is no data folder: it has no ${FORMAT_FILE}, but ${example} and more`,
    );
  }
  const unknown = format.features.filter((feature) => !features.includes(String(feature)));
  if (unknown.length > 0) {
    const message = `${path} has ${unknown.join(', ')} in it, which this program does not know`;
    throw new MqError('MQ_DATA_VERSION', `${message}; it was left as it is`);
  }
  if (format.version === DATA_VERSION || format.version === DATA_VERSION_WITH_FEATURES) return;
  const known = `versions ${DATA_VERSION} and ${DATA_VERSION_WITH_FEATURES}`;
  const message = `${path} has version ${format.version}, and this program knows ${known} only`;
  throw new MqError('MQ_DATA_VERSION', `${message}; it was left as it is`);
}

interface DataFormat {
  readonly version: unknown;
  readonly features: readonly unknown[];
}

async function readFormat(disk: Disk, path: string): Promise<DataFormat | undefined> {
  const bytes = await readWholeFile(disk, join(path, FORMAT_FILE));
  if (bytes === undefined) return undefined;
  const format = parse(bytes);
  const isOurs = typeof format === 'object' && format !== null && 'format' in format && format.format === FORMAT_NAME;
  if (isOurs) {
    const features = 'features' in format && Array.isArray(format.features) ? format.features : [];
    return { version: 'version' in format ? format.version : undefined, features };
  }
  throw new MqError('MQ_DATA_VERSION', `${join(path, FORMAT_FILE)} does not say that this is a data folder`);
}

/**
 * Again, unless the last start is known to have ended well: one whose sync failed left a file that a power cut takes. What
 * this program may write into the folder stands there before it does.
 */
async function writeFormat(disk: Disk, path: string, features: readonly string[]): Promise<void> {
  const kept = await readFormat(disk, path);
  const isSaid = kept !== undefined && features.every((feature) => kept.features.includes(feature));
  if (isSaid && (await disk.exists(join(path, CLEAN_FILE)))) return;
  const version = features.length === 0 ? DATA_VERSION : DATA_VERSION_WITH_FEATURES;
  const more = features.length === 0 ? {} : { features };
  const text = `${JSON.stringify({ format: FORMAT_NAME, version, ...more })}\n`;
  await writeWholeFile(disk, join(path, FORMAT_FILE), new TextEncoder().encode(text));
}

/** Whether it was there. I23: it is gone from the disk before anything else is written. */
async function takeCleanMark(disk: Disk, path: string): Promise<boolean> {
  const mark = join(path, CLEAN_FILE);
  if (!(await disk.exists(mark))) return false;
  await disk.remove(mark);
  await disk.syncFolder(path);
  return true;
}
