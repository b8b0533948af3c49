/**
 * The names that connections to one place have, one connection each: client ids, and durable subscriptions that are being read.
 *
 *     one broker in this process, whoever connects to it       one server, as long as its url is written the same way
 *
 * Always true: two factories for one place know of each other's. What connects from another process is known only by what it
 * reads. Connection factories ask.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { ClientIds, clientIdsOf } from '../doors/client-ids.ts';

export interface NamesInUse {
  readonly clientIds: ClientIds;
  /** Groups of durable subscribers that are here now. */
  readonly activeGroups: Set<string>;
}

const ofBrokers = new WeakMap<Broker, NamesInUse>();
/** As many as there are servers that a program connects to. */
const ofServers = new Map<string, NamesInUse>();

export function namesOfBroker(broker: Broker): NamesInUse {
  return known(ofBrokers, broker, () => ({ clientIds: clientIdsOf(broker), activeGroups: new Set() }));
}

export function namesOfServer(url: string): NamesInUse {
  return known(ofServers, new URL(url).href, () => ({ clientIds: new ClientIds(), activeGroups: new Set() }));
}

interface Register<Key> {
  get(key: Key): NamesInUse | undefined;
  set(key: Key, names: NamesInUse): unknown;
}

function known<Key>(register: Register<Key>, key: Key, create: () => NamesInUse): NamesInUse {
  const names = register.get(key) ?? create();
  register.set(key, names);
  return names;
}
