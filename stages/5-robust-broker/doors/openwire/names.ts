/**
 * What clients of OpenWire call queues and topics, and what the contract calls them.
 *
 *     Queue a, Topic a.b         the same names           TempQueue ID:host-1:1:1   the client chose it   <-->  $temp/9f2c...
 *     Topic a.*.c, a.>           a pattern                TempQueue $temp/77aa...   made by another door  <-->  the same
 *
 * Always true: a temporary destination has one name on this wire, for all connections of the server, as long as it lives. One
 * for each server.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { type Destination, type DestinationKind, isTemporary, topicOf } from '../destinations.ts';
import type { Exchange } from '../exchange.ts';
import type { WireDestination } from './commands.ts';
import { JmsRefusal } from './wire-error.ts';

const KINDS: Readonly<Record<WireDestination['type'], DestinationKind>> = {
  Queue: 'queue',
  Topic: 'topic',
  TempQueue: 'temporary-queue',
  TempTopic: 'temporary-topic',
};
const TYPES: Readonly<Record<DestinationKind, WireDestination['type']>> = {
  queue: 'Queue',
  topic: 'Topic',
  'temporary-queue': 'TempQueue',
  'temporary-topic': 'TempTopic',
};
const ADVISORY = 'ActiveMQ.Advisory.';
/** The advisories that every connection asks for, alone or both. */
const TEMPORARY_ADVISORIES = ['ActiveMQ.Advisory.TempQueue', 'ActiveMQ.Advisory.TempTopic'];

export class Names {
  readonly #exchange: Exchange;
  /** Names of clients <-> names of the contract. */
  readonly #toContract = new Map<string, string>();
  readonly #toWire = new Map<string, string>();
  /** Who is making a temporary destination now -> what it calls it. */
  readonly #expected = new Map<string, string>();

  readonly #stop: () => void;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#stop = exchange.watchTemporaries(({ destination, owner, isCreated }) => {
      if (isCreated) this.#came(destination, owner);
      // Others are told in this turn, by the name it had.
      else queueMicrotask(() => this.#went(destination));
    }).stop;
  }

  close(): void {
    this.#stop();
  }

  /** Where to send, or read, or reply. `MQ_INVALID_ARGUMENT` for names that stand for something else. */
  destinationOf(wire: WireDestination | null): Destination {
    const name = wire?.physicalName;
    if (wire === null || name === null || name === undefined || name === '') {
      throw new JmsRefusal('InvalidDestinationException', 'a destination has a name');
    }
    if (name.includes(',')) {
      throw new JmsRefusal('InvalidDestinationException', `${name}: several destinations in one are not served`);
    }
    if (name.startsWith(ADVISORY)) {
      throw new JmsRefusal(
        'InvalidDestinationException',
        `${name}: only advisories of temporary destinations are served`,
      );
    }
    const kind = KINDS[wire.type];
    if (!isTemporary(kind)) return { kind, name };
    const known = this.#toContract.get(name) ?? (name.startsWith('$temp/') ? name : undefined);
    if (known === undefined)
      throw new JmsRefusal('InvalidDestinationException', `temporary ${name} is not there any more`);
    return { kind, name: known };
  }

  /** What the wire calls a topic of the contract. */
  wireOf(topic: string): WireDestination {
    return this.wireOfDestination(this.#exchange.destinationOf(topic));
  }

  wireOfDestination({ kind, name }: Destination): WireDestination {
    return { type: TYPES[kind], physicalName: this.#toWire.get(name) ?? name };
  }

  /** The contract's topic, for `reply-to`. */
  topicOf(wire: WireDestination): string {
    return topicOf(this.destinationOf(wire));
  }

  /** A client makes a temporary destination: `owner` is its connection, `name` its choice. */
  async createTemporary(owner: string, name: string, create: () => Promise<Destination>): Promise<void> {
    if (this.#toContract.has(name)) throw new MqError('MQ_TOPIC_EXISTS', `${name} is there already`);
    this.#expected.set(owner, name);
    try {
      await create();
    } finally {
      this.#expected.delete(owner);
    }
  }

  /** It has a name before anybody else is told that it is there. */
  #came({ name }: Destination, owner: string): void {
    const wireName = this.#expected.get(owner);
    if (wireName === undefined) return;
    this.#toContract.set(wireName, name);
    this.#toWire.set(name, wireName);
  }

  #went({ name }: Destination): void {
    const wireName = this.#toWire.get(name);
    this.#toWire.delete(name);
    if (wireName !== undefined) this.#toContract.delete(wireName);
  }
}

/** True for the topics by which clients learn of temporary destinations. */
export function isTemporaryAdvisory(wire: WireDestination | null): boolean {
  if (wire?.type !== 'Topic') return false;
  return (wire.physicalName ?? '').split(',').every((name) => TEMPORARY_ADVISORIES.includes(name));
}

/** The topic of advisories about one. */
export function advisoryOf(wire: WireDestination): WireDestination {
  return { type: 'Topic', physicalName: `${ADVISORY}${wire.type}` };
}
