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
import type { VirtualClock } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { HalfCheck, HalfOutcome, HalfReceipt } from '../../../../shared/contract/half-message.ts';
import type { Message, Receipt } from '../../../../shared/contract/message.ts';
import type { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { type LifePlace, openLife, type VirtualLife } from '../../../4-persisted-log/testing/virtual-life.ts';
import { createBroker, type RobustBrokerOptions } from '../../index.ts';

export const GROUP = 'g';
export class HalfBroker {
  readonly broker: Broker;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  readonly notices: readonly string[];
  readonly #life: VirtualLife;

  constructor(life: VirtualLife) {
    this.broker = life.broker;
    this.disk = life.disk;
    this.clock = life.clock;
    this.notices = life.notices;
    this.#life = life;
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
  afterPowerCut = async (): Promise<HalfBroker> => new HalfBroker(await this.#life.afterPowerCut());

  /** The same when the process is killed: what was written is there. */
  afterKill = async (): Promise<HalfBroker> => new HalfBroker(await this.#life.afterKill());

  afterClose = async (): Promise<HalfBroker> => new HalfBroker(await this.#life.afterClose());

  on = async (disk: SimulatedDisk): Promise<HalfBroker> => new HalfBroker(await this.#life.on(disk));
}

export async function openHalf(options: RobustBrokerOptions = {}, on: LifePlace = {}): Promise<HalfBroker> {
  return new HalfBroker(await openLife(createBroker, options, on));
}
