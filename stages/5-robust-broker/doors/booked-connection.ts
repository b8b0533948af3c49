/**
 * One connection in the ConnectionBook, and its subscriptions: what its door tells of it while it is open.
 *
 * Always true: counting is one addition; credit and what is held are asked for when somebody looks; texts that came over a
 * wire are cut, and the list of subscriptions is, so that a client cannot fill memory with what it calls itself.
 */
import type { ConnectionDescription, SubscriptionDescription } from '../../../shared/contract/connections.ts';
import type {
  ConnectionEntry,
  Introduction,
  OpenedSubscription,
  SubscriptionEntry,
} from '../../4-persisted-log/doors/connection-entry.ts';

/** Subscriptions that are listed of one connection. */
const LISTED_SUBSCRIPTIONS_MAX = 100;
/** Characters of a text that came over a wire. */
const TEXT_LENGTH_MAX = 256;

/** All that is counted, of one connection and of a door. */
export interface Traffic {
  messagesInCount: number;
  messagesOutCount: number;
  bytesIn: number;
  bytesOut: number;
  errorCount: number;
}

export interface ConnectionFacts {
  readonly id: string;
  readonly door: string;
  readonly address: string;
  readonly connectedAt: number;
  readonly onClosed: () => void;
}

/** One open connection: its door tells it what happens on it. Only the book makes it. */
export class BookedConnection implements ConnectionEntry {
  /** Only the book looks at it. */
  readonly traffic: Traffic = noTraffic();
  readonly #facts: ConnectionFacts;
  readonly #subscriptions = new Set<BookedSubscription>();
  #clientId: string | null = null;
  #protocolVersion: string | null = null;
  #principal: string | null = null;

  constructor(facts: ConnectionFacts) {
    this.#facts = facts;
  }

  get id(): string {
    return this.#facts.id;
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  /** What is known of it now; what is left out stays as it was. */
  introduced({ clientId, protocolVersion }: Introduction): void {
    if (clientId !== undefined) this.#clientId = bounded(clientId);
    if (protocolVersion !== undefined) this.#protocolVersion = bounded(protocolVersion);
  }

  /** It was let in, as whom the Admission says; what a client says of itself is no proof. */
  admitted(principal: string | undefined): void {
    this.#principal = principal === undefined ? null : bounded(principal);
  }

  /** Somebody reads. Whoever calls it calls `closed` of what it answers, unless the whole connection is closed. */
  subscribed(opened: OpenedSubscription): BookedSubscription {
    const subscription = new BookedSubscription(opened, () => this.#subscriptions.delete(subscription));
    this.#subscriptions.add(subscription);
    return subscription;
  }

  messagesIn(count = 1): void {
    this.traffic.messagesInCount += count;
  }

  messagesOut(count = 1): void {
    this.traffic.messagesOutCount += count;
  }

  bytesIn(bytes: number): void {
    this.traffic.bytesIn += bytes;
  }

  bytesOut(bytes: number): void {
    this.traffic.bytesOut += bytes;
  }

  /** A request was answered with an error, or the protocol was broken. */
  failed(): void {
    this.traffic.errorCount += 1;
  }

  /** It is over, with all of its subscriptions. Calling it again changes nothing. */
  closed(): void {
    this.#facts.onClosed();
  }

  describe(): ConnectionDescription {
    const { id, door, address, connectedAt } = this.#facts;
    return {
      ...{ id, door, address, connectedAt },
      clientId: this.#clientId,
      protocolVersion: this.#protocolVersion,
      principal: this.#principal,
      ...this.traffic,
      subscriptionCount: this.#subscriptions.size,
      subscriptions: [...this.#subscriptions.values().take(LISTED_SUBSCRIPTIONS_MAX)].map((one) => one.describe()),
    };
  }
}

/** One subscription of a connection. Only that makes it. */
export class BookedSubscription implements SubscriptionEntry {
  readonly #opened: OpenedSubscription;
  readonly #onClosed: () => void;

  constructor({ id, destination, topic, group, ...live }: OpenedSubscription, onClosed: () => void) {
    const texts = { id: bounded(id), destination: bounded(destination), topic: bounded(topic), group: bounded(group) };
    this.#opened = { ...texts, ...live };
    this.#onClosed = onClosed;
  }

  closed(): void {
    this.#onClosed();
  }

  describe(): SubscriptionDescription {
    const { id, destination, topic, group, creditMax, heldCount } = this.#opened;
    const credit = creditMax?.() ?? Number.POSITIVE_INFINITY;
    return {
      ...{ id, destination, topic, group },
      creditMax: Number.isFinite(credit) ? credit : null,
      heldCount: heldCount?.() ?? 0,
    };
  }
}

export function noTraffic(): Traffic {
  return { messagesInCount: 0, messagesOutCount: 0, bytesIn: 0, bytesOut: 0, errorCount: 0 };
}

export function addTraffic(sum: Traffic, more: Traffic): void {
  for (const name of Object.keys(more) as (keyof Traffic)[]) sum[name] += more[name];
}

/** As it may be kept: a client cannot fill memory with its name. */
export function bounded(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX - 1).toWellFormed()}…` : text;
}
