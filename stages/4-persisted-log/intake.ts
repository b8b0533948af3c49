/**
 * The ways into a topic, up to where its partitions and its delayed log begin:
 *
 *     send         messages of callers: known already? --> room, known already meanwhile? --> allowed? --> partition
 *     sendDelayed  the same, into the delayed log
 *     sendOwn      what the broker itself moves here: room --> partition
 *
 * Always true: what is known already is answered with the receipt of the first and needs no room; between the last question
 * and the offset nothing comes in between. Only the topic uses it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Entrance, WaitForRoomOptions } from './entrance.ts';
import type { IncomingBatch } from './incoming-batch.ts';
import type { AppendReceipt } from './log/log.ts';
import type { Partition } from './partition.ts';
import type { DelayedMessages } from './policies/delayed-messages.ts';
import type { AdmissionRules, StoredReceipt } from './record-rules.ts';

export interface IntakeOptions {
  readonly entrance: Entrance;
  /** Throws when the topic is deleted or closed. */
  readonly checkOpen: () => void;
  /** Asked once for a batch: it takes as long as all the rules. */
  readonly clock: Clock;
  /** There is room for it; it is `at`. */
  readonly store: (partition: Partition, bytes: Uint8Array, at: number) => Promise<AppendReceipt>;
  /** Undefined until the first message is delayed, */
  readonly delayed: () => DelayedMessages | undefined;
  /** for which it is made. */
  readonly openDelayed: () => Promise<DelayedMessages>;
  /** Of delayed messages. */
  readonly onStored: (bytes: number) => void;
}

/** Where delayed messages go, and when. */
export interface DelayedTarget {
  readonly partition: number;
  /** Epoch ms, of each message. */
  readonly deliverAts: readonly number[];
}

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  async send(batch: IncomingBatch, partition: Partition, wait: WaitForRoomOptions): Promise<StoredReceipt> {
    const { checkOpen, entrance } = this.#options;
    checkOpen();
    const earlier = partition.rules.earlier(batch.bytes);
    if (earlier !== undefined) return await earlier;
    const settled = (): Promise<StoredReceipt> | undefined => earlierOrRefused(partition.rules, batch);
    return await entrance.enter({ batch, store: () => this.#admit(batch.bytes, partition), settled }, wait);
  }

  async sendOwn(batch: IncomingBatch, partition: Partition, wait: WaitForRoomOptions): Promise<AppendReceipt> {
    const { checkOpen, clock, entrance, store } = this.#options;
    checkOpen();
    return await entrance.enter({ batch, store: () => store(partition, batch.bytes, clock.now()) }, wait);
  }

  /** Their offsets are given when they are due. */
  async sendDelayed(batch: IncomingBatch, target: DelayedTarget, wait: WaitForRoomOptions): Promise<StoredReceipt> {
    const { checkOpen, entrance, openDelayed } = this.#options;
    const delayed = this.#options.delayed() ?? (await openDelayed());
    checkOpen();
    const earlier = delayed.rules.earlier(batch.bytes);
    if (earlier !== undefined) return await earlier;
    const settled = (): Promise<StoredReceipt> | undefined => earlierOrRefused(delayed.rules, batch);
    return await entrance.enter({ batch, store: () => this.#admitDelayed(batch, delayed, target), settled }, wait);
  }

  /** It is not there already. Runs up to the offset without a pause. */
  async #admit(bytes: Uint8Array, partition: Partition): Promise<StoredReceipt> {
    const at = this.#options.clock.now();
    partition.rules.check(bytes, at);
    const { baseOffset, count, durability } = await this.#options.store(partition, bytes, at);
    return { partition: partition.partition, baseOffset, count, durability };
  }

  async #admitDelayed(
    batch: IncomingBatch,
    delayed: DelayedMessages,
    { partition, deliverAts }: DelayedTarget,
  ): Promise<StoredReceipt> {
    const at = this.#options.clock.now();
    delayed.rules.check(batch.bytes, at);
    try {
      const { count, durability } = await delayed.add(batch, deliverAts, at);
      this.#options.onStored(batch.heldBytes);
      return { partition, baseOffset: null, count, durability, deliverAt: deliverAts[0] };
    } catch (error) {
      this.#options.entrance.admitWaiting(); // its room is free again
      throw error;
    }
  }
}

/** For one that waited: the receipt of the same batch, or why it may not be stored any more. */
function earlierOrRefused(rules: AdmissionRules, { bytes }: IncomingBatch): Promise<StoredReceipt> | undefined {
  try {
    return rules.earlier(bytes);
  } catch (error) {
    return Promise.reject(error);
  }
}
