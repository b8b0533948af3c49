/**
 * Lets departures of all lanes go to the broker, a fixed number at a time, and bounds what waits for that.
 *
 *     lane a  [..][..] \
 *     lane b  [.]       >--- one of each lane in turn --->  [ inFlightMax at the broker ]
 *     lane c  [....]   /
 *
 * Always true: at most `inFlightMax` departures are at the broker; at most `waitingMax` messages of `waitingBytesMax`
 * bytes wait; a lane that has something to go gets its turn before another one gets its second. Used by Producer.
 */
import { MqError } from '../contract/errors.ts';
import type { Departure, SendLane } from './send-lane.ts';

export interface DeskOptions {
  readonly inFlightMax: number;
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Takes it to the broker; resolves when that is over, and never rejects. */
  readonly depart: (departure: Departure, lane: SendLane) => Promise<void>;
  /** Nothing of the lane is left. */
  readonly onEmpty: (lane: SendLane) => void;
}

export class SendDesk {
  readonly #options: DeskOptions;
  #freeCount: number;
  #waitingCount = 0;
  #waitingBytes = 0;
  /** Those with something to go, the one whose turn it is first. */
  readonly #lanes = new Set<SendLane>();
  #isWoken = false;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#freeCount = options.inFlightMax;
  }

  /** Counts one that will wait; `MQ_LIMIT_EXCEEDED` when too much does. */
  admit({ count, bytes }: { readonly count: number; readonly bytes: number }): void {
    const { waitingMax, waitingBytesMax } = this.#options;
    // The first may be as large as it likes: what is alone is no line.
    const isTooMany = this.#waitingCount + count > waitingMax && this.#waitingCount > 0;
    const isTooMuch = this.#waitingBytes + bytes > waitingBytesMax && this.#waitingCount > 0;
    if (isTooMany || isTooMuch) {
      const what = `${this.#waitingCount} messages of ${this.#waitingBytes} bytes wait already`;
      throw new MqError('MQ_LIMIT_EXCEEDED', `${what}; await some sends before you send more`);
    }
    this.#waitingCount += count;
    this.#waitingBytes += bytes;
  }

  /** It waits no longer, and will not go. */
  dismiss({ count, bytes }: { readonly count: number; readonly bytes: number }): void {
    this.#waitingCount -= count;
    this.#waitingBytes -= bytes;
  }

  /** Something may be ready in `lane`; goes at the end of this turn of the event loop, so that more can join. */
  offer(lane: SendLane): void {
    this.#lanes.add(lane);
    if (this.#isWoken) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.letGo();
    });
  }

  /** Lets go now all that may. */
  letGo(): void {
    for (const lane of this.#lanes) {
      if (this.#freeCount === 0) return;
      this.#lanes.delete(lane);
      const departure = lane.take();
      if (departure === undefined) continue;
      if (lane.isReady) this.#lanes.add(lane);
      this.#freeCount -= 1;
      this.dismiss(departure);
      void this.#run(departure, lane);
    }
  }

  async #run(departure: Departure, lane: SendLane): Promise<void> {
    await this.#options.depart(departure, lane);
    this.#freeCount += 1;
    lane.arrived();
    if (lane.isEmpty) this.#options.onEmpty(lane);
    // Those whose sends have just been settled may send more before the next one goes.
    this.offer(lane);
  }
}
