/**
 * A producer's notes, a broker on a simulated disk, a consumer's work, and one thing that goes wrong at one moment:
 *
 *     moments    call leaves | disk writes, syncs, ... | answer leaves | answer arrives | ...
 *     fault                       ^ here, and never again
 *
 * Always true: what a client knows it was told; a call that was cut off ends with `MQ_CONNECTION_LOST`, and only the disk
 * knows what became of it. The same fault at the same moment gives the same run.
 */
import { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { DiskCall } from '../../disk-faults.ts';
import { SeededRandom } from '../../random.ts';
import { SimulatedDisk } from '../../simulated-disk.ts';
import type { Fate } from '../../simulated-nodes.ts';
import type { CreateOnDisk } from '../simulated-target.ts';

/** Who or what fails. */
export const FAULT_KINDS = Object.freeze(['producer', 'consumer', 'answer', 'power'] as const);

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** At which of the moments at which it can happen, from 1. */
  readonly at: number;
  /** Of a power cut: what it leaves of what was not synced. */
  readonly fate: Fate;
}

/** The end of a client, with all it remembered. */
export class ClientCrash extends Error {}

/** A power cut is another one only before a call that changes the disk. */
const CHANGES: ReadonlySet<DiskCall['kind']> = new Set<DiskCall['kind']>([
  ...(['write', 'sync', 'truncate', 'open', 'makeFolder', 'rename', 'remove', 'removeFolder', 'syncFolder'] as const),
]);

export class World {
  readonly clock = new VirtualClock();
  /** What the producer has noted: so many of its messages count as sent. Survives the producer. */
  sentCount = 0;
  /** What was worked on, in order, under the ids of the messages. Survives the consumer. */
  readonly works: { readonly id: string; readonly body: string }[] = [];
  readonly #create: CreateOnDisk;
  readonly #fault: Fault | null;
  #broker: Promise<Broker>;
  /** Rejects when the power fails; then there is a new one. */
  #connection = Promise.withResolvers<never>();
  #momentCount = 0;
  #startCount = 0;
  #isWatched = false;

  constructor(create: CreateOnDisk, fault: Fault | null) {
    this.#create = create;
    this.#fault = fault;
    this.#broker = this.#start(new SimulatedDisk());
  }

  /** True when the fault has happened. */
  get wasHit(): boolean {
    return this.#fault !== null && this.#momentCount >= this.#fault.at;
  }

  /** The broker as it is now, for who looks on; calls of clients go through `call`. */
  get broker(): Promise<Broker> {
    return this.#broker;
  }

  /** From now on things can go wrong. */
  watch(): void {
    this.#isWatched = true;
  }

  /** A call of a client over a connection that may break. */
  async call<T>(client: 'producer' | 'consumer', operation: (broker: Broker) => Promise<T>): Promise<T> {
    this.#mayCrash(client);
    const broker = await this.#broker;
    const answer = Promise.race([operation(broker), this.#connection.promise]);
    answer.catch(() => undefined);
    this.#mayCrash(client);
    const value = await answer;
    if (this.#isHit('answer')) throw new MqError('MQ_CONNECTION_LOST', 'the connection broke before the answer');
    this.#mayCrash(client);
    return value;
  }

  /** Ends everything; what goes wrong now nobody asks. */
  async close(): Promise<void> {
    this.#isWatched = false;
    await (await this.#broker).close();
  }

  #mayCrash(client: 'producer' | 'consumer'): void {
    if (this.#isHit(client)) throw new ClientCrash(`the ${client} is gone`);
  }

  /** Counts the moments at which the fault could happen; true at the one at which it does. */
  #isHit(kind: FaultKind): boolean {
    if (!this.#isWatched || this.#fault?.kind !== kind) return false;
    this.#momentCount += 1;
    return this.#momentCount === this.#fault.at;
  }

  async #start(disk: SimulatedDisk): Promise<Broker> {
    this.#startCount += 1;
    const isRestarted = this.#startCount > 1;
    const random = new SeededRandom(this.#startCount);
    const broker = await this.#create({ clock: this.clock, random, disk }, isRestarted);
    disk.onCall = ({ kind }) => {
      if (CHANGES.has(kind) && this.#isHit('power')) this.#pullThePlug(disk, broker);
      return undefined;
    };
    return broker;
  }

  #pullThePlug(disk: SimulatedDisk, broker: Broker): void {
    const left = disk.crash(this.#fault?.fate);
    const broken = this.#connection;
    this.#connection = Promise.withResolvers<never>();
    this.#connection.promise.catch(() => undefined);
    this.#broker = this.#start(left);
    broken.promise.catch(() => undefined);
    broken.reject(new MqError('MQ_CONNECTION_LOST', 'the power failed'));
    broker.close({ timeoutMs: 0 }).catch(() => undefined);
  }
}
