/**
 * The members that came through a door: which connection is one of them, and what becomes of it when that ends.
 *
 *     connection closes --> its leases end as expired, and count --> the member leaves, unless another connection is it too
 *
 * Always true: a member leaves when the last connection that was it is gone, and never while another one still is; what a
 * lost connection held is available again at once, with a failure counted, and not only when its leases end; nobody makes a
 * member leave who could not have said so. Works with any Broker: a lease is ended by making it as short as a lease can be.
 */
import { onBehalfOf } from '../../../../shared/admission.ts';
import type { Clock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { LeaseLedger } from './lease-ledger.ts';

/** The shortest lease there is, */
const SHORTEST_LEASE_MS = 1;
/** and when it has surely ended, also by a clock that is looked at more rarely. */
const LEASE_ENDED_MS = 10;
/** Leases that are ended at once. */
const ENDED_AT_ONCE_MAX = 1024;

export interface MemberName {
  readonly topic: string;
  readonly group: string;
  readonly memberId: string;
}

/** Of one server. */
export class Members {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #onDefect: (error: unknown) => void;
  /** How many connections each member is. */
  readonly #connectionCounts = new Map<string, number>();
  /** What is on its way back. */
  readonly #parting = new Set<Promise<void>>();

  constructor(broker: Broker, options: { readonly clock: Clock; readonly onDefect: (error: unknown) => void }) {
    this.#broker = broker;
    this.#clock = options.clock;
    this.#onDefect = options.onDefect;
  }

  /** A connection is this member from now on; it says `part` once, or `forget`. */
  join(key: string): void {
    this.#connectionCounts.set(key, (this.#connectionCounts.get(key) ?? 0) + 1);
  }

  /** The connection was not let in as this member. */
  forget(key: string): void {
    this.#leave(key);
  }

  /** A connection is gone, which was these members and held these deliveries; `admitted` is the broker as it could use it. */
  part(admitted: Broker, members: ReadonlyMap<string, MemberName>, held: LeaseLedger): void {
    const parting = this.#part(admitted, members, held).finally(() => this.#parting.delete(parting));
    this.#parting.add(parting);
  }

  /** All that has begun is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#parting);
  }

  /** Never rejects. */
  async #part(admitted: Broker, members: ReadonlyMap<string, MemberName>, held: LeaseLedger): Promise<void> {
    const left = [...members].filter(([key]) => this.#leave(key)).map(([, name]) => name);
    if (!this.#broker.capabilities.has('lease')) return;
    if (held.count > 0) {
      await this.#endLeases(admitted, held);
      // Until they have ended they are the member's, and would go back uncounted when it leaves.
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, LEASE_ENDED_MS);
      });
    }
    const isBack = (name: MemberName): boolean => this.#connectionCounts.has(keyOf(name));
    await Promise.all(left.filter((name) => !isBack(name)).map((name) => this.#tryToLeave(admitted, name)));
  }

  /** True for the last connection of a member. */
  #leave(key: string): boolean {
    const count = this.#connectionCounts.get(key) ?? 0;
    if (count > 1) this.#connectionCounts.set(key, count - 1);
    else this.#connectionCounts.delete(key);
    return count <= 1;
  }

  async #endLeases(admitted: Broker, held: LeaseLedger): Promise<void> {
    let some: Promise<void>[] = [];
    for (const ref of held.refs()) {
      some.push(this.#endLease(admitted, ref));
      if (some.length < ENDED_AT_ONCE_MAX) continue;
      await Promise.all(some);
      some = [];
    }
    await Promise.all(some);
    held.clear();
  }

  async #endLease(admitted: Broker, ref: DeliveryRef): Promise<void> {
    try {
      await onBehalfOf({ admitted, broker: this.#broker }, (broker) =>
        broker.extendLease(ref, { leaseMs: SHORTEST_LEASE_MS }),
      );
    } catch (error) {
      this.#report(error);
    }
  }

  async #tryToLeave(admitted: Broker, { topic, group, memberId }: MemberName): Promise<void> {
    try {
      await admitted.leave(topic, { group, memberId });
    } catch (error) {
      this.#report(error);
    }
  }

  /** The lease may have ended, the group may be gone, the broker may be closed: then there was nothing to do. */
  #report(error: unknown): void {
    if (!isMqError(error) || error.code === 'MQ_INTERNAL') this.#onDefect(error);
  }
}

export function keyOf({ topic, group, memberId }: MemberName): string {
  return JSON.stringify([topic, group, memberId]);
}
