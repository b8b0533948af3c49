/**
 * A target whose brokers write to disks in memory, and which restarts one by pulling the plug:
 *
 *     createBroker() -> broker on a fresh disk
 *     restartBroker(broker) -> calls under way are cut off, the disk crashes -> broker on what is left of it
 *
 * Always true: nobody hears of the broker that was stopped any more, and it changes nothing, since its disk is dead; it is
 * closed only so that its timers end. Used by the tests of a durable stage and of its mutants, and by `mq test`.
 */
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { Transaction } from '../contract/transaction.ts';
import type { Disk } from '../disk.ts';
import { SimulatedDisk } from '../simulated-disk.ts';
import type { Fate } from '../simulated-nodes.ts';
import type { ConformanceOptions, CreateBroker } from './conformance-test.ts';

/** Makes a broker on a disk; `isRestarted` when there was one before. */
export type CreateOnDisk = (options: BrokerOptions & { readonly disk: Disk }, isRestarted: boolean) => Promise<Broker>;

/** The part of a target that is about its disks. */
export interface SimulatedTarget {
  readonly createBroker: CreateBroker;
  readonly restartBroker: NonNullable<ConformanceOptions['restartBroker']>;
}

/** Operations whose answers have calls of their own. */
const OPENS_TRANSACTION: readonly string[] = ['begin', 'findTransaction'] satisfies (keyof Broker)[];

/** A running broker, and how its callers are cut off. */
interface Running {
  readonly disk: SimulatedDisk;
  readonly broker: Broker;
  readonly stop: () => void;
}

/** `fate` says what a power cut leaves of what was not synced; nothing, if not told otherwise. */
export function onSimulatedDisks(create: CreateOnDisk, fate?: Fate): SimulatedTarget {
  const running = new WeakMap<Broker, Running>();
  const open = async (options: BrokerOptions, disk: SimulatedDisk, isRestarted: boolean): Promise<Broker> => {
    const broker = await create({ ...options, disk }, isRestarted);
    const calls = new CutCalls();
    const stop = (): void => calls.cut(new MqError('MQ_CONNECTION_LOST', 'the broker was stopped'));
    const reached = untilStopped(broker, calls);
    running.set(reached, { disk, broker, stop });
    return reached;
  };
  return {
    createBroker: (options = {}) => open(options, new SimulatedDisk(), false),
    restartBroker: (reached, options) => {
      const old = running.get(reached);
      if (old === undefined) throw new RangeError('a broker of another target');
      old.stop();
      const left = old.disk.crash(fate);
      // It finds its disk dead, and says so to nobody.
      old.broker.close({ timeoutMs: 0 }).catch(() => undefined);
      return open(options, left, true);
    },
  };
}

/**
 * Calls that are under way until they are cut off, all at once. None is known any more when it has ended: a race with one
 * promise that stands for the cut would keep every answer until then.
 */
class CutCalls {
  readonly #rejects = new Set<(error: MqError) => void>();
  #cutBy: MqError | undefined;

  cut(error: MqError): void {
    this.#cutBy = error;
    for (const reject of this.#rejects) reject(error);
    this.#rejects.clear();
  }

  async add<T>(call: T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#cutBy === undefined) this.#rejects.add(reject);
    else reject(this.#cutBy);
    Promise.resolve(call).then(resolve, reject);
    try {
      return await promise;
    } finally {
      this.#rejects.delete(reject);
    }
  }
}

/** `subject`, whose calls are cut off with all of `calls`, as those to a process that was killed. */
function untilStopped<Subject extends object>(subject: Subject, calls: CutCalls): Subject {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => unknown;
      if (typeof name === 'string' && OPENS_TRANSACTION.includes(name)) {
        return async (...args: unknown[]) =>
          untilStopped(await calls.add(operation(...args) as Promise<Transaction>), calls);
      }
      return (...args: unknown[]) => calls.add(operation(...args));
    },
  });
}
