/**
 * Who comes through a door, and what of the broker is for whom. Every door asks the same Admission, so that whoever may do
 * something may do it through all of them.
 *
 *     credentials --admit--> a Broker: all of it, or a view that refuses what this caller may not do
 *                    \-----> MQ_UNAUTHORIZED
 *
 * Always true: a door asks before it does anything for a caller: over HTTP for every request, over TCP for every connection;
 * it never closes what it was given; credentials appear in no error, no log and no metric.
 */
import type { Broker } from './contract/broker.ts';
import type { ConnectionDescription } from './contract/connections.ts';
import { isMqError } from './contract/errors.ts';
import { checkMethods, invalidArgument } from './contract/validation.ts';

/** What a caller shows. A door gives what it was told, and no empty texts: whether it is enough, the Admission says. */
export interface Credentials {
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  /** Only one that the TLS of the door has verified. */
  readonly certificate?: ClientCertificate;
}

/** What is known of a caller by its certificate. */
export interface ClientCertificate {
  /** The common name of its subject; empty where it has none. */
  readonly subject: string;
  /** SHA-256, hexadecimal in pairs with colons. */
  readonly fingerprint: string;
}

/** Where a caller comes from. */
export interface CameFrom {
  /** `http`, `tcp`, ... */
  readonly door: string;
  /** The address of the peer; undefined when it has gone already. */
  readonly address: string | undefined;
}

export interface Admission {
  /** The broker as this caller may use it. Rejects with `MQ_UNAUTHORIZED`, or with a retriable error. */
  admit(credentials: Credentials, from: CameFrom): Promise<Broker>;
  /** Whom it knows this caller as; undefined: nobody in particular. */
  nameOf?(admitted: Broker): string | undefined;
  /** Whether this caller may be told of a connection. Left out: of every one. */
  sees?(admitted: Broker, connection: ConnectionDescription): boolean;
  /** What was admitted has ended: the request (HTTP) or the connection (TCP). Called once for each. */
  leave?(admitted: Broker): void;
}

/**
 * What a door gives back for a caller who has gone: as that caller, so that it counts for it, and as the door itself where the
 * caller's rights are gone too.
 */
export async function onBehalfOf(
  { admitted, broker }: { readonly admitted: Broker; readonly broker: Broker },
  call: (broker: Broker) => Promise<unknown>,
): Promise<void> {
  try {
    await call(admitted);
  } catch (error) {
    if (!isMqError(error, 'MQ_FORBIDDEN') && !isMqError(error, 'MQ_UNAUTHORIZED')) throw error;
    await call(broker);
  }
}

/**
 * The end of the name of a group that is somebody's own: `<client>/<name>/@anna`. It stays with the group as long as that is
 * there, over restarts, and whoever hands out groups can tell by it without asking anybody.
 */
export function ownerMark(owner: string): string {
  return `/@${owner.replaceAll('%', '%25').replaceAll('/', '%2F')}`;
}

const MARKED = /^[^/]*\/[^/]*(\/@[^/]+)$/;

/** Whose a group is, for who is called `name`. */
export function whoseGroup(group: unknown, name: string): 'own' | 'another' | 'nobody' {
  const mark = typeof group === 'string' ? MARKED.exec(group)?.[1] : undefined;
  if (mark === undefined) return 'nobody';
  return mark === ownerMark(name) ? 'own' : 'another';
}

/** Of the options of a door: an Admission is one, and stands alone. */
export function checkAdmission(
  path: string,
  options: { readonly admission?: unknown; readonly token?: unknown },
): void {
  const { admission, token } = options;
  if (admission === undefined) return;
  checkMethods(`${path}.admission`, admission, 'an Admission', ['admit']);
  if (token !== undefined) throw invalidArgument(`${path}.token`, 'left out: the admission decides');
}
