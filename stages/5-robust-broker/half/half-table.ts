/**
 * The half messages that are not decided yet: what is known of each, whom to ask about it and when. No bodies: those stay
 * in the log.
 *
 *                      due                        taken: checkCount + 1, due again after the interval
 *     [ scheduled ] ---------> [ askable, per producer group ] ---------> [ scheduled ] ...
 *           |                        nobody there: it stays, and is not counted
 *           +-- due, and asked `checksMax` times already: exhausted
 *           +-- taken out, while somebody decides it or it is written again; put back when that failed
 *
 * Always true:
 *   - I12: an open half is scheduled, or askable, or taken out
 *   - the halves stand in the order of their offsets, so the oldest one says what the log must keep
 *   - I15: what a topic has reserved is the room its halves take once they are committed, those being written included
 * A state machine: no clock, no disk. Only the half messages of the broker use it.
 */
import assert from 'node:assert/strict';
import { Heap, type HeapNode } from '../../2-ring-buffer/heap.ts';
import type { CheckSchedule, HalfFacts, LogPlace, OpenHalf, TopicShare } from './half.ts';

interface ProducerGroup {
  readonly name: string;
  readonly askable: Heap<OpenHalf>;
  /** Its open halves. */
  count: number;
}

interface Entry extends OpenHalf {
  readonly group: ProducerGroup;
  offset: number;
  logBytes: number;
  checkCount: number;
  nextCheckAt: number;
  busy: Promise<unknown> | undefined;
  heap: Heap<OpenHalf> | undefined;
  node: HeapNode<OpenHalf> | undefined;
}

export class HalfTable {
  readonly #schedule: CheckSchedule;
  readonly #open = new Map<string, Entry>();
  readonly #scheduled = new Heap<OpenHalf>(isBefore);
  readonly #groups = new Map<string, ProducerGroup>();
  readonly #shares = new Map<string, TopicShare>();
  #reservedCount = 0;
  #logBytes = 0;

  constructor(schedule: CheckSchedule) {
    this.#schedule = schedule;
  }

  /** Those being written included. */
  get count(): number {
    return this.#reservedCount;
  }

  /** Of those that are written. */
  get openCount(): number {
    return this.#open.size;
  }

  /** What they take in the log. */
  get logBytes(): number {
    return this.#logBytes;
  }

  /** When `becomeAskable` has something to do next. */
  get nextDueAt(): number | undefined {
    return this.#scheduled.first?.nextCheckAt;
  }

  /** The one with the lowest offset. */
  get oldest(): OpenHalf | undefined {
    return this.#open.values().next().value;
  }

  shareOf(topicId: string): Readonly<TopicShare> | undefined {
    return this.#shares.get(topicId);
  }

  get shares(): Iterable<Readonly<TopicShare>> {
    return this.#shares.values();
  }

  find(halfId: string): OpenHalf | undefined {
    return this.#open.get(halfId);
  }

  /** Of one topic, in the order of their offsets. */
  ofTopic(topicId: string): OpenHalf[] {
    const share = this.#shares.get(topicId);
    return share === undefined ? [] : [...this.#open.values()].filter((half) => half.share === share);
  }

  /** Takes room before it is written; `add` or `unreserve` follows. */
  reserve({ topic, topicId, heldBytes }: Pick<HalfFacts, 'topic' | 'topicId' | 'heldBytes'>): void {
    const share = this.#shares.get(topicId) ?? { topic, topicId, count: 0, heldBytes: 0 };
    this.#shares.set(topicId, share);
    this.#grow(share, 1, heldBytes);
  }

  unreserve({ topicId, heldBytes }: Pick<HalfFacts, 'topicId' | 'heldBytes'>): void {
    const share = this.#shares.get(topicId);
    if (share !== undefined) this.#grow(share, -1, -heldBytes);
  }

  /** It is in the log, behind all others. Its room is reserved. */
  add(facts: HalfFacts, { offset, logBytes }: LogPlace): OpenHalf {
    const { halfId, topicId, partition, acceptedAt, heldBytes, checkCount, nextCheckAt } = facts;
    const share = this.#shares.get(topicId);
    assert(share !== undefined, 'its room is reserved');
    const group = this.#groupNamed(facts.producerGroup);
    group.count += 1;
    const times = { acceptedAt, checkCount, nextCheckAt };
    const nowhere = { busy: undefined, heap: undefined, node: undefined };
    const half: Entry = { halfId, share, group, partition, heldBytes, offset, logBytes, ...times, ...nowhere };
    this.#open.set(halfId, half);
    this.#logBytes += logBytes;
    this.#place(half, this.#scheduled);
    return half;
  }

  /** It was written again: it is the youngest of the log now. */
  carried(half: OpenHalf, { offset, logBytes }: LogPlace): void {
    const entry = this.#entryOf(half);
    if (entry === undefined) return;
    this.#logBytes += logBytes - entry.logBytes;
    entry.offset = offset;
    entry.logBytes = logBytes;
    this.#open.delete(half.halfId);
    this.#open.set(half.halfId, entry);
  }

  /** Asked so often, due again then: what the log says after a start. */
  checked({ halfId, checkCount, nextCheckAt }: Pick<HalfFacts, 'halfId' | 'checkCount' | 'nextCheckAt'>): void {
    const entry = this.#open.get(halfId);
    if (entry === undefined) return;
    this.#takeAway(entry);
    entry.checkCount = checkCount;
    entry.nextCheckAt = nextCheckAt;
    if (entry.busy === undefined) this.#place(entry, this.#scheduled);
  }

  /** What is due can be asked about from now on, by these groups; what was asked about too often is answered. */
  becomeAskable(now: number): { readonly exhausted: OpenHalf[]; readonly groups: ReadonlySet<string> } {
    const exhausted: OpenHalf[] = [];
    const groups = new Set<string>();
    for (let first = this.#scheduled.first; first !== undefined; first = this.#scheduled.first) {
      if (first.nextCheckAt > now) break;
      const entry = this.#entryOf(first);
      if (entry === undefined) break;
      this.#takeAway(entry);
      if (entry.checkCount >= this.#schedule.checksMax) exhausted.push(entry);
      else {
        this.#place(entry, entry.group.askable);
        groups.add(entry.group.name);
      }
    }
    return { exhausted, groups };
  }

  askableCountOf(producerGroup: string): number {
    return this.#groups.get(producerGroup)?.askable.size ?? 0;
  }

  /**
   * At most `max` that the group can be asked about, of `bytesMax` together but at least one, longest due first; each
   * counts as asked, and waits again.
   */
  take(
    producerGroup: string,
    { max, bytesMax, now }: { readonly max: number; readonly bytesMax: number; readonly now: number },
  ): OpenHalf[] {
    const askable = this.#groups.get(producerGroup)?.askable;
    const taken: OpenHalf[] = [];
    let bytes = 0;
    for (let half = askable?.first; half !== undefined && taken.length < max; half = askable?.first) {
      bytes += half.heldBytes;
      if (bytes > bytesMax && taken.length > 0) break;
      const { halfId, checkCount } = half;
      this.checked({ halfId, checkCount: checkCount + 1, nextCheckAt: now + this.#schedule.intervalMs });
      taken.push(half);
    }
    return taken;
  }

  /** Nobody was asked after all: it is due at once, and was asked once less. */
  giveBack(half: OpenHalf, now: number): void {
    this.checked({ halfId: half.halfId, checkCount: half.checkCount - 1, nextCheckAt: now });
  }

  /** Somebody works on it, who is done when `work` settles: nobody is asked meanwhile. */
  takeOut(half: OpenHalf, work: Promise<unknown>): void {
    const entry = this.#entryOf(half);
    if (entry === undefined) return;
    this.#takeAway(entry);
    entry.busy = work;
  }

  /** It is open as before, to be asked about not before `notBefore`. */
  putBack(half: OpenHalf, notBefore = 0): void {
    const entry = this.#entryOf(half);
    if (entry === undefined) return;
    entry.busy = undefined;
    entry.nextCheckAt = Math.max(entry.nextCheckAt, notBefore);
    this.#takeAway(entry);
    this.#place(entry, this.#scheduled);
  }

  /** It is decided, or its topic is gone. */
  remove(half: OpenHalf): void {
    const entry = this.#entryOf(half);
    if (entry === undefined) return;
    this.#takeAway(entry);
    this.#open.delete(half.halfId);
    this.#logBytes -= entry.logBytes;
    entry.group.count -= 1;
    if (entry.group.count === 0) this.#groups.delete(entry.group.name);
    this.#grow(entry.share, -1, -entry.heldBytes);
  }

  removeAllOf(topicId: string): void {
    for (const half of this.ofTopic(topicId)) this.remove(half);
  }

  #grow(share: TopicShare, count: number, heldBytes: number): void {
    share.count += count;
    share.heldBytes += heldBytes;
    this.#reservedCount += count;
    if (share.count === 0) this.#shares.delete(share.topicId);
  }

  #groupNamed(name: string): ProducerGroup {
    const group = this.#groups.get(name) ?? { name, askable: new Heap<OpenHalf>(isBefore), count: 0 };
    this.#groups.set(name, group);
    return group;
  }

  #place(entry: Entry, heap: Heap<OpenHalf>): void {
    entry.heap = heap;
    entry.node = heap.push(entry);
  }

  #takeAway(entry: Entry): void {
    if (entry.node !== undefined) entry.heap?.remove(entry.node);
    entry.heap = undefined;
    entry.node = undefined;
  }

  /** undefined for one that was removed meanwhile. */
  #entryOf(half: OpenHalf): Entry | undefined {
    const entry = this.#open.get(half.halfId);
    return entry === half ? entry : undefined;
  }
}

function isBefore(one: OpenHalf, other: OpenHalf): boolean {
  return one.nextCheckAt < other.nextCheckAt || (one.nextCheckAt === other.nextCheckAt && one.offset < other.offset);
}
