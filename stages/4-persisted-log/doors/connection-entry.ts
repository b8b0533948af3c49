/**
 * What a door tells of its connections, to whoever keeps a book of them: interfaces, since a door needs none.
 *
 *     book.opened --> entry: introduced, admitted, subscribed --> closed       each subscription: closed before, or with it
 *
 * Always true: telling is quick, does not throw, and changes nothing for the client; what it is asked for later (credit, what is
 * held) is asked for while the subscription is open only.
 */
import { isIPv6 } from 'node:net';
import type { SubscriptionDescription } from '../../../shared/contract/connections.ts';

/** Where connections are listed. */
export interface ConnectionsBook {
  /** Somebody is connected. Whoever calls it calls `closed` of what it answers when the connection ends. */
  opened(connection: { readonly door: string; readonly address: string }): ConnectionEntry;
}

/** One open connection in it. */
export interface ConnectionEntry {
  introduced(introduction: Introduction): void;
  /** It was let in, as whom the Admission says; what a client says of itself is no proof. */
  admitted(principal: string | undefined): void;
  /** Somebody reads. Whoever calls it calls `closed` of what it answers, unless the whole connection is closed. */
  subscribed(opened: OpenedSubscription): SubscriptionEntry;
  closed(): void;
}

export interface SubscriptionEntry {
  closed(): void;
}

/** What a connection says of itself, at once or later. */
export interface Introduction {
  readonly clientId?: string | undefined;
  readonly protocolVersion?: string | undefined;
}

/** A subscription as a door opens it. */
export interface OpenedSubscription extends Omit<SubscriptionDescription, 'creditMax' | 'heldCount'> {
  /** Asked when somebody looks: `Infinity` is no bound. */
  readonly creditMax?: () => number;
  readonly heldCount?: () => number;
}

/** An address as it stands in the book. */
export function addressOf(host: string, port: number | undefined): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port ?? '?'}`;
}
