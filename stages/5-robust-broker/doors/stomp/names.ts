/**
 * Destinations as STOMP spells them, in the words of one connection.
 *
 *     /queue/a   /topic/a                     the same for everybody
 *     /temp-queue/x   /temp-topic/x           this connection's own, made when it is first named, gone when it ends
 *     /temp-queue/$temp/...                   anybody's: what `reply-to` of a message says
 *
 * Always true: a temporary destination is one of the broker, so that an answer may come through any door.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { type Destination, type DestinationKind, topicOf } from '../destinations.ts';
import type { Exchange } from '../exchange.ts';

const PREFIXES: readonly (readonly [prefix: string, kind: DestinationKind])[] = [
  ['/queue/', 'queue'],
  ['/topic/', 'topic'],
  ['/temp-queue/', 'temporary-queue'],
  ['/temp-topic/', 'temporary-topic'],
];
const OF_THE_BROKER = '$temp/';

export interface NamesOptions {
  readonly exchange: Exchange;
  /** As the client may use it. */
  readonly broker: Broker;
  /** The name of the connection. */
  readonly owner: string;
  readonly temporariesCountMax: number;
}

export class Names {
  readonly #options: NamesOptions;
  /** `/temp-queue/x` as this client says it -> what it is. */
  readonly #temporaries = new Map<string, Promise<Destination>>();
  /** Topic -> what this client calls it. */
  readonly #ownNames = new Map<string, string>();
  /** What was asked for last, and most often is asked for next. */
  #lastTopic: string | undefined;
  #lastWire = '';

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  /** A destination that has to be made is a promise of it. `MQ_INVALID_ARGUMENT` for what is no destination. */
  destinationOf(text: string): Destination | Promise<Destination> {
    const row = PREFIXES.find(([prefix]) => text.startsWith(prefix));
    const name = text.slice(row?.[0].length);
    if (row === undefined || name === '') {
      throw invalidArgument('destination', `${PREFIXES.map(([prefix]) => `${prefix}...`).join(', ')}`, text);
    }
    const [, kind] = row;
    if (kind === 'queue' || kind === 'topic') return { kind, name };
    return name.startsWith(OF_THE_BROKER) ? { kind, name } : this.#temporaryOf(text, kind);
  }

  /** What this client calls it. */
  wireOf(topic: string): string {
    if (topic !== this.#lastTopic) {
      this.#lastWire = this.#ownNames.get(topic) ?? this.#plainWireOf(topic);
      this.#lastTopic = topic;
    }
    return this.#lastWire;
  }

  #plainWireOf(topic: string): string {
    const { kind, name } = this.#options.exchange.destinationOf(topic);
    return `${PREFIXES.find(([, known]) => known === kind)?.[0]}${name}`;
  }

  #temporaryOf(text: string, kind: 'temporary-queue' | 'temporary-topic'): Promise<Destination> {
    const known = this.#temporaries.get(text);
    if (known !== undefined) return known;
    const { exchange, broker, owner, temporariesCountMax } = this.#options;
    if (this.#temporaries.size >= temporariesCountMax) {
      throw new MqError('MQ_LIMIT_EXCEEDED', `a connection has at most ${temporariesCountMax} temporary destinations`);
    }
    const made = exchange.createTemporary(broker, kind, owner).then((destination) => {
      this.#ownNames.set(topicOf(destination), text);
      this.#lastTopic = undefined;
      return destination;
    });
    this.#temporaries.set(text, made);
    return made;
  }
}
