/**
 * Which client ids are in use: JMS lets nobody have one that another connection has.
 *
 * Always true: an id has one owner; it is free again when its connection is gone. A client that lost its connection and comes
 * again, before this side has noticed, takes the place of its own old one; the id of a connection, which is in every message
 * that it sends, is not enough for that: it has to be the same user. One for each broker, so that doors and programs in the same
 * process know of each other.
 */
import type { Broker } from '../../../shared/contract/broker.ts';

/** Who has an id. */
export interface IdOwner {
  /** The connection's own id, which stays the same when a client connects again. */
  readonly connectionId: string;
  readonly user: string | null;
  /** Its place was taken by its own successor. Left out: it has none. */
  supersede?(): Promise<void>;
}

export class ClientIds {
  readonly #owners = new Map<string, IdOwner>();

  /** False: another connection has it. */
  takeFree(clientId: string, owner: IdOwner): boolean {
    if (this.#owners.has(clientId)) return false;
    this.#owners.set(clientId, owner);
    return true;
  }

  /** The same, but in the place of who had it before this connection was lost. */
  async take(clientId: string, owner: IdOwner): Promise<boolean> {
    const present = this.#owners.get(clientId);
    const isOwn = present?.connectionId === owner.connectionId && present.user === owner.user;
    if (present !== undefined && isOwn) await present.supersede?.();
    return this.takeFree(clientId, owner);
  }

  free(clientId: string, owner: IdOwner): void {
    if (this.#owners.get(clientId) === owner) this.#owners.delete(clientId);
  }
}

const ofBrokers = new WeakMap<Broker, ClientIds>();

/** Of all connections to this broker that this process knows of. */
export function clientIdsOf(broker: Broker): ClientIds {
  const known = ofBrokers.get(broker);
  if (known !== undefined) return known;
  const clientIds = new ClientIds();
  ofBrokers.set(broker, clientIds);
  return clientIds;
}
