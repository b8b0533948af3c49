/**
 * Who is connected to a served broker, through which door, and what goes to and fro: one book for all doors of a process.
 *
 *     door ----opened()----> BookedConnection --subscribed()--> BookedSubscription
 *                              | messagesIn, bytesOut, ...: counters     | credit, held: asked when somebody looks
 *                              +--closed()--> its numbers stay in those of the door
 *
 * Always true (I39): whatever is open is in it once, and what is closed is in none of its lists; what a counter counts costs
 * one addition, everything else is worked out when somebody asks; what it lists is bounded, and so is every text in it.
 * Counters of a door never go down. Doors write in it, `GET /connections`, `/metrics`, `mq connections` and the screen read.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { ConnectionDescription } from '../../../shared/contract/connections.ts';
import type { Metric, MetricSeries } from '../../../shared/contract/metrics.ts';
import type { ConnectionListener } from '../../3-http-server/connections.ts';
import { addressOf, type ConnectionsBook, type Introduction } from '../../4-persisted-log/doors/connection-entry.ts';
import { addTraffic, BookedConnection, bounded, noTraffic, type Traffic } from './booked-connection.ts';

/** Connections that are listed; those beyond are only counted. */
const LISTED_CONNECTIONS_MAX = 1000;

/** A connection as a door opens it. */
export interface OpenedConnection extends Introduction {
  /** `stomp`, `mqtt`, ... */
  readonly door: string;
  readonly address: string;
}

interface DoorEntry {
  readonly open: Set<BookedConnection>;
  /** Of connections that are closed. */
  readonly past: Traffic;
  /** Connections ever opened. */
  openedCount: number;
  refusedCount: number;
  /** False: it does not tell what goes to and fro. */
  counts: boolean;
}

export class ConnectionBook implements ConnectionsBook {
  readonly #clock: Clock;
  readonly #doors = new Map<string, DoorEntry>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** The door is there, and its numbers are 0: so that it is seen before anybody came. One that does not count has none. */
  add(door: string, { counts = true }: { readonly counts?: boolean } = {}): void {
    this.#doorOf(door).counts = counts;
  }

  /** Somebody is connected. Whoever calls it calls `closed` of what it answers when the connection ends. */
  opened({ door, address, ...introduction }: OpenedConnection): BookedConnection {
    const entry = this.#doorOf(door);
    entry.openedCount += 1;
    const connection = new BookedConnection({
      ...{ id: `${door}-${entry.openedCount}`, door, address: bounded(address), connectedAt: this.#clock.now() },
      onClosed: () => {
        if (entry.open.delete(connection)) addTraffic(entry.past, connection.traffic);
      },
    });
    connection.introduced(introduction);
    entry.open.add(connection);
    return connection;
  }

  /** For a door that tells only that somebody came and went, and from where. */
  listenerOf(door: string): ConnectionListener {
    /** By address; where no port is known several connections share one, and any of them is as good as the other. */
    const open = new Map<string, BookedConnection[]>();
    this.add(door, { counts: false });
    return ({ isOpen, from, fromPort }) => {
      const address = addressOf(from, fromPort);
      const ofAddress = open.get(address) ?? [];
      if (isOpen) ofAddress.push(this.opened({ door, address }));
      else ofAddress.shift()?.closed();
      if (ofAddress.length > 0) open.set(address, ofAddress);
      else open.delete(address);
    };
  }

  /** Somebody was not let in, or broke the protocol. */
  refused(door: string): void {
    this.#doorOf(door).refusedCount += 1;
  }

  /** Open ones of all doors, or of one. */
  connectionCount(door?: string): number {
    let count = 0;
    for (const [name, { open }] of this.#doors) if (door === undefined || name === door) count += open.size;
    return count;
  }

  /** The open connections, door by door, the oldest first. */
  readonly connections = (): readonly ConnectionDescription[] => {
    const all: ConnectionDescription[] = [];
    for (const { open } of this.#doors.values()) {
      for (const connection of open) {
        if (all.length === LISTED_CONNECTIONS_MAX) return all;
        all.push(connection.describe());
      }
    }
    return all;
  };

  /** What `/metrics` tells of doors. */
  readonly metrics = (): readonly Metric[] => {
    const doors = [...this.#doors].map(([door, entry]) => ({ door, entry, traffic: trafficOf(entry) }));
    const counting = doors.filter(({ entry }) => entry.counts);
    const series = (value: (of: (typeof doors)[number]) => number, of = doors): MetricSeries[] =>
      of.map((one) => ({ labels: { door: one.door }, value: value(one) }));
    const directions = (into: keyof Traffic, out: keyof Traffic): MetricSeries[] =>
      counting.flatMap(({ door, traffic }) => [
        { labels: { door, direction: 'in' }, value: traffic[into] },
        { labels: { door, direction: 'out' }, value: traffic[out] },
      ]);
    return [
      {
        name: 'mq_door_connections_count',
        kind: 'gauge',
        help: 'open connections of each door',
        series: series(({ entry }) => entry.open.size),
      },
      {
        name: 'mq_door_subscriptions_count',
        kind: 'gauge',
        help: 'open subscriptions of each door',
        series: series(({ entry }) => subscriptionCountOf(entry)),
      },
      {
        name: 'mq_door_messages_count',
        kind: 'counter',
        help: 'messages through each door, ever',
        series: directions('messagesInCount', 'messagesOutCount'),
      },
      {
        name: 'mq_door_bytes',
        kind: 'counter',
        help: 'bytes through each door, ever, as they are on its wire',
        series: directions('bytesIn', 'bytesOut'),
      },
      {
        name: 'mq_door_errors_count',
        kind: 'counter',
        help: 'requests answered with an error, ever',
        series: series(({ traffic }) => traffic.errorCount, counting),
      },
      {
        name: 'mq_door_connections_opened_count',
        kind: 'counter',
        help: 'connections ever opened',
        series: series(({ entry }) => entry.openedCount),
      },
      {
        name: 'mq_door_connections_refused_count',
        kind: 'counter',
        help: 'connections that were not let in, or broke the protocol, ever',
        series: series(({ entry }) => entry.refusedCount, counting),
      },
    ];
  };

  #doorOf(door: string): DoorEntry {
    const known = this.#doors.get(door);
    if (known !== undefined) return known;
    const entry: DoorEntry = { open: new Set(), past: noTraffic(), openedCount: 0, refusedCount: 0, counts: true };
    this.#doors.set(door, entry);
    return entry;
  }
}

function trafficOf({ past, open }: DoorEntry): Traffic {
  const sum = { ...past };
  for (const { traffic } of open) addTraffic(sum, traffic);
  return sum;
}

function subscriptionCountOf({ open }: DoorEntry): number {
  let count = 0;
  for (const { subscriptionCount } of open) count += subscriptionCount;
  return count;
}
