/**
 * A broker on a simulated disk, clients that may crash, and a connection between them that may break:
 *
 *     moments    call leaves | disk writes, syncs, ... | answer leaves | answer arrives | ...
 *     faults                       ^ here                     ^ or here
 *
 * Always true: what a client knows it was told; a call that was cut off ends with `MQ_CONNECTION_LOST`, and only the disk
 * knows what became of it. The same faults at the same moments give the same run.
 */
import { VirtualClock } from '../../clock.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { DiskCall } from '../../disk-faults.ts';
import { SeededRandom } from '../../random.ts';
import { SimulatedDisk } from '../../simulated-disk.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import type { FaultKind, Faults } from './faults.ts';

/** The end of a client, with all it remembered. */
export class ClientCrash extends Error {}

/** A power cut is another one only before a call that changes the disk. */
const CHANGES: ReadonlySet<DiskCall['kind']> = new Set<DiskCall['kind']>([
  ...(['write', 'sync', 'truncate', 'open', 'makeFolder', 'rename', 'remove', 'removeFolder', 'syncFolder'] as const),
]);

export class World {
  readonly clock = new VirtualClock();
  readonly #create: CreateOnDisk;
  readonly #faults: Faults;
  #broker: Promise<Broker>;
  /** Rejects when the power fails; then there is a new one. */
  #connection = Promise.withResolvers<never>();
  #startCount = 0;
  #isWatched = false;

  constructor(create: CreateOnDisk, faults: Faults) {
    this.#create = create;
    this.#faults = faults;
    this.#broker = this.#start(new SimulatedDisk());
  }

  /** The broker as it is now, for who looks on; calls of clients go through `call`. */
  get broker(): Promise<Broker> {
    return this.#running();
  }

  /** Of the broker: another number after each power cut. */
  get life(): number {
    return this.#startCount;
  }

  /** From now on things can go wrong. */
  watch(): void {
    this.#isWatched = true;
  }

  /**
   * A call of a client over a connection that may break. `life`: what the call is about belongs to this life of the broker,
   * and is lost with it.
   */
  async call<T>(
    client: 'producer' | 'consumer',
    operation: (broker: Broker) => Promise<T>,
    { life }: { readonly life?: number } = {},
  ): Promise<T> {
    this.#mayCrash(client);
    const broker = await this.#running();
    if (life !== undefined && life !== this.#startCount) throw connectionLost('the power failed');
    // The call itself may be what the power fails in.
    const { promise: broken } = this.#connection;
    const answer = Promise.race([operation(broker), broken]);
    answer.catch(() => undefined);
    this.#mayCrash(client);
    const value = await answer;
    if (this.#isHit('answer')) throw connectionLost('the connection broke before the answer');
    this.#mayCrash(client);
    return value;
  }

  /** Ends everything; what goes wrong now nobody asks. */
  async close(): Promise<void> {
    this.#isWatched = false;
    await (await this.#running()).close();
  }

  #mayCrash(client: 'producer' | 'consumer'): void {
    if (this.#isHit(client)) throw new ClientCrash(`the ${client} is gone`);
  }

  #isHit(kind: FaultKind): boolean {
    return this.#isWatched && this.#faults.isHit(kind);
  }

  /** The power may fail while it starts, and then another one starts. */
  async #running(): Promise<Broker> {
    for (;;) {
      const starting = this.#broker;
      const { promise: broken } = this.#connection;
      try {
        const broker = await Promise.race([starting, broken]);
        if (starting === this.#broker) return broker;
      } catch (error) {
        if (starting === this.#broker) throw error;
      }
    }
  }

  async #start(disk: SimulatedDisk): Promise<Broker> {
    this.#startCount += 1;
    const life = this.#startCount;
    const random = new SeededRandom(life);
    // Whoever pulled the plug knows by then that there is another broker; should it be pulled at the start, yet another.
    await Promise.resolve();
    disk.onCall = ({ kind }) => {
      if (life === this.#startCount && CHANGES.has(kind) && this.#isHit('power')) this.#pullThePlug(disk);
      return undefined;
    };
    return await this.#create({ clock: this.clock, random, disk }, life > 1);
  }

  #pullThePlug(disk: SimulatedDisk): void {
    const left = disk.crash(this.#faults.fate());
    const broken = this.#connection;
    const dead = this.#broker;
    this.#connection = Promise.withResolvers<never>();
    this.#connection.promise.catch(() => undefined);
    this.#broker = this.#start(left);
    this.#broker.catch(() => undefined);
    broken.promise.catch(() => undefined);
    broken.reject(connectionLost('the power failed'));
    // It finds its disk dead, and says so to nobody.
    dead.then((broker) => broker.close({ timeoutMs: 0 })).catch(() => undefined);
  }
}

/** Lives again after a crash, knowing nothing but what was kept outside. */
export async function untilDone(life: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await life();
    } catch (error) {
      if (!(error instanceof ClientCrash)) throw error;
    }
  }
}

function connectionLost(text: string): MqError {
  return new MqError('MQ_CONNECTION_LOST', text);
}
