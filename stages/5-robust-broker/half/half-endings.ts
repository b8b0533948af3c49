/**
 * How half messages end: each is taken out of the table, its end is brought about, and then written down.
 *
 *     commit    record stored in its partition  ->  the end is remembered, and answered  ->  written in the half log
 *     abort     written in the half log         ->  remembered, and answered
 *     given up  record stored in $unresolved/   ->  remembered as aborted                ->  written in the half log
 *
 * Always true:
 *   - I14: the record of a half is safe before its end is written, and no snapshot of its topic knows the record before
 *     that end is on the disk: a start finds the one or the other, and the message is stored once
 *   - what failed is open as before; an end that could not be written is written later
 * Only the half messages of the broker use it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import { UNRESOLVED_HEADERS, unresolvedTopicOf } from '../../../shared/contract/half-message.ts';
import type { Headers } from '../../../shared/contract/message.ts';
import { quote } from '../../../shared/contract/validation.ts';
import type { EncodableMessage } from '../../4-persisted-log/bytes/record.ts';
import { rawBatch } from '../../4-persisted-log/incoming-batch.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { OpenHalf } from './half.ts';
import type { HalfEnds } from './half-ends.ts';
import type { HalfLog } from './half-log.ts';
import { encodeMoved, type HalfEnd, messageOf } from './half-record.ts';
import type { HalfTable } from './half-table.ts';
import type { HalfTopics } from './half-topics.ts';

/** After an end could not be written. */
const RETRY_MS = 1000;
/** After one could not be put aside: the topic for that is full, perhaps. */
const RETRY_ASIDE_MS = 10_000;

export interface HalfEndingsOptions {
  readonly clock: Clock;
  readonly topics: HalfTopics;
  readonly table: HalfTable;
  readonly ends: HalfEnds;
  readonly log: HalfLog;
  /** Some half is open again. */
  readonly onPutBack: () => void;
  readonly onNotice: (text: string) => void;
}

export class HalfEndings {
  readonly #options: HalfEndingsOptions;
  readonly #working = new Set<Promise<unknown>>();
  /** By half: its record may be known to snapshots once its end is written. */
  readonly #whenWritten = new Map<string, () => void>();
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: HalfEndingsOptions) {
    this.#options = options;
  }

  /** Resolves when it has ended as `outcome` says. Nobody works on it. */
  async decide(half: OpenHalf, topic: Topic, outcome: 'commit' | 'abort'): Promise<HalfEnd> {
    return await this.work(half, () => (outcome === 'commit' ? this.#commit(half, topic) : this.#abort(half, topic)));
  }

  /** Nobody could say what became of it. */
  giveUp(half: OpenHalf): void {
    const { clock, table, onNotice } = this.#options;
    const givingUp = this.work(half, () => this.#moveToUnresolved(half));
    givingUp.catch((error: unknown) => {
      if (this.#isClosed || table.find(half.halfId) !== half) return;
      const where = `of topic ${quote(half.share.topic)} that nobody could decide`;
      onNotice(`half message ${quote(half.halfId)} ${where} was not put aside: ${String(error)}`);
      table.putBack(half, clock.now() + RETRY_ASIDE_MS);
      this.#options.onPutBack();
    });
  }

  /** Nobody else is asked about it, or decides it, until `work` is done; then it is open again, or gone. */
  async work<T>(half: OpenHalf, work: () => Promise<T>): Promise<T> {
    const { table, onPutBack } = this.#options;
    const working = work();
    const settled = working.catch(() => undefined);
    this.#working.add(settled);
    table.takeOut(half, settled);
    try {
      return await working;
    } finally {
      this.#working.delete(settled);
      table.putBack(half);
      onPutBack();
    }
  }

  /** Writes down the ends that are only remembered so far. */
  writeEnds(): void {
    this.#retry = undefined;
    for (const end of this.#options.ends.unwritten) void this.#writeEnd(end);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
  }

  /** Resolves when nothing is under way any more, well or not. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled(this.#working);
  }

  async #commit(half: OpenHalf, topic: Topic): Promise<HalfEnd> {
    const { log } = this.#options;
    const message = messageOf(await log.messageAt(half.offset));
    const bytes = encodeMoved(message, half.offset);
    const partition = topic.partition(half.partition);
    topic.checkOpen();
    const committed = endOf(half, 'committed');
    const { id = '' } = message;
    const earlier = partition.rules.earlier(bytes);
    if (earlier !== undefined) {
      const { partition: number, baseOffset, durability } = await earlier;
      const stored = { partition: number, offset: baseOffset, id, durability, isDuplicate: true } as const;
      // What was there already does not say that it is this half: only its end does.
      return await this.#endFirst(half, topic, { ...committed, stored });
    }
    const { baseOffset: offset, durability } = await topic.store(partition, bytes);
    const end: HalfEnd = { ...committed, stored: { partition: half.partition, offset, id, durability } };
    this.#ended(half, topic, end);
    this.#whenWritten.set(end.halfId, () => partition.noteMove(offset));
    void this.#writeEnd(end);
    return end;
  }

  async #abort(half: OpenHalf, topic: Topic): Promise<HalfEnd> {
    return await this.#endFirst(half, topic, endOf(half, 'aborted'));
  }

  async #moveToUnresolved(half: OpenHalf): Promise<void> {
    const { log, topics } = this.#options;
    const topic = await topics.find(half.share.topic);
    if (topic.topicId !== half.share.topicId) throw new MqError('MQ_UNKNOWN_TOPIC', 'its topic was made anew');
    const message = messageOf(await log.messageAt(half.offset));
    const unresolved = await topics.openOwn(unresolvedTopicOf(topic.name), { unresolvedOf: topic.name });
    const batch = rawBatch(encodeMoved(unresolvedOf(message, half), half.offset), 1);
    const partition = unresolved.partition(0);
    const { baseOffset } = await unresolved.sendOwn(batch, partition, { signal: undefined, timeoutMs: 0 });
    const end = endOf(half, 'aborted');
    this.#ended(half, topic, end);
    this.#whenWritten.set(end.halfId, () => partition.noteMove(baseOffset));
    void this.#writeEnd(end);
  }

  /** The end is written, and then it is so. */
  async #endFirst(half: OpenHalf, topic: Topic, end: HalfEnd): Promise<HalfEnd> {
    const { log, table, ends } = this.#options;
    const floor = await log.append({ kind: 'ended', ...end });
    table.remove(half);
    ends.add(end, { floor, isWritten: true });
    topic.entrance.admitWaiting();
    return end;
  }

  /** It is so, and is written later. */
  #ended(half: OpenHalf, topic: Topic, end: HalfEnd): void {
    const { table, ends } = this.#options;
    table.remove(half);
    ends.add(end, { floor: half.offset, isWritten: false });
    topic.entrance.admitWaiting();
  }

  async #writeEnd(end: HalfEnd): Promise<void> {
    const { clock, log, ends, onNotice } = this.#options;
    const writing = log.append({ kind: 'ended', ...end }, { isSynced: true });
    const settled = writing.catch(() => undefined);
    this.#working.add(settled);
    try {
      ends.written(end.halfId, await writing);
      this.#whenWritten.get(end.halfId)?.();
      this.#whenWritten.delete(end.halfId);
    } catch (error) {
      if (this.#isClosed) return; // the next start finds the record
      if (!isMqError(error, 'MQ_STORAGE_FULL'))
        onNotice(`the end of a half message is written later: ${String(error)}`);
      this.#retry ??= clock.setTimer(() => this.writeEnds(), RETRY_MS, { isBackground: true });
    } finally {
      this.#working.delete(settled);
    }
  }
}

function endOf({ halfId, share }: OpenHalf, outcome: HalfEnd['outcome']): HalfEnd {
  return { halfId, topicId: share.topicId, outcome };
}

/** It keeps what happened to it, and does not expire. */
function unresolvedOf({ body, key, id, headers }: EncodableMessage, half: OpenHalf): EncodableMessage {
  const told: Record<string, string> = Object.assign(Object.create(null), headers);
  told[UNRESOLVED_HEADERS.topic] = half.share.topic;
  told[UNRESOLVED_HEADERS.partition] = String(half.partition);
  told[UNRESOLVED_HEADERS.halfId] = half.halfId;
  told[UNRESOLVED_HEADERS.producerGroup] = half.group.name;
  told[UNRESOLVED_HEADERS.checkCount] = String(half.checkCount);
  told[UNRESOLVED_HEADERS.acceptedAt] = String(half.acceptedAt);
  return { body, key, id, headers: told as Headers };
}
