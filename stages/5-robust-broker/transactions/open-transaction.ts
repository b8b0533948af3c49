/**
 * A transaction that is not over: what it wrote, acked and set so far, all of which counts at its end or never.
 *
 *     open --> committing --> committed       once its decision is safe it can only be carried out
 *       |          |
 *       |          +-- the disk failed before the decision --> open again
 *       +--> aborting --> aborted
 *
 * Always true: whoever works in it is asked back by `checkOpen` before anything counts; what waits for room in it is let go
 * when it ends. Only the coordinator changes its state.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { TransactionView } from '../../../shared/contract/inside.ts';
import type { GroupDesk } from '../../4-persisted-log/delivery/group-desk.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import type { DecidedPlace, DecidedPosition } from './decision-log.ts';
import type { TransactionEpoch } from './marker.ts';
import type { TransactionIndex } from './transaction-index.ts';

/** A partition that transactions write to. */
export interface TransactionPlace extends DecidedPlace {
  readonly index: TransactionIndex;
}

/** A group in which it acks. */
export interface AckingGroup {
  readonly topic: Topic;
  readonly desk: GroupDesk;
}

export interface OpenTransactionOptions extends TransactionEpoch {
  readonly id: string;
  readonly transactionalId: string | undefined;
  readonly timeoutMs: number;
  /** Monotonic ms. */
  readonly beganMs: number;
  readonly operationsMax: number;
}

export class OpenTransaction implements TransactionEpoch {
  readonly id: string;
  readonly producerId: number;
  readonly epoch: number;
  readonly transactionalId: string | undefined;
  readonly timeoutMs: number;
  readonly beganMs: number;
  state: 'open' | 'committing' | 'aborting' | 'over' = 'open';
  /** Settles with the call that ends it, when one is under way. */
  ending: Promise<void> | undefined;
  /** After a commit that failed when it was about to be decided: resolves when the disk has nothing of that any more. */
  doubt: (() => Promise<void>) | undefined;
  readonly places = new Map<string, TransactionPlace>();
  readonly ackingGroups = new Map<GroupDesk, AckingGroup>();
  readonly positions = new Map<string, DecidedPosition>();
  readonly #operationsMax: number;
  #operationCount = 0;
  readonly #end = new AbortController();

  constructor({ id, producerId, epoch, transactionalId, timeoutMs, beganMs, operationsMax }: OpenTransactionOptions) {
    this.id = id;
    this.producerId = producerId;
    this.epoch = epoch;
    this.transactionalId = transactionalId;
    this.timeoutMs = timeoutMs;
    this.beganMs = beganMs;
    this.#operationsMax = operationsMax;
  }

  /** Aborts what waits in it, when it ends. */
  get endSignal(): AbortSignal {
    return this.#end.signal;
  }

  /** What it has in one topic. */
  countsIn(topicId: string): { readonly recordCount: number; readonly ackCount: number } {
    let [recordCount, ackCount] = [0, 0];
    for (const place of this.places.values()) {
      if (place.topicId === topicId) recordCount += place.index.recordCountOf(this);
    }
    for (const { topic, desk } of this.ackingGroups.values()) {
      if (topic.topicId === topicId) ackCount += desk.transacted.countOf(this.id);
    }
    return { recordCount, ackCount };
  }

  /** For the screen; `now` is monotonic. */
  view(now: number): Omit<TransactionView, 'recordCount' | 'ackCount'> {
    const { id, transactionalId, producerId, epoch, timeoutMs } = this;
    const ageMs = now - this.beganMs;
    const state = this.state === 'over' ? 'committing' : this.state;
    const view = { id, producerId, epoch, state, ageMs, timeoutInMs: Math.max(timeoutMs - ageMs, 0) };
    return transactionalId === undefined ? view : { ...view, transactionalId };
  }

  /** `MQ_LIMIT_EXCEEDED` when so many more are too many. */
  countOperations(count: number): void {
    if (this.#operationCount + count > this.#operationsMax) {
      const text = `a transaction has at most ${this.#operationsMax} batches, acks and positions together`;
      throw new MqError('MQ_LIMIT_EXCEEDED', text);
    }
    this.#operationCount += count;
  }

  /** They did not come about. */
  discountOperations(count: number): void {
    this.#operationCount -= count;
  }

  /** It writes there. */
  addPlace(place: TransactionPlace): void {
    this.places.set(`${place.topicId}/${place.partition}`, place);
  }

  setPosition(position: DecidedPosition): void {
    this.positions.set(`${position.topicId}/${position.group}/${position.partition}`, position);
  }

  letGoOfWaiting(): void {
    this.#end.abort();
  }
}
