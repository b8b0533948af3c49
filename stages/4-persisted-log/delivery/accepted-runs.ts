/**
 * The acks a group accepted lately, so that repeating one (its answer was lost on the way) succeeds.
 *
 *     oldest   [ token a: 41 .. 44 ]  [ token b: 12 ]  [ token a: 45 .. 60 ]   newest
 *
 * Always true: it remembers the last `countMax` acks, each offset of a run counted; neighbours acked one after the other
 * under one lease are one entry, so remembering costs nearly nothing. It is searched only when an ack shows a lease that is
 * over, which is rare, so a search looks at all of them. Instead of stage 2's `AcceptedTokens`: there each delivery has a
 * token of its own, here a run of them has one.
 */
import type { LeaseClaim } from './desk-surroundings.ts';

export interface AcceptedRun extends Omit<LeaseClaim, 'offset'> {
  readonly fromOffset: number;
  readonly count: number;
  /** The ack also finished what its member had below. Said again it has nothing left to do. */
  readonly isCumulative: boolean;
}

type KeptRun = { -readonly [Member in keyof AcceptedRun]: AcceptedRun[Member] };

export class AcceptedRuns {
  readonly #countMax: number;
  /** Oldest first, from `#first` on. */
  #runs: KeptRun[] = [];
  #first = 0;
  #count = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Oldest first. */
  get runs(): readonly AcceptedRun[] {
    return this.#runs.slice(this.#first);
  }

  remember(run: AcceptedRun): void {
    const last = this.#runs.length > this.#first ? this.#runs.at(-1) : undefined;
    if (last !== undefined && isContinuedBy(last, run)) last.count += run.count;
    else this.#runs.push({ ...run });
    this.#count += run.count;
    if (this.#count > this.#countMax) this.#forgetOldest(this.#count - this.#countMax);
  }

  find(claim: LeaseClaim): AcceptedRun | undefined {
    const index = this.#indexOf(claim);
    return index < 0 ? undefined : this.#runs[index];
  }

  /** One ack of a run was repeated, as a cumulative one. */
  makeCumulative(claim: LeaseClaim): void {
    const index = this.#indexOf(claim);
    const run = this.#runs[index];
    if (run === undefined) return;
    const { fromOffset, count } = run;
    const { offset } = claim;
    const parts = [
      { ...run, fromOffset, count: offset - fromOffset },
      { ...run, fromOffset: offset, count: 1, isCumulative: true },
      { ...run, fromOffset: offset + 1, count: fromOffset + count - offset - 1 },
    ];
    this.#rememberOnly([...this.#runs.slice(this.#first, index), ...parts, ...this.#runs.slice(index + 1)]);
  }

  /** After a seek to `offset` of a partition: acks from there on do not count any more. */
  forgetFrom(partition: number, offset: number): void {
    const isKept = (run: KeptRun): boolean => run.partition !== partition || run.fromOffset + run.count <= offset;
    const cut = (run: KeptRun): KeptRun => (isKept(run) ? run : { ...run, count: offset - run.fromOffset });
    this.#rememberOnly(this.#runs.slice(this.#first).map(cut));
  }

  /** Neighbours become one entry again. */
  #rememberOnly(runs: readonly KeptRun[]): void {
    this.#runs = [];
    this.#first = 0;
    this.#count = 0;
    for (const run of runs) if (run.count > 0) this.remember(run);
  }

  #indexOf({ partition, offset, memberId, token }: LeaseClaim): number {
    for (let index = this.#runs.length - 1; index >= this.#first; index -= 1) {
      const run = this.#runs[index] as KeptRun;
      const isIn = run.partition === partition && offset >= run.fromOffset && offset < run.fromOffset + run.count;
      if (isIn && run.token === token && run.memberId === memberId) return index;
    }
    return -1;
  }

  #forgetOldest(count: number): void {
    let left = count;
    this.#count -= count;
    while (left > 0) {
      const oldest = this.#runs[this.#first] as KeptRun;
      const forgotten = Math.min(left, oldest.count);
      oldest.fromOffset += forgotten;
      oldest.count -= forgotten;
      left -= forgotten;
      if (oldest.count === 0) this.#first += 1;
    }
    if (this.#first < this.#countMax) return;
    this.#runs = this.#runs.slice(this.#first);
    this.#first = 0;
  }
}

function isContinuedBy(last: AcceptedRun, next: AcceptedRun): boolean {
  return (
    last.fromOffset + last.count === next.fromOffset &&
    last.token === next.token &&
    last.partition === next.partition &&
    last.memberId === next.memberId &&
    last.isCumulative === next.isCumulative
  );
}
