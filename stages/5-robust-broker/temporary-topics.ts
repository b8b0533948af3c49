/**
 * Topics `$temp/...` for replies: made for whoever asks, and gone when nobody uses them any more.
 *
 *     create --> "$temp/9f2c..." --> sends, receives, members --> silent for memberTimeoutMs --> deleted
 *
 * Always true (I19): a name is never given twice, and cannot be guessed; a topic in which a call waits, or a group has a
 * member, is in use; what such topics hold is bounded, is not synced, and does not outlive the process: a start deletes
 * what it finds. Whoever made one may delete it earlier, as a door does when the connection ends. Used by the spine.
 */
import type { Clock, Timer } from '../../shared/clock.ts';
import type { TopicOptions } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Random } from '../../shared/random.ts';
import type { Topic } from '../4-persisted-log/topic.ts';

const PREFIX = '$temp/';
/** Replies that nobody fetches are refused, and their senders told, rather than kept. */
const OPTIONS: Required<Pick<TopicOptions, 'messagesMax' | 'bytesMax'>> & TopicOptions = Object.freeze({
  messagesMax: 10_000,
  bytesMax: 16 * 1024 * 1024,
  overflow: 'reject',
  partitionCount: 1,
  deleteFinished: true,
});
/** Looks within one time-out: a topic may be a little older than that when it goes. */
const LOOKS_PER_TIMEOUT = 4;

export interface TemporaryTopicsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly memberTimeoutMs: number;
  readonly topics: {
    all(): Promise<readonly Topic[]>;
    find(name: string): Topic | Promise<Topic>;
    createOnce(name: string, options: TopicOptions): Promise<void>;
    delete(name: string): Promise<void>;
  };
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class TemporaryTopics {
  readonly #options: TemporaryTopicsOptions;
  /** Name -> monotonic ms at which somebody named it last. */
  readonly #usedMs = new Map<string, number>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: TemporaryTopicsOptions) {
    this.#options = options;
  }

  /** Deletes what the last process left. */
  async open(): Promise<void> {
    const left = (await this.#options.topics.all()).filter(({ name }) => isTemporary(name));
    await Promise.all(left.map(({ name }) => this.#options.topics.delete(name)));
  }

  /** Resolves to its name. */
  async create(): Promise<string> {
    const name = `${PREFIX}${this.#options.random.hex(16)}`;
    this.#use(name);
    try {
      await this.#options.topics.createOnce(name, OPTIONS);
    } catch (error) {
      this.#usedMs.delete(name);
      throw error;
    }
    this.#arm();
    return name;
  }

  /** The name of any topic that is about to be used; answers it. */
  noteUse(name: string): string {
    if (this.#usedMs.has(name)) this.#use(name);
    return name;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #use(name: string): void {
    this.#usedMs.set(name, this.#options.clock.monotonicMs());
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#isClosed || this.#usedMs.size === 0) return;
    const { clock, memberTimeoutMs } = this.#options;
    const onTime = (): void => {
      this.#timer = undefined;
      void this.#look().finally(() => this.#arm());
    };
    const delayMs = Math.max(Math.ceil(memberTimeoutMs / LOOKS_PER_TIMEOUT), 1);
    this.#timer = clock.setTimer(onTime, delayMs, { isBackground: true });
  }

  async #look(): Promise<void> {
    const { clock, memberTimeoutMs } = this.#options;
    for (const [name, usedMs] of [...this.#usedMs]) {
      if (this.#isClosed) return;
      if (await this.#isInUse(name)) this.#use(name);
      else if (clock.monotonicMs() - usedMs >= memberTimeoutMs) await this.#delete(name);
    }
  }

  /** False also for one that is gone. */
  async #isInUse(name: string): Promise<boolean> {
    try {
      const { groups, waitingReaderCount } = await this.#options.topics.find(name);
      return waitingReaderCount > 0 || [...groups.desks.values()].some((desk) => desk.members().length > 0);
    } catch (error) {
      if (!isMqError(error)) throw error;
      this.#usedMs.delete(name);
      return false;
    }
  }

  async #delete(name: string): Promise<void> {
    this.#usedMs.delete(name);
    try {
      await this.#options.topics.delete(name);
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC') && !isMqError(error, 'MQ_CLOSED')) {
        this.#options.onNotice(`temporary topic ${name} cannot be deleted: ${String(error)}`);
      }
    }
  }
}

/** True for a name that only `createTemporaryTopic` gives. */
export function isTemporary(name: unknown): boolean {
  return typeof name === 'string' && name.startsWith(PREFIX);
}
