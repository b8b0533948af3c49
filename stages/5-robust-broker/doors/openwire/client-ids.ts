/**
 * Which client ids are in use: JMS lets nobody have one that another connection has.
 *
 * Always true: an id has one owner; it is free again when its connection is gone. A client that lost its connection and comes
 * again, before this side has noticed, takes the place of its own old one; the id of a connection, which is in every message
 * that it sends, is not enough for that: it has to be the same user. One for each server.
 */
import { JmsRefusal } from './wire-error.ts';

/** Who has an id. */
export interface IdOwner {
  /** The connection's own id, which stays the same when a client connects again. */
  readonly connectionId: string;
  readonly user: string | null;
  /** Its place was taken by its own successor. */
  supersede(): Promise<void>;
}

export class ClientIds {
  readonly #owners = new Map<string, IdOwner>();

  /** Resolves when the id belongs to `owner`; rejects with what becomes an InvalidClientIDException. */
  async take(clientId: string, owner: IdOwner): Promise<void> {
    const present = this.#owners.get(clientId);
    const isOwn = present?.connectionId === owner.connectionId && present.user === owner.user;
    if (present !== undefined && isOwn) await present.supersede();
    if (this.#owners.has(clientId)) {
      throw new JmsRefusal('InvalidClientIDException', `client ${clientId} is connected already`);
    }
    this.#owners.set(clientId, owner);
  }

  free(clientId: string, owner: IdOwner): void {
    if (this.#owners.get(clientId) === owner) this.#owners.delete(clientId);
  }
}
