/**
 * What the program has taken and the session has not finished: acknowledged, committed, or given back.
 *
 *     taken --acknowledge, commit--> finished
 *        ^          |
 *        +----------+ recover, rollback: they come again, counted as failed, and then what came after them
 *
 * Always true (I38): a delivery is in here at most once, and leaves before anything is done with it, so that nothing finishes
 * it twice. Only Session uses it.
 */
import type { Delivery } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import type { Inbox } from './inbox.ts';

export interface TakenDelivery {
  readonly inbox: Inbox;
  readonly delivery: Delivery;
}

export class Taken {
  readonly #all = new Set<TakenDelivery>();

  get count(): number {
    return this.#all.size;
  }

  add(inbox: Inbox, delivery: Delivery): TakenDelivery {
    const taken = { inbox, delivery };
    this.#all.add(taken);
    return taken;
  }

  /** True when it was still there. */
  remove(taken: TakenDelivery): boolean {
    return this.#all.delete(taken);
  }

  removeAll(): TakenDelivery[] {
    const all = [...this.#all];
    this.#all.clear();
    return all;
  }
}

/** Finishes all of them, with a transaction at its commit; rejects when one cannot be. */
export async function finish(taken: readonly TakenDelivery[], transaction?: Transaction): Promise<void> {
  const results = await Promise.allSettled(taken.map(({ inbox, delivery }) => inbox.ack(delivery, transaction)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** They come again, and what each of their consumers had not taken after them. */
export async function giveBack(taken: readonly TakenDelivery[]): Promise<void> {
  const byInbox = Map.groupBy(taken, ({ inbox }) => inbox);
  await Promise.all(
    [...byInbox].map(([inbox, deliveries]) => inbox.restart(deliveries.map(({ delivery }) => delivery))),
  );
}
