/**
 * Who came through the doors of the protocols, what they subscribed to, and who went: told once each, by comparing two looks.
 *
 *     before: stomp-1             now: stomp-1 reads /queue/orders, mqtt-1      -->  "stomp shop reads ...", "mqtt-1 came"
 *
 * Always true: the screen's own connections are not told of; of many that come at once only the first few are.
 */
import type { ConnectionDescription } from '../../shared/contract/connections.ts';
import { strangersOf } from './doors-lines.ts';
import type { EventTone } from './event-log.ts';
import type { MessageKey, ValuesOf } from './messages.ts';

/** In one look; the page of doors shows all. */
const TOLD_MAX = 4;

interface Listener {
  tell<Key extends MessageKey>(tone: EventTone, key: Key, values: ValuesOf<Key>): void;
}

export class DoorsWatch {
  #before: ReadonlyMap<string, ConnectionDescription> = new Map();

  /** Tells what is different since the last look. */
  sample(listener: Listener, connections: readonly ConnectionDescription[]): void {
    const now = new Map(strangersOf({ connections }).map((connection) => [connection.id, connection]));
    const came = [...now.values()].filter(({ id }) => !this.#before.has(id));
    const went = [...this.#before.values()].filter(({ id }) => !now.has(id));
    for (const connection of came.slice(0, TOLD_MAX)) {
      listener.tell('good', 'event.clientCame', { who: whoOf(connection), address: connection.address });
    }
    for (const connection of went.slice(0, TOLD_MAX)) {
      listener.tell('plain', 'event.clientWent', { who: whoOf(connection) });
    }
    for (const connection of [...now.values()].slice(0, TOLD_MAX)) this.#tellOfReading(listener, connection);
    this.#before = now;
  }

  #tellOfReading(listener: Listener, connection: ConnectionDescription): void {
    const known = new Set(this.#before.get(connection.id)?.subscriptions.map(({ id }) => id));
    const begun = connection.subscriptions.filter(({ id }) => !known.has(id)).slice(0, TOLD_MAX);
    for (const { destination, group } of begun) {
      listener.tell('plain', 'event.clientReads', {
        who: whoOf(connection),
        destination: safe(destination),
        group: safe(group),
      });
    }
  }
}

function whoOf({ door, id, clientId }: ConnectionDescription): string {
  return clientId === null ? id : `${door} ${safe(clientId)}`;
}

/** A client may call itself anything; the terminal obeys none of it. */
function safe(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '�');
}
