/**
 * Queues and topics as programs of JMS hold them.
 *
 * Always true: two that name the same are the same to the broker, whichever session made them; a temporary one ends with its
 * connection, and only that connection reads it. A session makes them.
 */
import { type Destination as KitDestination, topicOf } from '../doors/destinations.ts';
import { asJms, IllegalStateException, InvalidDestinationException } from './errors.ts';

/** Each message goes to one of those who read it. */
export class Queue {
  readonly destination: KitDestination;

  constructor(destination: KitDestination) {
    this.destination = destination;
  }

  getQueueName(): string {
    return this.destination.name;
  }

  toString(): string {
    return `queue://${this.destination.name}`;
  }
}

/** Each message goes to all who read it. */
export class Topic {
  readonly destination: KitDestination;

  constructor(destination: KitDestination) {
    this.destination = destination;
  }

  getTopicName(): string {
    return this.destination.name;
  }

  toString(): string {
    return `topic://${this.destination.name}`;
  }
}

/** The connection that made a temporary destination. */
export interface TemporaryOwner {
  readonly id: string;
  deleteTemporary(name: string): Promise<void>;
}

/** A queue for answers: gone with its connection. */
export class TemporaryQueue extends Queue {
  readonly #owner: TemporaryOwner;

  constructor(destination: KitDestination, owner: TemporaryOwner) {
    super(destination);
    this.#owner = owner;
  }

  isOwnedBy({ id }: Pick<TemporaryOwner, 'id'>): boolean {
    return this.#owner.id === id;
  }

  delete(): Promise<void> {
    return asJms(() => this.#owner.deleteTemporary(this.destination.name));
  }
}

/** A topic for answers: gone with its connection. */
export class TemporaryTopic extends Topic {
  readonly #owner: TemporaryOwner;

  constructor(destination: KitDestination, owner: TemporaryOwner) {
    super(destination);
    this.#owner = owner;
  }

  isOwnedBy({ id }: Pick<TemporaryOwner, 'id'>): boolean {
    return this.#owner.id === id;
  }

  delete(): Promise<void> {
    return asJms(() => this.#owner.deleteTemporary(this.destination.name));
  }
}

/** Where messages go to. */
export type Destination = Queue | Topic;

/** A destination that came in a message: nobody here owns it. */
export function destinationFor(destination: KitDestination): Destination {
  const isTopic = destination.kind === 'topic' || destination.kind === 'temporary-topic';
  return isTopic ? new Topic(destination) : new Queue(destination);
}

/** As the kit takes it; `InvalidDestinationException` for what is none. */
export function kitDestination(destination: unknown): KitDestination {
  if (destination instanceof Queue || destination instanceof Topic) {
    topicOf(destination.destination);
    return destination.destination;
  }
  throw new InvalidDestinationException('a destination must be a Queue or a Topic that a session made');
}

/** Only the connection that made a temporary destination reads it. */
export function checkReadable(destination: Destination, reader: Pick<TemporaryOwner, 'id'>): void {
  const { kind } = destination.destination;
  if (kind === 'queue' || kind === 'topic') return;
  const isOwn =
    (destination instanceof TemporaryQueue || destination instanceof TemporaryTopic) && destination.isOwnedBy(reader);
  if (!isOwn) throw new InvalidDestinationException(`${destination} is read by the connection that made it only`);
}

/** For a temporary destination that is still read. */
export function stillRead(destination: string): IllegalStateException {
  return new IllegalStateException(`${destination} still has a consumer; close that first`);
}
