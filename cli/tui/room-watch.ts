/**
 * Sends that wait for room: told once when they begin to, and once when none has waited for a while, since sends that wait
 * only now and then are one story, not many.
 */
import type { Observer } from './actor.ts';

const ROOM_AFTER_MS = 2000;

export class RoomWatch {
  /** When a send was last seen waiting; undefined while there is room. */
  #blockedAtMs: number | undefined;

  sample(observer: Pick<Observer, 'tell'>, { waitingSendsCount, nowMs }: { waitingSendsCount: number; nowMs: number }) {
    if (waitingSendsCount > 0) {
      if (this.#blockedAtMs === undefined) observer.tell('warn', 'event.full', { count: waitingSendsCount });
      this.#blockedAtMs = nowMs;
    } else if (this.#blockedAtMs !== undefined && nowMs - this.#blockedAtMs > ROOM_AFTER_MS) {
      observer.tell('plain', 'event.roomAgain', {});
      this.#blockedAtMs = undefined;
    }
  }
}
