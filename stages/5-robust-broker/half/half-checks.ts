/**
 * Asks producers what became of their half messages: questions fall due, and go to whoever of the producer group comes.
 *
 *     half is due --> [ askable ] --> a call of the group that waits, or the next one --> counted, on the disk, handed out
 *
 * Always true:
 *   - I13: a question is counted before it is handed out, and the count is as safe as the flush policy says: no half is
 *     asked about more often than `checksMax` times, whatever crashes when
 *   - one that nobody asks for waits and is not counted; one that was handed out goes to nobody else for the interval
 *   - calls of one group are answered in the order in which they came
 * Time is that of the wall clock, as it has to outlast a restart. Only the half messages of the broker use it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { abortedError } from '../../../shared/contract/errors.ts';
import type { HalfCheck } from '../../../shared/contract/half-message.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import { WaiterLine, waitersError } from '../../1-blocking-queue/waiter-line.ts';
import { WallTimer } from '../../4-persisted-log/wall-timer.ts';
import type { OpenHalf } from './half.ts';
import type { HalfLog } from './half-log.ts';
import { readOpenHalf } from './half-reading.ts';
import type { HalfTable } from './half-table.ts';

/** Who asks, for how many, and how long it waits for the first. */
export interface CheckWant {
  readonly producerGroup: string;
  readonly max: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface HalfChecksOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly table: HalfTable;
  readonly log: HalfLog;
  readonly checksMax: number;
  /** It was asked about as often as it may be, and the interval after the last time is over. */
  readonly onExhausted: (half: OpenHalf) => void;
}

type CheckLine = WaiterLine<CheckWant, Promise<readonly HalfCheck[]>>;

export class HalfChecks {
  readonly #options: HalfChecksOptions;
  readonly #timer: WallTimer;
  /** By producer group; only those with somebody in them. */
  readonly #lines = new Map<string, CheckLine>();
  #isClosed = false;

  constructor(options: HalfChecksOptions) {
    this.#options = options;
    this.#timer = new WallTimer(options.clock, () => this.#look());
  }

  /** Something may fall due sooner than was known. */
  arm(): void {
    if (!this.#isClosed) this.#timer.set(this.#options.table.nextDueAt);
  }

  /** Questions that are due for the group, or, after `waitMs` without one, none. */
  async receive(want: CheckWant): Promise<readonly HalfCheck[]> {
    const { producerGroup, waitMs, signal } = want;
    if (signal?.aborted) throw abortedError(signal);
    this.#look();
    const line = this.#lines.get(producerGroup) ?? this.#newLine();
    if (line.size === 0 && this.#options.table.askableCountOf(producerGroup) > 0) return await this.#ask(want);
    if (waitMs === 0 || this.#isClosed) return [];
    this.#checkMayWait();
    this.#lines.set(producerGroup, line);
    const onLeave = (): void => this.#forgetEmpty(producerGroup);
    const onTimeout = async (): Promise<readonly HalfCheck[]> => [];
    return await await line.wait(want, { signal, timeoutMs: waitMs, onTimeout, onLeave });
  }

  /** Whoever waits is answered empty; nobody is asked any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer.set(undefined);
    for (const line of this.#lines.values()) line.settleAll((call) => call.serve(Promise.resolve([])));
    this.#lines.clear();
  }

  /** What has fallen due goes to those who wait for it. */
  #look(): void {
    if (this.#isClosed) return;
    const { table, clock, onExhausted } = this.#options;
    const { exhausted, groups } = table.becomeAskable(clock.now());
    for (const half of exhausted) onExhausted(half);
    for (const producerGroup of groups) this.#serve(producerGroup);
    this.arm();
  }

  #serve(producerGroup: string): void {
    const line = this.#lines.get(producerGroup);
    for (let call = line?.first; call !== undefined; call = line?.first) {
      if (this.#options.table.askableCountOf(producerGroup) === 0) break;
      call.serve(this.#ask(call.want));
    }
    this.#forgetEmpty(producerGroup);
  }

  async #ask({ producerGroup, max, signal }: CheckWant): Promise<readonly HalfCheck[]> {
    const { table, clock, limits } = this.#options;
    const taken = table.take(producerGroup, { max, bytesMax: limits.receiveBytesMax, now: clock.now() });
    try {
      await this.#count(taken);
    } catch (error) {
      this.#giveBack(taken);
      throw error;
    } finally {
      this.arm();
    }
    if (signal?.aborted !== true) return await this.#questionsAbout(taken);
    this.#giveBack(taken);
    // Should it not be written, one question more is counted than was asked: never one less.
    await this.#count(taken).catch(() => undefined);
    throw abortedError(signal);
  }

  /** Writes down how often each was asked about. */
  async #count(halves: readonly OpenHalf[]): Promise<void> {
    const checks = halves.map(({ halfId, checkCount, nextCheckAt }) => ({ halfId, checkCount, nextCheckAt }));
    await this.#options.log.append({ kind: 'checks', checks });
  }

  #giveBack(halves: readonly OpenHalf[]): void {
    const now = this.#options.clock.now();
    for (const half of halves) this.#options.table.giveBack(half, now);
    this.arm();
  }

  /** What was decided meanwhile is no question any more; one that cannot be read keeps no other back. */
  async #questionsAbout(halves: readonly OpenHalf[]): Promise<readonly HalfCheck[]> {
    const results = await Promise.allSettled(halves.map((half) => this.#questionAbout(half)));
    const checks = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []));
    const failed = results.find((result) => result.status === 'rejected');
    if (checks.length === 0 && failed !== undefined) throw failed.reason;
    return checks;
  }

  async #questionAbout(half: OpenHalf): Promise<HalfCheck | undefined> {
    const { halfId, share, group, checkCount, acceptedAt } = half;
    const record = await readOpenHalf(this.#options, half);
    if (record === undefined) return undefined;
    const { id, key, headers, body } = record;
    const message = { id, headers, body, timestamp: acceptedAt, ...(key === undefined ? {} : { key }) };
    const { checksMax } = this.#options;
    return { halfId, topic: share.topic, producerGroup: group.name, checkCount, checksMax, ...message };
  }

  #newLine(): CheckLine {
    const { clock, limits } = this.#options;
    return new WaiterLine({ clock, limits, calls: 'calls for questions' });
  }

  #checkMayWait(): void {
    const { waitersCountMax } = this.#options.limits;
    let count = 0;
    for (const { size } of this.#lines.values()) count += size;
    if (count >= waitersCountMax) throw waitersError('calls for questions', waitersCountMax);
  }

  #forgetEmpty(producerGroup: string): void {
    if (this.#lines.get(producerGroup)?.size === 0) this.#lines.delete(producerGroup);
  }
}
