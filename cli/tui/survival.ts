/**
 * What was promised, and what of it is there after the broker was killed.
 *
 *     receipts --> acknowledged    acks --> finished          kill -9, start          check: read the whole log again
 *
 * Nothing is assumed: `check` reads every record. What was finished and then released to make room is below the start of
 * the log, and no part of the promise any more.
 * Always true: at most `REMEMBERED_MAX` of each kind are remembered, the oldest are forgotten first.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Receipt } from '../../shared/contract/message.ts';

const REMEMBERED_MAX = 5000;
const PAGE_COUNT_MAX = 1000;

export interface SurvivalReport {
  /** Acknowledged, and not released since. */
  readonly acknowledgedCount: number;
  /** Of these, found with the same id at the same offset, or delayed still. */
  readonly foundCount: number;
  /** Sends that nobody answered, since the last check; and how many of them are there. */
  readonly unansweredCount: number;
  readonly unansweredFoundCount: number;
}

export interface PromisesView {
  /** Receipts so far, as far as they are remembered. */
  readonly acknowledgedCount: number;
  /** Of the last check. */
  readonly survived: SurvivalReport | undefined;
}

export class Survival {
  /** id -> offset; null while it is delayed. */
  readonly #acknowledged = new Map<string, number | null>();
  readonly #unanswered = new Set<string>();
  /** Of transactions that were never committed. */
  readonly #aborted = new Set<string>();
  /** Of acks that were answered, by group and id. */
  readonly #finished = new Set<string>();
  #survived: SurvivalReport | undefined;

  get view(): PromisesView {
    return { acknowledgedCount: this.#acknowledged.size, survived: this.#survived };
  }

  acknowledged({ id, offset }: Pick<Receipt, 'id' | 'offset'>): void {
    this.#acknowledged.set(id, offset);
    forgetOldest(this.#acknowledged);
  }

  unanswered(id: string): void {
    this.#unanswered.add(id);
    forgetOldest(this.#unanswered);
  }

  aborted(id: string): void {
    this.#aborted.add(id);
    forgetOldest(this.#aborted);
  }

  /** True of a message that must not come to anybody. */
  isAborted(id: string): boolean {
    return this.#aborted.has(id);
  }

  finished(group: string, id: string): void {
    this.#finished.add(keyOf(group, id));
    forgetOldest(this.#finished);
  }

  /** True of a message that must not come to this group again. */
  isFinished(group: string, id: string): boolean {
    return this.#finished.has(keyOf(group, id));
  }

  /** A message that was delayed has its offset now. */
  delivered({ id, offset }: Pick<Receipt, 'id' | 'offset'>): void {
    if (this.#acknowledged.get(id) === null) this.#acknowledged.set(id, offset);
  }

  async check(broker: Broker, topic: string): Promise<SurvivalReport> {
    // What is acknowledged while we read is not what was promised before.
    const promised = [...this.#acknowledged];
    const { offsets, logStartOffset } = await readAll(broker, topic);
    let [acknowledgedCount, foundCount] = [0, 0];
    for (const [id, offset] of promised) {
      if (offset !== null && offset < logStartOffset) continue;
      acknowledgedCount += 1;
      const isThere = offset === null ? await isKnown(broker, topic, id) : offsets.get(id) === offset;
      if (isThere) foundCount += 1;
    }
    const unanswered = [...this.#unanswered];
    this.#unanswered.clear();
    const unansweredFoundCount = unanswered.filter((id) => offsets.has(id)).length;
    this.#survived = { acknowledgedCount, foundCount, unansweredCount: unanswered.length, unansweredFoundCount };
    return this.#survived;
  }
}

/** The offset of every record there is, by its id. */
async function readAll(broker: Broker, topic: string) {
  const offsets = new Map<string, number | null>();
  const [description] = await broker.describeTopics({ topic });
  let next = description?.logStartOffset ?? 0;
  let isolation = {};
  for (;;) {
    try {
      const page = await broker.fetch(topic, { ...isolation, offset: next, max: PAGE_COUNT_MAX });
      for (const record of page.records) offsets.set(record.id, record.offset);
      next = page.nextOffset;
      if (next >= page.highWatermark) return { offsets, logStartOffset: page.logStartOffset };
      // Somebody has a transaction open: what was acknowledged behind its begin is there all the same.
      if (next >= (page.lastStableOffset ?? page.highWatermark)) isolation = { isolation: 'read-uncommitted' };
    } catch (error) {
      // Sends go on while we read, and what is finished makes room for them.
      if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
      next = error.details.logStartOffset ?? next;
    }
  }
}

/** A delayed message has no offset to read it by. */
async function isKnown(broker: Broker, topic: string, id: string): Promise<boolean> {
  return ((await broker.explain?.(topic, { id })) ?? null) !== null;
}

function forgetOldest(remembered: Map<string, unknown> | Set<string>): void {
  const [oldest] = remembered.keys();
  if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
}

function keyOf(group: string, id: string): string {
  return `${group}\n${id}`;
}
