/**
 * Which member of a failover group reads which partition.
 *
 *     before   a: 0 1 2 3     b joins      a: 0 1     b: 2 3       c joins      a: 0 1    b: 2    c: 3
 *
 * Always true: each partition has one owner as long as there is a member; members have equally many, or one more; and no
 * more partitions move than that takes. Pure.
 */

/** By partition: its owner; undefined while it has none. */
export type Owners = readonly (string | undefined)[];

/** `members` in any order: the result does not depend on it. */
export function assignPartitions(owners: Owners, members: Iterable<string>): Owners {
  const counts = new Map([...members].sort().map((memberId) => [memberId, 0]));
  if (counts.size === 0) return owners.map(() => undefined);
  const least = Math.floor(owners.length / counts.size);
  /** So many may have one more than `least`. */
  let extraCount = owners.length % counts.size;
  const assigned = owners.map((owner) => {
    const count = owner === undefined ? undefined : counts.get(owner);
    if (owner === undefined || count === undefined || count > least) return undefined;
    if (count === least && extraCount === 0) return undefined;
    if (count === least) extraCount -= 1;
    counts.set(owner, count + 1);
    return owner;
  });
  return assigned.map((owner) => owner ?? giveTo(poorestOf(counts), counts));
}

function poorestOf(counts: ReadonlyMap<string, number>): string {
  let [poorest, fewest] = ['', Number.POSITIVE_INFINITY];
  for (const [memberId, count] of counts) if (count < fewest) [poorest, fewest] = [memberId, count];
  return poorest;
}

function giveTo(memberId: string, counts: Map<string, number>): string {
  counts.set(memberId, (counts.get(memberId) ?? 0) + 1);
  return memberId;
}

/**
 * The owners as members come and go. A partition that moves pauses until what its former owner has in flight has ended: of
 * one partition never two members work at once.
 */
export class PartitionOwners {
  #owners: Owners;
  /** By partition: who may have something of it in flight. */
  readonly #holders: (string | undefined)[];

  constructor(partitionCount: number) {
    this.#owners = Array.from({ length: partitionCount }, () => undefined);
    this.#holders = [...this.#owners];
  }

  ownerOf(partition: number): string | undefined {
    return this.#owners[partition];
  }

  update(members: Iterable<string>): void {
    this.#owners = assignPartitions(this.#owners, members);
  }

  /** `inFlightCount` is that of the partition. */
  mayRead(
    partition: number,
    { memberId, inFlightCount }: { readonly memberId: string; readonly inFlightCount: number },
  ): boolean {
    if (this.#owners[partition] !== memberId) return false;
    if (inFlightCount > 0 && this.#holders[partition] !== memberId) return false;
    this.#holders[partition] = memberId;
    return true;
  }
}
