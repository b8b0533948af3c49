/**
 * A broker with half messages on a disk in memory and a clock that a test moves, and the ways in which it ends.
 *
 *     const { broker, clock, half, ask } = await openHalf();
 *     const { halfId } = await half('t', 'tea');                  // kept, seen by nobody
 *     await clock.pass(6000);
 *     await ask();                                                // the questions of group `g`
 *
 * Always true: no two brokers draw the same random numbers; the clock is one for all lives of a broker. For tests only.
 */
import { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { HalfCheck, HalfOutcome, HalfReceipt } from '../../../../shared/contract/half-message.ts';
import type { Message, Receipt } from '../../../../shared/contract/message.ts';
import { SeededRandom } from '../../../../shared/random.ts';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { createBroker, type RobustBrokerOptions } from '../../index.ts';

export const GROUP = 'g';
export const DATA_FOLDER = '/data';

export class HalfBroker {
  readonly broker: Broker;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  readonly notices: readonly string[];
  readonly #options: RobustBrokerOptions;

  constructor(
    broker: Broker,
    on: {
      readonly disk: SimulatedDisk;
      readonly clock: VirtualClock;
      readonly notices: readonly string[];
      readonly options: RobustBrokerOptions;
    },
  ) {
    this.broker = broker;
    this.disk = on.disk;
    this.clock = on.clock;
    this.notices = on.notices;
    this.#options = on.options;
  }

  half = (topic: string, message: string | Message, checkAfterMs?: number): Promise<HalfReceipt> => {
    const options = { producerGroup: GROUP, ...(checkAfterMs === undefined ? {} : { checkAfterMs }) };
    return this.broker.sendHalf(topic, typeof message === 'string' ? { body: message } : message, options);
  };

  end = (topic: string, { halfId }: Pick<HalfReceipt, 'halfId'>, outcome: HalfOutcome): Promise<Receipt | null> =>
    this.broker.endHalf(topic, { halfId, outcome });

  ask = (max = 100): Promise<readonly HalfCheck[]> => this.broker.receiveHalfChecks(GROUP, { max });

  /** The bodies of all records of a topic, partition by partition; none where there is no such topic. */
  read = async (topic: string): Promise<string[]> => {
    const described = (await this.broker.describeTopics()).find(({ topic: name }) => name === topic);
    const bodies: string[] = [];
    for (let partition = 0; partition < (described?.partitionCount ?? 0); partition += 1) {
      for (let offset = 0; ; ) {
        const { records, nextOffset } = await this.broker.fetch(topic, { partition, offset, max: 1000 });
        bodies.push(...records.map(({ body }) => new TextDecoder().decode(body)));
        if (nextOffset === offset) break;
        offset = nextOffset;
      }
    }
    return bodies;
  };

  halfCount = async (topic: string): Promise<number | undefined> =>
    (await this.broker.describeTopics({ topic }))[0]?.halfCount;

  /** The next start on what a power cut now would leave. */
  afterPowerCut = (): Promise<HalfBroker> => this.on(this.disk.remains());

  /** The same when the process is killed: what was written is there. */
  afterKill = (): Promise<HalfBroker> => this.on(this.disk.remains(() => true));

  afterClose = async (): Promise<HalfBroker> => {
    await this.broker.close();
    return await this.on(this.disk);
  };

  on = (disk: SimulatedDisk): Promise<HalfBroker> => openHalf(this.#options, { disk, clock: this.clock });
}

export async function openHalf(
  options: RobustBrokerOptions = {},
  on: { readonly disk?: SimulatedDisk; readonly clock?: VirtualClock } = {},
): Promise<HalfBroker> {
  const { disk = new SimulatedDisk(), clock = new VirtualClock() } = on;
  const notices: string[] = [];
  seed += 1;
  const broker = await createBroker({
    dataFolder: DATA_FOLDER,
    random: new SeededRandom(seed),
    onNotice: (text) => void notices.push(text),
    ...options,
    disk,
    clock,
  });
  return new HalfBroker(broker, { disk, clock, notices, options });
}

let seed = 0;
