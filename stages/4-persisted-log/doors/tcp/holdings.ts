/**
 * What one connection holds at the broker: the members it is, and the deliveries it was handed and has not finished.
 *
 * Always true (I24): a delivery is held before its frame leaves; after `leave`, all of it is on its way back; whoever is
 * refused has become no member.
 */
import type { Clock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { DeliveriesAnswer } from './answers.ts';
import { LeaseLedger } from './lease-ledger.ts';
import { keyOf, type MemberName, type Members } from './members.ts';
import type { AckRequest } from './requests.ts';

/** A lease is looked after so much longer than it lasts, since a broker's clock need not run like this one. */
const LEASE_MARGIN_MS = 1000;

/** A member, or somebody who asks to be one. */
interface Joined extends MemberName {
  /** Calls as this member that are not answered. */
  callCount: number;
  isMember: boolean;
}

export interface HoldingsOptions {
  readonly members: Members;
  /** As the client may use it. */
  readonly broker: Broker;
  readonly clock: Clock;
  readonly memberId: string;
}

export class Holdings {
  /** Of calls that name no member. */
  readonly ownMemberId: string;
  readonly #members: Members;
  readonly #clock: Clock;
  readonly #ledger = new LeaseLedger();
  readonly #joined = new Map<string, Joined>();
  readonly #broker: Broker;
  #isGone = false;

  constructor({ members, broker, clock, memberId }: HoldingsOptions) {
    this.#members = members;
    this.#broker = broker;
    this.#clock = clock;
    this.ownMemberId = memberId;
  }

  /** This connection is that member from now on. */
  join(name: MemberName): void {
    this.#joinedAs(name).isMember = true;
  }

  /** Calls the broker as that member: it is one from the moment it asks, and was none when it is refused. */
  async asMember<Answer>(name: MemberName, call: () => Promise<Answer>): Promise<Answer> {
    const joined = this.#joinedAs(name);
    joined.callCount += 1;
    try {
      const answer = await call();
      joined.isMember = true;
      return answer;
    } catch (error) {
      // Taken back while it waited: it had been let in.
      if (isMqError(error, 'MQ_ABORTED')) joined.isMember = true;
      throw error;
    } finally {
      joined.callCount -= 1;
      if (!joined.isMember && joined.callCount === 0) this.#forget(joined);
    }
  }

  handedOut(topic: string, { group, memberId, blocks }: DeliveriesAnswer): void {
    const nowMs = this.#clock.monotonicMs();
    const wallMs = this.#clock.now();
    this.#ledger.sweep(nowMs);
    for (const { partition, runs } of blocks) {
      for (const { fromOffset, count, leaseToken, leaseExpiresAt } of runs) {
        if (fromOffset === null || leaseToken === null || leaseExpiresAt === null) continue;
        const endsAtMs = nowMs + Math.max(leaseExpiresAt - wallMs, 0) + LEASE_MARGIN_MS;
        this.#ledger.add({ topic, group, memberId, partition, fromOffset, count, leaseToken }, endsAtMs);
      }
    }
  }

  /** Acked, or refused because their leases had ended: finished either way. */
  acked({ topic, group, memberId, isCumulative, runs }: AckRequest): void {
    for (const { partition, fromOffset, count, leaseToken } of runs) {
      this.#ledger.finish(leaseToken, fromOffset, count);
      if (isCumulative) this.#ledger.finishUpTo({ topic, group, memberId, partition }, fromOffset + count - 1);
    }
  }

  /** Unfinished deliveries of a member, of one topic or of all. */
  heldCountOf(of: { readonly topic?: string; readonly group: string; readonly memberId: string }): number {
    this.#ledger.sweep(this.#clock.monotonicMs());
    return this.#ledger.countOf(of);
  }

  givenBack({ leaseToken, offset }: DeliveryRef): void {
    if (leaseToken !== null && offset !== null) this.#ledger.finish(leaseToken, offset, 1);
  }

  prolonged({ leaseToken }: DeliveryRef, leaseMs: number = DEFAULTS.leaseMs): void {
    if (leaseToken !== null) this.#ledger.prolong(leaseToken, this.#clock.monotonicMs() + leaseMs + LEASE_MARGIN_MS);
  }

  /** I24. The connection is gone. */
  leave(): void {
    this.#isGone = true;
    this.#members.part(this.#broker, this.#joined, this.#ledger);
  }

  #joinedAs(name: MemberName): Joined {
    const key = keyOf(name);
    const known = this.#joined.get(key);
    if (known !== undefined) return known;
    const joined = { ...name, callCount: 0, isMember: false };
    this.#joined.set(key, joined);
    this.#members.join(key);
    return joined;
  }

  #forget(name: MemberName): void {
    const key = keyOf(name);
    if (!this.#isGone && this.#joined.delete(key)) this.#members.forget(key);
  }
}
