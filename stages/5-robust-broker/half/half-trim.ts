/**
 * Keeps the log of half messages short: what is open and old is written again at its end, what is over and old is forgotten,
 * and then the front of the log is let go.
 *
 *     [ end | half c | ... ends of others ...          ]    more than twice what is open, and some
 *              |                                  ^
 *              +------- written again ------------+         c is the youngest now; all before the next one goes
 *
 * Always true: at rest the log holds at most twice what its open halves take, and `slackBytes`; nothing is let go that a start
 * needs: no half that is open, or whose end is not written. A disk that fails is asked again with the next half. Only the half messages of the broker use it.
 */
import type { OpenHalf } from './half.ts';
import type { HalfEnds } from './half-ends.ts';
import type { HalfLog } from './half-log.ts';
import { messageOf } from './half-record.ts';
import type { HalfTable } from './half-table.ts';

export interface HalfTrimOptions {
  readonly table: HalfTable;
  readonly ends: HalfEnds;
  readonly log: HalfLog;
  readonly slackBytes: number;
  /** Does `work` while nobody else works on the half. */
  readonly work: (half: OpenHalf, work: () => Promise<void>) => Promise<void>;
  readonly onNotice: (text: string) => void;
}

/** Ends that are forgotten before the log is looked at again. */
const FORGOTTEN_TOGETHER_COUNT = 256;

export class HalfTrim {
  readonly #options: HalfTrimOptions;
  #trimming: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: HalfTrimOptions) {
    this.#options = options;
  }

  /** The log has grown. */
  look(): void {
    if (this.#trimming !== undefined || this.#isClosed || !this.#isLong()) return;
    this.#trimming = this.#trim()
      .catch((error: unknown) => this.#options.onNotice(`the log of half messages is not trimmed: ${String(error)}`))
      .finally(() => {
        this.#trimming = undefined;
      });
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#trimming;
  }

  #isLong(): boolean {
    const { log, table, slackBytes } = this.#options;
    return log.heldBytes > 2 * table.logBytes + slackBytes;
  }

  async #trim(): Promise<void> {
    while (!this.#isClosed && this.#isLong()) if (!(await this.#step())) return;
  }

  /** False when nothing can go now: the front is of one whose end is not written, or one may be just being written there. */
  async #step(): Promise<boolean> {
    const { table, ends, log } = this.#options;
    const { oldest } = table;
    const from = oldest?.offset ?? Number.POSITIVE_INFINITY;
    const isHeld = ends.unwrittenFloor <= Math.min(from, ends.firstFloor ?? from);
    if (isHeld || table.count !== table.openCount || oldest?.busy !== undefined) return false;
    if ((ends.firstFloor ?? from) < from) ends.forgetBelow(from, FORGOTTEN_TOGETHER_COUNT);
    else if (oldest !== undefined) await this.#carry(oldest);
    else return false;
    const floor = Math.min(table.oldest?.offset ?? Number.POSITIVE_INFINITY, ends.unwrittenFloor);
    await log.releaseBelow(Math.min(floor, ends.firstFloor ?? floor));
    return true;
  }

  /** Writes it again, with all that became of it. */
  async #carry(half: OpenHalf): Promise<void> {
    const { table, log, work } = this.#options;
    await work(half, async () => {
      const message = messageOf(await log.messageAt(half.offset));
      const { halfId, share, group, partition, acceptedAt, heldBytes, checkCount, nextCheckAt } = half;
      const { topic, topicId } = share;
      const facts = { halfId, topic, topicId, producerGroup: group.name, partition, acceptedAt, heldBytes };
      table.carried(half, await log.appendHalf({ ...facts, checkCount, nextCheckAt }, message));
    });
  }
}
