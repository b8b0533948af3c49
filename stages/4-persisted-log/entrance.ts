/**
 * The way into a full topic: sends that wait for room, first come first served.
 *
 *     send --> line empty and room? --yes--> stored
 *                     | no
 *                     v
 *              [ first, second, ... ]  <-- whatever makes room calls `admitWaiting`
 *
 * Always true (I22): a send waits only while the first send of the line does not fit, and nobody overtakes it. Only the
 * topic uses it.
 */
import type { Clock, Timer } from '../../shared/clock.ts';
import type { MqError } from '../../shared/contract/errors.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import { WaiterLine } from '../1-blocking-queue/waiter-line.ts';
import type { Shortage } from './disk-watch.ts';
import type { IncomingBatch } from './incoming-batch.ts';
import type { RoomMaker } from './room-maker.ts';
import { fullError, type NamedTopic, storageLowError } from './topic-errors.ts';

/** Time makes room too, and tells nobody: messages expire. So often it is looked for while a send waits. */
const LOOK_MS = 1000;

export interface WaitForRoomOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** A batch that waits for room, and how it is stored then. */
export interface Entering<Receipt = unknown> {
  readonly batch: IncomingBatch;
  readonly store: () => Promise<Receipt>;
  /** Asked after a wait: the answer to one that is there by now, or may not enter any more, and needs no room for either. */
  readonly settled?: () => Promise<Receipt> | undefined;
}

export interface EntranceOptions {
  readonly topic: NamedTopic;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly room: RoomMaker;
  /** Set while the disk has so little room left that nothing new is accepted. */
  readonly diskShortage: () => Shortage | undefined;
}

export class Entrance {
  readonly line: WaiterLine<Entering, Promise<unknown>>;
  readonly #options: EntranceOptions;
  #isAdmitting = false;
  /** Set while sends wait. */
  #looking: Timer | undefined;

  constructor(options: EntranceOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.line = new WaiterLine({ clock, limits, calls: 'sends' });
  }

  /** Resolves when it has entered, and is as safe as the flush policy says. */
  enter<Receipt>(entering: Entering<Receipt>, wait: WaitForRoomOptions): Promise<Receipt> {
    const { room, diskShortage } = this.#options;
    const shortage = diskShortage();
    if (shortage !== undefined) return Promise.reject(storageLowError(shortage));
    if (this.line.size === 0 && room.makeFor(entering.batch)) return entering.store();
    return this.#wait(entering, wait);
  }

  /** I22. Lets waiting sends in, as long as the first one fits, or needs no room. */
  admitWaiting(): void {
    if (this.#isAdmitting) return; // making room moves groups on, which leads here again
    this.#isAdmitting = true;
    for (let send = this.line.first; send !== undefined; send = this.line.first) {
      const { batch, store, settled } = send.want;
      const answer = settled?.();
      if (answer === undefined && !this.#options.room.makeFor(batch)) break;
      send.serve(answer ?? store());
    }
    this.#isAdmitting = false;
  }

  /** Nobody is let in any more. */
  close(error: MqError): void {
    this.#looking?.cancel();
    this.line.settleAll((send) => send.fail(error));
  }

  async #wait<Receipt>(entering: Entering<Receipt>, { signal, timeoutMs }: WaitForRoomOptions): Promise<Receipt> {
    const { topic } = this.#options;
    if (topic.options.overflow === 'reject' || timeoutMs === 0) throw fullError(topic);
    const onTimeout = (): never => {
      throw fullError(topic);
    };
    // A large batch that gives up was perhaps all that kept a smaller one out.
    const onLeave = (): void => this.admitWaiting();
    const weight = entering.batch.heldBytes;
    this.#looking ??= this.#lookLater();
    return (await await this.line.wait(entering, { signal, timeoutMs, onTimeout, onLeave, weight })) as Receipt;
  }

  #lookLater(): Timer {
    const look = (): void => {
      this.admitWaiting();
      this.#looking = this.line.size > 0 ? this.#lookLater() : undefined;
    };
    return this.#options.clock.setTimer(look, LOOK_MS, { isBackground: true });
  }
}
