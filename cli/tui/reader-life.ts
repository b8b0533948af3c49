/**
 * Being alive, paused or crashed: what a consumer and a log reader have in common.
 *
 *     begin -> turn, turn, turn ... -> end -> begin -> ...        togglePause: between two steps of a turn
 *
 * Always true: after `end` no turn of that life has any effect (its signal is aborted), and a pause takes hold at the
 * next `ready`, with the call that waits at the broker aborted at once.
 */
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import { type Place, type ReaderState, rest } from './actor.ts';

/** How long a reader that met an error rests before its next turn. */
const REST_AFTER_ERROR_MS = 500;

/** How long the work on one message takes. */
export interface WorkTimes {
  readonly ms: number;
  readonly slowMs: number;
}

export class ReaderLife {
  readonly #name: string;
  readonly #place: Place;
  /** Aborted when this life ends; undefined while crashed. */
  #life: AbortController | undefined;
  /** Aborts only the call that waits at the broker, so that a paused reader takes nothing more. */
  #asking = new AbortController();
  /** Settles when the pause ends; undefined while running. */
  #paused: PromiseWithResolvers<void> | undefined;
  #isSlow = false;

  constructor(name: string, place: Place) {
    this.#name = name;
    this.#place = place;
  }

  get isCrashed(): boolean {
    return this.#life === undefined;
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  stateWith(heldCount: number): ReaderState {
    if (this.isCrashed) return 'crashed';
    if (this.#paused !== undefined) return 'paused';
    return heldCount > 0 ? 'working' : 'waiting';
  }

  /** Lives `turn` after `turn`. An MqError is told and followed by a rest; any other error is a defect and thrown. */
  begin(turn: (life: AbortSignal) => Promise<void>): void {
    const life = new AbortController();
    this.#life = life;
    void this.#live(life.signal, turn);
  }

  end(): void {
    this.#life?.abort();
    this.#life = undefined;
    this.#asking.abort();
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  togglePause(): void {
    if (this.isCrashed) return;
    if (this.#paused === undefined) {
      this.#paused = Promise.withResolvers();
      this.#asking.abort();
    } else {
      this.#paused.resolve();
      this.#paused = undefined;
    }
  }

  toggleSlow(): void {
    this.#isSlow = !this.#isSlow;
  }

  /** The signal for one call that waits at the broker. */
  ask(): AbortSignal {
    this.#asking = new AbortController();
    return this.#asking.signal;
  }

  /** The call that waits now is aborted: it would ask for something else. */
  askAnew(): void {
    this.#asking.abort();
  }

  /** Resolves when the reader is not paused: to false when `life` is over. */
  async ready(life: AbortSignal): Promise<boolean> {
    while (this.#paused !== undefined && !life.aborted) await this.#paused.promise;
    return !life.aborted;
  }

  /** Works on one message; resolves to false when `life` ended meanwhile. */
  async work(life: AbortSignal, { ms, slowMs }: WorkTimes): Promise<boolean> {
    await rest(this.#place, { ms: this.#isSlow ? slowMs : ms, signal: life });
    return this.ready(life);
  }

  async #live(life: AbortSignal, turn: (life: AbortSignal) => Promise<void>): Promise<void> {
    while (await this.ready(life)) {
      try {
        await turn(life);
      } catch (error) {
        if (!isMqError(error)) throw error;
        if (life.aborted || error.code === 'MQ_CLOSED') return;
        // That the broker is gone is told by whoever sees it go.
        if (error.code !== 'MQ_CONNECTION_LOST') this.#tell(error);
        await rest(this.#place, { ms: REST_AFTER_ERROR_MS, signal: life });
      }
    }
  }
  #tell({ code }: MqError): void {
    this.#place.observer.tell('warn', 'event.readerError', { who: this.#name, code });
  }
}
