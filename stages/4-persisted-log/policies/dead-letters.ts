/**
 * Where messages go that a group cannot finish: a topic of their own, with what happened to them as headers.
 *
 *     group "kitchen" of "orders" --- bury ---> $dead/orders/kitchen --- redrive ---> "orders", for "kitchen" only
 *                                                     |
 *                                                     +-- drop ---> gone
 *
 * Always true:
 *   - I20: a dead letter is safe in its topic before the group is done with the message
 *   - one that was kept just before a crash, and of which the group does not know, is not kept twice
 *   - a dead letter is gone once its copy in the topic it came from is safe; when everything below it is gone too its bytes
 *     are released
 * The topics use it: `Burials` the one that messages die in, `DeadLetterBox` the one that keeps them.
 */
import { DEAD_LETTER_HEADERS, type Headers } from '../../../shared/contract/message.ts';
import type { EncodableMessage, LogRecord } from '../bytes/record.ts';
import type { DyingRecord } from '../delivery/desk-surroundings.ts';
import type { JournalEvent } from '../delivery/group-events.ts';
import { type OffsetSpan, OffsetSpans } from '../delivery/offset-spans.ts';
import { batchFrom } from '../log-reading.ts';
import type { Partition } from '../partition.ts';

/** As many letters as are on their way at once, and some: so far back may be one whose message the group still has. */
const LOOKED_BACK_COUNT = 128;

/** A group, as a dead letter and a journal name it. */
export interface DyingGroup {
  readonly topic: string;
  readonly name: string;
  readonly groupId: number;
}

/** The letter about a message that died. It does not expire, and is of no priority. */
function deadLetterOf({ topic, name }: Omit<DyingGroup, 'groupId'>, dying: DyingRecord): EncodableMessage {
  const { record, partition, why, deliveryCount, firstAt, lastAt, error } = dying;
  const headers: Record<string, string> = Object.assign(Object.create(null), record.headers);
  headers[DEAD_LETTER_HEADERS.topic] = topic;
  headers[DEAD_LETTER_HEADERS.group] = name;
  headers[DEAD_LETTER_HEADERS.partition] = String(partition);
  headers[DEAD_LETTER_HEADERS.offset] = String(record.offset);
  headers[DEAD_LETTER_HEADERS.reason] = why;
  headers[DEAD_LETTER_HEADERS.deliveryCount] = String(deliveryCount);
  headers[DEAD_LETTER_HEADERS.lastAt] = String(lastAt);
  delete headers[DEAD_LETTER_HEADERS.firstAt];
  delete headers[DEAD_LETTER_HEADERS.error];
  if (firstAt !== undefined) headers[DEAD_LETTER_HEADERS.firstAt] = String(firstAt);
  if (error !== undefined) headers[DEAD_LETTER_HEADERS.error] = error;
  const { body, key, id } = record;
  return { body, key, id, headers };
}

/** A letter on its way back: for its group only, with its history. */
export function redrivenOf(letter: LogRecord, group: string): EncodableMessage {
  const { body, key, id, headers, offset } = letter;
  return { body, key, id, headers, forGroup: group, movedFrom: { log: 'dead', offset } };
}

/** Where a letter's message was; partition 0 when there is no such partition any more. */
export function originOf(
  { headers }: Pick<LogRecord, 'headers'>,
  partitionCount: number,
): { readonly partition: number; readonly offset: number } {
  const partition = numberIn(headers, DEAD_LETTER_HEADERS.partition);
  const offset = numberIn(headers, DEAD_LETTER_HEADERS.offset);
  return { partition: partition < partitionCount ? partition : 0, offset };
}

function numberIn(headers: Headers, name: string): number {
  const number = Number(headers[name] ?? 'none');
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

export interface DeadLetterBoxOptions {
  readonly partition: Partition;
  readonly record: (event: JournalEvent) => void;
  /** What was taken out so far. */
  readonly gone?: Iterable<OffsetSpan> | undefined;
}

/** The dead letters of one group, in their topic. */
export class DeadLetterBox {
  readonly gone: OffsetSpans;
  readonly #partition: Partition;
  readonly #record: (event: JournalEvent) => void;
  /** One redrive or drop after the other, so that no letter is taken twice. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ partition, record, gone = [] }: DeadLetterBoxOptions) {
    this.#partition = partition;
    this.#record = record;
    this.gone = OffsetSpans.of(gone);
  }

  get count(): number {
    return this.#partition.heldCount - this.gone.size;
  }

  /** Does `work` when all that came before is done. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return await done;
  }

  /** Oldest first, at most `max`, and only those with one of the `ids` when there are any. */
  async pick({
    max,
    ids,
  }: {
    readonly max: number;
    readonly ids: ReadonlySet<string> | undefined;
  }): Promise<LogRecord[]> {
    const picked: LogRecord[] = [];
    await this.#visit(this.#partition.logStartOffset, (letter) => {
      if (ids === undefined || ids.has(letter.id)) picked.push(letter);
      return picked.length < max;
    });
    return picked;
  }

  /** The letters from `offset` on, by the death each one is about. */
  async deathsFrom(offset: number): Promise<Map<string, number>> {
    const deaths = new Map<string, number>();
    await this.#visit(Math.max(offset, this.#partition.logStartOffset), (letter) => {
      deaths.set(deathIn(letter.headers), letter.offset);
      return true;
    });
    return deaths;
  }

  /** They are where they went. The caller waits for the journal. */
  remove(offsets: readonly number[]): void {
    for (const { from, below } of OffsetSpans.of(offsets.map((offset) => ({ from: offset, below: offset + 1 })))
      .spans) {
      this.#record({ kind: 'dead-gone', fromOffset: from, count: below - from });
      this.noteGone({ fromOffset: from, count: below - from });
    }
    this.release();
  }

  /**
   * At the start: the letter's copy is in the topic it came from. True when that is news, which is recorded: the next
   * snapshot of that topic has the copy behind it, and then nobody would find it again.
   */
  noteCopy(offset: number): boolean {
    if (this.gone.has(offset) || offset < this.#partition.logStartOffset) return false;
    this.#record({ kind: 'dead-gone', fromOffset: offset, count: 1 });
    this.noteGone({ fromOffset: offset, count: 1 });
    return true;
  }

  noteGone({ fromOffset, count }: { readonly fromOffset: number; readonly count: number }): void {
    this.gone.add({ from: fromOffset, below: fromOffset + count });
  }

  /** What is gone up to the first that is not needs no bytes any more. */
  release(): void {
    const floor = Math.min(this.gone.firstGapFrom(this.#partition.logStartOffset), this.#partition.highWatermark);
    if (floor === this.#partition.logStartOffset) return;
    this.gone.forgetBelow(floor);
    this.#partition.releaseBelow(floor);
  }

  async #visit(from: number, visit: (letter: LogRecord) => boolean): Promise<void> {
    const { log, highWatermark } = this.#partition;
    for (let next = from; next < highWatermark; ) {
      const batch = await batchFrom(log, next);
      if (batch === undefined) return;
      for (next = Math.max(next, batch.baseOffset); next < batch.nextOffset; next += 1) {
        if (!this.gone.has(next) && !visit(batch.recordAt(next))) return;
      }
    }
  }
}

/** Where the letters of a group go. */
export interface OpenedBox {
  readonly box: DeadLetterBox;
  /** Answers its offset when the letter is safe. */
  keep(letter: EncodableMessage): Promise<number>;
}

/** The box of a group, made when its first message dies. */
export type OpenBox = (group: string) => Promise<OpenedBox>;

export interface BurialsOptions {
  readonly openBox: OpenBox;
  readonly record: (event: JournalEvent) => void;
  /** Resolves when what was recorded so far is as safe as the flush policy says. */
  readonly flushed: () => Promise<void>;
  /** Group numbers, and the last letter the journal knows of. */
  readonly lastKept?: Iterable<readonly [group: number, deadOffset: number]> | undefined;
}

/** Messages of one topic on their way to the dead letters of their groups. */
export class Burials {
  /** By group number: the last letter its journal knows of. */
  readonly lastKept: Map<number, number>;
  readonly #options: BurialsOptions;
  readonly #current = new Set<Promise<void>>();
  /** By group number: letters that were kept before the last start, and of which the group may not know. */
  readonly #unknown = new Map<number, Promise<Map<string, number>>>();

  constructor(options: BurialsOptions) {
    this.#options = options;
    this.lastKept = new Map(options.lastKept);
  }

  /** Resolves when the letter is safe. */
  async bury(group: DyingGroup, dying: DyingRecord): Promise<void> {
    const burial = this.#bury(group, dying);
    this.#current.add(burial);
    try {
      await burial;
    } finally {
      this.#current.delete(burial);
    }
  }

  /** Resolves when all that began so far has ended, well or not. */
  async settled(): Promise<void> {
    if (this.#current.size > 0) await Promise.allSettled(this.#current);
  }

  noteKept({ group, deadOffset }: { readonly group: number; readonly deadOffset: number }): void {
    this.lastKept.set(group, Math.max(this.lastKept.get(group) ?? 0, deadOffset));
  }

  async #bury(group: DyingGroup, dying: DyingRecord): Promise<void> {
    const { groupId } = group;
    // A group that forgot the death in a crash would hand the message out beside its letter.
    await this.#options.flushed();
    const { box, keep } = await this.#options.openBox(group.name);
    const from = (this.lastKept.get(groupId) ?? 0) - LOOKED_BACK_COUNT;
    if (!this.#unknown.has(groupId)) this.#unknown.set(groupId, box.deathsFrom(from));
    const unknown = await this.#unknown.get(groupId);
    const letter = deadLetterOf(group, dying);
    const deadOffset = unknown?.get(deathIn(letter.headers)) ?? (await keep(letter));
    this.noteKept({ group: groupId, deadOffset });
    this.#options.record({
      kind: 'dead-kept',
      group: groupId,
      partition: dying.partition,
      offset: dying.record.offset,
      deadOffset,
    });
  }
}

/** Which message died, and when: after a seek it may die again. */
function deathIn(headers: Headers | undefined): string {
  const { partition, offset, lastAt } = DEAD_LETTER_HEADERS;
  return `${headers?.[partition]}:${headers?.[offset]}:${headers?.[lastAt]}`;
}
