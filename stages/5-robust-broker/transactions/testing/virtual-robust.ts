/**
 * A broker of this stage on a disk in memory and a clock that a test moves, and the ways in which it ends.
 *
 * Always true: no two brokers draw the same random numbers; the clock is one for all lives of a broker. For tests only.
 */
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker, FetchOptions } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Delivery, StoredRecord } from '../../../../shared/contract/message.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { SeededRandom } from '../../../../shared/random.ts';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { createBroker, type RobustBrokerOptions } from '../../index.ts';

export const DATA_FOLDER = '/data';

export interface VirtualRobust {
  readonly broker: Broker;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  readonly notices: readonly string[];
  /** The next start on another disk, such as what a crash left. */
  readonly on: (disk: SimulatedDisk) => Promise<VirtualRobust>;
  readonly afterPowerCut: () => Promise<VirtualRobust>;
  readonly afterKill: () => Promise<VirtualRobust>;
  readonly afterClose: () => Promise<VirtualRobust>;
}

export async function openRobust(
  options: RobustBrokerOptions = {},
  on: { readonly disk?: SimulatedDisk; readonly clock?: VirtualClock } = {},
): Promise<VirtualRobust> {
  const { disk = new SimulatedDisk(), clock = new VirtualClock() } = on;
  const notices: string[] = [];
  seed += 1;
  const random = new SeededRandom(seed);
  const onNotice = (text: string): void => void notices.push(text);
  const broker = await createBroker({ dataFolder: DATA_FOLDER, random, onNotice, ...options, disk, clock });
  const again = (next: SimulatedDisk): Promise<VirtualRobust> => openRobust(options, { disk: next, clock });
  return {
    ...{ broker, disk, clock, notices },
    on: again,
    afterPowerCut: () => again(disk.remains()),
    afterKill: () => again(disk.remains(() => true)),
    afterClose: async () => {
      await broker.close();
      return await again(disk);
    },
  };
}

let seed = 0;

/** The bodies of a partition, as readers of this isolation see them. */
export async function read(broker: Broker, topic: string, options: FetchOptions = {}): Promise<string[]> {
  const records: StoredRecord[] = [];
  for (let offset = 0; ; ) {
    const fetched = await broker.fetch(topic, { max: 1000, ...options, offset });
    records.push(...fetched.records);
    if (fetched.nextOffset === offset) return textsOf(records);
    offset = fetched.nextOffset;
  }
}

export async function receiveOne(broker: Broker, topic: string, group = 'default'): Promise<Delivery> {
  const [delivery] = await broker.receive(topic, { group });
  if (delivery === undefined) throw new Error(`nothing to receive from ${topic} for ${group}`);
  return delivery;
}

export function textsOf(records: readonly { readonly body: Uint8Array }[]): string[] {
  return records.map(({ body }) => new TextDecoder().decode(body));
}

/** How it ended, or that nobody knows. */
export async function outcomeOf(broker: Broker, { id }: Pick<Transaction, 'id'>): Promise<string | undefined> {
  try {
    await broker.findTransaction(id);
    return 'open';
  } catch (error) {
    if (isMqError(error, 'MQ_TRANSACTION_ENDED')) return error.details.outcome;
    if (isMqError(error, 'MQ_UNKNOWN_TRANSACTION')) return undefined;
    return isMqError(error) ? error.code : String(error);
  }
}
