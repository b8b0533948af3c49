/**
 * The half messages of a producer of the screen, and its answers for those of its producer group.
 *
 *     sendHalf --> works --> the note "done" --> a pause --> endHalf commit
 *                  |                         \-- dies: the broker asks, another of the group reads the note: commit
 *                  \-- dies: the broker asks, there is no note: abort
 *
 * Always true: a half message is decided once; an end whose answer was lost is said again until it is answered, which the
 * contract allows.
 */
import { isMqError } from '../../shared/contract/errors.ts';
import type { EndHalfOptions, HalfCheck } from '../../shared/contract/half-message.ts';
import type { Message, Receipt } from '../../shared/contract/message.ts';
import { type Place, rest, WAIT_MS } from './actor.ts';
import type { WorkBook } from './work-book.ts';

const PRODUCER_GROUP = 'shop';
/** The work, and then a while in which to die with the work done and nothing said. */
const [WORK_MS, SILENT_MS] = [3000, 3000];
/** A little longer than both. */
const CHECK_AFTER_MS = 8000;
/** Between a question and its answer, so that both are seen. */
const THINK_MS = 800;
const AGAIN_MS = 300;

export class HalfSender {
  readonly #owner: string;
  readonly #place: Place;
  readonly #book: WorkBook;
  /** Ids of messages whose work is under way. */
  readonly #underWay = new Set<string>();

  constructor(owner: string, place: Place, book: WorkBook) {
    this.#owner = owner;
    this.#place = place;
    this.#book = book;
  }

  /** Half messages it has not said the end of. */
  get underWayCount(): number {
    return this.#underWay.size;
  }

  /** Answers the questions of the broker until `life` ends. */
  begin(life: AbortSignal): void {
    if (this.#place.broker.capabilities.has('half-message')) void this.#answer(life);
  }

  /** What it worked on is undone; what was done stays done, and nobody says so. */
  crash(): void {
    for (const id of this.#underWay) this.#book.leave(id);
    this.#underWay.clear();
  }

  /** Sends one, does the work, and commits. */
  async send(message: Message & { readonly id: string }, life: AbortSignal): Promise<void> {
    const { broker, topic, observer } = this.#place;
    const { id } = message;
    const told = { who: this.#owner, id };
    this.#underWay.add(id);
    this.#book.begin(id);
    try {
      const asked = { producerGroup: PRODUCER_GROUP, checkAfterMs: CHECK_AFTER_MS, signal: life };
      const { halfId } = await broker.sendHalf(topic, message, asked);
      if (life.aborted) return;
      observer.tell('plain', 'event.halfSent', told);
      await rest(this.#place, { ms: WORK_MS, signal: life });
      if (life.aborted) return;
      this.#book.finish(id);
      observer.tell('plain', 'event.halfWorked', told);
      await rest(this.#place, { ms: SILENT_MS, signal: life });
      if (!life.aborted) await this.#end({ id, halfId, outcome: 'commit' }, life);
    } catch (error) {
      this.#tell(error, life);
      this.#book.leave(id);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Somebody decides, whatever the notes say. */
  async decide(half: { readonly id: string; readonly halfId: string }, outcome: 'commit' | 'abort', life: AbortSignal) {
    try {
      await this.#end({ ...half, outcome }, life);
    } catch (error) {
      this.#tell(error, life);
    }
  }

  async #answer(life: AbortSignal): Promise<void> {
    const { broker } = this.#place;
    while (!life.aborted) {
      try {
        const checks = await broker.receiveHalfChecks(PRODUCER_GROUP, { waitMs: WAIT_MS, signal: life });
        for (const check of checks) await this.#answerOne(check, life);
      } catch (error) {
        if (!isMqError(error)) throw error;
        if (error.code === 'MQ_CLOSED') return;
        if (error.code !== 'MQ_CONNECTION_LOST') this.#tell(error, life);
        await rest(this.#place, { ms: AGAIN_MS, signal: life });
      }
    }
  }

  async #answerOne({ id, halfId, checkCount, checksMax }: HalfCheck, life: AbortSignal): Promise<void> {
    const told = { who: this.#owner, id, count: checkCount, max: checksMax };
    this.#place.observer.tell('warn', 'event.halfAsked', told);
    await rest(this.#place, { ms: THINK_MS, signal: life });
    if (!life.aborted) await this.#end({ id, halfId, outcome: this.#book.outcomeOf(id) }, life);
  }

  async #end({ id, halfId, outcome }: EndHalfOptions & { readonly id: string }, life: AbortSignal): Promise<void> {
    const { observer, clock } = this.#place;
    const startedAtMs = clock.monotonicMs();
    const receipt = await this.#endSurely({ halfId, outcome }, life);
    if (life.aborted) return;
    const told = { who: this.#owner, id, offset: receipt?.offset ?? '-' };
    observer.tell(outcome === 'commit' ? 'good' : 'warn', `event.half.${outcome}`, told);
    if (receipt !== null) observer.onSent({ receipt, startedAtMs });
  }

  async #endSurely(end: EndHalfOptions, life: AbortSignal): Promise<Receipt | null> {
    const { broker, topic } = this.#place;
    for (;;) {
      try {
        return await broker.endHalf(topic, end);
      } catch (error) {
        if (life.aborted || !isMqError(error, 'MQ_CONNECTION_LOST')) throw error;
        await rest(this.#place, { ms: AGAIN_MS, signal: life });
      }
    }
  }

  #tell(error: unknown, life: AbortSignal): void {
    if (!isMqError(error)) throw error;
    if (life.aborted || error.code === 'MQ_CLOSED') return;
    const { observer } = this.#place;
    if (error.code === 'MQ_TRANSACTION_ENDED') observer.tell('warn', 'event.halfDecided', { who: this.#owner });
    else observer.tell('warn', 'event.readerError', { who: this.#owner, code: error.code });
  }
}
