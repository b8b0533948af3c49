/**
 * The deliveries that went out on one connection and are not finished, as the runs they went out in.
 *
 *     token -> [ from 120, count 4, left 3, done . x . . ]          one entry for each lease, not for each message
 *
 * Always true: a delivery is in it from the moment it was written until it is finished, or its lease must have ended;
 * nothing is searched for, and nothing is kept per message until a run is finished in part. The server ends with it what
 * a connection that breaks leaves behind; the client counts with it what is unfinished.
 */
import type { DeliveryRef } from '../../../../shared/contract/message.ts';

/** Which deliveries: those from `fromOffset` on, `count` of them. */
export interface HeldRun {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
  readonly leaseToken: string;
}

interface Entry {
  readonly run: HeldRun;
  left: number;
  /** Offsets that are finished, counted from `fromOffset`; made when the first one is. */
  done: Uint8Array | undefined;
  /** Monotonic ms; then its lease must have ended. */
  endsAtMs: number;
  /** Runs of the same lease that do not follow each other. */
  more: Entry | undefined;
}

export class LeaseLedger {
  readonly #entries = new Map<string, Entry>();
  #count = 0;

  /** Deliveries that are not finished. */
  get count(): number {
    return this.#count;
  }

  /** The same of one member, of one topic or of all. Looks through all of them. */
  countOf(of: Pick<HeldRun, 'group' | 'memberId'> & { readonly topic?: string | undefined }): number {
    let count = 0;
    for (const first of this.#entries.values()) {
      const { topic, group, memberId } = first.run;
      if (group !== of.group || memberId !== of.memberId || (of.topic ?? topic) !== topic) continue;
      for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.more) count += entry.left;
    }
    return count;
  }

  add(run: HeldRun, endsAtMs: number): void {
    const more = this.#entries.get(run.leaseToken);
    this.#entries.set(run.leaseToken, { run, left: run.count, done: undefined, endsAtMs, more });
    this.#count += run.count;
  }

  /** Answers how many of the `count` deliveries from `fromOffset` on were unfinished until now. */
  finish(leaseToken: string, fromOffset: number, count: number): number {
    const first = this.#entries.get(leaseToken);
    let finished = 0;
    let isLeft = false;
    for (let entry = first; entry !== undefined; entry = entry.more) {
      finished += finishWithin(entry, fromOffset, count);
      if (entry.left > 0) isLeft = true;
    }
    if (first !== undefined && !isLeft) this.#entries.delete(leaseToken);
    this.#count -= finished;
    return finished;
  }

  /** All that this member holds of the partition up to and including `offset`. */
  finishUpTo(of: Pick<HeldRun, 'topic' | 'group' | 'memberId' | 'partition'>, offset: number): number {
    let finished = 0;
    for (const [token, first] of this.#entries) {
      const { run } = first;
      if (run.topic !== of.topic || run.group !== of.group || run.memberId !== of.memberId) continue;
      if (run.partition === of.partition) finished += this.finish(token, 0, offset + 1);
    }
    return finished;
  }

  /** The lease of some of these was prolonged. */
  prolong(leaseToken: string, endsAtMs: number): void {
    const first = this.#entries.get(leaseToken);
    if (first === undefined) return;
    first.endsAtMs = Math.max(first.endsAtMs, endsAtMs);
    // Behind those that end sooner, as far as that is known.
    this.#entries.delete(leaseToken);
    this.#entries.set(leaseToken, first);
  }

  /** Forgets the oldest ones whose leases have ended; answers how many deliveries those were. */
  sweep(nowMs: number): number {
    let forgotten = 0;
    for (const [token, first] of this.#entries) {
      if (first.endsAtMs > nowMs) break;
      this.#entries.delete(token);
      for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.more) forgotten += entry.left;
    }
    this.#count -= forgotten;
    return forgotten;
  }

  /** When the oldest of them must have ended; undefined when there are none. */
  get endsAtMs(): number | undefined {
    for (const entry of this.#entries.values()) return entry.endsAtMs;
    return undefined;
  }

  /** Each delivery that is not finished. */
  *refs(): IterableIterator<DeliveryRef> {
    for (const first of this.#entries.values()) {
      for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.more) yield* refsOf(entry);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#count = 0;
  }
}

function finishWithin(entry: Entry, fromOffset: number, count: number): number {
  const { run } = entry;
  const from = Math.max(fromOffset, run.fromOffset);
  const end = Math.min(fromOffset + count, run.fromOffset + run.count);
  if (from >= end) return 0;
  let finished = 0;
  if (end - from === run.count) finished = entry.left;
  else {
    entry.done ??= new Uint8Array(run.count);
    for (let index = from - run.fromOffset; index < end - run.fromOffset; index += 1) {
      if (entry.done[index] === 0) finished += 1;
      entry.done[index] = 1;
    }
  }
  entry.left -= finished;
  return finished;
}

function* refsOf({ run, done, left }: Entry): IterableIterator<DeliveryRef> {
  if (left === 0) return;
  const { topic, group, memberId, partition, leaseToken } = run;
  for (let index = 0; index < run.count; index += 1) {
    if (done?.[index] === 1) continue;
    yield { topic, partition, offset: run.fromOffset + index, group, memberId, leaseToken };
  }
}
