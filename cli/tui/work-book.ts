/**
 * The notes of an application about the work its half messages stand for, as it would keep them in its database: any of its
 * producers reads them, also when the one that did the work is dead.
 *
 *     begun --> done        died before it was done: no note is left, since such work is undone
 *
 * Always true: an answer to the broker is what the notes say, and never changes once it is commit or abort.
 */
import type { HalfOutcome } from '../../shared/contract/half-message.ts';

const REMEMBERED_MAX = 500;

export class WorkBook {
  /** By the id of the message; the oldest are forgotten first. */
  readonly #notes = new Map<string, 'begun' | 'done'>();

  begin(id: string): void {
    this.#notes.set(id, 'begun');
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > REMEMBERED_MAX && oldest !== undefined) this.#notes.delete(oldest);
  }

  finish(id: string): void {
    this.#notes.set(id, 'done');
  }

  /** Who did it died: work that was not done is undone. */
  leave(id: string): void {
    if (this.#notes.get(id) === 'begun') this.#notes.delete(id);
  }

  /** What to say when the broker asks. */
  outcomeOf(id: string): HalfOutcome {
    const note = this.#notes.get(id);
    if (note === undefined) return 'abort';
    return note === 'done' ? 'commit' : 'unknown';
  }
}
