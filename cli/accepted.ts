/**
 * What a run of `mq send` was told: how much was accepted, where it went, and how safe it is.
 *
 * Always true: it says no more than the receipts did. The durability is that of the least safe of them.
 */
import type { BatchReceipt, Durability } from '../shared/contract/message.ts';
import { counted, printable } from './text.ts';

/** From the least safe on. */
const DURABILITIES: readonly Durability[] = ['memory', 'written', 'synced'];

/** What went to one partition. */
interface PartitionSummary {
  readonly partition: number;
  readonly count: number;
  /** Of the first and last message; null when the broker gave none: they are delayed, or it has no offsets. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
}

export interface SendSummary {
  readonly topic: string;
  readonly count: number;
  /** Of the first and last message where all went to one partition; else null. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
  /** True: it gets its offset when it is due. */
  readonly isDelayed: boolean;
  /** null when nothing was sent. */
  readonly durability: Durability | null;
  /** Ascending. */
  readonly partitions: readonly PartitionSummary[];
}

type SomeReceipt = Pick<BatchReceipt, 'partition' | 'baseOffset' | 'durability'>;

/** Receipts, added up. */
export class Accepted {
  readonly #partitions = new Map<number, PartitionSummary>();
  #durability: Durability | null = null;
  count = 0;
  /** Body bytes, and one for each line end. */
  bytes = 0;

  add(bodies: readonly (Uint8Array | string)[], { partition, baseOffset, durability }: SomeReceipt): void {
    const before = this.#partitions.get(partition);
    this.#partitions.set(partition, {
      partition,
      count: (before?.count ?? 0) + bodies.length,
      firstOffset: before === undefined ? baseOffset : before.firstOffset,
      lastOffset: baseOffset === null ? null : baseOffset + bodies.length - 1,
    });
    const isLessSafe = this.#durability === null || rank(durability) < rank(this.#durability);
    if (isLessSafe) this.#durability = durability;
    this.count += bodies.length;
    for (const body of bodies) this.bytes += body.length + 1;
  }

  get summary(): Omit<SendSummary, 'topic' | 'isDelayed'> {
    const partitions = [...this.#partitions.values()].sort((a, b) => a.partition - b.partition);
    const only = partitions.length === 1 ? partitions[0] : undefined;
    const { firstOffset = null, lastOffset = null } = only ?? {};
    return { count: this.count, firstOffset, lastOffset, durability: this.#durability, partitions };
  }
}

function rank(durability: Durability): number {
  return DURABILITIES.indexOf(durability);
}

/** One line for a person: `sent 5 messages to t (offsets 0 to 4, synced)`. */
export function summaryLine({ topic, count, isDelayed, durability, partitions }: SendSummary): string {
  const sent = `sent ${counted(count, 'message')} to ${printable(topic)}`;
  const places = isDelayed ? ['delayed'] : partitions.flatMap((place) => placeOf(place, partitions.length > 1));
  const facts = [...places, ...(durability === null || durability === 'memory' ? [] : [durability])];
  return facts.length === 0 ? sent : `${sent} (${facts.join(', ')})`;
}

function placeOf({ partition, count, firstOffset, lastOffset }: PartitionSummary, isNamed: boolean): string[] {
  if (firstOffset === null || lastOffset === null) return [];
  const name = isNamed ? `partition ${partition}: ` : '';
  return [count === 1 ? `${name}offset ${firstOffset}` : `${name}offsets ${firstOffset} to ${lastOffset}`];
}
