/**
 * Something for each of many records, found by where a record is: topic, partition, offset.
 *
 *     topic --> partition --> offset --> value
 *
 * Always true: topics of which nothing is kept cost nothing. Offsets are looked up as the numbers they are: a key made of
 * text would be written and hashed anew for each message (1 us of 11). Only InFlight uses it.
 */
import { RenewedMap } from '../../../../shared/client/renewed-map.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';

/** Where a record is. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export class RecordBook<Value> {
  readonly #topics = new RenewedMap<string, Map<number, RenewedMap<number, Value>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ topic, partition, offset }: RecordPlace): Value | undefined {
    return this.#topics.get(topic)?.get(partition)?.get(offset);
  }

  set({ topic, partition, offset }: RecordPlace, value: Value): void {
    const partitions = this.#topics.get(topic) ?? new Map<number, RenewedMap<number, Value>>();
    if (partitions.size === 0) this.#topics.set(topic, partitions);
    const offsets = partitions.get(partition) ?? new RenewedMap<number, Value>();
    if (offsets.size === 0) partitions.set(partition, offsets);
    if (!offsets.has(offset)) this.#size += 1;
    offsets.set(offset, value);
  }

  /** True when there was something. */
  delete({ topic, partition, offset }: RecordPlace): boolean {
    const partitions = this.#topics.get(topic);
    const offsets = partitions?.get(partition);
    if (partitions === undefined || offsets?.delete(offset) !== true) return false;
    this.#size -= 1;
    if (offsets.size === 0) partitions.delete(partition);
    if (partitions.size === 0) this.#topics.delete(topic);
    return true;
  }

  clear(): void {
    this.#topics.clear();
    this.#size = 0;
  }
}

/** The same record, whenever it comes, and nothing of its body; undefined where the broker numbers none. */
export function placeOf({ topic, partition, offset }: Delivery): RecordPlace | undefined {
  return offset === null ? undefined : { topic, partition, offset };
}

/** As text, for the store. */
export function textOfPlace({ topic, partition, offset }: RecordPlace): string {
  return `${partition}:${offset}:${topic}`;
}

/** Of a text that `textOfPlace` made. */
export function placeOfText(text: string): RecordPlace {
  const [partition = '', offset = ''] = text.split(':', 2);
  return {
    topic: text.slice(partition.length + offset.length + 2),
    partition: Number(partition),
    offset: Number(offset),
  };
}
