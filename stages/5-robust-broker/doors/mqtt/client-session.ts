/**
 * What a client has, whether it is connected or not: its subscriptions, its packet ids, its will, and until when.
 *
 *     connected --connection ends--> away --comes again--> connected          away for longer than agreed --> ended
 *
 * Always true: one connection has it at a time; a durable session has a group of its own in each topic it covers, also in those
 * that are made while it is away; a session that is not durable ends with its connection. Sessions makes it.
 */
import type { Timer } from '../../../../shared/clock.ts';
import { subscriberGroup } from '../destinations.ts';
import { InFlight } from './in-flight.ts';
import type { Will } from './packets.ts';
import type { DoorStore } from './store.ts';
import { type StoredSubscription, SubscriptionSet } from './subscriptions.ts';

/** Of the durable group of a client. */
const SUBSCRIBER_NAME = '$mqtt';
/** A session expiry interval that says: never. */
export const NEVER = 0xffff_ffff;
const SECOND_MS = 1000;

/** What has the session now. */
export interface Holder {
  /** Somebody else has it: says so, ends, and resolves when nothing is read for it any more. */
  takenOver(): Promise<void>;
}

export interface ClientSessionOptions {
  readonly clientId: string;
  /** Who made it, as far as the door was told; nobody else gets it. */
  readonly owner: string;
  readonly isDurable: boolean;
  readonly store: DoorStore;
}

/** A will that waits for its time. */
export interface PendingWill {
  readonly will: Will;
  /** Epoch ms. */
  readonly at: number;
}

interface StoredWill extends Omit<Will, 'payload' | 'properties'> {
  readonly payload: string;
  readonly properties: object;
  readonly correlationData?: string;
}

/** A session as it is kept. */
export interface StoredSession {
  readonly owner: string;
  readonly expirySeconds: number;
  /** Epoch ms; null while it is connected, or for ever. */
  readonly endsAt: number | null;
  readonly subscriptions: readonly StoredSubscription[];
  readonly will: StoredWill | null;
  /** Epoch ms; null while it is connected. */
  readonly willAt: number | null;
}

export class ClientSession {
  readonly clientId: string;
  readonly owner: string;
  readonly isDurable: boolean;
  readonly inFlight: InFlight;
  readonly #store: DoorStore;
  subscriptions = new SubscriptionSet();
  /** 0: it ends with the connection. */
  expirySeconds = 0;
  holder: Holder | undefined;
  /** Set when a connection of it is over, until nothing is read for that any more. */
  leaving: Promise<void> | undefined;
  /** Of the connection that is, or was last. */
  will: Will | undefined;
  willAt: number | null = null;
  endsAt: number | null = null;
  /** Set while it is away. */
  expiryTimer: Timer | undefined;
  willTimer: Timer | undefined;
  /** New topics are covered for it while it is away; each ends one of them. */
  watches: (() => void)[] = [];

  constructor({ clientId, owner, isDurable, store }: ClientSessionOptions) {
    this.clientId = clientId;
    this.owner = owner;
    this.isDurable = isDurable;
    this.#store = store;
    this.inFlight = new InFlight(store, clientId);
  }

  /** Its durable group; undefined: it has none. */
  get group(): string | undefined {
    return this.isDurable ? groupOf(this) : undefined;
  }

  /** It is to survive a restart. */
  save(): void {
    if (!this.isDurable || !this.#store.isDurable) return;
    const { owner, expirySeconds, endsAt, will, willAt } = this;
    const stored: StoredSession = {
      ...{ owner, expirySeconds, endsAt, willAt, will: will === undefined ? null : storedWill(will) },
      subscriptions: this.subscriptions.toJSON(),
    };
    this.#store.put('session', this.clientId, stored);
  }

  stopWatching(): void {
    for (const stop of this.watches.splice(0)) stop();
  }

  /** It is over. */
  forget(): void {
    this.expiryTimer?.cancel();
    this.willTimer?.cancel();
    this.stopWatching();
    this.inFlight.forget();
    if (this.isDurable) this.#store.delete('session', this.clientId);
  }

  static from(clientId: string, stored: StoredSession, store: DoorStore): ClientSession {
    const session = new ClientSession({ clientId, owner: stored.owner, isDurable: true, store });
    session.expirySeconds = stored.expirySeconds;
    session.endsAt = stored.endsAt;
    session.subscriptions = SubscriptionSet.from(stored.subscriptions);
    session.will = stored.will === null ? undefined : willFrom(stored.will);
    session.willAt = stored.willAt;
    return session;
  }

  /** When a session that goes away now ends, epoch ms; null: never. */
  endAfter(nowMs: number): number | null {
    return this.expirySeconds === NEVER ? null : nowMs + this.expirySeconds * SECOND_MS;
  }
}

export function groupOf({ clientId, owner }: { readonly clientId: string; readonly owner: string }): string {
  return subscriberGroup({ clientId, name: SUBSCRIBER_NAME, owner });
}

/** When a will is due that begins to wait now. */
export function willDueAt({ properties: { willDelayInterval = 0 } }: Will, nowMs: number): number {
  return nowMs + willDelayInterval * SECOND_MS;
}

function storedWill({ payload, properties: { correlationData, ...properties }, ...rest }: Will): StoredWill {
  const data = correlationData && { correlationData: Buffer.from(correlationData).toString('base64') };
  return { ...rest, payload: Buffer.from(payload).toString('base64'), properties, ...data };
}

function willFrom({ payload, properties, correlationData, ...rest }: StoredWill): Will {
  const data = correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') };
  return { ...rest, payload: Buffer.from(payload, 'base64'), properties: { ...properties, ...data } };
}
