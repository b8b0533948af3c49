/**
 * A broker on a disk in memory and a clock that a test moves, and the ways in which it ends.
 *
 *     const one = await openVirtual();                       // on a disk of its own
 *     const two = await one.afterPowerCut();                 // what was not synced is gone; time goes on
 *
 * Always true: two brokers never draw the same random numbers, as two processes do not; the clock is one for all lives of a
 * broker. For tests only.
 */
import type { VirtualClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Delivery, StoredRecord } from '../../../shared/contract/message.ts';
import type { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker, type LogBrokerOptions } from '../index.ts';
import { type LifePlace, openLife, type VirtualLife } from './virtual-life.ts';

export class VirtualBroker {
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

  /** The next start on what a power cut now would leave; this broker goes on beside it, on its own disk. */
  async afterPowerCut(): Promise<VirtualBroker> {
    return new VirtualBroker(await this.#life.afterPowerCut());
  }

  /** The same when the process is killed: what was written is there, synced or not. */
  async afterKill(): Promise<VirtualBroker> {
    return new VirtualBroker(await this.#life.afterKill());
  }

  async afterClose(): Promise<VirtualBroker> {
    return new VirtualBroker(await this.#life.afterClose());
  }

  /** On another disk, such as one that was looked at in the middle of something. */
  async on(disk: SimulatedDisk): Promise<VirtualBroker> {
    return new VirtualBroker(await this.#life.on(disk));
  }

  /** Receives and finishes all there is; answers the bodies. */
  async drain(topic: string, group = 'default'): Promise<string[]> {
    const all: string[] = [];
    for (;;) {
      const deliveries = await this.broker.receive(topic, { group, max: 100 });
      if (deliveries.length === 0) return all;
      all.push(...textsOf(deliveries));
      await this.broker.ack(deliveries);
    }
  }

  async receiveOne(topic: string, group = 'default'): Promise<Delivery> {
    const [delivery] = await this.broker.receive(topic, { group });
    if (delivery === undefined) throw new Error(`nothing to receive from ${topic} for ${group}`);
    return delivery;
  }

  /** The bodies of all records of a partition. */
  async read(topic: string, partition = 0): Promise<string[]> {
    const inside = await this.broker.inspect?.(topic, { max: 1 });
    const start = inside?.kind === 'log' ? inside.partitions[partition]?.logStartOffset : undefined;
    const all: StoredRecord[] = [];
    for (let offset = start ?? 0; ; ) {
      const { records, nextOffset } = await this.broker.fetch(topic, { partition, offset, max: 1000 });
      all.push(...records);
      if (nextOffset === offset) return textsOf(all);
      offset = nextOffset;
    }
  }
}

export async function openVirtual(options: LogBrokerOptions = {}, on: LifePlace = {}): Promise<VirtualBroker> {
  return new VirtualBroker(await openLife(createBroker, options, on));
}

/** Does `work` once for each call it makes of the disk, and hands `check` what the disk would be like at that moment. */
export async function atEveryCall(
  prepare: () => Promise<VirtualBroker>,
  work: (opened: VirtualBroker) => Promise<void>,
  check: (disk: SimulatedDisk, at: { readonly opened: VirtualBroker; readonly call: number }) => Promise<void>,
): Promise<number> {
  for (let call = 1; ; call += 1) {
    const opened = await prepare();
    const from = opened.disk.callCount;
    let cut: SimulatedDisk | undefined;
    opened.disk.onCall = ({ number }) => {
      if (number === from + call) cut = opened.disk.remains();
      return undefined;
    };
    await work(opened);
    opened.disk.onCall = undefined;
    if (cut === undefined) return call - 1;
    await check(cut, { opened, call });
  }
}

export function textsOf(records: readonly { readonly body: Uint8Array }[]): string[] {
  return records.map(({ body }) => new TextDecoder().decode(body));
}
