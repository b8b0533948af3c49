/**
 * Temporary queues and topics of the doors: which of them are there, of which kind, and who wants to know.
 *
 *     created --> told to listeners --> kept alive --> deleted by its owner, or with its connection --> told again
 *
 * Always true: what was made here lives as long as nobody deletes it, though nobody uses it: the broker would let it go after
 * a while; a connection that ends deletes its own, also those that are still being made. Only the Exchange uses it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Destination } from './destinations.ts';
import { ignoringGone } from './gone.ts';

/** Well within the `memberTimeoutMs` of a broker. */
const TOUCH_MS = 10_000;

export type TemporaryKind = 'temporary-queue' | 'temporary-topic';

/** What became of a temporary destination. */
export interface TemporaryChange {
  readonly destination: Destination;
  readonly isCreated: boolean;
  /** Who made it, as its door named the connection. */
  readonly owner: string;
}

interface Temporary {
  readonly destination: Destination;
  readonly owner: string;
}

export class Temporaries {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #all = new Map<string, Temporary>();
  /** Being made -> for whom. */
  readonly #making = new Map<Promise<unknown>, string>();
  readonly #listeners = new Set<(change: TemporaryChange) => void>();
  #timer: Timer | undefined;

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  get(topic: string): Temporary | undefined {
    return this.#all.get(topic);
  }

  all(): readonly Temporary[] {
    return [...this.#all.values()];
  }

  /** `broker`: as its owner may use it. `MQ_NOT_SUPPORTED` where it has no `filters`. */
  async create(broker: Broker, kind: TemporaryKind, owner: string): Promise<Destination> {
    const making = this.#make(broker, kind, owner);
    this.#making.set(making, owner);
    try {
      return await making;
    } finally {
      this.#making.delete(making);
    }
  }

  async #make(broker: Broker, kind: TemporaryKind, owner: string): Promise<Destination> {
    const name = await broker.createTemporaryTopic();
    const destination = { kind, name };
    this.#all.set(name, { destination, owner });
    this.#tell({ destination, owner, isCreated: true });
    this.#arm();
    return destination;
  }

  /** Deletes it, if it is still there. */
  async delete(name: string): Promise<void> {
    const temporary = this.#all.get(name);
    if (temporary === undefined) return;
    this.#all.delete(name);
    this.#tell({ ...temporary, isCreated: false });
    await ignoringGone(this.#broker.deleteTopic(name));
  }

  /** The connection of this owner is gone. */
  async deleteAllOf(owner: string): Promise<void> {
    const making = [...this.#making].filter(([, maker]) => maker === owner).map(([call]) => call);
    await Promise.allSettled(making);
    const names = [...this.#all].filter(([, temporary]) => temporary.owner === owner).map(([name]) => name);
    await Promise.all(names.map((name) => this.delete(name)));
  }

  /** Answers what ends it. */
  listen(listener: (change: TemporaryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tell(change: TemporaryChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#all.size === 0) return;
    const onTime = (): void => {
      this.#timer = undefined;
      void this.#touchAll();
      this.#arm();
    };
    this.#timer = this.#clock.setTimer(onTime, TOUCH_MS, { isBackground: true });
  }

  /** To name it is to use it. */
  async #touchAll(): Promise<void> {
    for (const topic of this.#all.keys()) await ignoringGone(this.#broker.describeTopics({ topic }));
  }
}
