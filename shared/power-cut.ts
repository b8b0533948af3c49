/**
 * What a power cut may leave of the changes nobody synced: all that is legal for a file system that keeps a rename whole and
 * promises nothing else. Fates for `SimulatedDisk.crash` and `remains`.
 *
 *     changes       w1   name   w2         a subset: each is there or not, in any combination (reordering)
 *                   [#]   -    [##..]      a tear: of a write, some sectors or the first bytes, the rest old or zeros
 *
 * Always true: the same seed cuts the same way. For tests only.
 */
import assert from 'node:assert/strict';
import type { Random } from './random.ts';
import type { Fate, KeptPart, UnsyncedChange } from './simulated-nodes.ts';

/** Smallest part a disk writes whole. */
const SECTOR_BYTES = 512;
/** `everySubset` of more is more than anybody waits for. */
const CHANGES_MAX = 16;

/** All of it is there: the disk was quick. */
export const keepsAll: Fate = () => true;

/** Nothing of it is there: the strictest disk. */
export const keepsNothing: Fate = () => false;

/** Every combination of changes that are there: 2 to the number of changes. */
export function* everySubset(changes: readonly UnsyncedChange[]): Generator<Fate> {
  assert(changes.length <= CHANGES_MAX, 'so many subsets nobody waits for');
  for (let mask = 0; mask < 2 ** changes.length; mask += 1) {
    yield (change) => (mask & (1 << changes.indexOf(change))) !== 0;
  }
}

/** The last write is torn after each of its bytes (or each `stepBytes`-th); all that came before is there. */
export function* everyTear(changes: readonly UnsyncedChange[], { stepBytes = 1 } = {}): Generator<Fate> {
  const last = changes.findLast((change) => change.kind === 'write');
  if (last === undefined) return;
  for (let bytes = 0; bytes < last.bytes; bytes += stepBytes) {
    for (const isGrown of [false, true]) {
      yield (change) => (change.number === last.number ? { ranges: [{ from: 0, to: bytes }], isGrown } : true);
    }
  }
}

/** Each change there, gone or torn as chance has it. */
export function seededFate(random: Random): Fate {
  return (change) => {
    const kind = random.below(change.kind === 'write' && change.bytes > 0 ? 4 : 2);
    if (kind === 2) return someSectors(change, random);
    if (kind === 3) return { ranges: [{ from: 0, to: random.below(change.bytes) }], isGrown: random.below(2) === 0 };
    return kind === 1;
  };
}

function someSectors({ bytes, position }: UnsyncedChange, random: Random): KeptPart {
  const ranges: { readonly from: number; readonly to: number }[] = [];
  for (let from = 0; from < bytes; ) {
    const to = Math.min(bytes, from + SECTOR_BYTES - ((position + from) % SECTOR_BYTES));
    if (random.below(2) === 0) ranges.push({ from, to });
    from = to;
  }
  return { ranges, isGrown: random.below(2) === 0 };
}
