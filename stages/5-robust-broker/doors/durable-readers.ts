/**
 * Who reads which durable subscription now: one at a time, so that its messages stay in order.
 *
 *     free --take----> read --------------------another comes--> MQ_GROUP_TAKEN
 *      ^                \---both can be taken over------------> the first one is told, ends, gives back; then the other reads
 *      +----------------free--/
 *
 * Always true (I40): a subscription has one reader; whoever takes it over begins when nothing is held any more by who had it. The doors
 * of one Exchange share one.
 */
import { MqError } from '../../../shared/contract/errors.ts';

export interface DurableReader {
  /** The same for all that one connection reads: nobody takes over from itself. */
  readonly connection: object;
  /**
   * Somebody else reads from now on: resolves when this reader has given back what it held. Left out: it stays, and takes nothing
   * over either.
   */
  readonly takenOver?: () => Promise<void>;
}

export class DurableReaders {
  readonly #readers = new Map<string, DurableReader>();

  has(group: string): boolean {
    return this.#readers.has(group);
  }

  /** Answers what frees it again; throws `MQ_GROUP_TAKEN` when it is not free now. */
  takeFree(group: string, reader: DurableReader): () => void {
    if (this.has(group)) throw new MqError('MQ_GROUP_TAKEN', `the durable subscription ${group} has a reader already`);
    this.#readers.set(group, reader);
    return () => this.#free(group, reader);
  }

  /** The same, but it is taken over where it can be: resolves when nobody else reads it any more. */
  async takeOver(group: string, reader: DurableReader): Promise<() => void> {
    for (let present = this.#readers.get(group); present !== undefined; present = this.#readers.get(group)) {
      if (!mayFollow(present, reader)) break;
      await present.takenOver?.();
      this.#free(group, present);
    }
    return this.takeFree(group, reader);
  }

  #free(group: string, reader: DurableReader): void {
    if (this.#readers.get(group) === reader) this.#readers.delete(group);
  }
}

function mayFollow(present: DurableReader, next: DurableReader): boolean {
  return present.takenOver !== undefined && next.takenOver !== undefined && present.connection !== next.connection;
}
